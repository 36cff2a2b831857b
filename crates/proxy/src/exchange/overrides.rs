//! Other bodies for errors: `error_response_overrides`.
//!
//! Invariant: a Mapping's own list stands in the place of the Module's; what no Mapping answers goes
//! by the Module's. gRPC has its own way of saying what failed, and is left alone.

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use nuncio_config::{ErrorResponseOverride, Format, OverrideBody};
use pingora_http::RequestHeader;

use super::course::Course;
use super::facts::Facts;
use super::format::{self, Unknown};
use super::json::{self, Types};

/// A body and its type, in the place of what was there.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) body: Bytes,
    pub(super) content_type: HeaderValue,
}

/// What is sent instead of the body of an answer with `status`; `None` = that body, and `facts`
/// were not gathered.
pub(super) fn replacement<'f>(
    course: &Course<'_>,
    status: u16,
    request: &RequestHeader,
    facts: impl FnOnce() -> Facts<'f>,
) -> Option<Replacement> {
    let overridden = rule(course, status)?;
    if is_grpc(request) {
        return None;
    }
    let facts = &facts();
    let mut body = Vec::new();
    match &overridden.body {
        OverrideBody::Text(text) => write_text(text, facts, overridden, &mut body),
        OverrideBody::Json(fields) => json::write(fields, facts, Types::Kept, &mut body),
        // What cannot be read was reported when it was tried; the answer stays as it was.
        OverrideBody::File(name) => {
            let text = course.live.error_page(name)?;
            write_text(text, facts, overridden, &mut body);
        }
    }
    Some(Replacement {
        body: body.into(),
        content_type: overridden.content_type.clone(),
    })
}

/// What a client sent must not become a part of a page: Envoy leaves that to whoever writes the format.
fn write_text(
    text: &Format,
    facts: &Facts<'_>,
    as_said: &ErrorResponseOverride,
    out: &mut Vec<u8>,
) {
    match is_markup(&as_said.content_type) {
        true => format::write_markup(text, facts, out),
        false => format::write(text, facts, Unknown::Dash, out),
    }
}

/// Whether browsers run what is in it.
fn is_markup(content_type: &HeaderValue) -> bool {
    let of = content_type.as_bytes().to_ascii_lowercase();
    [&b"html"[..], b"xml", b"svg"]
        .iter()
        .any(|kind| of.windows(kind.len()).any(|part| part == *kind))
}

fn rule<'a>(course: &Course<'a>, status: u16) -> Option<&'a ErrorResponseOverride> {
    let rules = match course.route {
        Some(route) => &route.response.error_overrides,
        None => &course.settings().error_overrides,
    };
    rules.iter().find(|rule| rule.status == status)
}

fn is_grpc(request: &RequestHeader) -> bool {
    request
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
