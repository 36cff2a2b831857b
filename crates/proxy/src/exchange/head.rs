//! Whether a request head can be served at all, and what of it routing looks at.
//!
//! Invariant: the host, path and method returned here are what matching sees and what the
//! upstream is sent; there is no second reading.
//!
//! Deliberately absent: message framing, which the codec has checked.

use std::borrow::Cow;

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Version};
use nuncio_routing::{PathRules, normalized};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use pingora_http::authority::raw_target_authority;

use super::fields::{ForbiddenNomination, Nominated};
use super::reply::Reply;

/// The parts of a request that routing and rewriting look at.
#[derive(Debug)]
pub(super) struct RequestTarget<'a> {
    /// `:authority` or `Host`, as sent.
    pub(super) host: &'a str,
    pub(super) host_value: HeaderValue,
    /// Begins with `/`, normalised; without the query.
    pub(super) path: Cow<'a, str>,
    /// Without its `?`; as sent.
    pub(super) query: Option<&'a str>,
    pub(super) path_and_query: Cow<'a, str>,
}

/// Why a request is answered without looking for a route. The codes are Envoy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400: no valid host, a target that is no path, ambiguous lengths, a hostile `Connection`.
    Malformed,
    /// 403: an upgrade that no Mapping allows.
    UpgradeForbidden,
    /// 405: `CONNECT`.
    MethodForbidden,
    /// 426: HTTP/1.0.
    VersionTooOld,
    /// 431: more than [`MAX_HEAD_BYTES`] or [`MAX_FIELDS`].
    HeadTooLarge,
    /// 501: a transfer coding other than `chunked`.
    CodingUnknown,
}

impl Refusal {
    /// The answer, in the words of Envoy's codecs.
    pub(super) fn reply(self) -> Reply {
        let (status, text) = match self {
            Self::Malformed => (400, "Bad Request"),
            Self::UpgradeForbidden => (403, ""),
            Self::MethodForbidden => (405, ""),
            Self::VersionTooOld => (426, "Upgrade Required"),
            Self::HeadTooLarge => (431, "Request Header Fields Too Large"),
            Self::CodingUnknown => (501, "Not Implemented"),
        };
        Reply { status, text }
    }
}

impl From<ForbiddenNomination> for Refusal {
    fn from(_: ForbiddenNomination) -> Self {
        Self::Malformed
    }
}

/// `max_request_headers_kb` of Ambassador's Module, at its default.
const MAX_HEAD_BYTES: usize = 60 * 1024;

/// Envoy's `max_headers_count`.
const MAX_FIELDS: usize = 100;

/// Reads the head of a request, or says why it cannot be served.
pub(super) fn read(head: &RequestHeader) -> Result<(RequestTarget<'_>, Nominated), Refusal> {
    check_size(head)?;
    check_version_and_method(head)?;
    let nominated = Nominated::by(&head.headers)?;
    check_length(&head.headers)?;
    check_coding(&head.headers)?;
    Ok((target(head).ok_or(Refusal::Malformed)?, nominated))
}

fn check_size(head: &RequestHeader) -> Result<(), Refusal> {
    // Each field costs its separators on the wire: `: ` and CRLF.
    let fields: usize = head
        .headers
        .iter()
        .map(|(k, v)| k.as_str().len() + v.len() + 4)
        .sum();
    let too_large =
        head.headers.len() > MAX_FIELDS || fields + head.raw_path().len() > MAX_HEAD_BYTES;
    if too_large {
        Err(Refusal::HeadTooLarge)
    } else {
        Ok(())
    }
}

fn check_version_and_method(head: &RequestHeader) -> Result<(), Refusal> {
    if head.version < Version::HTTP_11 {
        return Err(Refusal::VersionTooOld);
    }
    if head.method == Method::CONNECT {
        return Err(Refusal::MethodForbidden);
    }
    Ok(())
}

/// Whether the client wants another protocol. Envoy ignores an offer of `h2c`, and refuses any
/// other that the route does not allow.
pub(super) fn asks_for_upgrade(head: &RequestHeader) -> bool {
    let asked = head
        .headers
        .get_all(http::header::CONNECTION)
        .iter()
        .any(|value| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        });
    asked
        && !head
            .headers
            .get_all(UPGRADE)
            .iter()
            .all(|token| token.as_bytes().trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

/// One Content-Length, in digits. A repeated one is an attack or a fault, alike or not.
fn check_length(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if is_number(one.as_bytes()) => Ok(()),
        _ => Err(Refusal::Malformed),
    }
}

/// RFC 9112 section 6.1: what cannot be decoded is refused. Passed on as `chunked` alone, the
/// upstream would take the coded bytes for the content.
fn check_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::CodingUnknown),
    }
}

/// Whether the head as it came has both a length and a coding, of which the codec drops the
/// length (RFC 9112 section 6.1). Envoy refuses it: whoever stands before us may have read it
/// the other way.
pub(super) fn is_framed_twice(session: &ServerSession) -> bool {
    let Some(h1) = session.as_http1() else {
        return false;
    };
    let is_length = |line: &[u8]| {
        const NAME: &[u8] = b"content-length:";
        line.get(..NAME.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(NAME))
    };
    h1.req_header().headers.contains_key(TRANSFER_ENCODING)
        && h1
            .get_headers_raw_bytes()
            .split(|byte| *byte == b'\n')
            .any(is_length)
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The Content-Length of a head that [`read`] accepted.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn target(head: &RequestHeader) -> Option<RequestTarget<'_>> {
    let (host, host_value) = host(head)?;
    let path_and_query = head.uri.path_and_query()?.as_str();
    // Bytes that are not UTF-8, and targets that are no path: `*`, or an absolute form without one.
    if !head.raw_path_is_utf8() || !path_and_query.starts_with('/') {
        return None;
    }
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let path = normalized(path, PathRules::default()).ok()?;
    let path_and_query = match (&path, query) {
        (Cow::Borrowed(_), _) => Cow::Borrowed(path_and_query),
        (Cow::Owned(path), Some(query)) => Cow::Owned(format!("{path}?{query}")),
        (Cow::Owned(path), None) => Cow::Owned(path.clone()),
    };
    Some(RequestTarget {
        host,
        host_value,
        path,
        query,
        path_and_query,
    })
}

/// `:authority`, or the absolute form's authority, goes before `Host` (RFC 9112 section 3.2.2);
/// the codec has refused those that disagree.
fn host(head: &RequestHeader) -> Option<(&str, HeaderValue)> {
    let authority = match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None if head.raw_path().starts_with(b"/") => None,
        // Neither a path nor an absolute form is no target, though the codec takes it for `/`.
        None => {
            let authority = raw_target_authority(head.raw_path()).authority()?;
            Some(std::str::from_utf8(authority).ok()?)
        }
    };
    if let Some(authority) = authority.filter(|authority| !authority.is_empty()) {
        return Some((authority, HeaderValue::from_str(authority).ok()?));
    }
    let value = head.headers.get(HOST)?;
    let host = value.to_str().ok().filter(|host| is_host(host))?;
    Some((host, value.clone()))
}

/// What a host and port may be made of (RFC 3986 section 3.2.2), which Envoy checks too.
fn is_host(text: &str) -> bool {
    let may_occur =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(may_occur)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(path: &str, fields: &[(&'static str, &str)]) -> RequestHeader {
        let mut head = RequestHeader::build_no_case("GET", path.as_bytes(), None).unwrap();
        head.set_version(Version::HTTP_11);
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    fn refusal(head: &RequestHeader) -> Refusal {
        read(head).err().unwrap()
    }

    #[test]
    fn path_and_query_are_told_apart() {
        let head = head("/a/b?x=1?y", &[("host", "example.com:8080")]);
        let (target, _) = read(&head).unwrap();
        assert_eq!((target.host, &*target.path), ("example.com:8080", "/a/b"));
        assert_eq!(target.query, Some("x=1?y"));
    }

    #[test]
    fn the_absolute_form_names_the_host() {
        let head = head("http://one.example/a?b", &[("host", "two.example")]);
        let (target, _) = read(&head).unwrap();
        assert_eq!(
            (target.host, &*target.path_and_query),
            ("one.example", "/a?b")
        );
    }

    #[test]
    fn a_request_without_a_host_is_malformed() {
        assert_eq!(refusal(&head("/", &[])), Refusal::Malformed);
        assert_eq!(refusal(&head("/", &[("host", "")])), Refusal::Malformed);
    }

    #[test]
    fn an_old_version_is_told_to_upgrade() {
        let mut head = head("/", &[("host", "a")]);
        head.set_version(Version::HTTP_10);
        assert_eq!(refusal(&head), Refusal::VersionTooOld);
    }

    #[test]
    fn a_head_beyond_sixty_kilobytes_or_a_hundred_fields_is_too_large() {
        let long = "a".repeat(MAX_HEAD_BYTES);
        assert_eq!(
            refusal(&head("/", &[("host", "a"), ("x", &long)])),
            Refusal::HeadTooLarge
        );
        let mut many = vec![("host", "a")];
        many.extend(std::iter::repeat_n(("x", "y"), MAX_FIELDS));
        assert_eq!(refusal(&head("/", &many)), Refusal::HeadTooLarge);
    }

    #[test]
    fn an_upgrade_is_asked_for_except_by_the_offer_of_h2c() {
        let websocket = [
            ("host", "a"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ];
        assert!(asks_for_upgrade(&head("/", &websocket)));
        let h2c = [
            ("host", "a"),
            ("connection", "Upgrade, HTTP2-Settings"),
            ("upgrade", "h2c"),
        ];
        assert!(!asks_for_upgrade(&head("/", &h2c)));
    }

    #[test]
    fn repeated_or_odd_lengths_are_malformed() {
        let twice = [
            ("host", "a"),
            ("content-length", "5"),
            ("content-length", "5"),
        ];
        assert_eq!(refusal(&head("/", &twice)), Refusal::Malformed);
        for odd in ["5, 5", "+5", "0x5", ""] {
            let fields = [("host", "a"), ("content-length", odd)];
            let outcome = read(&head("/", &fields)).map(|_| ());
            assert!(outcome.is_err(), "{odd:?}");
        }
    }
}
