//! Every key of the `ambassador` Module in any version, and what is made of it.
//!
//! Invariant: no key that was written goes without effect and without a word.
//!
//! This table is the place where the rest of the Module arrives: a key that becomes honoured moves
//! from [`Treatment::Later`] to [`Treatment::Honoured`] and gets a field.

use crate::fields::Fields;
use crate::quote::quoted;

/// Reports the keys that are not honoured.
pub(super) fn review(fields: &mut Fields<'_, '_>) {
    for entry in fields.entries() {
        let key = quoted(&entry.key);
        match treatment(&entry.key) {
            Treatment::Honoured => {}
            Treatment::Later => fields.warning(entry.line, format!("{key} is not honoured yet")),
            Treatment::Pointless => fields.warning(entry.line, format!("{key} has no effect")),
            Treatment::Unknown => fields.warning(entry.line, format!("{key} is not known")),
        }
    }
}

enum Treatment {
    Honoured,
    Later,
    /// Accepted by Ambassador, which makes nothing of it, or about Envoy rather than its work.
    Pointless,
    Unknown,
}

fn treatment(key: &str) -> Treatment {
    match key {
        "cluster_request_timeout_ms"
        | "server_name"
        | "suppress_envoy_headers"
        | "use_ambassador_namespace_for_service_resolution"
        | "service_port"
        | "liveness_probe"
        | "readiness_probe" => Treatment::Honoured,

        "add_linkerd_headers" | "defaults" | "cors" | "lua_scripts" => Treatment::Later,
        "circuit_breakers"
        | "cluster_idle_timeout_ms"
        | "cluster_max_connection_lifetime_ms"
        | "keepalive"
        | "load_balancer"
        | "resolver"
        | "retry_policy"
        | "enable_ipv4"
        | "enable_ipv6" => Treatment::Later,
        "allow_chunked_length"
        | "buffer"
        | "buffer_limit_bytes"
        | "enable_http10"
        | "gzip"
        | "header_case_overrides"
        | "headers_with_underscores_action"
        | "listener_idle_timeout_ms"
        | "max_request_headers_kb"
        | "proper_case" => Treatment::Later,
        "merge_slashes"
        | "regex_max_size"
        | "reject_requests_with_escaped_slashes"
        | "strip_matching_host_port" => Treatment::Later,
        "preserve_external_request_id"
        | "use_proxy_proto"
        | "use_remote_address"
        | "x_forwarded_proto_redirect"
        | "xff_num_trusted_hops"
        | "forward_client_cert_details"
        | "set_current_client_cert_details"
        | "ip_allow"
        | "ip_deny"
        | "tls"
        | "tls_secret_namespacing" => Treatment::Later,
        "enable_grpc_http11_bridge" | "enable_grpc_web" | "grpc_stats" => Treatment::Later,
        "envoy_log_format"
        | "envoy_log_path"
        | "envoy_log_type"
        | "error_response_overrides"
        | "statsd" => Treatment::Later,
        "default_label_domain" | "default_labels" => Treatment::Later,
        "admin_port" | "diag_port" | "diagnostics" => Treatment::Later,

        "auth_enabled"
        | "debug_mode"
        | "envoy_validation_timeout"
        | "prune_unreachable_routes"
        | "regex_type"
        | "runtime_flags" => Treatment::Pointless,
        _ => Treatment::Unknown,
    }
}
