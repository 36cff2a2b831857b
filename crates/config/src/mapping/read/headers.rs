//! `add_*_headers` and `remove_*_headers`.

use http::{HeaderName, HeaderValue};

use crate::fields::{Fields, Line};
use crate::mapping::HeaderAddition;
use crate::quote::quoted;
use crate::yaml::Entry;
use crate::{Format, format};

/// Headers to add: name to text, or to `{value, append}`.
pub(crate) fn additions(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<[HeaderAddition]>> {
    fields.section(key, |fields| {
        let entries = fields.entries();
        entries
            .iter()
            .filter_map(|entry| addition(fields, entry))
            .collect()
    })
}

fn addition<'n>(fields: &mut Fields<'n, '_>, entry: &'n Entry<'n>) -> Option<HeaderAddition> {
    let name = header_name(fields, &fields.name(&entry.key), &entry.key, entry.line);
    let (value, append) = match entry.value.entries() {
        None => (value(fields, entry), true),
        Some(entries) => {
            let within = format!("{}.", entry.key);
            let mut fields = fields.nested(entries, entry.line, &within);
            fields.review(&["value", "append", "v2Representation"]);
            fields.require(&["value"]);
            let append = fields.boolean("append").unwrap_or(true);
            let written = fields.entry("value");
            (written.and_then(|entry| value(&mut fields, entry)), append)
        }
    };
    Some(HeaderAddition {
        name: name?,
        value: value?,
        append,
    })
}

fn value(fields: &mut Fields<'_, '_>, entry: &Entry<'_>) -> Option<Format> {
    let Some(text) = entry.value.text() else {
        fields.wrong_type(entry, "text, or a mapping with `value`");
        return None;
    };
    if HeaderValue::from_bytes(text.as_bytes()).is_err() {
        let name = fields.name(&entry.key);
        let reason = format!("{name}: {} is no header value", quoted(text));
        fields.error(entry.line, reason);
        return None;
    }
    format::read(
        fields,
        &fields.name(&entry.key),
        Line {
            text,
            line: entry.line,
        },
    )
}

/// Headers to remove: a list of names, or one.
pub(crate) fn removals(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<[HeaderName]>> {
    let names = fields.texts(key)?;
    fields.whole(|fields| {
        let place = fields.name(key);
        names
            .iter()
            .filter_map(|name| header_name(fields, &place, name.text, name.line))
            .collect()
    })
}

/// A header that a Mapping may change. Envoy refuses to change the host in this way; what frames a
/// message is the gateway's own business.
fn header_name(
    fields: &mut Fields<'_, '_>,
    place: &str,
    text: &str,
    line: u32,
) -> Option<HeaderName> {
    let name = HeaderName::try_from(text);
    match name {
        Ok(name) if FRAMING.contains(&name.as_str()) => {
            let reason = format!("{place}: {name} is the gateway's to set; left as it is");
            fields.warning(line, reason);
            None
        }
        Ok(name) if name == http::header::HOST => {
            fields.error(
                line,
                format!("{place}: the host is changed by `host_rewrite`"),
            );
            None
        }
        Ok(name) => Some(name),
        Err(_) => {
            fields.error(line, format!("{place}: {} is no header name", quoted(text)));
            None
        }
    }
}

const FRAMING: [&str; 6] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];
