//! Every key of the `ambassador` Module in any version, and what is made of it.
//!
//! Invariant: no key that was written goes without effect and without a word.

use crate::fields::Fields;

/// Reports the keys that are not honoured.
pub(super) fn review(fields: &mut Fields<'_, '_>) {
    for entry in fields.entries() {
        let said = match treatment(&entry.key) {
            Treatment::Honoured => continue,
            Treatment::ForRateLimits => "is kept, but no rate limit service is asked yet",
            Treatment::Later => "is not honoured yet",
            Treatment::Pointless => "has no effect",
            Treatment::Unknown => "is not known",
        };
        let reason = format!("{} {said}", fields.name(&entry.key));
        fields.warning(entry.line, reason);
    }
}

enum Treatment {
    Honoured,
    ForRateLimits,
    Later,
    /// Accepted by Ambassador, which makes nothing of it, or about Envoy rather than its work.
    Pointless,
    Unknown,
}

fn treatment(key: &str) -> Treatment {
    let tables = [
        (HONOURED, Treatment::Honoured),
        (FOR_RATE_LIMITS, Treatment::ForRateLimits),
        (LATER, Treatment::Later),
        (POINTLESS, Treatment::Pointless),
    ];
    let table = tables.into_iter().find(|(keys, _)| keys.contains(&key));
    table.map_or(Treatment::Unknown, |(_, treatment)| treatment)
}

const HONOURED: &[&str] = &[
    "add_linkerd_headers",
    "allow_chunked_length",
    "buffer",
    "buffer_limit_bytes",
    "circuit_breakers",
    "cluster_idle_timeout_ms",
    "cluster_max_connection_lifetime_ms",
    "cluster_request_timeout_ms",
    "cors",
    "defaults",
    "diagnostics",
    "enable_http10",
    "enable_ipv4",
    "enable_ipv6",
    "envoy_log_format",
    "envoy_log_path",
    "envoy_log_type",
    "error_response_overrides",
    "forward_client_cert_details",
    "gzip",
    "header_case_overrides",
    "headers_with_underscores_action",
    "ip_allow",
    "ip_deny",
    "keepalive",
    "listener_idle_timeout_ms",
    "liveness_probe",
    "load_balancer",
    "max_request_headers_kb",
    "merge_slashes",
    "preserve_external_request_id",
    "proper_case",
    "readiness_probe",
    "regex_max_size",
    "reject_ambiguous_paths",
    "reject_requests_with_escaped_slashes",
    "resolver",
    "retry_policy",
    "server_name",
    "service_port",
    "set_current_client_cert_details",
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

const FOR_RATE_LIMITS: &[&str] = &["default_label_domain"];

const LATER: &[&str] = &[
    "default_labels",
    "enable_grpc_http11_bridge",
    "enable_grpc_web",
    "grpc_stats",
    "lua_scripts",
    "statsd",
];

const POINTLESS: &[&str] = &[
    "admin_port",
    "auth_enabled",
    "debug_mode",
    "diag_port",
    "envoy_validation_timeout",
    "prune_unreachable_routes",
    "regex_type",
    "runtime_flags",
];
