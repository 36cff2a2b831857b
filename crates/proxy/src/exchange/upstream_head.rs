//! The request as the upstream sees it.
//!
//! Invariant: the head is written anew from what was understood, never patched: a field reaches
//! the upstream because it was copied or added here, and the body is framed exactly one way.
//!
//! Deliberately absent: choosing the route and the endpoint.

use bytes::BytesMut;
use http::Method;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue};
use nuncio_routing::{Forward, HostRewrite};
use pingora_core::Result;
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;

use super::fields::{Nominated, is_gateways_own, is_hop_by_hop};
use super::head::{self, RequestTarget};

/// What the upstream's request is made from.
pub(super) struct UpstreamHead<'a> {
    pub(super) received: &'a RequestHeader,
    pub(super) nominated: &'a Nominated,
    pub(super) target: &'a RequestTarget<'a>,
    pub(super) forward: &'a Forward,
    /// The client's address as text.
    pub(super) client: &'a HeaderValue,
    pub(super) body: BodyFraming,
    /// Whether `x-envoy-*` fields are added.
    pub(super) envoy_headers: bool,
}

/// How the request's body is delimited towards the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// There is none, and nothing says so.
    None,
    /// By the length the client gave.
    Length(u64),
    /// In chunks.
    Chunked,
}

impl BodyFraming {
    /// As the client framed it. A body is expected of methods that give it a meaning, so its
    /// absence is said (RFC 9110 section 8.6); Envoy does so for the same methods.
    pub(super) fn of(session: &mut ServerSession) -> Self {
        let is_empty = session.is_body_empty();
        let received = session.req_header();
        match head::content_length(&received.headers) {
            Some(length) => Self::Length(length),
            None if !is_empty => Self::Chunked,
            None => match received.method {
                Method::GET | Method::HEAD | Method::DELETE | Method::TRACE => Self::None,
                _ => Self::Length(0),
            },
        }
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_ENVOY_EXTERNAL_ADDRESS: HeaderName = HeaderName::from_static("x-envoy-external-address");
const X_ENVOY_EXPECTED_TIMEOUT: HeaderName =
    HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
const X_ENVOY_ORIGINAL_PATH: HeaderName = HeaderName::from_static("x-envoy-original-path");

/// How many fields the gateway adds at most; sizes the map once.
const ADDED: usize = 8;

impl UpstreamHead<'_> {
    /// Builds the head.
    ///
    /// # Errors
    ///
    /// When the rewritten path is no request target.
    pub(super) fn build(&self) -> Result<Box<RequestHeader>> {
        let mut path = String::new();
        let rewritten = self
            .forward
            .rewrite(&self.target.path, self.target.query, &mut path);
        let path = if rewritten {
            &path
        } else {
            &*self.target.path_and_query
        };
        let size = self.received.headers.len() + ADDED;
        let mut head = RequestHeader::build_no_case(
            self.received.method.clone(),
            path.as_bytes(),
            Some(size),
        )?;
        self.add_host(&mut head)?;
        self.copy_fields(&mut head)?;
        self.add_framing(&mut head)?;
        self.add_forwarding(&mut head)?;
        if self.envoy_headers {
            self.add_envoy_fields(&mut head, rewritten)?;
        }
        Ok(Box::new(head))
    }

    fn add_host(&self, head: &mut RequestHeader) -> Result<()> {
        match &self.forward.host {
            HostRewrite::To(host) => head.insert_header(HOST, host.clone()),
            // The cluster's name is not known here yet.
            HostRewrite::Keep | HostRewrite::Upstream => {
                head.insert_header(HOST, self.target.host_value.clone())
            }
        }
    }

    fn copy_fields(&self, head: &mut RequestHeader) -> Result<()> {
        for (name, value) in &self.received.headers {
            if !self.ends_here(name) {
                head.append_header(name.clone(), value.clone())?;
            }
        }
        match joined(&self.received.headers, &COOKIE, b"; ") {
            Some(cookie) => head.insert_header(COOKIE, cookie),
            None => Ok(()),
        }
    }

    fn ends_here(&self, name: &HeaderName) -> bool {
        // The gateway answers `Expect` itself, as Envoy does unless told to proxy it.
        is_hop_by_hop(name)
            || matches!(*name, HOST | CONTENT_LENGTH | EXPECT)
            || matches!(name.as_str(), "x-forwarded-for" | "x-forwarded-proto")
            || is_gateways_own(name)
            || self.nominated.contains(name)
    }

    fn add_framing(&self, head: &mut RequestHeader) -> Result<()> {
        match self.body {
            BodyFraming::None => Ok(()),
            BodyFraming::Length(length) => {
                head.insert_header(CONTENT_LENGTH, HeaderValue::from(length))
            }
            BodyFraming::Chunked => head.insert_header(
                http::header::TRANSFER_ENCODING,
                HeaderValue::from_static("chunked"),
            ),
        }
    }

    /// `use_remote_address: true`: the peer is appended to what came, and the protocol and the
    /// request id are the gateway's own.
    fn add_forwarding(&self, head: &mut RequestHeader) -> Result<()> {
        let forwarded_for = appended(&self.received.headers, &X_FORWARDED_FOR, self.client);
        head.insert_header(X_FORWARDED_FOR, forwarded_for)?;
        head.insert_header(X_FORWARDED_PROTO, HeaderValue::from_static("http"))?;
        head.insert_header(X_REQUEST_ID, request_id())
    }

    fn add_envoy_fields(&self, head: &mut RequestHeader, rewritten: bool) -> Result<()> {
        head.insert_header(X_ENVOY_EXTERNAL_ADDRESS, self.client.clone())?;
        if let Some(timeout) = self.forward.timeout {
            let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            head.insert_header(X_ENVOY_EXPECTED_TIMEOUT, HeaderValue::from(ms))?;
        }
        if rewritten {
            head.insert_header(X_ENVOY_ORIGINAL_PATH, &*self.target.path_and_query)?;
        }
        Ok(())
    }
}

/// The values of `name` as one, when there are several (cookie crumbs: RFC 9113 section 8.2.3).
fn joined(headers: &http::HeaderMap, name: &HeaderName, separator: &[u8]) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let second = values.next()?;
    let mut all = BytesMut::from(first.as_bytes());
    for value in std::iter::once(second).chain(values) {
        all.extend_from_slice(separator);
        all.extend_from_slice(value.as_bytes());
    }
    HeaderValue::from_maybe_shared(all.freeze()).ok()
}

/// The values of `name` followed by `last`, comma-separated as Envoy does.
fn appended(headers: &http::HeaderMap, name: &HeaderName, last: &HeaderValue) -> HeaderValue {
    let mut values = headers
        .get_all(name)
        .iter()
        .filter(|value| !value.is_empty())
        .peekable();
    if values.peek().is_none() {
        return last.clone();
    }
    let mut all = BytesMut::new();
    for value in values {
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b",");
    }
    all.extend_from_slice(last.as_bytes());
    HeaderValue::from_maybe_shared(all.freeze()).unwrap_or_else(|_| last.clone())
}

/// A random (version 4) UUID: RFC 9562 section 5.4.
fn request_id() -> HeaderValue {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = fastrand::u128(..) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let mut text = BytesMut::with_capacity(36);
    for nibble in (0..32).rev() {
        if matches!(nibble, 23 | 19 | 15 | 11) {
            text.extend_from_slice(b"-");
        }
        let digit = usize::try_from(bits >> (nibble * 4) & 0xf).unwrap_or(0);
        text.extend_from_slice(HEX.get(digit..=digit).unwrap_or(b"0"));
    }
    HeaderValue::from_maybe_shared(text.freeze())
        .unwrap_or_else(|_| HeaderValue::from_static("00000000-0000-4000-8000-000000000000"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_request_id_is_a_random_uuid() {
        let (one, other) = (request_id(), request_id());
        let text = one.to_str().unwrap();
        assert_eq!(text.len(), 36);
        assert_eq!(
            text.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert_eq!(text.as_bytes()[14], b'4');
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_ne!(one, other);
    }

    #[test]
    fn the_client_is_appended_to_what_came_in_any_number_of_lines() {
        let client = HeaderValue::from_static("10.0.0.1");
        let mut headers = HeaderMap::new();
        assert_eq!(appended(&headers, &X_FORWARDED_FOR, &client), "10.0.0.1");
        headers.append(
            X_FORWARDED_FOR,
            HeaderValue::from_static("1.1.1.1, 2.2.2.2"),
        );
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("3.3.3.3"));
        let all = appended(&headers, &X_FORWARDED_FOR, &client);
        assert_eq!(all, "1.1.1.1, 2.2.2.2,3.3.3.3,10.0.0.1");
    }

    #[test]
    fn cookie_crumbs_become_one_cookie() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1"));
        assert_eq!(joined(&headers, &COOKIE, b"; "), None);
        headers.append(COOKIE, HeaderValue::from_static("b=2"));
        assert_eq!(joined(&headers, &COOKIE, b"; ").unwrap(), "a=1; b=2");
    }
}
