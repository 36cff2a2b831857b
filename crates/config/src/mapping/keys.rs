//! Every key of a Mapping in any version, and what is made of it.
//!
//! Invariant: no key that was written goes without effect and without a word.

use crate::document;
use crate::fields::Fields;
use crate::yaml::Node;

/// Reports the keys that are not honoured.
pub(super) fn review(fields: &mut Fields<'_, '_>) {
    for entry in fields.entries() {
        let treatment = treatment(&entry.key);
        if treatment.forgives_inert() && is_inert(&entry.value) {
            continue;
        }
        let Some(said) = treatment.said() else {
            continue;
        };
        let reason = format!("{} {said}", fields.name(&entry.key));
        fields.warning(entry.line, reason);
    }
}

/// Reports keys that a kind without a table of its own does not have.
pub(crate) fn review_kind(fields: &mut Fields<'_, '_>, known: &[&str]) {
    for entry in fields.entries() {
        if !document::is_envelope(&entry.key) && !known.contains(&&*entry.key) {
            let reason = format!("{} is not known", fields.name(&entry.key));
            fields.warning(entry.line, reason);
        }
    }
}

#[derive(Clone, Copy)]
enum Treatment {
    Honoured,
    /// Checked and kept for a rate limit service.
    ForRateLimits,
    /// Checked and kept for an authentication service.
    ForAuthentication,
    /// The Mapping routes as written without it.
    Later,
    /// Accepted by Ambassador, which made nothing of it or no longer does.
    Pointless,
    Unknown,
}

impl Treatment {
    fn said(self) -> Option<&'static str> {
        Some(match self {
            Self::Honoured => return None,
            Self::ForRateLimits => "is kept, but no rate limit service is asked yet",
            Self::ForAuthentication => "is kept, but no authentication service is asked yet",
            Self::Later => "is not honoured yet",
            Self::Pointless => "has no effect",
            Self::Unknown => "is not known",
        })
    }

    /// Whether a value that asks for nothing is as good as no key.
    fn forgives_inert(self) -> bool {
        match self {
            Self::ForRateLimits | Self::ForAuthentication | Self::Later => true,
            Self::Honoured | Self::Pointless | Self::Unknown => false,
        }
    }
}

fn treatment(key: &str) -> Treatment {
    match key {
        _ if document::is_envelope(key) => Treatment::Honoured,
        "prefix"
        | "prefix_regex"
        | "prefix_exact"
        | "case_sensitive"
        | "method"
        | "method_regex"
        | "headers"
        | "regex_headers"
        | "host"
        | "host_regex"
        | "hostname"
        | "query_parameters"
        | "regex_query_parameters"
        | "precedence" => Treatment::Honoured,

        "service" | "tls" | "resolver" | "weight" | "grpc" | "load_balancer" | "cluster_tag"
        | "stats_name" | "v3StatsName" | "dns_type" | "respect_dns_ttl" | "enable_ipv4"
        | "enable_ipv6" | "shadow" | "priority" => Treatment::Honoured,

        "timeout_ms"
        | "idle_timeout_ms"
        | "connect_timeout_ms"
        | "cluster_idle_timeout_ms"
        | "cluster_max_connection_lifetime_ms"
        | "keepalive"
        | "retry_policy"
        | "circuit_breakers"
        | "circuit_breaker"
        | "outlier_detection" => Treatment::Honoured,

        "rewrite"
        | "regex_rewrite"
        | "host_rewrite"
        | "auto_host_rewrite"
        | "host_redirect"
        | "path_redirect"
        | "prefix_redirect"
        | "regex_redirect"
        | "redirect_response_code" => Treatment::Honoured,

        "add_request_headers"
        | "add_response_headers"
        | "remove_request_headers"
        | "remove_response_headers"
        | "add_linkerd_headers"
        | "cors"
        | "allow_upgrade"
        | "use_websocket"
        | "error_response_overrides"
        | "bypass_error_response_overrides" => Treatment::Honoured,

        // As long as no authentication service is asked, it is bypassed.
        "bypass_auth" => Treatment::Honoured,
        "auth_context_extensions" => Treatment::ForAuthentication,
        "labels" | "rate_limits" => Treatment::ForRateLimits,
        "health_checks" | "v3health_checks" => Treatment::Later,

        // How Emissary's webhook remembers what a v2 object said; v3alpha1 says the same without it.
        "v2ExplicitTLS" | "v2BoolHeaders" | "v2BoolQueryParameters" => Treatment::Honoured,

        "modules" | "envoy_override" | "docs" | "status" => Treatment::Pointless,
        _ => Treatment::Unknown,
    }
}

/// Whether a value asks for nothing: null, false, or an empty text or mapping or list.
pub(crate) fn is_inert(value: &Node<'_>) -> bool {
    value.is_null() || value.boolean() == Some(false) || value.is_empty()
}
