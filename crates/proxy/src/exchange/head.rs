//! Whether a request head can be served at all, and what of it routing looks at.
//!
//! Invariant: the host, path and method returned here are what matching sees and what the
//! upstream is sent; there is no second reading.
//!
//! Deliberately absent: message framing, which the codec has checked.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Version};
use pingora_http::RequestHeader;
use pingora_http::authority::raw_target_authority;

use super::fields::{ForbiddenNomination, Nominated};

/// The parts of a request that routing and rewriting look at.
#[derive(Debug)]
pub(super) struct RequestTarget<'a> {
    /// `:authority` or `Host`, as sent.
    pub(super) host: &'a str,
    pub(super) host_value: HeaderValue,
    /// Begins with `/`; without the query.
    pub(super) path: &'a str,
    /// Without its `?`.
    pub(super) query: Option<&'a str>,
    pub(super) path_and_query: &'a str,
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
}

impl Refusal {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::UpgradeForbidden => 403,
            Self::MethodForbidden => 405,
            Self::VersionTooOld => 426,
            Self::HeadTooLarge => 431,
        }
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
    check_upgrade(head)?;
    check_length(&head.headers)?;
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

/// Envoy ignores an offer to upgrade to `h2c` and refuses any other that the route does not allow.
fn check_upgrade(head: &RequestHeader) -> Result<(), Refusal> {
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
    let only_h2c = || {
        head.headers
            .get_all(UPGRADE)
            .iter()
            .all(|token| token.as_bytes().trim_ascii().eq_ignore_ascii_case(b"h2c"))
    };
    if asked && !only_h2c() {
        Err(Refusal::UpgradeForbidden)
    } else {
        Ok(())
    }
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
        None => raw_target_authority(head.raw_path())
            .authority()
            .and_then(|authority| std::str::from_utf8(authority).ok()),
    };
    if let Some(authority) = authority.filter(|authority| !authority.is_empty()) {
        return Some((authority, HeaderValue::from_str(authority).ok()?));
    }
    let value = head.headers.get(HOST)?;
    let host = value.to_str().ok().filter(|host| !host.is_empty())?;
    Some((host, value.clone()))
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
        assert_eq!((target.host, target.path), ("example.com:8080", "/a/b"));
        assert_eq!(target.query, Some("x=1?y"));
    }

    #[test]
    fn the_absolute_form_names_the_host() {
        let head = head("http://one.example/a?b", &[("host", "two.example")]);
        let (target, _) = read(&head).unwrap();
        assert_eq!(
            (target.host, target.path_and_query),
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
    fn upgrades_are_refused_except_the_offer_of_h2c() {
        let websocket = [
            ("host", "a"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
        ];
        assert_eq!(refusal(&head("/", &websocket)), Refusal::UpgradeForbidden);
        let h2c = [
            ("host", "a"),
            ("connection", "Upgrade, HTTP2-Settings"),
            ("upgrade", "h2c"),
        ];
        assert!(read(&head("/", &h2c)).is_ok());
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
