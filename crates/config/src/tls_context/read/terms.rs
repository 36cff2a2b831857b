//! What both sides may speak.
//!
//! Invariant: what there is not here is told of, and never widens what may be spoken: whoever names
//! only suites or curves that there are not gets none of the others.

use super::Place;
use crate::fields::{Fields, Line};
use crate::quote::quoted;
use crate::{Alpn, CipherSuite, Curve, TlsVersion};

pub(super) struct Terms {
    pub(super) alpn_protocols: Option<Box<[Alpn]>>,
    pub(super) min_tls_version: Option<TlsVersion>,
    pub(super) max_tls_version: Option<TlsVersion>,
    pub(super) cipher_suites: Option<Box<[CipherSuite]>>,
    pub(super) ecdh_curves: Option<Box<[Curve]>>,
}

impl Terms {
    pub(super) fn read(fields: &mut Fields<'_, '_>, place: Place) -> Self {
        let alpn_key = place.key(fields, "alpn_protocols");
        let suites_key = place.key(fields, "cipher_suites");
        let curves_key = place.key(fields, "ecdh_curves");
        let (min_tls_version, max_tls_version) = versions(fields, place);
        let mut terms = Self {
            alpn_protocols: alpn(fields, &alpn_key),
            min_tls_version,
            max_tls_version,
            cipher_suites: chosen(fields, &suites_key, cipher_suite),
            ecdh_curves: curves(fields, &curves_key),
        };
        if terms.cipher_suites.as_deref().is_some_and(<[_]>::is_empty) {
            terms.speak_only_the_newest(fields, &suites_key);
        }
        terms
    }

    /// Without a suite for TLS 1.2, only 1.3 can be spoken, whose suites are not chosen.
    fn speak_only_the_newest(&mut self, fields: &mut Fields<'_, '_>, suites_key: &str) {
        self.cipher_suites = None;
        let (line, name) = (fields.line_of(suites_key), fields.name(suites_key));
        if self.max_tls_version == Some(TlsVersion::V12) {
            let reason =
                format!("{name}: there is none of them, and so nothing to speak TLS 1.2 with");
            fields.error(line, reason);
            return;
        }
        let reason = format!("{name}: there is none of them; only TLS 1.3 is spoken");
        fields.warning(line, reason);
        self.min_tls_version = Some(TlsVersion::V13);
    }
}

/// The oldest version and the newest.
fn versions(fields: &mut Fields<'_, '_>, place: Place) -> (Option<TlsVersion>, Option<TlsVersion>) {
    let (min_key, max_key) = (
        place.key(fields, "min_tls_version"),
        place.key(fields, "max_tls_version"),
    );
    let min = match version(fields, &min_key) {
        Some(None) => {
            let reason = format!("{}: {TOO_OLD}; read as `v1.2`", fields.name(&min_key));
            fields.warning(fields.line_of(&min_key), reason);
            Some(TlsVersion::V12)
        }
        Some(known) => known,
        None => None,
    };
    let max = match version(fields, &max_key) {
        Some(None) => {
            let reason = format!("{}: {TOO_OLD}", fields.name(&max_key));
            fields.error(fields.line_of(&max_key), reason);
            None
        }
        Some(known) => known,
        None => None,
    };
    if min.is_some() && max.is_some() && min > max {
        let (min, max) = (fields.name(&min_key), fields.name(&max_key));
        let reason = format!("{min} is newer than {max}");
        fields.error(fields.line_of(&min_key), reason);
    }
    (min, max)
}

const TOO_OLD: &str = "no TLS before 1.2 is spoken";

/// A version; `Some(None)` for one that is too old.
fn version(fields: &mut Fields<'_, '_>, key: &str) -> Option<Option<TlsVersion>> {
    if fields.text(key)?.is_empty() {
        return None;
    }
    fields.read(key, "`v1.0`, `v1.1`, `v1.2` or `v1.3`", |entry| {
        Some(match entry.value.text()? {
            "v1.0" | "v1.1" => None,
            "v1.2" => Some(TlsVersion::V12),
            "v1.3" => Some(TlsVersion::V13),
            _ => return None,
        })
    })
}

/// A list in one text; blanks count for nothing.
fn alpn(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<[Alpn]>> {
    let mut known = Vec::new();
    for Line { text, line } in fields.texts(key)? {
        for protocol in text.split(',').map(str::trim) {
            let alpn = match protocol {
                "" => continue,
                "h2" => Alpn::H2,
                "http/1.1" => Alpn::Http11,
                _ => {
                    let reason = format!(
                        "{}: {} is not spoken; left out",
                        fields.name(key),
                        quoted(protocol)
                    );
                    fields.warning(line, reason);
                    continue;
                }
            };
            if !known.contains(&alpn) {
                known.push(alpn);
            }
        }
    }
    (!known.is_empty()).then(|| known.into())
}

fn curves(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<[Curve]>> {
    let curves = chosen(fields, key, curve)?;
    if curves.is_empty() {
        let reason = format!("{}: there is none of them", fields.name(key));
        fields.error(fields.line_of(key), reason);
    }
    Some(curves)
}

/// Those of a list that there are, each once; `None` if nothing is written. Items may be what BoringSSL
/// takes: several with `:` between them, or `[a|b]`, of which none goes before the other.
fn chosen<T: PartialEq>(
    fields: &mut Fields<'_, '_>,
    key: &str,
    find: fn(&str) -> Option<T>,
) -> Option<Box<[T]>> {
    let mut known = Vec::new();
    let mut is_said = false;
    for Line { text, line } in fields.texts(key)? {
        let names = text.split([':', '|', '[', ']']).map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            is_said = true;
            match find(name) {
                Some(found) if known.contains(&found) => {}
                Some(found) => known.push(found),
                None => {
                    let reason = format!(
                        "{}: {} is not supported; left out",
                        fields.name(key),
                        quoted(name)
                    );
                    fields.warning(line, reason);
                }
            }
        }
    }
    is_said.then(|| known.into())
}

/// By BoringSSL's name, or by that of the RFCs.
fn cipher_suite(name: &str) -> Option<CipherSuite> {
    Some(match name {
        "ECDHE-ECDSA-AES128-GCM-SHA256" | "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => {
            CipherSuite::EcdheEcdsaAes128GcmSha256
        }
        "ECDHE-ECDSA-AES256-GCM-SHA384" | "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => {
            CipherSuite::EcdheEcdsaAes256GcmSha384
        }
        "ECDHE-ECDSA-CHACHA20-POLY1305" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => {
            CipherSuite::EcdheEcdsaChacha20Poly1305
        }
        "ECDHE-RSA-AES128-GCM-SHA256" | "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => {
            CipherSuite::EcdheRsaAes128GcmSha256
        }
        "ECDHE-RSA-AES256-GCM-SHA384" | "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => {
            CipherSuite::EcdheRsaAes256GcmSha384
        }
        "ECDHE-RSA-CHACHA20-POLY1305" | "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => {
            CipherSuite::EcdheRsaChacha20Poly1305
        }
        _ => return None,
    })
}

fn curve(name: &str) -> Option<Curve> {
    Some(match name {
        "X25519" => Curve::X25519,
        "P-256" | "prime256v1" => Curve::P256,
        "P-384" | "secp384r1" => Curve::P384,
        _ => return None,
    })
}
