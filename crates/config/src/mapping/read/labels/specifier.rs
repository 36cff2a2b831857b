//! One label, in the forms of v1, v2 and v3alpha1.

use http::HeaderName;

use crate::fields::Fields;
use crate::mapping::LabelSpecifier;
use crate::yaml::Node;

/// Reads a label: a text, or a mapping with one key.
pub(super) fn read<'n>(fields: &mut Fields<'n, '_>, item: &'n Node<'n>) -> Option<LabelSpecifier> {
    if let Some(text) = item.text() {
        return Some(short(text));
    }
    if let Some(key) = item.get("v3Key") {
        return generic_key_of_v2(fields, item, key);
    }
    let Some([entry]) = item.entries() else {
        let reason = format!(
            "{}: expected text or a mapping with one key, found {}",
            fields.name("label"),
            item.found()
        );
        fields.error(item.line, reason);
        return None;
    };
    let entries = std::slice::from_ref(entry);
    let mut fields = fields.nested(entries, entry.line, "");
    match (&*entry.key, entry.value.text()) {
        ("generic_key", Some(value)) => Some(LabelSpecifier::GenericKey {
            key: None,
            value: value.into(),
        }),
        (kind, None) => fields
            .section(&entry.key, |fields| structured(fields, kind))
            .flatten(),
        (_, Some(_)) => {
            fields.wrong_type(entry, "a mapping");
            None
        }
    }
}

/// `{generic_key: value, v3Key: key}`: v2's form of what only v3alpha1 can say.
fn generic_key_of_v2<'n>(
    fields: &mut Fields<'n, '_>,
    item: &'n Node<'n>,
    key: &Node<'_>,
) -> Option<LabelSpecifier> {
    let mut fields = fields.nested(item.entries()?, item.line, "");
    fields.review(&["generic_key", "v3Key"]);
    fields.require(&["generic_key"]);
    let value = fields.text("generic_key")?.into();
    let key = key.text().filter(|key| !key.is_empty()).map(Box::from);
    Some(LabelSpecifier::GenericKey { key, value })
}

/// Up to v2 a text names a kind of label, else it is the value of a generic key.
fn short(text: &str) -> LabelSpecifier {
    match text {
        "remote_address" => LabelSpecifier::RemoteAddress { key: text.into() },
        "source_cluster" => LabelSpecifier::SourceCluster { key: text.into() },
        "destination_cluster" => LabelSpecifier::DestinationCluster { key: text.into() },
        value => LabelSpecifier::GenericKey {
            key: None,
            value: value.into(),
        },
    }
}

fn structured(fields: &mut Fields<'_, '_>, kind: &str) -> Option<LabelSpecifier> {
    match kind {
        "generic_key" => {
            // Emissary's webhook remembers how a v2 object was written.
            fields.review(&["value", "key", "v2Shorthand"]);
            fields.require(&["value"]);
            let key = fields.text("key").map(Box::from);
            let value = fields.text("value")?.into();
            Some(LabelSpecifier::GenericKey { key, value })
        }
        "request_headers" => {
            fields.review(&["key", "header_name", "omit_if_not_present"]);
            fields.require(&["key", "header_name"]);
            let key = fields.text("key")?.into();
            request_header(fields, key, "header_name")
        }
        "remote_address" => key(fields, kind).map(|key| LabelSpecifier::RemoteAddress { key }),
        "source_cluster" => key(fields, kind).map(|key| LabelSpecifier::SourceCluster { key }),
        "destination_cluster" => {
            key(fields, kind).map(|key| LabelSpecifier::DestinationCluster { key })
        }
        // v1, v2: the descriptor's key, and the header under it.
        _ if fields.entry("header").is_some() => {
            fields.review(&["header", "omit_if_not_present"]);
            request_header(fields, kind.into(), "header")
        }
        _ => {
            fields.error_here("no such kind of label");
            None
        }
    }
}

fn key(fields: &mut Fields<'_, '_>, default: &str) -> Option<Box<str>> {
    fields.review(&["key"]);
    match fields.entry("key") {
        Some(_) => fields.text("key").map(Box::from),
        None => Some(default.into()),
    }
}

/// A header or pseudo header in lower case.
pub(super) fn header_name(text: &str) -> Result<Box<str>, &'static str> {
    let name = text.strip_prefix(':').unwrap_or(text);
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) => Ok(text.to_ascii_lowercase().into()),
        Err(_) => Err("is no header name"),
    }
}

fn request_header(
    fields: &mut Fields<'_, '_>,
    key: Box<str>,
    header: &str,
) -> Option<LabelSpecifier> {
    let omit_if_not_present = fields.boolean("omit_if_not_present").unwrap_or(false);
    let header_name = fields.parsed_by(header, header_name)?;
    Some(LabelSpecifier::RequestHeader {
        key,
        header_name,
        omit_if_not_present,
    })
}
