//! Reads a Host from its keys.

mod acme;

use super::{Host, InsecureAction, SecretRef};
use crate::fields::Fields;
use crate::labels::read::{Expressions, selector};
use crate::mapping::keys;
use crate::{HostMatch, Selector, tls_context};

/// The Host; `None` when something in it was an error.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Host> {
    keys::review_kind(fields, &KNOWN);
    let preview = fields.entry("previewUrl");
    if preview.and_then(|entry| entry.value.get("enabled")?.boolean()) == Some(true) {
        fields.in_vain("previewUrl", ": there is no Service Preview");
    }
    let (insecure, insecure_additional_port) = insecure(fields);
    let host = Host {
        hostname: hostname(fields),
        mapping_selector: mapping_selector(fields),
        tls_secret: secret(fields, "tlsSecret"),
        tls_context: tls_context(fields),
        tls: tls(fields).map(Box::new),
        acme: acme::read(fields).map(Box::new),
        insecure,
        insecure_additional_port,
    };
    review_tls(&host, fields);
    (!fields.failed()).then_some(host)
}

const KNOWN: [&str; 9] = [
    "acmeProvider",
    "hostname",
    "mappingSelector",
    "previewUrl",
    "requestPolicy",
    "selector",
    "tls",
    "tlsContext",
    "tlsSecret",
];

/// A Secret by its name, in which a dot is a dot.
fn secret(fields: &mut Fields<'_, '_>, key: &str) -> Option<SecretRef> {
    let secret = fields.section(key, |fields| {
        fields.review(&["name", "namespace"]);
        let (name, namespace) = (fields.named("name"), fields.named("namespace"));
        if name.is_none() {
            fields.in_vain("namespace", " without a name");
        }
        name.map(|name| SecretRef { name, namespace })
    });
    secret.flatten()
}

fn hostname(fields: &mut Fields<'_, '_>) -> Box<str> {
    let any = || "*".into();
    if fields.text("hostname").is_none_or(str::is_empty) {
        return any();
    }
    let hostname = fields.parsed_by("hostname", |text| {
        let lower = text.to_ascii_lowercase();
        text.parse::<HostMatch>().map(|_| lower.into())
    });
    hostname.unwrap_or_else(any)
}

/// `selector` is what it was called up to 2.x.
fn mapping_selector(fields: &mut Fields<'_, '_>) -> Option<Selector> {
    let mut said = |key| match fields.says_nothing(key) {
        true => None,
        false => selector(fields, key, Expressions::Ignored),
    };
    let (new, old) = (said("mappingSelector"), said("selector"));
    if new.is_some() && old.is_some() && new != old {
        fields.in_vain("selector", " beside `mappingSelector`");
    }
    new.or(old)
}

fn tls_context(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    let name = fields.section("tlsContext", |fields| {
        fields.review(&["name"]);
        fields.named("name")
    });
    name.flatten()
}

fn tls(fields: &mut Fields<'_, '_>) -> Option<crate::TlsContext> {
    if fields.says_nothing("tls") {
        return None;
    }
    fields.section("tls", tls_context::read::inline)
}

/// In the words of Emissary.
fn review_tls(host: &Host, fields: &mut Fields<'_, '_>) {
    if host.tls_context.is_some() && host.tls.is_some() {
        let reason = "both TLSContext name and TLS config specified: `tlsContext` and `tls`";
        fields.error(fields.line_of("tls"), reason);
    }
    let has_file = host
        .tls
        .as_ref()
        .is_some_and(|tls| tls.cert_chain_file.is_some());
    if host.tls_secret.is_some() && has_file {
        let reason = "exactly one of `tlsSecret` and `tls.cert_chain_file` must be present";
        fields.error(fields.line_of("tls"), reason);
    }
}

/// `requestPolicy.insecure`
fn insecure(fields: &mut Fields<'_, '_>) -> (Option<InsecureAction>, Option<i32>) {
    let policy = fields.section("requestPolicy", |fields| {
        fields.review(&["insecure"]);
        fields.section("insecure", |fields| {
            fields.review(&["action", "additionalPort"]);
            (action(fields), additional_port(fields))
        })
    });
    policy.flatten().unwrap_or_default()
}

fn action(fields: &mut Fields<'_, '_>) -> Option<InsecureAction> {
    if fields.text("action")?.is_empty() {
        return None;
    }
    fields.read("action", "`Redirect`, `Route` or `Reject`", |entry| {
        Some(match entry.value.text()? {
            "Redirect" => InsecureAction::Redirect,
            "Route" => InsecureAction::Route,
            "Reject" => InsecureAction::Reject,
            _ => return None,
        })
    })
}

/// −1 is none.
fn additional_port(fields: &mut Fields<'_, '_>) -> Option<i32> {
    let expected = "a port from 1 to 65535, or -1";
    fields.read("additionalPort", expected, |entry| {
        let port = i32::try_from(entry.value.integer()?).ok()?;
        (-1..=65535).contains(&port).then_some(port)
    })
}
