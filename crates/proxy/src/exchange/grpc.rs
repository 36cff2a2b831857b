//! What gRPC clients are told in place of HTTP errors.
//!
//! Invariant: they are told what Envoy tells them: `200` with the status and the message of the
//! call in the head, and no body.
//!
//! Deliberately absent: answers of upstreams, which pass as they are.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use pingora_core::Result;
use pingora_http::ResponseHeader;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// What every answer to a gRPC client has, whatever became of the call.
pub(super) const HTTP_STATUS: u16 = 200;

/// Whether a request is a gRPC call, which its content says (Envoy, `hasGrpcContentType`).
pub(super) fn is_call(headers: &HeaderMap) -> bool {
    let Some(content) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    content
        .as_bytes()
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

/// The head that says so instead of `status` and `text`; there is no body.
///
/// # Errors
///
/// When the text cannot be a header's value, which its encoding excludes.
pub(super) fn head(status: u16, text: &str) -> Result<ResponseHeader> {
    const FIELDS: usize = 6;
    let mut head = ResponseHeader::build_no_case(HTTP_STATUS, Some(FIELDS))?;
    head.insert_header(CONTENT_TYPE, HeaderValue::from_static("application/grpc"))?;
    head.insert_header(GRPC_STATUS, HeaderValue::from(code(status)))?;
    if !text.is_empty() {
        head.insert_header(GRPC_MESSAGE, percent_encoded(text))?;
    }
    Ok(head)
}

/// Envoy's `httpToGrpcStatus`, which is gRPC's own mapping.
fn code(status: u16) -> u16 {
    const UNKNOWN: u16 = 2;
    const PERMISSION_DENIED: u16 = 7;
    const UNIMPLEMENTED: u16 = 12;
    const INTERNAL: u16 = 13;
    const UNAVAILABLE: u16 = 14;
    const UNAUTHENTICATED: u16 = 16;
    match status {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// As the gRPC protocol spells a message (`Percent-Encoded`).
fn percent_encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(content: &'static str) -> bool {
        is_call(&HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static(content),
        )]))
    }

    #[test]
    fn a_call_is_told_by_its_content() {
        assert!(call("application/grpc"));
        assert!(call("application/grpc+proto"));
        assert!(!call("application/grpc-web"));
        assert!(!call("application/json"));
        assert!(!is_call(&HeaderMap::new()));
    }

    #[test]
    fn statuses_are_mapped_as_envoy_maps_them() {
        let pairs = [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (408, 2),
            (500, 2),
        ];
        for (status, code) in pairs {
            let head = head(status, "").unwrap();
            assert_eq!(head.status, 200);
            assert_eq!(head.headers["grpc-status"], code.to_string(), "{status}");
            assert!(!head.headers.contains_key("grpc-message"));
        }
    }

    #[test]
    fn the_text_becomes_the_message() {
        let head = head(503, "100% \u{e4}\n").unwrap();
        assert_eq!(head.headers["grpc-message"], "100%25 %C3%A4%0A");
        assert_eq!(head.headers["content-type"], "application/grpc");
    }
}
