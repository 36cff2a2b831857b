//! A name of X.500 as text.
//!
//! Invariant: the text is what BoringSSL prints with `XN_FLAG_RFC2253`, which is what upstreams of Envoy
//! find in `x-forwarded-client-cert`: the last part first, nothing but printable ASCII, and a quote only
//! after a backslash.

use std::fmt::Write as _;

use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// `CN=a.example,O=Example,C=US`
pub(crate) fn printed(name: &X509Name<'_>) -> Box<str> {
    let mut text = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        let attributes: Vec<_> = part.iter().collect();
        for (index, attribute) in attributes.into_iter().rev().enumerate() {
            if !text.is_empty() {
                text.push(if index == 0 { ',' } else { '+' });
            }
            push_attribute(&mut text, attribute);
        }
    }
    text.into()
}

fn push_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let oid = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    let known = SHORT_NAMES.iter().find(|(known, _)| *known == oid);
    let decoded = known.and_then(|_| decoded(value));
    text.push_str(known.map_or(oid.as_str(), |(_, name)| name));
    text.push('=');
    match decoded {
        Some(decoded) => push_escaped(text, &decoded),
        None => push_dump(text, value),
    }
}

/// What a value says, if it is one of the kinds of text.
fn decoded(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    match value.tag() {
        Tag::BmpString => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text = char::decode_utf16(units).collect::<Result<_, _>>().ok();
            text.filter(|_| rest.is_empty())
        }
        Tag::UniversalString => {
            let (chars, rest) = bytes.as_chunks::<4>();
            let chars = chars.iter().map(|c| char::from_u32(u32::from_be_bytes(*c)));
            chars.collect::<Option<_>>().filter(|_| rest.is_empty())
        }
        // Latin-1, whatever the standard says.
        Tag::T61String => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    }
}

fn push_escaped(text: &mut String, value: &str) {
    let last = value.len().saturating_sub(1);
    for (index, byte) in value.bytes().enumerate() {
        let edge = (index == 0 && matches!(byte, b' ' | b'#')) || (index == last && byte == b' ');
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => push_after_backslash(text, byte),
            _ if edge => push_after_backslash(text, byte),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => push_hex(text, "\\", byte),
        }
    }
}

fn push_after_backslash(text: &mut String, byte: u8) {
    text.push('\\');
    text.push(char::from(byte));
}

/// The DER of a value.
fn push_dump(text: &mut String, value: &Any<'_>) {
    text.push('#');
    let constructed = if value.header.is_constructed() {
        0x20
    } else {
        0
    };
    let class = (value.class() as u8) << 6;
    // Numbers of tags above 30 take more bytes, and occur in no name.
    push_hex(text, "", class | constructed | (value.tag().0 & 0x1f) as u8);
    let length = value.data.len();
    let bytes = length.to_be_bytes();
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    if length >= 0x80 {
        push_hex(text, "", 0x80 | significant.clone().count() as u8);
        significant.for_each(|byte| push_hex(text, "", *byte));
    } else {
        push_hex(text, "", length as u8);
    }
    value.data.iter().for_each(|byte| push_hex(text, "", *byte));
}

fn push_hex(text: &mut String, before: &str, byte: u8) {
    let written = write!(text, "{before}{byte:02X}");
    debug_assert!(written.is_ok(), "a String takes what is written");
}

/// What OpenSSL calls the attributes that names are made of.
const SHORT_NAMES: [(&str, &str); 25] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
];
