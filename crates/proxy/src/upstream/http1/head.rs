//! Heads of HTTP/1, as they go to an upstream and come from it.
//!
//! Invariant: names and values are slices of what was read.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{StatusCode, Version};
use memchr::memchr;
use pingora_core::{BError, Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};

/// How much of what was read is a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub(super) len: usize,
    fields: usize,
}

/// What an answer's head says.
pub(super) struct Read {
    pub(super) head: ResponseHeader,
    pub(super) framing: Framing,
    /// Whether the connection stays (RFC 9112 section 9.3).
    pub(super) is_kept: bool,
}

/// How long the body is, if there is one at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// `bytes` begin with a whole head.
pub(super) fn complete(bytes: &[u8]) -> Option<Lines> {
    let (mut len, mut lines) = (0, 0);
    loop {
        let rest = bytes.get(len..).unwrap_or_default();
        let end = memchr(b'\n', rest)?;
        len += end + 1;
        if end <= 1 {
            // The line with the status is none of the fields.
            return Some(Lines {
                len,
                fields: lines.max(1) - 1,
            });
        }
        lines += 1;
    }
}

/// Takes a head apart.
///
/// # Errors
///
/// When it is none.
pub(super) fn read(bytes: &Bytes, lines: Lines) -> Result<Read> {
    let mut at = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
    let (version, status) = status_line(bytes).ok_or_else(unsound)?;
    let mut headers = HeaderMap::with_capacity(lines.fields);
    while let Some(len) = memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
        let line = bytes.get(at..at + len).unwrap_or_default();
        let Some(colon) = memchr(b':', line) else {
            break;
        };
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name).map_err(|_| unsound())?;
        let value = bytes.slice_ref(value.get(1..).unwrap_or_default().trim_ascii());
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| unsound())?;
        headers.try_append(name, value).map_err(|_| unsound())?;
        at += len + 1;
    }
    let (mut parts, ()) = http::Response::new(()).into_parts();
    (parts.status, parts.version) = (status, version);
    let is_kept = is_kept(version, &headers);
    let framing = framing(&headers);
    parts.headers = headers;
    Ok(Read {
        head: ResponseHeader::from(parts),
        framing,
        is_kept,
    })
}

/// `HTTP/1.1 200 OK`.
fn status_line(bytes: &[u8]) -> Option<(Version, StatusCode)> {
    let version = match bytes.get(..9)? {
        b"HTTP/1.1 " => Version::HTTP_11,
        b"HTTP/1.0 " => Version::HTTP_10,
        _ => return None,
    };
    let status = StatusCode::from_bytes(bytes.get(9..12)?).ok()?;
    Some((version, status))
}

fn framing(headers: &HeaderMap) -> Framing {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Framing::Chunked;
    }
    match headers.get(CONTENT_LENGTH) {
        Some(length) => Framing::Length(number(length.as_bytes())),
        None => Framing::UntilClose,
    }
}

fn is_kept(version: Version, headers: &HeaderMap) -> bool {
    let says = |token: &[u8]| {
        let lines = headers.get_all(CONNECTION).iter();
        let mut tokens = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        tokens.any(|said| said.trim_ascii().eq_ignore_ascii_case(token))
    };
    !says(b"close") && (version == Version::HTTP_11 || says(b"keep-alive"))
}

/// What digits say that were judged before.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum: u64, digit| {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        sum.saturating_mul(10).saturating_add(digit)
    })
}

/// The bytes of a request's head; `is_plain`: its names in lower case, however it would spell them.
///
/// # Errors
///
/// When its target would break its line.
pub(super) fn written(head: &RequestHeader, is_plain: bool) -> Result<BytesMut> {
    let target = head.raw_path();
    if target
        .iter()
        .any(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' '))
    {
        return Err(unsound());
    }
    let mut bytes = BytesMut::with_capacity(512);
    bytes.put_slice(head.method.as_str().as_bytes());
    bytes.put_u8(b' ');
    bytes.put_slice(target);
    bytes.put_slice(b" HTTP/1.1\r\n");
    match is_plain {
        true => {
            for (name, value) in &head.headers {
                bytes.put_slice(name.as_str().as_bytes());
                bytes.put_slice(b": ");
                bytes.put_slice(value.as_bytes());
                bytes.put_slice(b"\r\n");
            }
        }
        false => head.header_to_h1_wire(&mut bytes),
    }
    bytes.put_slice(b"\r\n");
    Ok(bytes)
}

fn unsound() -> BError {
    Error::explain(ErrorType::InvalidHTTPHeader, "no head of HTTP/1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(head: &str) -> Read {
        let bytes = Bytes::copy_from_slice(head.as_bytes());
        read(&bytes, complete(&bytes).unwrap()).unwrap()
    }

    #[test]
    fn a_head_is_complete_with_its_empty_line() {
        let head = "HTTP/1.1 200 OK\r\na: b\r\n\r\nbody\r\n\r\n";
        let end = head.find("body").unwrap();
        for at in 0..end {
            assert!(complete(&head.as_bytes()[..at]).is_none(), "{at}");
        }
        let lines = complete(head.as_bytes()).unwrap();
        assert_eq!((lines.len, lines.fields), (end, 1));
    }

    #[test]
    fn fields_are_read_in_their_order_without_blanks_around_them() {
        let read = read_all("HTTP/1.1 404 Not: Found\r\nX-A:\t one \r\nx-a: two:2\r\nb:\r\n\r\n");
        assert_eq!(read.head.status, 404);
        let values: Vec<_> = read.head.headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["one", "two:2"]);
        assert_eq!(read.head.headers["b"], "");
        assert_eq!(read.head.headers.len(), 3);
    }

    #[test]
    fn the_body_is_as_long_as_its_head_says() {
        for (field, expected) in [
            ("content-length: 12", Framing::Length(12)),
            ("Transfer-Encoding: chunked", Framing::Chunked),
            ("x: y", Framing::UntilClose),
        ] {
            let read = read_all(&format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n"));
            assert_eq!(read.framing, expected);
        }
    }

    #[test]
    fn a_connection_stays_unless_its_version_or_its_upstream_ends_it() {
        for (head, stays) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nconnection: x, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\n\r\n", true),
        ] {
            assert_eq!(read_all(head).is_kept, stays, "{head}");
        }
    }

    #[test]
    fn a_request_is_written_as_it_is_spelled_or_in_lower_case() {
        let mut head = RequestHeader::build("GET", b"/a?b", None).unwrap();
        head.append_header("Content-LENGTH", "1").unwrap();
        let plain = written(&head, true).unwrap();
        assert_eq!(
            &plain[..],
            b"GET /a?b HTTP/1.1\r\ncontent-length: 1\r\n\r\n"
        );
        let spelled = written(&head, false).unwrap();
        assert_eq!(
            &spelled[..],
            b"GET /a?b HTTP/1.1\r\nContent-LENGTH: 1\r\n\r\n"
        );
    }

    #[test]
    fn a_target_that_breaks_its_line_is_not_written() {
        let head = RequestHeader::build("GET", b"a b", None);
        assert!(head.is_err() || written(&head.unwrap(), true).is_err());
    }
}
