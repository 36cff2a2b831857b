//! The request as the upstream sees it.
//!
//! Invariant: the head is written anew from what was understood, never patched: a field reaches
//! the upstream because it was copied or added here, and the body is framed exactly one way.
//!
//! Deliberately absent: choosing the route and the endpoint.

use std::borrow::Cow;
use std::time::Duration;

use bytes::BytesMut;
use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING,
};
use http::uri::PathAndQuery;
use http::{Method, Uri};
use nuncio_config::ServiceHost;
use nuncio_routing::{Forward, HeaderCase, HostRewrite};
use pingora_core::protocols::http::ServerSession;
use pingora_core::{ErrorType, OrErr, Result};
use pingora_http::RequestHeader;

use super::course::Course;
use super::fields::{Nominated, is_hop_by_hop};
use super::forwarding::X_ENVOY_EXTERNAL_ADDRESS;
use super::head::{self, RequestTarget};
use super::timer::Limits;
use super::{aliases, header_rules, spelling, upgrade};
use crate::live::Live;

/// How a request differs from what came when it goes on. The default: in nothing.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// The target; `None` = as it came.
    pub(super) path: Option<String>,
    /// What it was before rewriting, if the upstream is told.
    original_path: Option<HeaderValue>,
    pub(super) host: Option<HeaderValue>,
    /// What it was before rewriting, if the upstream is told.
    original_host: Option<HeaderValue>,
    nominated: Nominated,
    pub(super) body: BodyFraming,
    /// What the connection is to become.
    pub(super) upgrade: Option<HeaderValue>,
    /// Whether trailers can come back.
    takes_trailers: bool,
}

/// How the request's body is delimited towards the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// There is none, and nothing says so.
    #[default]
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

pub(super) const X_ENVOY_EXPECTED_TIMEOUT: HeaderName =
    HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
const X_ENVOY_ORIGINAL_PATH: HeaderName = HeaderName::from_static("x-envoy-original-path");
const X_ENVOY_ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-envoy-original-host");

/// How many fields the gateway adds at most, but for rules; sizes the map once.
const ADDED: usize = 9;

impl Outbound {
    /// Of a request for `target` that is not sent on.
    pub(super) fn unsent(target: &RequestTarget<'_>) -> Self {
        let path = match &target.path_and_query {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path.clone()),
        };
        Self {
            path,
            host: Some(target.host_value.clone()),
            ..Self::default()
        }
    }

    /// Of a request for `target` that goes on by `to`.
    pub(super) fn new(to: &Forward, target: &RequestTarget<'_>, live: &Live) -> Self {
        let mut outbound = Self::unsent(target);
        let tells = !live.settings().suppress_envoy_headers;
        let mut path = String::new();
        if to.rewrite(&target.path, target.query, &mut path) {
            outbound.path = Some(path);
            // What was a request target is a header's value.
            let original = HeaderValue::from_str(&target.path_and_query)
                .or_else(|_| HeaderValue::from_bytes(target.path_and_query.as_bytes()));
            outbound.original_path = original.ok().filter(|_| tells);
        }
        if let Some(host) = rewritten_host(to, live) {
            let original = outbound.host.replace(host);
            outbound.original_host = original.filter(|_| tells);
        }
        let upstream = live.upstream(to.cluster);
        outbound.takes_trailers = upstream.is_some_and(|upstream| upstream.cluster.http2);
        outbound
    }

    pub(super) fn framed(mut self, body: BodyFraming, nominated: Nominated) -> Self {
        self.body = body;
        self.nominated = nominated;
        self
    }

    pub(super) fn upgraded(mut self, upgrade: Option<HeaderValue>) -> Self {
        self.upgrade = upgrade;
        self
    }

    pub(super) fn original_path(&self) -> Option<&[u8]> {
        self.original_path.as_ref().map(HeaderValue::as_bytes)
    }
}

fn rewritten_host(to: &Forward, live: &Live) -> Option<HeaderValue> {
    match &to.host {
        HostRewrite::Keep => None,
        HostRewrite::To(host) => Some(HeaderValue::clone(host)),
        HostRewrite::Upstream => match &live.upstream(to.cluster)?.cluster.host {
            ServiceHost::Name(name) => HeaderValue::from_str(name).ok(),
            ServiceHost::Ip(_) => None,
        },
    }
}

/// What a request's head for the upstream is made from.
struct UpstreamHead<'a> {
    course: &'a Course<'a>,
    to: &'a Forward,
    received: &'a RequestHeader,
}

/// Builds the head with which the request goes on by `to`; as often as it is sent.
///
/// # Errors
///
/// When the rewritten path is no request target, or there are more fields than a head can hold.
pub(super) fn build(
    course: &Course<'_>,
    to: &Forward,
    received: &RequestHeader,
) -> Result<Box<RequestHeader>> {
    let head = UpstreamHead {
        course,
        to,
        received,
    }
    .build()?;
    match &course.settings().connections.header_case {
        HeaderCase::Lower => Ok(Box::new(head)),
        case @ (HeaderCase::Proper | HeaderCase::Overrides(_)) => {
            spelling::of_request(&head, case).map(Box::new)
        }
    }
}

impl UpstreamHead<'_> {
    fn build(&self) -> Result<RequestHeader> {
        let mut head = self.aimed(self.fields()?)?;
        if let Some(token) = &self.course.outbound.upgrade {
            upgrade::announce(&mut head, token)?;
        }
        if !self.to.request_headers.is_empty() {
            if self.course.has_underscores {
                aliases::drop_ruled(&self.to.request_headers, &mut head);
            }
            let facts = self.course.facts(self.received);
            header_rules::apply(&self.to.request_headers, &facts, &mut head)?;
        }
        Ok(head)
    }

    /// A head with these fields. (One by one, the codec's own kind of head would have each name spelled
    /// anew.)
    fn aimed(&self, fields: HeaderMap) -> Result<RequestHeader> {
        let method = self.received.method.clone();
        let uri = match &self.course.outbound.path {
            None => self.received.uri.path_and_query().cloned().map(Uri::from),
            Some(path) if path.starts_with('/') => {
                let path = PathAndQuery::try_from(path.as_str());
                Some(path.or_err(INVALID, "no request target")?.into())
            }
            Some(_) => None,
        };
        let Some(uri) = uri else {
            return self.aimed_oddly(&fields);
        };
        let (mut parts, ()) = http::Request::new(()).into_parts();
        (parts.method, parts.uri, parts.headers) = (method, uri, fields);
        Ok(RequestHeader::from(parts))
    }

    /// The same for a target that is no path.
    fn aimed_oddly(&self, fields: &HeaderMap) -> Result<RequestHeader> {
        let method = self.received.method.clone();
        let path = self.course.outbound.path.as_deref().unwrap_or("/");
        let size = Some(fields.len());
        let mut head = RequestHeader::build_no_case(method, path.as_bytes(), size)?;
        for (name, value) in fields {
            head.append_header(name.clone(), value.clone())?;
        }
        Ok(head)
    }

    /// What is said whatever the Mapping adds.
    fn fields(&self) -> Result<HeaderMap> {
        let outbound = &self.course.outbound;
        let mut fields = HeaderMap::with_capacity(self.received.headers.len() + ADDED);
        if let Some(host) = &outbound.host {
            set(&mut fields, HOST, host.clone())?;
        }
        self.copy_fields(&mut fields)?;
        self.add_framing(&mut fields)?;
        if outbound.takes_trailers {
            self.copy_te(&mut fields)?;
        }
        for (name, value) in self.course.forwarding.told() {
            set(&mut fields, name, value.clone())?;
        }
        if !self.course.settings().suppress_envoy_headers {
            self.add_envoy_fields(&mut fields)?;
        }
        Ok(fields)
    }

    fn copy_fields(&self, fields: &mut HeaderMap) -> Result<()> {
        let is_unindexed = self.is_unindexed();
        let marked = |mut value: HeaderValue| {
            if is_unindexed {
                value.set_sensitive(true);
            }
            value
        };
        for (name, value) in &self.received.headers {
            if !self.ends_here(name) {
                let appended = fields.try_append(name.clone(), marked(value.clone()));
                appended.or_err(INVALID, "too many fields")?;
            }
        }
        match joined(&self.received.headers, &COOKIE, b"; ") {
            Some(cookie) => set(fields, COOKIE, marked(cookie)),
            None => Ok(()),
        }
    }

    /// RFC 7541 section 7.1.3: what is for no table stays so. The codec does not tell which fields those
    /// are, so that it goes for all that a client sends who has sent any.
    fn is_unindexed(&self) -> bool {
        self.course.outbound.takes_trailers && self.course.connection.traffic().has_unindexed()
    }

    /// RFC 9113 section 8.2.2: of all fields of a connection this one crosses, with this value.
    fn copy_te(&self, fields: &mut HeaderMap) -> Result<()> {
        let mut wanted = self.received.headers.get_all(TE).iter();
        let takes = wanted.any(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
        match takes {
            true => set(fields, TE, HeaderValue::from_static("trailers")),
            false => Ok(()),
        }
    }

    /// Whether the gateway alone compresses.
    fn hides_codings(&self) -> bool {
        let gzip = self.course.settings().gzip.as_ref();
        gzip.is_some_and(|gzip| gzip.remove_accept_encoding_header)
    }

    fn ends_here(&self, name: &HeaderName) -> bool {
        // The gateway answers `Expect` itself, as Envoy does unless told to proxy it.
        is_hop_by_hop(name)
            || matches!(*name, HOST | CONTENT_LENGTH | EXPECT)
            || (*name == ACCEPT_ENCODING && self.hides_codings())
            || self.course.outbound.nominated.contains(name)
    }

    fn add_framing(&self, fields: &mut HeaderMap) -> Result<()> {
        match self.course.outbound.body {
            BodyFraming::None => Ok(()),
            BodyFraming::Length(length) => set(fields, CONTENT_LENGTH, HeaderValue::from(length)),
            BodyFraming::Chunked => set(
                fields,
                TRANSFER_ENCODING,
                HeaderValue::from_static("chunked"),
            ),
        }
    }

    fn add_envoy_fields(&self, fields: &mut HeaderMap) -> Result<()> {
        let outbound = &self.course.outbound;
        let told = [
            (
                X_ENVOY_EXTERNAL_ADDRESS,
                self.course.forwarding.external_address(),
            ),
            (X_ENVOY_ORIGINAL_PATH, outbound.original_path.as_ref()),
            (X_ENVOY_ORIGINAL_HOST, outbound.original_host.as_ref()),
        ];
        for (name, value) in told {
            if let Some(value) = value {
                set(fields, name, value.clone())?;
            }
        }
        if let Some(time) = Limits::of(self.to).expected(Duration::ZERO) {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            set(fields, X_ENVOY_EXPECTED_TIMEOUT, HeaderValue::from(ms))?;
        }
        Ok(())
    }
}

const INVALID: ErrorType = ErrorType::InvalidHTTPHeader;

/// Has `fields` say this and nothing else by that name.
fn set(fields: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<()> {
    let set = fields.try_insert(name, value).map(drop);
    set.or_err(INVALID, "too many fields")
}

/// The values of `name` as one, when there are several (cookie crumbs: RFC 9113 section 8.2.3).
fn joined(headers: &HeaderMap, name: &HeaderName, separator: &[u8]) -> Option<HeaderValue> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_crumbs_become_one_cookie() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1"));
        assert_eq!(joined(&headers, &COOKIE, b"; "), None);
        headers.append(COOKIE, HeaderValue::from_static("b=2"));
        assert_eq!(joined(&headers, &COOKIE, b"; ").unwrap(), "a=1; b=2");
    }
}
