//! `error_response_overrides`

use http::HeaderValue;

use crate::fields::{Fields, Line};
use crate::format;
use crate::mapping::{ErrorResponseOverride, OverrideBody};

pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Box<[ErrorResponseOverride]>> {
    fields.list("error_response_overrides", |fields| {
        fields.review(&["on_status_code", "body"]);
        fields.require(&["on_status_code", "body"]);
        let status = fields.number("on_status_code", 400..=599);
        let (body, content_type) = fields.section("body", body).flatten()?;
        Some(ErrorResponseOverride {
            status: u16::try_from(status?).ok()?,
            body,
            content_type,
        })
    })
}

fn body(fields: &mut Fields<'_, '_>) -> Option<(OverrideBody, HeaderValue)> {
    fields.review(&[
        "text_format",
        "json_format",
        "text_format_source",
        "content_type",
    ]);
    let written: Vec<_> = FORMATS
        .into_iter()
        .filter(|key| fields.entry(key).is_some())
        .collect();
    let [format] = *written else {
        fields.error_here("need exactly one of text_format, json_format and text_format_source");
        return None;
    };
    let content_type = fields.parsed_by("content_type", |text| {
        HeaderValue::from_str(text).map_err(|_| "is no header value")
    });
    let (body, default_type) = match format {
        "text_format" => (text(fields)?, "text/plain"),
        "json_format" => (json(fields)?, "application/json"),
        _ => (file(fields)?, "text/plain"),
    };
    let default_type = || HeaderValue::from_static(default_type);
    Some((body, content_type.unwrap_or_else(default_type)))
}

const FORMATS: [&str; 3] = ["text_format", "json_format", "text_format_source"];

fn text(fields: &mut Fields<'_, '_>) -> Option<OverrideBody> {
    let text = fields.text("text_format")?;
    let line = fields.line_of("text_format");
    let name = fields.name("text_format");
    format::read(fields, &name, Line { text, line }).map(OverrideBody::Text)
}

fn json(fields: &mut Fields<'_, '_>) -> Option<OverrideBody> {
    format::read_fields(fields, "json_format").map(OverrideBody::Json)
}

fn file(fields: &mut Fields<'_, '_>) -> Option<OverrideBody> {
    let file = fields.section("text_format_source", |fields| {
        fields.review(&["filename"]);
        fields.require(&["filename"]);
        fields.parsed_by("filename", |text| match text {
            "" => Err("is no file"),
            _ => Ok(text.into()),
        })
    });
    file.flatten().map(OverrideBody::File)
}
