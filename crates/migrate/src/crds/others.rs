//! The specs of what is no Mapping.
//!
//! They have hardly changed: a few keys are called otherwise, and TLS is a scheme.

use nuncio_config::Tree;

use super::Context;
use super::document::Document;
use super::mapping::{references, service_text};
use super::shape::{Draft, nested, texts};
use crate::remark::Remark;
use crate::yaml::Yaml;

/// Kinds of Emissary that this gateway has not, and that are written all the same.
pub(super) const NOT_OURS: [&str; 6] = [
    "AuthService",
    "ConsulResolver",
    "DevPortal",
    "Features",
    "LogService",
    "RateLimitService",
];

/// The spec, and what is not in it.
pub(super) fn spec(document: &Document, context: &Context) -> (Yaml, Vec<Remark>) {
    let mut draft = Draft::of(document);
    let service = service_key(&document.kind);
    for entry in document.entries() {
        let key = &*entry.key;
        if entry.value.text().is_none()
            && entry.value.items().is_empty()
            && entry.value.entries().is_empty()
        {
            continue;
        }
        match (key, service) {
            ("tls", Some(_)) => references(&mut draft, context),
            (_, Some(service)) if key == service => {
                let text = entry.value.text().unwrap_or_default();
                let text = service_text(text, document, context);
                draft.set(key, Some(Yaml::text(text)));
            }
            ("v2ExplicitTLS" | "status", _) => {}
            _ => {
                let (key, value) = renamed(&document.kind, key, &entry.value, context);
                let is_there = key != &*entry.key && document.entry(key).is_some();
                draft.set(key, Some(value).filter(|_| !is_there));
            }
        }
    }
    let Draft {
        mut spec, remarks, ..
    } = draft;
    if document.kind == "AuthService" {
        spec = authentication(spec, document);
    }
    (Yaml::Map(spec), remarks)
}

/// Where a kind names a service, with TLS beside it.
fn service_key(kind: &str) -> Option<&'static str> {
    match kind {
        "TCPMapping" | "RateLimitService" | "LogService" | "TracingService" => Some("service"),
        "AuthService" => Some("auth_service"),
        _ => None,
    }
}

/// What a key is called in v3alpha1, and its value there.
fn renamed<'k>(kind: &str, key: &'k str, value: &Tree, context: &Context) -> (&'k str, Yaml) {
    let as_list = || Yaml::texts(texts(value));
    match (kind, key) {
        (_, "v3StatsName") => ("stats_name", nested(value)),
        ("TLSContext", "v3CRLSecret") => ("crl_secret", nested(value)),
        ("Host", "selector") => ("mappingSelector", nested(value)),
        ("Host", "tls") => ("tls", inline(value)),
        ("Host", "tlsContext") => ("tlsContext", tls_context(value, context)),
        ("TLSContext", "hosts" | "cipher_suites" | "ecdh_curves") => (key, as_list()),
        ("TCPMapping", "idle_timeout_ms") => (key, number_text(value)),
        (_, "allowed_request_headers" | "allowed_authorization_headers") => (key, as_list()),
        (_, "secret_namespacing" | "cert_required" | "enable_ipv4" | "enable_ipv6") => {
            let flag = value.boolean().map(Yaml::Bool);
            (key, flag.unwrap_or_else(|| nested(value)))
        }
        (_, "port" | "l7Depth" | "weight" | "timeout_ms" | "redirect_cleartext_from") => {
            let number = value.integer().map(Yaml::Int);
            (key, number.unwrap_or_else(|| nested(value)))
        }
        ("Module", "config") => (key, Yaml::of(value)),
        _ => (key, nested(value)),
    }
}

/// The schema wants text.
fn number_text(value: &Tree) -> Yaml {
    value.text().map_or_else(|| nested(value), Yaml::text)
}

fn inline(value: &Tree) -> Yaml {
    match nested(value) {
        Yaml::Map(entries) => Yaml::Map(
            entries
                .into_iter()
                .map(|(key, value)| match key.as_str() {
                    "v3CRLSecret" => ("crl_secret".to_owned(), value),
                    _ => (key, value),
                })
                .collect(),
        ),
        other => other,
    }
}

fn tls_context(value: &Tree, context: &Context) -> Yaml {
    let Some(name) = value.get("name").and_then(Tree::text) else {
        return nested(value);
    };
    let place = ("TLSContext".to_owned(), name.to_owned());
    let name = context.renamed.get(&place).map_or(name, String::as_str);
    Yaml::map([("name", Yaml::text(name))])
}

/// v0's `allowed_headers` went both ways.
fn authentication(spec: Vec<(String, Yaml)>, document: &Document) -> Vec<(String, Yaml)> {
    let headers = document.get("allowed_headers").map(texts);
    let mut written: Vec<_> = spec
        .into_iter()
        .filter(|(key, _)| key != "allowed_headers")
        .collect();
    let both = ["allowed_request_headers", "allowed_authorization_headers"];
    for key in both {
        if let (Some(headers), None) = (&headers, document.entry(key)) {
            written.push((key.to_owned(), Yaml::texts(headers.iter().copied())));
        }
    }
    written
}
