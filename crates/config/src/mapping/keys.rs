//! Every key of a Mapping in any version, and what is made of it.
//!
//! Invariant: no key that was written goes without effect and without a word.
//!
//! This table is the place where the rest of Mapping arrives: a key that becomes honoured moves from
//! [`Treatment::Later`] or [`Treatment::Refused`] to [`Treatment::Honoured`] and gets a field.

use crate::document;
use crate::fields::Fields;
use crate::quote::quoted;
use crate::yaml::{Entry, Node};

/// Reports the keys that are not honoured.
pub(super) fn review(fields: &mut Fields<'_, '_>) {
    for entry in fields.entries() {
        let key = quoted(&entry.key);
        match treatment(&entry.key) {
            Treatment::Honoured => {}
            Treatment::Later if is_inert(&entry.value) => {}
            Treatment::Later => fields.warning(entry.line, format!("{key} is not honoured yet")),
            Treatment::Refused if does_nothing(entry) => {}
            Treatment::Refused => fields.error(
                entry.line,
                format!("{key} is not supported yet; without it requests would go astray"),
            ),
            Treatment::Pointless => fields.warning(entry.line, format!("{key} has no effect")),
            Treatment::Unknown => fields.warning(entry.line, format!("{key} is not known")),
        }
    }
}

enum Treatment {
    Honoured,
    /// The Mapping routes as written without it.
    Later,
    /// Without it the Mapping would take other requests, or answer them in another way.
    Refused,
    /// Accepted by Ambassador, which made nothing of it or no longer does.
    Pointless,
    Unknown,
}

fn treatment(key: &str) -> Treatment {
    match key {
        _ if document::is_envelope(key) => Treatment::Honoured,
        "prefix" | "rewrite" | "host_rewrite" | "service" | "tls" | "host" | "hostname"
        | "method" | "headers" | "weight" | "precedence" | "timeout_ms" => Treatment::Honoured,

        "prefix_regex"
        | "prefix_exact"
        | "case_sensitive"
        | "method_regex"
        | "regex_headers"
        | "host_regex"
        | "query_parameters"
        | "regex_query_parameters"
        | "host_redirect"
        | "shadow" => Treatment::Refused,

        "path_redirect"
        | "prefix_redirect"
        | "regex_redirect"
        | "redirect_response_code"
        | "regex_rewrite"
        | "auto_host_rewrite" => Treatment::Later,
        "add_request_headers"
        | "add_response_headers"
        | "remove_request_headers"
        | "remove_response_headers"
        | "add_linkerd_headers"
        | "cors" => Treatment::Later,
        "resolver" | "grpc" | "load_balancer" | "cluster_tag" | "stats_name" | "v3StatsName"
        | "dns_type" | "respect_dns_ttl" | "enable_ipv4" | "enable_ipv6" => Treatment::Later,
        "connect_timeout_ms"
        | "idle_timeout_ms"
        | "cluster_idle_timeout_ms"
        | "cluster_max_connection_lifetime_ms"
        | "keepalive"
        | "retry_policy" => Treatment::Later,
        "circuit_breakers" | "circuit_breaker" | "outlier_detection" | "health_checks"
        | "v3health_checks" | "priority" => Treatment::Later,
        "allow_upgrade"
        | "use_websocket"
        | "error_response_overrides"
        | "bypass_error_response_overrides" => Treatment::Later,
        "bypass_auth" | "auth_context_extensions" | "labels" | "rate_limits" => Treatment::Later,

        "modules" | "envoy_override" | "docs" | "status" => Treatment::Pointless,
        _ => Treatment::Unknown,
    }
}

fn does_nothing(entry: &Entry<'_>) -> bool {
    match &*entry.key {
        "case_sensitive" => entry.value.is_null() || entry.value.boolean() == Some(true),
        _ => is_inert(&entry.value),
    }
}

/// Whether a value asks for nothing: null, false, or an empty text or mapping or list.
fn is_inert(value: &Node<'_>) -> bool {
    value.is_null() || value.boolean() == Some(false) || value.is_empty()
}
