//! The spec of a Mapping.

use nuncio_config::{CircuitBreaker, Tree};

use super::document::Document;
use super::shape::{Draft, Shape, texts};
use super::{Context, labels, matching};
use crate::remark::Remark;
use crate::yaml::Yaml;

/// What is carried over as it is, around what is not.
const FORWARDED: &[(&str, Shape)] = &[
    ("resolver", Shape::Text),
    ("weight", Shape::Number),
    ("shadow", Shape::Flag),
    ("grpc", Shape::Flag),
    ("load_balancer", Shape::Nested),
    ("cluster_tag", Shape::Text),
    ("dns_type", Shape::Text),
    ("respect_dns_ttl", Shape::Flag),
    ("enable_ipv4", Shape::Flag),
    ("enable_ipv6", Shape::Flag),
    ("connect_timeout_ms", Shape::Number),
    ("cluster_idle_timeout_ms", Shape::Number),
    ("cluster_max_connection_lifetime_ms", Shape::Number),
    ("rewrite", Shape::Text),
    ("regex_rewrite", Shape::Nested),
    ("host_rewrite", Shape::Text),
    ("auto_host_rewrite", Shape::Flag),
    ("path_redirect", Shape::Text),
    ("prefix_redirect", Shape::Text),
    ("regex_redirect", Shape::Nested),
    ("redirect_response_code", Shape::Number),
    ("add_request_headers", Shape::Additions),
    ("add_response_headers", Shape::Additions),
    ("remove_request_headers", Shape::Texts),
    ("remove_response_headers", Shape::Texts),
    ("add_linkerd_headers", Shape::Flag),
    ("cors", Shape::Cors),
    ("error_response_overrides", Shape::Nested),
    ("bypass_error_response_overrides", Shape::Flag),
    ("timeout_ms", Shape::Number),
    ("idle_timeout_ms", Shape::Number),
    ("retry_policy", Shape::Nested),
    ("priority", Shape::Text),
    ("bypass_auth", Shape::Flag),
    ("auth_context_extensions", Shape::TextMap),
    ("docs", Shape::Nested),
];

/// The spec, and what is not in it.
pub(super) fn spec(document: &Document, context: &Context) -> (Yaml, Vec<Remark>) {
    let mut draft = Draft::of(document);
    for (key, shape) in [
        ("prefix", Shape::Text),
        ("prefix_regex", Shape::Flag),
        ("prefix_exact", Shape::Flag),
        ("case_sensitive", Shape::Flag),
    ] {
        draft.carry(key, shape);
    }
    matching::write(&mut draft);
    draft.carry("precedence", Shape::Number);
    destination(&mut draft, context);
    for (key, shape) in FORWARDED {
        draft.carry(key, *shape);
    }
    draft.rename("v3StatsName", "stats_name", Shape::Text);
    draft.rename("v3health_checks", "health_checks", Shape::Nested);
    keepalive(&mut draft);
    breakers(&mut draft, context);
    upgrades(&mut draft);
    draft.seen(&["labels", "rate_limits"]);
    let written = labels::of(draft.document);
    draft.set("labels", written);
    references(&mut draft, context);
    let inert = ["modules", "envoy_override", "status"];
    draft.seen(&inert);
    draft.seen(&["v2ExplicitTLS", "v2BoolHeaders", "v2BoolQueryParameters"]);
    for key in inert {
        if draft.document.entry(key).is_some() {
            draft.lose(key, "not written: it has no effect");
        }
    }
    draft.finish()
}

fn destination(draft: &mut Draft<'_>, context: &Context) {
    draft.seen(&["service", "tls", "host_redirect"]);
    let document = draft.document;
    let redirect = document.get("host_redirect");
    let old = redirect.filter(|it| it.boolean().is_none());
    let old = old.and_then(Tree::text).filter(|text| !text.is_empty());
    if let Some(host) = old {
        draft.set("service", Some(Yaml::text(host)));
    } else if redirect.and_then(Tree::boolean) == Some(true) {
        draft.set("service", document.text("service").map(Yaml::text));
    } else {
        let service = document.text("service");
        let service = service.map(|it| service_text(it, document, context));
        draft.set("service", service.map(Yaml::text));
    }
    let redirects = old.is_some() || redirect.and_then(Tree::boolean) == Some(true);
    draft.set("host_redirect", redirects.then_some(Yaml::Bool(true)));
}

/// The service as Emissary's v3alpha1 has it: its scheme says whether there is TLS, its host in which
/// namespace it is.
pub(super) fn service_text(written: &str, document: &Document, context: &Context) -> String {
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, written),
    };
    let tls = document.get("tls");
    let scheme = match tls.and_then(Tree::plain_boolean) {
        Some(true) => Some("https".to_owned()),
        Some(false) | None => scheme,
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (host, after) = rest.split_at(end);
    let is_short = !host.is_empty()
        && !host.contains(['.', '[', '%'])
        && !host.eq_ignore_ascii_case("localhost");
    let is_elsewhere = document.namespace != context.namespace;
    let mut service = scheme.map(|it| format!("{it}://")).unwrap_or_default();
    service.push_str(host);
    if is_short && is_elsewhere && context.qualifies && !after.starts_with("::") {
        service.extend([".", &document.namespace]);
    }
    service.push_str(after);
    service
}

/// What is called otherwise now is named as such.
pub(super) fn references(draft: &mut Draft<'_>, context: &Context) {
    draft.seen(&["tls"]);
    let tls = draft
        .document
        .get("tls")
        .filter(|it| it.plain_boolean().is_none());
    let Some(name) = tls.and_then(Tree::text).filter(|name| !name.is_empty()) else {
        return;
    };
    let place = ("TLSContext".to_owned(), name.to_owned());
    let name = context.renamed.get(&place).map_or(name, String::as_str);
    draft.set("tls", Some(Yaml::text(name)));
}

fn keepalive(draft: &mut Draft<'_>) {
    draft.seen(&["keepalive"]);
    let Some(written) = draft.document.get("keepalive") else {
        return;
    };
    let number = |key: &str| written.get(key).and_then(Tree::integer).map(Yaml::Int);
    let known = [
        ("idle_time", number("time").or_else(|| number("idle_time"))),
        ("interval", number("interval")),
        ("probes", number("probes")),
    ];
    let known = known.into_iter();
    let known = known.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    draft.set("keepalive", Some(Yaml::Map(known.collect())));
}

fn breakers(draft: &mut Draft<'_>, context: &Context) {
    draft.carry("circuit_breakers", Shape::Nested);
    draft.seen(&["circuit_breaker", "outlier_detection"]);
    let document = draft.document;
    if let Some(name) = document.text("circuit_breaker") {
        let is_free = document.entry("circuit_breakers").is_none();
        match context.breakers.get(name).filter(|_| is_free) {
            Some(limits) => {
                draft.set("circuit_breakers", Some(Yaml::List(vec![limits.clone()])));
                draft.lose(
                    "circuit_breaker",
                    "written as `circuit_breakers`; the cluster is called otherwise in statistics",
                );
            }
            None => draft.lose("circuit_breaker", "not written: no such CircuitBreaker"),
        }
    }
    if document.entry("outlier_detection").is_some() {
        draft.lose("outlier_detection", "not written: v3alpha1 has no such key");
    }
}

/// The limits of a v0 CircuitBreaker.
pub(super) fn limits(breaker: &CircuitBreaker) -> Yaml {
    let limits = [
        ("max_connections", breaker.max_connections),
        ("max_pending_requests", breaker.max_pending_requests),
        ("max_requests", breaker.max_requests),
        ("max_retries", breaker.max_retries),
    ];
    let limits = limits.into_iter();
    let limits = limits.filter_map(|(key, limit)| Some((key.to_owned(), Yaml::Int(limit?.into()))));
    Yaml::Map(limits.collect())
}

fn upgrades(draft: &mut Draft<'_>) {
    draft.seen(&["allow_upgrade", "use_websocket"]);
    let mut tokens = draft
        .document
        .get("allow_upgrade")
        .map(texts)
        .unwrap_or_default();
    let is_there = tokens.iter().any(|it| it.eq_ignore_ascii_case("websocket"));
    if draft.document.is_true("use_websocket") && !is_there {
        tokens.push("websocket");
    }
    let tokens = Some(tokens).filter(|tokens| !tokens.is_empty());
    draft.set("allow_upgrade", tokens.map(Yaml::texts));
}
