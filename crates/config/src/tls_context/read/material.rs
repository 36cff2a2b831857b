//! Where certificates and keys are to be had: Secrets or files, never both.

use super::Place;
use crate::TlsContext;
use crate::fields::Fields;

/// What is said of them; the Secret of the certificate is read by whoever has one.
pub(super) fn read(fields: &mut Fields<'_, '_>, place: Place) -> TlsContext {
    let (cert_chain_file, private_key_file) = identity(fields, place);
    let (ca_secret, cacert_chain_file) = either(fields, place, ["ca_secret", "cacert_chain_file"]);
    let (crl_secret, crl_file) = either(fields, place, ["crl_secret", "crl_file"]);
    TlsContext {
        cert_chain_file,
        private_key_file,
        ca_secret,
        cacert_chain_file,
        crl_secret,
        crl_file,
        ..TlsContext::default()
    }
}

type Files = (Option<Box<str>>, Option<Box<str>>);

/// The files of the certificate and its key, which need each other.
fn identity(fields: &mut Fields<'_, '_>, place: Place) -> Files {
    let chain_key = place.key(fields, "cert_chain_file");
    let key_key = place.key(fields, "private_key_file");
    let chain = file(fields, &chain_key);
    let key = file(fields, &key_key);
    if chain.is_some() && key.is_none() {
        let (chain, key) = (fields.name(&chain_key), fields.name(&key_key));
        let reason = format!("{chain} requires {key} as well");
        fields.error(fields.line_of(&chain_key), reason);
    }
    if chain.is_none() && key.is_some() {
        let chain = fields.name(&chain_key);
        fields.in_vain(&key_key, &format!(" without {chain}"));
        return (None, None);
    }
    let secret = fields.entry("secret").and_then(|entry| entry.value.text());
    let is_in_secret = place != Place::Host && secret.is_some_and(|name| !name.is_empty());
    if chain.is_some() && is_in_secret {
        let (secret, chain) = (fields.name("secret"), fields.name(&chain_key));
        let reason = format!("exactly one of {secret} and {chain} must be present");
        fields.error(fields.line_of(&chain_key), reason);
    }
    (chain, key)
}

/// A Secret, or a file where there is none.
fn either(fields: &mut Fields<'_, '_>, place: Place, names: [&str; 2]) -> Files {
    let [secret_key, file_key] = names.map(|name| place.key(fields, name));
    let secret = fields.named(&secret_key);
    let file = file(fields, &file_key);
    if secret.is_some() && file.is_some() {
        let secret_name = fields.name(&secret_key);
        fields.in_vain(&file_key, &format!(" beside {secret_name}"));
        return (secret, None);
    }
    (secret, file)
}

/// The name of a file; an empty text is none.
fn file(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<str>> {
    if fields.text(key)?.is_empty() {
        return None;
    }
    fields.parsed_by(key, |text| {
        let is_name = text.len() <= LONGEST && !text.chars().any(char::is_control);
        is_name.then(|| text.into()).ok_or("is no name of a file")
    })
}

/// Linux' `PATH_MAX`.
const LONGEST: usize = 4096;
