//! Every key with any value: nothing panics, a Mapping is live or an error says why, a Module is live
//! whatever one of its keys holds, and no value costs more than it should.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_config::{Identity, Kind, ObjectRef, Origin, Parsed, Severity, parse_annotation};
use proptest::prelude::{Just, any, prop};
use proptest::strategy::Strategy;
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

const MAPPING_KEYS: &[&str] = &[
    "add_linkerd_headers",
    "add_request_headers",
    "add_response_headers",
    "allow_upgrade",
    "auth_context_extensions",
    "auto_host_rewrite",
    "bypass_auth",
    "bypass_error_response_overrides",
    "case_sensitive",
    "circuit_breaker",
    "circuit_breakers",
    "cluster_idle_timeout_ms",
    "cluster_max_connection_lifetime_ms",
    "cluster_tag",
    "connect_timeout_ms",
    "cors",
    "dns_type",
    "docs",
    "enable_ipv4",
    "enable_ipv6",
    "envoy_override",
    "error_response_overrides",
    "grpc",
    "headers",
    "health_checks",
    "host",
    "host_redirect",
    "host_regex",
    "host_rewrite",
    "hostname",
    "idle_timeout_ms",
    "keepalive",
    "labels",
    "load_balancer",
    "method",
    "method_regex",
    "modules",
    "outlier_detection",
    "path_redirect",
    "precedence",
    "prefix_exact",
    "prefix_redirect",
    "prefix_regex",
    "priority",
    "query_parameters",
    "rate_limits",
    "redirect_response_code",
    "regex_headers",
    "regex_query_parameters",
    "regex_redirect",
    "regex_rewrite",
    "remove_request_headers",
    "remove_response_headers",
    "resolver",
    "respect_dns_ttl",
    "retry_policy",
    "rewrite",
    "shadow",
    "stats_name",
    "timeout_ms",
    "tls",
    "use_websocket",
    "v3StatsName",
    "v3health_checks",
    "weight",
];

const MODULE_KEYS: &[&str] = &[
    "add_linkerd_headers",
    "admin_port",
    "allow_chunked_length",
    "auth_enabled",
    "buffer",
    "buffer_limit_bytes",
    "circuit_breakers",
    "cluster_idle_timeout_ms",
    "cluster_max_connection_lifetime_ms",
    "cluster_request_timeout_ms",
    "cors",
    "debug_mode",
    "default_label_domain",
    "default_labels",
    "defaults",
    "diag_port",
    "diagnostics",
    "enable_grpc_http11_bridge",
    "enable_grpc_web",
    "enable_http10",
    "enable_ipv4",
    "enable_ipv6",
    "envoy_log_format",
    "envoy_log_path",
    "envoy_log_type",
    "envoy_validation_timeout",
    "error_response_overrides",
    "forward_client_cert_details",
    "grpc_stats",
    "gzip",
    "header_case_overrides",
    "headers_with_underscores_action",
    "ip_allow",
    "ip_deny",
    "keepalive",
    "listener_idle_timeout_ms",
    "liveness_probe",
    "load_balancer",
    "lua_scripts",
    "max_request_headers_kb",
    "merge_slashes",
    "preserve_external_request_id",
    "proper_case",
    "prune_unreachable_routes",
    "readiness_probe",
    "regex_max_size",
    "regex_type",
    "reject_ambiguous_paths",
    "reject_requests_with_escaped_slashes",
    "resolver",
    "retry_policy",
    "runtime_flags",
    "server_name",
    "service_port",
    "set_current_client_cert_details",
    "statsd",
    "strip_matching_host_port",
    "suppress_envoy_headers",
    "tls",
    "tls_secret_namespacing",
    "use_ambassador_namespace_for_service_resolution",
    "use_proxy_proto",
    "use_remote_address",
    "x_forwarded_proto_redirect",
    "xff_num_trusted_hops",
];

const TLS_KEYS: &[&str] = &[
    "alpn_protocols",
    "ca_secret",
    "cacert_chain_file",
    "cert_chain_file",
    "cert_required",
    "cipher_suites",
    "crl_file",
    "crl_secret",
    "ecdh_curves",
    "hosts",
    "max_tls_version",
    "min_tls_version",
    "private_key_file",
    "redirect_cleartext_from",
    "secret",
    "secret_namespacing",
    "sni",
    "v3CRLSecret",
];

const HOST_KEYS: &[&str] = &[
    "acmeProvider",
    "hostname",
    "mappingSelector",
    "metadata_labels",
    "previewUrl",
    "requestPolicy",
    "selector",
    "tls",
    "tlsContext",
    "tlsSecret",
];

const LISTENER_KEYS: &[&str] = &[
    "hostBinding",
    "http2MaxConcurrentStreams",
    "l7Depth",
    "port",
    "protocol",
    "protocolStack",
    "securityModel",
    "statsPrefix",
];

const TCP_MAPPING_KEYS: &[&str] = &[
    "address",
    "circuit_breakers",
    "cluster_tag",
    "enable_ipv4",
    "enable_ipv6",
    "host",
    "idle_timeout_ms",
    "port",
    "resolver",
    "service",
    "stats_name",
    "tls",
    "v2ExplicitTLS",
    "v3StatsName",
    "weight",
];

/// Keys that stand within others.
const INNER_KEYS: &[&str] = &[
    "action",
    "additionalPort",
    "alpnProtocols",
    "append",
    "authority",
    "body",
    "certChainFile",
    "cipherSuites",
    "cookie",
    "enabled",
    "generic_key",
    "header",
    "header_name",
    "httpmapping",
    "insecure",
    "from",
    "matchExpressions",
    "matchLabels",
    "minTlsVersion",
    "namespace",
    "privateKeyFile",
    "privateKeySecret",
    "json_format",
    "key",
    "max_age",
    "max_connections",
    "max_request_bytes",
    "min_content_length",
    "name",
    "num_retries",
    "on_status_code",
    "origins",
    "pattern",
    "peer",
    "per_try_timeout",
    "policy",
    "prefix",
    "remote",
    "request_headers",
    "retry_on",
    "selector",
    "server",
    "source_ip",
    "substitution",
    "text_format",
    "text_format_source",
    "time",
    "ttl",
    "value",
    ":authority",
    ":method",
    "host",
    "x-a",
    "bad name",
    "",
];

const SCALARS: &[&str] = &[
    "",
    "~",
    "0",
    "1",
    "-1",
    "404",
    "1.5",
    "4294967296",
    "9223372036854775807",
    "99999999999999999999",
    "true",
    "off",
    "'true'",
    "''",
    "default",
    "5xx",
    "ring_hash",
    "strict_dns",
    "ALLOW",
    "ALL",
    "HTTP",
    "TCP",
    "TLS",
    "PROXY",
    "Redirect",
    "v1.1",
    "v1.2",
    "v1.3",
    "'h2,http/1.1,spdy/3'",
    "'[ECDHE-RSA-AES128-GCM-SHA256|AES128-SHA]:P-256'",
    "json",
    "1h1m1s",
    "0.000000001ns",
    "99999999999999999999h",
    "10.0.0.0/8",
    "'::/129'",
    "a.example.com",
    "'*.example.com'",
    "/a/b",
    "'%REQ(X?:PATH):5%'",
    "'%START_TIME(%)%'",
    "'%'",
    "'%%%PROTOCOL%%%'",
    "'(a|b)*'",
    "'('",
    "'\\1'",
    "'\\2\\'",
    "'((((((((((a{9}){9}){9}){9}){9}){9})))))'",
    "\"\\0\"",
    "\"a\\r\\nb\"",
    "é",
    "'☃'",
];

fn value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(SCALARS.to_vec()).prop_map(str::to_owned);
    let text = any::<String>().prop_map(|text| format!("{text:?}"));
    let scalar = prop_oneof![4 => known, 1 => text];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let key = prop::sample::select(INNER_KEYS.to_vec());
        let list = prop::collection::vec(inner.clone(), 0..4);
        let mapping = prop::collection::btree_map(key, inner, 0..4);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(", "))),
            mapping.prop_map(|entries| {
                let entries = entries
                    .iter()
                    .map(|(key, value)| format!("'{key}': {value}"));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }),
        ]
    })
}

/// Keys and values, each in a line of its own.
fn lines(keys: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let key = prop::sample::select(keys.to_vec());
    prop_oneof![
        4 => prop::collection::btree_map(key.clone(), value(), 1..2),
        1 => prop::collection::btree_map(key, value(), 2..8),
        1 => Just(Default::default()),
    ]
    .prop_map(|entries| {
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| format!("{key}: {value}"))
            .collect()
    })
}

/// What takes this long is not linear, however busy the machine is.
const FAR_FROM_LINEAR: Duration = Duration::from_mins(1);

fn read(text: &str) -> Parsed {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "b".into(),
        name: "web".into(),
    };
    parse_annotation(text, &Origin::api(Arc::new(object)), &Identity::default())
}

fn errors(parsed: &Parsed) -> usize {
    let diagnostics = parsed.diagnostics.iter();
    diagnostics
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count()
}

fn mapping(lines: &[String]) -> String {
    let head = "apiVersion: ambassador/v1\nkind: Mapping\nname: a\nprefix: /\nservice: a\n";
    format!("{head}{}\n", lines.join("\n"))
}

fn document(kind: &str, lines: &[String]) -> String {
    let head = format!("apiVersion: getambassador.io/v3alpha1\nkind: {kind}\nname: a\n");
    format!("{head}{}\n", lines.join("\n"))
}

fn tls_module(lines: &[String]) -> String {
    let head = "apiVersion: ambassador/v1\nkind: Module\nname: tls\nconfig:\n  upstream:\n    ";
    format!("{head}{}\n", lines.join("\n    "))
}

fn module(lines: &[String]) -> String {
    let head = "apiVersion: ambassador/v1\nkind: Module\nname: ambassador\nconfig:\n  ";
    format!("{head}{}\n", lines.join("\n  "))
}

/// Whether every diagnostic names a line that is there, on one line of its own.
fn can_be_shown(parsed: &Parsed, text: &str) -> bool {
    let lines = text.split(['\n', '\r']).count();
    parsed.diagnostics.iter().all(|diagnostic| {
        let line = diagnostic.at.line as usize;
        (1..=lines).contains(&line) && !diagnostic.to_string().contains(char::is_control)
    })
}

proptest! {
    #[test]
    fn a_mapping_is_live_or_an_error_says_why(lines in lines(MAPPING_KEYS)) {
        let text = mapping(&lines);
        let parsed = read(&text);
        prop_assert!(can_be_shown(&parsed, &text), "{text}");
        prop_assert_eq!(parsed.resources.is_empty(), errors(&parsed) > 0, "{}", text);
    }

    #[test]
    fn what_says_how_connections_are_taken_is_live_or_an_error_says_why(
        tls in lines(TLS_KEYS),
        host in lines(HOST_KEYS),
        listener in lines(LISTENER_KEYS),
        tcp_mapping in lines(TCP_MAPPING_KEYS),
    ) {
        for text in [
            document("TLSContext", &tls),
            tls_module(&tls),
            document("Host", &host),
            document("Listener", &listener),
            document("TCPMapping", &tcp_mapping),
        ] {
            let parsed = read(&text);
            prop_assert!(can_be_shown(&parsed, &text), "{text}");
            prop_assert_eq!(parsed.resources.is_empty(), errors(&parsed) > 0, "{}", text);
        }
    }

    #[test]
    fn a_module_is_live_whatever_its_keys_hold(lines in lines(MODULE_KEYS)) {
        let text = module(&lines);
        let parsed = read(&text);
        prop_assert!(can_be_shown(&parsed, &text), "{text}");
        let unreadable = parsed.diagnostics.iter().any(|found| found.reason.contains("YAML"));
        prop_assert!(!parsed.resources.is_empty() || unreadable, "{text}: {parsed:?}");
    }
}

#[test]
fn every_key_is_known() {
    for (keys, document) in [
        (MAPPING_KEYS, mapping as fn(&[String]) -> String),
        (MODULE_KEYS, module),
        (TLS_KEYS, |lines| document("TLSContext", lines)),
        (HOST_KEYS, |lines| document("Host", lines)),
        (LISTENER_KEYS, |lines| document("Listener", lines)),
        (TCP_MAPPING_KEYS, |lines| document("TCPMapping", lines)),
    ] {
        for key in keys {
            let text = document(&[format!("{key}: x")]);
            for diagnostic in read(&text).diagnostics {
                let reason = diagnostic.reason;
                assert!(!reason.contains("not known"), "{key}: {reason}");
            }
        }
    }
}

/// As many entries as a document may have.
fn many(entry: impl Fn(usize) -> String) -> String {
    (0..24_000).map(|number| entry(number) + ", ").collect()
}

#[test]
fn many_entries_are_read_in_linear_time() {
    let named = |value: &'static str| many(move |number| format!("x{number}: {value}"));
    let listed = |item: &'static str| many(move |_| item.to_owned());
    for line in [
        format!("headers: {{{}}}", named("a")),
        format!("query_parameters: {{{}}}", named("a")),
        format!("add_request_headers: {{{}}}", named("'%PROTOCOL%'")),
        format!("auth_context_extensions: {{{}}}", named("a")),
        format!("labels: {{{}}}", named("[]")),
        format!("labels: {{a: [{{b: [{}]}}]}}", listed("remote_address")),
        format!("remove_request_headers: [{}]", listed("x-a")),
        format!("allow_upgrade: [{}]", many(|number| format!("a{number}"))),
        format!("circuit_breakers: [{}]", listed("{}")),
        format!("cors: {{origins: '{}'}}", listed("https://a")),
        format!(
            "error_response_overrides: [{{on_status_code: 404, body: {{json_format: {{{}}}}}}}]",
            named("a")
        ),
    ] {
        let start = Instant::now();
        let parsed = read(&mapping(&[line]));
        let took = start.elapsed();
        let Some(Kind::Mapping(mapping)) = parsed.resources.first().map(|found| &found.kind) else {
            panic!("{:?}", parsed.diagnostics);
        };
        assert!(took < FAR_FROM_LINEAR, "{mapping:.0?} took {took:?}");
    }
}

#[test]
fn formats_are_read_in_linear_time() {
    for piece in [
        "%",
        "%%",
        "%REQ(",
        "%REQ(a)",
        "%REQ(a):",
        "%REQ(a):1",
        "%PROTOCOL%",
        "%A(%)%",
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        let start = Instant::now();
        read(&mapping(&[format!(
            "add_request_headers: {{x-a: '{text}'}}"
        )]));
        let took = start.elapsed();
        assert!(took < FAR_FROM_LINEAR, "{piece:?} took {took:?}");
    }
}
