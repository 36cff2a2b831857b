//! `acmeProvider`: who is to issue the certificate.

use std::net::IpAddr;

use http::Uri;

use super::super::{AcmeProvider, SecretRef};
use crate::fields::Fields;

/// The provider, unless there is to be none.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<AcmeProvider> {
    if fields.says_nothing("acmeProvider") {
        return None;
    }
    fields.section("acmeProvider", provider)?
}

fn provider(fields: &mut Fields<'_, '_>) -> Option<AcmeProvider> {
    fields.review(&["authority", "email", "privateKeySecret", "registration"]);
    // An account that Edge Stack registered; it wrote this itself.
    fields.text("registration");
    let authority = authority(fields);
    let email = email(fields);
    let private_key_secret = private_key_secret(fields);
    let is_none = fields.entry("authority").is_some_and(|it| {
        let text = it.value.text();
        text.is_some_and(|text| text.eq_ignore_ascii_case("none"))
    });
    (!is_none).then_some(AcmeProvider {
        authority,
        email,
        private_key_secret,
    })
}

fn authority(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    let text = fields.text("authority")?;
    if text.is_empty() || text.eq_ignore_ascii_case("none") {
        return None;
    }
    fields.parsed_by("authority", |text| {
        let uri = text.parse::<Uri>().ok();
        let is_trusted = uri.as_ref().is_some_and(is_protected);
        is_trusted.then(|| text.into()).ok_or("is no https URL")
    })
}

/// Whether nobody on the way can answer in the authority's place.
fn is_protected(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        Some(_) | None => false,
    }
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
