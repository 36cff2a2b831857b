//! `error_response_overrides`

use http::HeaderValue;

use crate::Format;

/// Another body for answers with one status, whether the upstream's or the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponseOverride {
    /// `on_status_code`: 400 to 599.
    pub status: u16,
    /// What is sent instead.
    pub body: OverrideBody,
    /// `content_type`, else `text/plain` or `application/json`.
    pub content_type: HeaderValue,
}

/// A body with operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideBody {
    /// `text_format`, or the text of the file in `text_format_source`.
    Text(Format),
    /// `json_format`: keys in the order written.
    Json(Box<[(Box<str>, Format)]>),
    /// `text_format_source: {filename}`: read by the gateway, never by the parser.
    File(Box<str>),
}
