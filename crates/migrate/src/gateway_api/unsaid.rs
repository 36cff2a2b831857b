//! What HTTPRoute has no form for.

use nuncio_config::{
    Case, ClusterOptions, Format, HeaderOptions, Mapping, Piece, Priority, RedirectPath,
};

/// Keys that cannot be said, and why.
pub const UNSAID: &[(&str, &str)] = &[
    ("precedence", "routes are ordered by what they match"),
    (
        "case_sensitive",
        "paths are matched with their case; the Mapping is not written",
    ),
    (
        "method_regex",
        "a method is one of those of HTTP; the Mapping is not written",
    ),
    (
        "method",
        "a method is one of those of HTTP; the Mapping is not written",
    ),
    (
        "host",
        "hostnames are exact or `*.suffix`, without a port; the Mapping is not written",
    ),
    (
        "headers",
        "a value that is no text cannot be matched; the Mapping is not written",
    ),
    (
        "service",
        "backendRefs name Services of the cluster; give this one a Service of type ExternalName; the Mapping is not written",
    ),
    ("tls", "a BackendTLSPolicy for the Service says it"),
    (
        "grpc",
        "`appProtocol: kubernetes.io/h2c` of the Service's port says it",
    ),
    (
        "load_balancer",
        "how endpoints are chosen is the implementation's affair",
    ),
    ("circuit_breakers", "limits are the implementation's affair"),
    ("circuit_breaker", "limits are the implementation's affair"),
    ("outlier_detection", "it is the implementation's affair"),
    (
        "connect_timeout_ms",
        "only requests and backend requests have timeouts",
    ),
    (
        "idle_timeout_ms",
        "only requests and backend requests have timeouts",
    ),
    (
        "cluster_idle_timeout_ms",
        "only requests and backend requests have timeouts",
    ),
    (
        "cluster_max_connection_lifetime_ms",
        "only requests and backend requests have timeouts",
    ),
    ("keepalive", "connections are the implementation's affair"),
    ("dns_type", "backends are Services"),
    ("respect_dns_ttl", "backends are Services"),
    ("enable_ipv4", "backends are Services"),
    ("enable_ipv6", "backends are Services"),
    (
        "resolver",
        "whether endpoints are asked for is the implementation's affair",
    ),
    ("cluster_tag", "there are no clusters to be told apart"),
    ("stats_name", "there are no clusters to be named"),
    (
        "regex_rewrite",
        "paths are replaced whole or by their prefix",
    ),
    (
        "regex_redirect",
        "paths are replaced whole or by their prefix",
    ),
    (
        "prefix_redirect",
        "only of a prefix can the prefix be replaced",
    ),
    (
        "auto_host_rewrite",
        "a host can be replaced by a name that is written alone",
    ),
    ("host_rewrite", "a hostname has no port"),
    (
        "add_request_headers",
        "values are texts, without `%OPERATORS%`",
    ),
    (
        "add_response_headers",
        "values are texts, without `%OPERATORS%`",
    ),
    ("add_linkerd_headers", "there is no such filter"),
    (
        "cors",
        "its CORS filter is not in every implementation's version yet",
    ),
    (
        "allow_upgrade",
        "which upgrades pass is the implementation's affair; WebSockets usually do",
    ),
    ("error_response_overrides", "there is no such filter"),
    ("retry_policy", "`retry` is experimental"),
    ("priority", "there are no priorities"),
    ("bypass_auth", "there is no authentication to be bypassed"),
    (
        "auth_context_extensions",
        "there is no authentication to be told",
    ),
    ("labels", "there are no rate limits"),
    (
        "weight",
        "weights are shares of the whole: requests do not fall through to another rule",
    ),
];

/// Why a key cannot be said.
pub(super) fn why(key: &str) -> String {
    let found = UNSAID.iter().find(|(it, _)| *it == key);
    let why = found.map_or("there is no form for it", |(_, why)| why);
    format!("cannot be said in HTTPRoute: {why}")
}

/// What of a Mapping is left out, beside conditions.
pub(super) fn of(mapping: &Mapping) -> Vec<&'static str> {
    let redirects_by_regex = mapping
        .redirect
        .as_ref()
        .is_some_and(|it| matches!(it.path, RedirectPath::Regex(_)));
    let said = [
        (mapping.precedence != 0, "precedence"),
        (mapping.service.tls && mapping.redirect.is_none(), "tls"),
        (mapping.regex_rewrite.is_some(), "regex_rewrite"),
        (redirects_by_regex, "regex_redirect"),
        (mapping.auto_host_rewrite, "auto_host_rewrite"),
        (has_port(mapping), "host_rewrite"),
        (
            has_operators(&mapping.request_headers),
            "add_request_headers",
        ),
        (
            has_operators(&mapping.response_headers),
            "add_response_headers",
        ),
        (
            mapping.add_linkerd_headers == Some(true),
            "add_linkerd_headers",
        ),
        (mapping.cors.is_some(), "cors"),
        (!mapping.allow_upgrade.is_empty(), "allow_upgrade"),
        (
            mapping.error_response_overrides.is_some(),
            "error_response_overrides",
        ),
        (mapping.retry_policy.is_some(), "retry_policy"),
        (mapping.priority != Priority::Default, "priority"),
        (mapping.bypass_auth, "bypass_auth"),
        (
            !mapping.auth_context_extensions.is_empty(),
            "auth_context_extensions",
        ),
        (!mapping.labels.is_empty(), "labels"),
        (mapping.idle_timeout.is_some(), "idle_timeout_ms"),
    ];
    let of_cluster = cluster(&mapping.cluster);
    let all = said.into_iter().chain(of_cluster);
    all.filter(|(is_said, _)| *is_said)
        .map(|(_, key)| key)
        .collect()
}

fn cluster(options: &ClusterOptions) -> [(bool, &'static str); 15] {
    [
        (options.grpc, "grpc"),
        (options.resolver.is_some(), "resolver"),
        (options.load_balancer.is_some(), "load_balancer"),
        (options.cluster_tag.is_some(), "cluster_tag"),
        (options.stats_name.is_some(), "stats_name"),
        (options.dns_type.is_some(), "dns_type"),
        (options.respect_dns_ttl == Some(true), "respect_dns_ttl"),
        (options.enable_ipv4.is_some(), "enable_ipv4"),
        (options.enable_ipv6.is_some(), "enable_ipv6"),
        (options.connect_timeout.is_some(), "connect_timeout_ms"),
        (
            options.cluster_idle_timeout.is_some(),
            "cluster_idle_timeout_ms",
        ),
        (options.keepalive.is_some(), "keepalive"),
        (options.circuit_breakers.is_some(), "circuit_breakers"),
        (options.circuit_breaker.is_some(), "circuit_breaker"),
        (options.outlier_detection.is_some(), "outlier_detection"),
    ]
}

/// Whether a condition cannot be said: without it, more requests would match.
pub(super) fn condition(mapping: &Mapping) -> Option<&'static str> {
    (mapping.case == Case::Insensitive).then_some("case_sensitive")
}

fn has_port(mapping: &Mapping) -> bool {
    let host = mapping.host_rewrite.as_ref();
    host.is_some_and(|it| it.as_bytes().contains(&b':'))
}

fn has_operators(headers: &HeaderOptions) -> bool {
    let added = headers.add.iter().flatten();
    added.into_iter().any(|it| literal(&it.value).is_none())
}

/// A format that is nothing but text.
pub(super) fn literal(format: &Format) -> Option<String> {
    let mut text = String::new();
    for piece in &format.0 {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Operator(..) => return None,
        }
    }
    Some(text)
}
