//! `acmeProvider`: who would issue the certificate.

use http::Uri;

use super::super::{AcmeProvider, SecretRef};
use crate::fields::Fields;

/// The provider, unless there is to be none.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<AcmeProvider> {
    if fields.says_nothing("acmeProvider") {
        return None;
    }
    let line = fields.line_of("acmeProvider");
    let provider = fields.section("acmeProvider", provider)??;
    let reason = "`acmeProvider` is kept, but nobody is asked for a certificate yet";
    fields.warning(line, reason);
    Some(provider)
}

fn provider(fields: &mut Fields<'_, '_>) -> Option<AcmeProvider> {
    fields.review(&["authority", "email", "privateKeySecret", "registration"]);
    // An account that Edge Stack registered; it wrote this itself.
    fields.text("registration");
    let authority = authority(fields);
    let email = email(fields);
    let private_key_secret = private_key_secret(fields);
    let is_none = fields
        .entry("authority")
        .is_some_and(|it| it.value.text() == Some("none"));
    (!is_none).then_some(AcmeProvider {
        authority,
        email,
        private_key_secret,
    })
}

fn authority(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    if matches!(fields.text("authority")?, "" | "none") {
        return None;
    }
    fields.parsed_by("authority", |text| {
        let uri = text.parse::<Uri>().ok();
        let scheme = uri.as_ref().and_then(Uri::scheme_str);
        let is_url = scheme.is_some_and(|scheme| matches!(scheme, "http" | "https"));
        is_url.then(|| text.into()).ok_or("is no URL")
    })
}

fn email(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    if fields.text("email")?.is_empty() {
        return None;
    }
    fields.parsed_by("email", |text| {
        let is_address = text.contains('@') && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_address.then(|| text.into()).ok_or("is no address")
    })
}

fn private_key_secret(fields: &mut Fields<'_, '_>) -> Option<SecretRef> {
    let name = fields.section("privateKeySecret", |fields| {
        fields.review(&["name"]);
        fields.named("name")
    });
    let namespace = None;
    name.flatten().map(|name| SecretRef { name, namespace })
}
