//! Finding a Route and rewriting a path allocate nothing.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method};
use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_routing::{Draw, RequestHead, RouteTable, compile};

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
{apiVersion: ambassador/v1, kind: Mapping, name: header, prefix: /a/, service: web,
 headers: {x-a: "1,2", x-b: true}}
---
{apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: suffix, prefix: /s,
 hostname: "*.example.com", service: web}
---
{apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: prefix, prefix: /p,
 hostname: "example.*", service: web}
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
    assert_eq!(parsed.resources.len(), 8);
    compile(&parsed.resources, [], &Identity::default(), 1).routes
}

#[test]
fn finding_a_route_allocates_nothing() {
    let table = table();
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_static("1"));
    headers.append("x-a", HeaderValue::from_static("2"));
    headers.append("x-b", HeaderValue::from_static(""));
    let long = "x".repeat(10_000);
    let hosts = ["A.EXAMPLE.com", "b.example.com", "example.org", "", &long];
    let paths = [
        "/",
        "/a/",
        "/a/b/c",
        "/s",
        "/p",
        "/ambassador/v0/check_ready",
        &long,
    ];
    let mut upstream = String::with_capacity(64);

    let mut found = 0;
    let allocated = allocation_counter::measure(|| {
        for (host, path) in hosts
            .iter()
            .flat_map(|host| paths.iter().map(move |path| (host, path)))
        {
            for draw in Draw::all() {
                let head = RequestHead {
                    method: &Method::GET,
                    host,
                    path,
                    query: None,
                    headers: &headers,
                };
                let Some(route) = table.find(&head, draw) else {
                    continue;
                };
                route.rewrite(path, Some("q=1"), &mut upstream);
                found += 1;
            }
        }
    });

    assert!(found > 1_000);
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        allocation_counter::measure(|| drop(Box::new(1))).count_total,
        1
    );
}
