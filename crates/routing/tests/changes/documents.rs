//! Random annotations of few words, so that names, groups and clusters meet.

use std::fmt::Write;

use fastrand::Rng;

/// Some documents, at times broken.
pub(crate) fn annotation(random: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..random.choice([1, 1, 1, 2, 3]).unwrap() {
        text += "---\n";
        match random.u8(..40) {
            0..=25 => mapping(random, &mut text),
            26..=28 => module(random, &mut text),
            29..=31 => named(random, &mut text, "CircuitBreaker", &["cb", "cc"]),
            32..=33 => named(random, &mut text, "OutlierDetection", &["od"]),
            34..=35 => resolver(random, &mut text),
            36 if random.bool() => tracing(random, &mut text),
            36 => text += "}: nothing\n",
            37 => text += "apiVersion: getambassador.io/v2\nkind: Mapping\nname: m0\nprefix: no\n",
            _ => canary(random, &mut text),
        }
    }
    text
}

fn begin(random: &mut Rng, text: &mut String, kind: &str, name: &str) {
    let version = random
        .choice(["ambassador/v0", "getambassador.io/v2"])
        .unwrap();
    writeln!(text, "apiVersion: {version}\nkind: {kind}\nname: {name}").unwrap();
    if random.u8(..6) == 0 {
        let namespace = random.choice(NAMESPACES).unwrap();
        writeln!(text, "namespace: {namespace}").unwrap();
    }
}

fn mapping(random: &mut Rng, text: &mut String) {
    let name = format!("m{}", random.u8(..10));
    begin(random, text, "Mapping", &name);
    writeln!(text, "prefix: {}", random.choice(PREFIXES).unwrap()).unwrap();
    writeln!(text, "service: {}", random.choice(SERVICES).unwrap()).unwrap();
    for _ in 0..random.choice([0, 0, 1, 1, 2, 4]).unwrap() {
        writeln!(text, "{}", random.choice(LINES).unwrap()).unwrap();
    }
}

/// One of a group that is mostly there.
fn canary(random: &mut Rng, text: &mut String) {
    let name = format!("c{}", random.u8(..6));
    begin(random, text, "Mapping", &name);
    let weight = random.choice(["0", "10", "50", "100", "70"]).unwrap();
    let service = random.choice(SERVICES).unwrap();
    writeln!(text, "prefix: /c/\nweight: {weight}\nservice: {service}").unwrap();
}

fn module(random: &mut Rng, text: &mut String) {
    begin(random, text, "Module", "ambassador");
    text.push_str("config:\n");
    for _ in 0..random.u8(1..4) {
        writeln!(text, "  {}", random.choice(SETTINGS).unwrap()).unwrap();
    }
}

fn named(random: &mut Rng, text: &mut String, kind: &str, names: &[&str]) {
    let name = random.choice(names).unwrap();
    begin(random, text, kind, name);
    let limit = match kind {
        "CircuitBreaker" => "max_connections",
        _ => "consecutive_5xx",
    };
    writeln!(text, "{limit}: {}", random.u8(1..4)).unwrap();
}

fn resolver(random: &mut Rng, text: &mut String) {
    let kind = random.choice(["KubernetesServiceResolver", "KubernetesEndpointResolver"]);
    let names = [
        "mine",
        "endpoint",
        "kubernetes-endpoint",
        "kubernetes-service",
    ];
    let name = random.choice(names).unwrap();
    begin(random, text, kind.unwrap(), name);
}

fn tracing(random: &mut Rng, text: &mut String) {
    let name = random.choice(["t0", "t1"]).unwrap();
    begin(random, text, "TracingService", name);
    let driver = random.choice(["zipkin", "datadog", "jaeger"]).unwrap();
    let service = random.choice(["spans", "spans.a:9411"]).unwrap();
    writeln!(text, "driver: {driver}\nservice: {service}").unwrap();
}

pub(crate) const NAMESPACES: [&str; 3] = ["edge", "a", "b"];

const PREFIXES: [&str; 8] = [
    "/",
    "/a/",
    "/a/",
    "/b/",
    "/b/[0-9]",
    "/c/",
    "/A/",
    "/ambassador/v0/check_alive",
];

const SERVICES: [&str; 9] = [
    "web",
    "web.a",
    "https://web",
    "web:8080",
    "web-a",
    "10.0.0.1",
    "web.a.svc.cluster.local",
    "localhost:500",
    "a-service-with-a-name-that-is-so-long.that-clusters-are-shortened",
];

const LINES: [&str; 43] = [
    "prefix_regex: true",
    "prefix_exact: true",
    "case_sensitive: false",
    "method: GET",
    "host: a.example",
    "host: \"*.example\"",
    "host: A.example",
    "headers: {x-a: \"1\"}",
    "headers: {x-forwarded-proto: https}",
    "regex_headers: {x-a: \"1\"}",
    "query_parameters: {q: \"1\"}",
    "precedence: 1",
    "weight: 0",
    "weight: 20",
    "weight: 90",
    "weight: 101",
    "shadow: true",
    "shadow: true\nweight: 5",
    "host_redirect: true",
    "host_redirect: true\npath_redirect: /r",
    "rewrite: \"\"",
    "grpc: true",
    "connect_timeout_ms: 1000",
    "connect_timeout_ms: 2000",
    "circuit_breaker: cb",
    "circuit_breaker: cc",
    "circuit_breaker: nobody",
    "outlier_detection: od",
    "circuit_breakers: [{max_requests: 1}]",
    "resolver: endpoint",
    "resolver: kubernetes-endpoint",
    "resolver: mine",
    "resolver: consul",
    "load_balancer: {policy: ring_hash, header: x-request-id}",
    "add_request_headers: {x-c: d}",
    "add_linkerd_headers: true",
    "cluster_tag: t",
    "stats_name: s",
    "error_response_overrides: [{on_status_code: 503, body: {text_format_source: {filename: /p/a}}}]",
    "bypass_auth: true",
    "tls: c0",
    "tls: c1",
    "tls: up",
];

const SETTINGS: [&str; 12] = [
    "server_name: s",
    "merge_slashes: true",
    "cluster_request_timeout_ms: 0",
    "defaults: {add_request_headers: {x-e: f}}",
    "liveness_probe: {enabled: false}",
    "readiness_probe: {enabled: true, prefix: /a/}",
    "load_balancer: {policy: least_request}",
    "resolver: endpoint",
    "resolver: mine",
    "circuit_breakers: [{max_connections: 5}]",
    "use_ambassador_namespace_for_service_resolution: true",
    "error_response_overrides: [{on_status_code: 404, body: {text_format_source: {filename: /p/b}}}]",
];
