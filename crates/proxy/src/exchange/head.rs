//! Whether a request head can be served at all, and what of it routing looks at.
//!
//! Invariant: the host, path and method returned here are what matching sees and what the
//! upstream is sent; there is no second reading.
//!
//! Deliberately absent: message framing, and whatever else a head of HTTP/1 must keep to before anybody
//! can act on it, which the guard has checked.

use std::borrow::Cow;

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Version};
use nuncio_guard::is_authority;
use nuncio_routing::{ConnectionSettings, normalized};
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
    /// 400: a field that some servers take for the length of the body.
    FramingAlias,
    /// 400: a field's name with an underscore, where the Module has none.
    Underscore,
    /// 400: no host at all, which is no mistake of the protocol for Envoy.
    HostMissing,
    /// 403: an upgrade that no Mapping allows.
    UpgradeForbidden,
    /// 405: `CONNECT`, `TRACE`.
    MethodForbidden,
    /// 426: HTTP/1.0.
    VersionTooOld,
    /// 431: more than `max_request_headers_kb` or [`MAX_FIELDS`].
    HeadTooLarge,
}

impl Refusal {
    /// The answer, in the words of Envoy's codecs.
    pub(super) fn reply(self) -> Reply {
        match self {
            Self::Malformed | Self::FramingAlias | Self::Underscore | Self::HostMissing => {
                Reply::MALFORMED
            }
            Self::UpgradeForbidden => Reply::new(403, ""),
            Self::MethodForbidden => Reply::new(405, ""),
            Self::VersionTooOld => Reply::new(426, "Upgrade Required"),
            Self::HeadTooLarge => Reply::new(431, "Request Header Fields Too Large"),
        }
    }

    #[cfg(test)]
    const ALL: [Self; 8] = [
        Self::Malformed,
        Self::FramingAlias,
        Self::Underscore,
        Self::HostMissing,
        Self::UpgradeForbidden,
        Self::MethodForbidden,
        Self::VersionTooOld,
        Self::HeadTooLarge,
    ];

    /// What it is called in a metric.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::FramingAlias => "framing_alias",
            Self::Underscore => "underscore",
            Self::HostMissing => "host_missing",
            Self::UpgradeForbidden => "upgrade_forbidden",
            Self::MethodForbidden => "method_forbidden",
            Self::VersionTooOld => "version_too_old",
            Self::HeadTooLarge => "head_too_large",
        }
    }
}

impl From<ForbiddenNomination> for Refusal {
    fn from(_: ForbiddenNomination) -> Self {
        Self::Malformed
    }
}

/// Envoy's `max_headers_count`.
const MAX_FIELDS: usize = 100;

/// What [`check`] found in a head that can be served.
#[derive(Debug)]
pub(super) struct Checked {
    /// The fields that end at the gateway by the head's own word.
    pub(super) nominated: Nominated,
    /// Whether the name of a field has one.
    pub(super) has_underscores: bool,
}

/// Says why a request cannot be served, or what is to be heeded in serving it.
pub(super) fn check(
    head: &RequestHeader,
    settings: &ConnectionSettings,
) -> Result<Checked, Refusal> {
    let has_underscores = check_fields(head, settings.max_head_bytes)?;
    check_version_and_method(head, settings)?;
    let nominated = Nominated::by(&head.headers)?;
    check_length(&head.headers)?;
    Ok(Checked {
        nominated,
        has_underscores,
    })
}

/// Checks how much there is; says whether a name has an underscore.
fn check_fields(head: &RequestHeader, limit: usize) -> Result<bool, Refusal> {
    let mut bytes = head.method.as_str().len() + head.raw_path().len();
    let mut has_underscores = false;
    for (name, value) in &head.headers {
        let name = name.as_str().as_bytes();
        // Each field costs its separators on the wire: `: ` and CRLF.
        bytes += name.len() + value.len() + 4;
        has_underscores |= name.contains(&b'_');
    }
    if head.headers.len() > MAX_FIELDS || bytes > limit {
        return Err(Refusal::HeadTooLarge);
    }
    Ok(has_underscores)
}

fn check_version_and_method(
    head: &RequestHeader,
    settings: &ConnectionSettings,
) -> Result<(), Refusal> {
    let oldest = match settings.enable_http10 {
        true => Version::HTTP_10,
        false => Version::HTTP_11,
    };
    if head.version < oldest {
        return Err(Refusal::VersionTooOld);
    }
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal::MethodForbidden);
    }
    Ok(())
}

/// Whether the request is about the server as a whole (RFC 9112 section 3.2.4), for which there is
/// no Mapping.
pub(super) fn is_for_server(head: &RequestHeader) -> bool {
    head.method == Method::OPTIONS && head.raw_path() == b"*"
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

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The Content-Length of a head that [`check`] accepted.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What of the head routing and rewriting look at.
///
/// `port` is the listener's.
pub(super) fn target<'a>(
    head: &'a RequestHeader,
    settings: &ConnectionSettings,
    port: u16,
) -> Option<RequestTarget<'a>> {
    let (mut host, mut host_value) = host(head)?;
    if settings.strip_matching_host_port
        && let Some(stripped) = without_port(host, port)
    {
        host = stripped;
        host_value = HeaderValue::from_str(host).ok()?;
    }
    let path_and_query = head.uri.path_and_query()?.as_str();
    // Bytes that are not UTF-8, and targets that are no path: `*`, or an absolute form without one.
    if !head.raw_path_is_utf8() || !path_and_query.starts_with('/') {
        return None;
    }
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let path = normalized(path, settings.path).ok()?;
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

/// Why [`target`] gives nothing.
pub(super) fn why_no_target(head: &RequestHeader) -> Refusal {
    let is_path = head.raw_path().starts_with(b"/");
    match is_path && head.uri.authority().is_none() && !head.headers.contains_key(HOST) {
        true => Refusal::HostMissing,
        false => Refusal::Malformed,
    }
}

/// The host, if it says this port.
fn without_port(host: &str, port: u16) -> Option<&str> {
    let (host, said) = host.rsplit_once(':')?;
    let is_whole = !host.is_empty() && (!host.contains(':') || host.ends_with(']'));
    let is_port = said.bytes().all(|byte| byte.is_ascii_digit()) && said.parse() == Ok(port);
    (is_whole && is_port).then_some(host)
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
        let value = HeaderValue::from_str(authority).ok()?;
        return is_authority(authority.as_bytes()).then_some((authority, value));
    }
    let value = head.headers.get(HOST)?;
    let host = value.to_str().ok();
    let host = host.filter(|host| is_authority(host.as_bytes()))?;
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

    fn settings() -> ConnectionSettings {
        nuncio_routing::Settings::default().connections
    }

    fn read(head: &RequestHeader) -> Result<RequestTarget<'_>, Refusal> {
        check(head, &settings())?;
        target(head, &settings(), 8080).ok_or(Refusal::Malformed)
    }

    fn refusal(head: &RequestHeader) -> Refusal {
        read(head).err().unwrap()
    }

    #[test]
    fn path_and_query_are_told_apart() {
        let head = head("/a/b?x=1?y", &[("host", "example.com:8080")]);
        let target = read(&head).unwrap();
        assert_eq!((target.host, &*target.path), ("example.com:8080", "/a/b"));
        assert_eq!(target.query, Some("x=1?y"));
    }

    #[test]
    fn the_absolute_form_names_the_host() {
        let head = head("http://one.example/a?b", &[("host", "two.example")]);
        let target = read(&head).unwrap();
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
    fn a_host_that_is_longer_than_a_name_can_be_is_malformed() {
        let longest = 253 + ":65535".len();
        for (length, is_served) in [(longest, true), (longest + 1, false)] {
            let host = "a".repeat(length);
            let absolute = format!("http://{host}/");
            for head in [head("/", &[("host", &host)]), head(&absolute, &[])] {
                let outcome = read(&head).map(|target| target.host.len());
                let expected = is_served.then_some(length).ok_or(Refusal::Malformed);
                assert_eq!(outcome, expected);
            }
        }
    }

    #[test]
    fn an_old_version_is_told_to_upgrade() {
        let mut head = head("/", &[("host", "a")]);
        head.set_version(Version::HTTP_10);
        assert_eq!(refusal(&head), Refusal::VersionTooOld);
    }

    #[test]
    fn an_old_version_is_served_where_that_is_asked_for() {
        let mut head = head("/", &[("host", "a")]);
        head.set_version(Version::HTTP_10);
        let lenient = ConnectionSettings {
            enable_http10: true,
            ..settings()
        };
        assert!(check(&head, &lenient).is_ok());
        head.set_version(Version::HTTP_09);
        assert_eq!(check(&head, &lenient).unwrap_err(), Refusal::VersionTooOld);
    }

    #[test]
    fn the_listeners_port_is_dropped_from_the_host_and_no_other() {
        for (host, expected) in [
            ("a.example:8080", Some("a.example")),
            ("[::1]:8080", Some("[::1]")),
            ("a.example:80", None),
            ("a.example:08080", Some("a.example")),
            ("a.example", None),
            ("a.example:+8080", None),
            ("::8080", None),
            (":8080", None),
            ("a:8080:8080", None),
        ] {
            assert_eq!(without_port(host, 8080), expected, "{host}");
        }
    }

    #[test]
    fn every_reason_to_refuse_is_counted() {
        let labels = Refusal::ALL.map(Refusal::label).into_iter();
        let of_guard = nuncio_guard::Fault::ALL.map(nuncio_guard::Fault::label);
        let of_frames = nuncio_guard::FrameFault::ALL.map(nuncio_guard::FrameFault::label);
        for label in labels.chain(of_guard).chain(of_frames) {
            assert!(
                nuncio_telemetry::REFUSAL_REASONS.contains(&label),
                "{label}"
            );
        }
    }

    #[test]
    fn names_with_underscores_are_noticed() {
        for (name, is_noticed) in [("x_y", true), ("x-y", false), ("_", true)] {
            let checked = check(&head("/", &[("host", "a_b"), (name, "a_b")]), &settings());
            assert_eq!(checked.unwrap().has_underscores, is_noticed, "{name}");
        }
    }

    #[test]
    fn a_head_beyond_sixty_kilobytes_or_a_hundred_fields_is_too_large() {
        let long = "a".repeat(60 * 1024);
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
