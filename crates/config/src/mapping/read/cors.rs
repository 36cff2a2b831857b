//! `cors`: lists, or texts with commas as before v3alpha1.

use http::HeaderValue;

use crate::fields::Fields;
use crate::mapping::Cors;
use crate::quote::quoted;

pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Cors> {
    fields.section("cors", |fields| {
        fields.review(&[
            "origins",
            "methods",
            "headers",
            "exposed_headers",
            "credentials",
            "max_age",
            // Emissary's webhook remembers how a v2 object was written.
            "v2CommaSeparatedOrigins",
        ]);
        Cors {
            origins: origins(fields),
            methods: joined(fields, "methods"),
            headers: joined(fields, "headers"),
            exposed_headers: joined(fields, "exposed_headers"),
            credentials: fields.boolean("credentials").unwrap_or(false),
            max_age: max_age(fields),
        }
    })
}

fn origins(fields: &mut Fields<'_, '_>) -> Box<[Box<str>]> {
    let origins = elements(fields, "origins");
    for origin in &origins {
        let reason = if HeaderValue::from_str(origin).is_err() {
            format!(
                "{}: {} is no origin",
                fields.name("origins"),
                quoted(origin)
            )
        } else if origin.ends_with('/') {
            let name = fields.name("origins");
            format!(
                "{name}: {} matches no page: an origin has no path",
                quoted(origin)
            )
        } else {
            continue;
        };
        fields.warning(fields.line_of("origins"), reason);
    }
    if fields
        .entry("origins")
        .is_none_or(|entry| entry.value.is_empty())
    {
        let line = fields.line_of("origins");
        fields.warning(line, "`cors` has no effect without `origins`");
    }
    origins.into_iter().map(Box::from).collect()
}

fn joined(fields: &mut Fields<'_, '_>, key: &str) -> Option<HeaderValue> {
    let elements = elements(fields, key);
    if elements.is_empty() {
        return None;
    }
    let text = elements.join(", ");
    let value = HeaderValue::from_str(&text).ok();
    if value.is_none() {
        let reason = format!("{}: {} is no header value", fields.name(key), quoted(&text));
        fields.error(fields.line_of(key), reason);
    }
    value
}

/// The elements of a list or of a text with commas.
fn elements<'n>(fields: &mut Fields<'n, '_>, key: &str) -> Vec<&'n str> {
    let texts = fields.texts(key).unwrap_or_default();
    let elements = texts.into_iter().flat_map(|line| line.text.split(','));
    elements
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect()
}

/// Fetch, 3.2.3: seconds. `-1` keeps preflights from being remembered.
fn max_age(fields: &mut Fields<'_, '_>) -> Option<HeaderValue> {
    let seconds = fields.read("max_age", "a whole number of seconds", |entry| {
        entry.value.integer().filter(|&seconds| seconds >= -1)
    })?;
    Some(HeaderValue::from(seconds))
}
