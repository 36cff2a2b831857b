//! What it costs to compile Mappings that use every attribute there is, and one plain one among many.
//!
//! Of ten Mappings seven have a prefix, one an exact path and two a pattern; every fifth is a canary of
//! the one before it, every tenth has a shadow and every twentieth redirects. Patterns are compiled
//! when documents are parsed, which is measured by itself.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark is a program, not an interface"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nuncio_config::{Identity, ObjectRef, Origin, Parsed, Resource, parse_annotation};
use nuncio_routing::{Compiler, compile};

const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn path(number: usize) -> String {
    match number % 10 {
        7 => format!("{{prefix: /exact-{number}/v1, prefix_exact: true}}"),
        8 | 9 => format!("{{prefix: '/users-{number}/[0-9]+/(a|b)', prefix_regex: true}}"),
        _ => format!(
            "{{prefix: /service-{number:06}/, case_sensitive: {}}}",
            number % 6 != 5
        ),
    }
}

/// The attributes of the nth Mapping.
fn document(number: usize) -> String {
    let canary = number % 5 == 4;
    let shared = if canary { number - 1 } else { number };
    let path = path(shared);
    let path = path.trim_matches(['{', '}']).replace(", ", "\n");
    let (kind, rest) = match number {
        _ if canary => ("weight: 10", FORWARD),
        _ if number.is_multiple_of(20) => ("host_redirect: true\nprefix_redirect: /new/", ""),
        _ => ("", FORWARD),
    };
    format!(
        "apiVersion: getambassador.io/v2\nkind: Mapping\nname: m-{number}\n{path}\n{kind}\n\
         service: service-{number}.tenant:8080\nhost: tenant-{}.example.com\n{MATCHING}{rest}",
        shared % 97
    )
}

const MATCHING: &str = "\
method: (GET|POST)
method_regex: true
headers: {x-version: '2', x-canary: true}
regex_headers: {x-user: '[a-z]+-[0-9]{1,4}'}
query_parameters: {page: '1', all: true}
regex_query_parameters: {q: '.+'}
precedence: 1
add_response_headers: {x-served-by: {value: edge, append: false}, x-protocol: '%PROTOCOL%'}
remove_response_headers: [server, x-powered-by]
";

const FORWARD: &str = "\
regex_rewrite: {pattern: '^/([a-z]+)-([0-9]+)/', substitution: '/\\2/\\1/'}
auto_host_rewrite: true
add_request_headers: {x-edge: nuncio, x-client: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'}
remove_request_headers: [x-debug, x-internal]
add_linkerd_headers: true
timeout_ms: 4000
idle_timeout_ms: 60000
connect_timeout_ms: 1000
cluster_idle_timeout_ms: 30000
cluster_max_connection_lifetime_ms: 600000
retry_policy: {retry_on: gateway-error, num_retries: 3, per_try_timeout: 2s}
circuit_breakers:
- {priority: default, max_connections: 100, max_pending_requests: 50, max_requests: 200, max_retries: 5}
- {priority: high, max_connections: 200}
load_balancer: {policy: maglev, cookie: {name: sticky, path: /, ttl: 300s}}
cors: {origins: 'https://a.example.com, https://b.example.com', methods: 'GET, POST', max_age: '600'}
allow_upgrade: [websocket]
keepalive: {time: 30, interval: 10, probes: 3}
dns_type: logical_dns
respect_dns_ttl: true
enable_ipv4: true
enable_ipv6: true
grpc: true
cluster_tag: blue
stats_name: the-service
priority: high
bypass_auth: true
labels: {ambassador: [{group: [{generic_key: {value: v}}, remote_address]}]}
error_response_overrides:
- {on_status_code: 503, body: {text_format: 'busy: %RESPONSE_CODE%'}}
- {on_status_code: 404, body: {json_format: {code: '%RESPONSE_CODE%', path: '%REQ(:PATH)%'}}}
";

/// Mappings that get copies of others' requests.
fn shadow(number: usize) -> String {
    let copied = document(number).replace("grpc: true\n", "grpc: true\nshadow: true\nweight: 5\n");
    copied.replace(
        &format!("name: m-{number}\n"),
        &format!("name: s-{number}\n"),
    )
}

const MODULE: &str = "\
apiVersion: getambassador.io/v2
kind: Module
name: ambassador
config:
  cors: {origins: '*'}
  retry_policy: {retry_on: 5xx}
  circuit_breakers: [{max_connections: 10}]
  defaults: {httpmapping: {add_request_headers: {x-default: 'yes'}}}
";

fn documents(count: usize) -> Vec<String> {
    let numbers = 0..count;
    numbers
        .map(|number| match number % 10 {
            1 => shadow(number + 1),
            _ => document(number),
        })
        .collect()
}

fn parsed(documents: &[String]) -> Vec<Resource> {
    let mut resources = parse("ambassador", MODULE);
    for (number, document) in documents.iter().enumerate() {
        resources.extend(parse(&format!("service-{number}"), document));
    }
    resources
}

fn parse(service: &str, document: &str) -> Vec<Resource> {
    let origin = Origin::api(object(service));
    let parsed = parse_annotation(document, &origin, &Identity::default());
    assert_eq!(parsed.resources.len(), 1, "{:?}", parsed.diagnostics);
    parsed.resources
}

fn object(service: &str) -> Arc<ObjectRef> {
    let (kind, namespace, name) = ("Service".into(), "default".into(), service.into());
    Arc::new(ObjectRef {
        kind,
        namespace,
        name,
    })
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile/whole");
    group.sample_size(10);
    for size in SIZES {
        group.throughput(Throughput::Elements(size.try_into().unwrap()));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            let resources = all_live(size);
            bencher.iter_with_large_drop(|| {
                compile(black_box(&resources), [], &Identity::default(), 1)
            });
        });
    }
    group.finish();
}

fn all_live(size: usize) -> Vec<Resource> {
    let resources = parsed(&documents(size));
    let snapshot = compile(&resources, [], &Identity::default(), 1);
    let diagnostics = snapshot.diagnostics.iter();
    let complaints: Vec<_> = diagnostics.map(ToString::to_string).collect();
    assert_eq!(complaints, [""; 0]);
    resources
}

/// How many Mappings there are when one of them changes.
const CROWDS: [usize; 4] = [1_000, 10_000, 50_000, 100_000];

/// One Service's Mapping changes among those of all others: told, and compiled to a snapshot that takes
/// the place of the last.
fn changing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile/one");
    for crowd in CROWDS {
        group.bench_function(BenchmarkId::from_parameter(crowd), |bencher| {
            let mut compiler = Compiler::new(Identity::default());
            for number in 0..crowd {
                let (object, parsed) = plain(number, 80);
                compiler.put(&object, parsed);
            }
            let mut last = compiler.compile(1).snapshot;
            assert!(last.diagnostics.is_empty());
            let versions = [plain(crowd / 2, 8080), plain(crowd / 2, 80)];
            let mut versions = versions.into_iter().cycle();
            bencher.iter_batched(
                || versions.next().unwrap(),
                |(object, parsed)| {
                    compiler.put(&object, parsed);
                    last = compiler.compile(last.generation + 1).snapshot;
                },
                BatchSize::SmallInput,
            );
            assert_eq!(last.clusters.len(), crowd);
        });
    }
    group.finish();
}

/// A Service with one Mapping, as most have.
fn plain(number: usize, port: u16) -> (Arc<ObjectRef>, Parsed) {
    let object = object(&format!("service-{number}"));
    let text = format!(
        "apiVersion: getambassador.io/v2\nkind: Mapping\nname: m-{number}\n\
         prefix: /service-{number:06}/\nservice: service-{number}:{port}\n"
    );
    let parsed = parse_annotation(
        &text,
        &Origin::api(Arc::clone(&object)),
        &Identity::default(),
    );
    (object, parsed)
}

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse/whole");
    group.sample_size(10);
    let documents = documents(1_000);
    group.throughput(Throughput::Elements(1_000));
    group.bench_function(BenchmarkId::from_parameter(1_000), |bencher| {
        bencher.iter(|| parsed(black_box(&documents)));
    });
    group.finish();
}

criterion_group!(benches, compiling, changing, parsing);
criterion_main!(benches);
