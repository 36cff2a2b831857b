//! What a certificate says, for people and for metrics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest;
use x509_parser::prelude::{ASN1Time, GeneralName, X509Certificate};

use crate::subject;

/// What a certificate says of itself and its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The first moment at which it is valid.
    pub not_before: SystemTime,
    /// The last one.
    pub not_after: SystemTime,
    /// Whose it is, as RFC 2253 writes it and BoringSSL prints it.
    pub subject: Box<str>,
    /// The DNS names it is valid for.
    pub names: Box<[Box<str>]>,
    /// The URIs it is valid for.
    pub uris: Box<[Box<str>]>,
    /// Its serial number in hexadecimal digits, as OpenSSL prints it.
    pub serial: Box<str>,
    /// SHA-256 of its DER.
    pub fingerprint: [u8; 32],
}

impl Facts {
    pub(crate) fn of(certificate: &X509Certificate<'_>, der: &[u8]) -> Self {
        let validity = certificate.validity();
        Self {
            not_before: moment(validity.not_before),
            not_after: moment(validity.not_after),
            subject: subject::printed(certificate.subject()),
            names: alternatives(certificate, dns_name),
            uris: alternatives(certificate, uri),
            serial: serial(certificate.raw_serial()),
            fingerprint: fingerprint(der),
        }
    }
}

/// SHA-256.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    fingerprint
}

fn alternatives(
    certificate: &X509Certificate<'_>,
    kind: fn(&GeneralName<'_>) -> Option<Box<str>>,
) -> Box<[Box<str>]> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map_or(&[][..], |extension| &extension.value.general_names);
    names.iter().filter_map(kind).collect()
}

fn dns_name(name: &GeneralName<'_>) -> Option<Box<str>> {
    match name {
        GeneralName::DNSName(name) => Some((*name).into()),
        _ => None,
    }
}

fn uri(name: &GeneralName<'_>) -> Option<Box<str>> {
    match name {
        GeneralName::URI(uri) => Some((*uri).into()),
        _ => None,
    }
}

/// Years that a `SystemTime` has no moment for become the nearest it has.
pub(crate) fn moment(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moment = if seconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    moment.unwrap_or(UNIX_EPOCH)
}

/// A leading zero only says that the number is positive.
fn serial(bytes: &[u8]) -> Box<str> {
    let number = match bytes {
        [0, number @ ..] if !number.is_empty() => number,
        number => number,
    };
    number
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<String>()
        .into()
}
