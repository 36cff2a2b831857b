//! Finding a Route and rewriting a path allocate nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use http::{HeaderMap, HeaderValue, Method};
use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_routing::{Draw, RequestHead, RouteTable, compile};

/// Every kind of matcher, patterns with too large a table among them.
const MAPPINGS: &str = r#"
---
{apiVersion: ambassador/v1, kind: Mapping, name: all, prefix: /, service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: a, prefix: /a/, service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: canary, prefix: /a/, service: web, weight: 10}
---
{apiVersion: ambassador/v1, kind: Mapping, name: host, prefix: /, host: A.example.com, service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: get, prefix: /a/b, method: GET, service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: header, prefix: /hx/, service: web,
 headers: {x-a: "1,2", x-b: true}}
---
{apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: suffix, prefix: /s,
 hostname: "*.example.com", service: web}
---
{apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: prefix, prefix: /p,
 hostname: "example.*", service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: any-case, prefix: /C/, case_sensitive: false,
 service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: exact, prefix: /exact, prefix_exact: true,
 service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: exact-any-case, prefix: /EXACT,
 prefix_exact: true, case_sensitive: false, service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: regex, prefix: "/r/[0-9]+", prefix_regex: true,
 service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: regex-2, prefix: "/r/[a-z]+", prefix_regex: true,
 service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: simulated, prefix: "/(a|b)*a(a|b){14}",
 prefix_regex: true, service: web}
---
{apiVersion: ambassador/v1, kind: Mapping, name: host-regex, prefix: /h/, service: web,
 host: "[a-z]+[.]example[.]org", host_regex: true}
---
{apiVersion: ambassador/v1, kind: Mapping, name: method-regex, prefix: /m/, service: web,
 method: "GET|PUT", method_regex: true}
---
{apiVersion: ambassador/v1, kind: Mapping, name: header-regex, prefix: /hr/, service: web,
 regex_headers: {x-a: "[0-9],[0-9]"}}
---
{apiVersion: ambassador/v1, kind: Mapping, name: query, prefix: /q/, service: web,
 query_parameters: {a: "1", b: true}, regex_query_parameters: {c: "[a-z]+"}}
"#;

fn table() -> RouteTable {
    let (kind, namespace, name) = ("Service".into(), "default".into(), "web".into());
    let origin = Origin::api(Arc::new(ObjectRef {
        kind,
        namespace,
        name,
    }));
    let parsed = parse_annotation(MAPPINGS, &origin, &Identity::default());
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.resources.len(), 18);
    compile(&parsed.resources, [], &Identity::default(), 1).routes
}

/// Ordinary ones, one for each kind of matcher, and hostile ones.
fn paths() -> Vec<String> {
    let ordinary = [
        "/",
        "/a/",
        "/a/b/c",
        "/s",
        "/p",
        "/c/d",
        "/exact",
        "/Exact",
        "/r/12",
        "/r/x",
        "/h/",
        "/m/",
        "/hr/",
        "/hx/",
        "/q/",
        "/ambassador/v0/check_ready",
    ];
    let simulated = format!("/{}", "ba".repeat(20));
    let hostile = [
        "/a".repeat(500),
        "x".repeat(1_000),
        format!("/{}", "ab".repeat(100)),
    ];
    let ordinary = ordinary.map(str::to_owned);
    ordinary
        .into_iter()
        .chain([simulated])
        .chain(hostile)
        .collect()
}

/// The names of the Mappings found, and how many allocations it took to find them.
fn measured(table: &RouteTable) -> (BTreeSet<&str>, u64) {
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_static("1"));
    headers.append("x-a", HeaderValue::from_static("2"));
    headers.append("x-b", HeaderValue::from_static(""));
    let long = "x".repeat(1_000);
    let hosts = [
        "A.EXAMPLE.com",
        "b.example.com",
        "b.example.org",
        "example.org",
        "",
        &long,
    ];
    let paths = paths();
    let mut found = Vec::with_capacity(hosts.len() * paths.len() * 100);
    let mut upstream = String::with_capacity(2 * long.len());
    let routes = table.iter();

    let allocated = allocation_counter::measure(|| {
        for (host, path) in hosts
            .iter()
            .flat_map(|host| paths.iter().map(move |path| (host, path)))
        {
            for draw in Draw::all().step_by(33) {
                let head = RequestHead {
                    method: &Method::GET,
                    host,
                    path,
                    query: Some("b&c=x&a=1"),
                    headers: &headers,
                };
                if let Some(route) = table.find(&head, draw) {
                    found.push(&*route.mapping.name);
                }
            }
        }
    });
    let rewritten = allocation_counter::measure(|| {
        for (route, path) in routes.zip(&paths) {
            route.rewrite(path, Some("q=1"), &mut upstream);
        }
    });
    let allocations = allocated.count_total + rewritten.count_total;
    (found.into_iter().collect(), allocations)
}

#[test]
fn finding_a_route_allocates_nothing() {
    let table = table();
    let (found, allocations) = measured(&table);
    let unseen: Vec<_> = table
        .iter()
        .map(|route| &*route.mapping.name)
        .filter(|name| !found.contains(name) && *name != "internal_liveness_probe_mapping")
        .collect();
    assert_eq!(unseen, [""; 0], "every kind was found");
    assert_eq!(allocations, 0);
}

#[test]
fn threads_that_share_a_table_allocate_nothing_either() {
    let table = table();
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    measured(&table).1
                })
            })
            .collect();
        let allocations = threads.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(allocations.sum::<u64>(), 0);
    });
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        allocation_counter::measure(|| drop(Box::new(1))).count_total,
        1
    );
}
