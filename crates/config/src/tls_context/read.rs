//! Reads what a document says of TLS, wherever it says it.

mod material;
mod terms;

use super::{TlsContext, TlsModule};
use crate::HostMatch;
use crate::fields::Fields;
use crate::mapping::keys;
use crate::module;
use crate::name::Name;
use crate::quote::quoted;
use terms::Terms;

/// Where it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `kind: TLSContext`
    Context,
    /// `tls` of a Host.
    Host,
    /// A context of the Module `tls`, in which Ambassador 0.21 passed on what Envoy understood.
    Module,
}

/// A TLSContext; `None` after an error.
pub(crate) fn context(fields: &mut Fields<'_, '_>) -> Option<TlsContext> {
    let place = Place::Context;
    fields.whole(|fields| {
        review(fields, place, &["hosts", "secret", "secret_namespacing"]);
        TlsContext {
            hosts: hosts(fields),
            secret: fields.named("secret"),
            secret_namespacing: fields.boolean("secret_namespacing"),
            ..read(fields, place)
        }
    })
}

/// `tls` of a Host, once it is one.
pub(crate) fn inline(fields: &mut Fields<'_, '_>) -> TlsContext {
    review(fields, Place::Host, &["hosts", "secret"]);
    fields.in_vain("hosts", ": the Host's own is `hostname`");
    fields.in_vain("secret", ": the Host's own is `tlsSecret`");
    read(fields, Place::Host)
}

/// The Module `tls`; `None` after an error.
pub(crate) fn module(document: &mut Fields<'_, '_>) -> Option<TlsModule> {
    let module = document.whole(|document| module::in_config(document, contexts));
    module.flatten()
}

/// The contexts of the Module `tls`, each under its name.
pub(crate) fn contexts(fields: &mut Fields<'_, '_>) -> TlsModule {
    let mut contexts = Vec::new();
    for entry in fields.entries() {
        if entry.value.is_null() {
            continue;
        }
        if let Err(why) = entry.key.parse::<Name>() {
            let reason = format!("the name {} of a context {why}", quoted(&entry.key));
            fields.error(entry.line, reason);
            continue;
        }
        let enabled = fields.section(&entry.key, enabled);
        contexts.extend(enabled.flatten().map(|it| (entry.key.as_ref().into(), it)));
    }
    let contexts = contexts.into();
    TlsModule { contexts }
}

/// A context of the Module, unless it is not to be.
fn enabled(fields: &mut Fields<'_, '_>) -> Option<TlsContext> {
    let own = ["enabled", "secret", "secret_namespacing"];
    let unverified = ["verify_certificate_hash", "verify_subject_alt_name"];
    review(
        fields,
        Place::Module,
        &[own.as_slice(), &unverified].concat(),
    );
    for key in unverified {
        fields.in_vain(key, ": certificates are verified by their issuers alone");
    }
    let enabled = fields.boolean("enabled").unwrap_or(true);
    let context = TlsContext {
        secret: fields.named("secret"),
        secret_namespacing: fields.boolean("secret_namespacing"),
        ..read(fields, Place::Module)
    };
    enabled.then_some(context)
}

/// What can be said everywhere.
fn read(fields: &mut Fields<'_, '_>, place: Place) -> TlsContext {
    let Terms {
        alpn_protocols,
        min_tls_version,
        max_tls_version,
        cipher_suites,
        ecdh_curves,
    } = Terms::read(fields, place);
    let required = place.key(fields, "cert_required");
    let redirect = place.key(fields, "redirect_cleartext_from");
    TlsContext {
        cert_required: fields.boolean(&required),
        alpn_protocols,
        min_tls_version,
        max_tls_version,
        cipher_suites,
        ecdh_curves,
        sni: sni(fields),
        redirect_cleartext_from: fields.port(&redirect),
        ..material::read(fields, place)
    }
}

/// Warns of keys that are not known, and of those that are written in two ways.
fn review(fields: &mut Fields<'_, '_>, place: Place, own: &[&str]) {
    let everywhere = EVERYWHERE.map(|name| place.spellings(name));
    let spelled = everywhere.iter().flatten().map(String::as_str);
    let known: Vec<&str> = spelled.chain(own.iter().copied()).collect();
    match place {
        Place::Context => keys::review_kind(fields, &known),
        Place::Host | Place::Module => fields.review(&known),
    }
    for spellings in &everywhere {
        let mut written = spellings.iter().filter(|key| fields.entry(key).is_some());
        let (first, others): (_, Vec<_>) = (written.next(), written.collect());
        for other in others {
            let first = first.map(|key| fields.name(key)).unwrap_or_default();
            fields.in_vain(other, &format!(" beside {first}"));
        }
    }
}

const EVERYWHERE: [&str; 14] = [
    "alpn_protocols",
    "ca_secret",
    "cacert_chain_file",
    "cert_chain_file",
    "cert_required",
    "cipher_suites",
    "crl_file",
    "crl_secret",
    "ecdh_curves",
    "max_tls_version",
    "min_tls_version",
    "private_key_file",
    "redirect_cleartext_from",
    "sni",
];

/// The names TLS is terminated for. No name is none.
fn hosts(fields: &mut Fields<'_, '_>) -> Option<Box<[Box<str>]>> {
    let written = fields.texts("hosts")?;
    let mut hosts: Vec<Box<str>> = Vec::new();
    for line in written {
        if let Err(why) = line.text.parse::<HostMatch>() {
            let reason = format!("`hosts`: {} {why}", quoted(line.text));
            fields.error(line.line, reason);
        }
        let host = line.text.to_ascii_lowercase().into();
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    (!hosts.is_empty()).then(|| hosts.into())
}

/// RFC 6066, 3: a DNS name, without a port. Emissary sends any text.
fn sni(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    if fields.text("sni")?.is_empty() {
        return None;
    }
    fields.parsed_by("sni", |text| {
        let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = text.len() <= 253 && text.bytes().all(stands);
        is_name.then(|| text.into()).ok_or("is no name of a server")
    })
}

impl Place {
    /// How a key is spelled here: as it is written, else as in a TLSContext.
    fn key(self, fields: &Fields<'_, '_>, name: &str) -> String {
        let mut spellings = self.spellings(name).into_iter();
        let written = spellings.find(|key| fields.entry(key).is_some());
        written.unwrap_or_else(|| name.to_owned())
    }

    /// How a key may be spelled.
    fn spellings(self, name: &str) -> Vec<String> {
        let mut spellings = vec![name.to_owned()];
        // As Emissary's webhook writes it into older versions.
        if name == "crl_secret" {
            spellings.push("v3CRLSecret".to_owned());
        }
        match self {
            Self::Context => {}
            Self::Host if name.contains('_') => spellings.push(camel_case(name)),
            Self::Host => {}
            Self::Module if name == "cacert_chain_file" => {
                spellings.push("ca_cert_file".to_owned());
            }
            Self::Module => {}
        }
        spellings
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let (initial, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        text.push_str(&initial.to_ascii_uppercase());
        text.push_str(rest);
        text
    })
}
