//! The response as the client sees it.
//!
//! Invariant: written anew from what was understood of the upstream's head, framed one way.
//!
//! Deliberately absent: `date` and `connection`, which the codec adds.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HeaderMap,
    HeaderName, HeaderValue, LAST_MODIFIED, SERVER, SET_COOKIE, TRANSFER_ENCODING,
};
use http::response::Parts;
use http::{Method, StatusCode, Version};
use nuncio_routing::HeaderCase;
use pingora_core::{ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use super::course::Course;
use super::facts::{Facts, ResponseFacts};
use super::fields::{Nominated, is_hop_by_hop};
use super::gzip::Encoder;
use super::overrides::{self, Replacement};
use super::response_body::ResponseBody;
use super::{cors, header_rules, spelling};

const X_ENVOY_UPSTREAM_SERVICE_TIME: HeaderName =
    HeaderName::from_static("x-envoy-upstream-service-time");

/// `server`, the service time, the framing, and `date` and `connection` from the codec.
const ADDED: usize = 5;

/// The attempt that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// From the end of the request to the answer.
    pub(super) took: Duration,
    /// Who answered.
    pub(super) endpoint: SocketAddr,
}

/// Builds the head from the upstream's answer, and says what becomes of the body behind it.
///
/// # Errors
///
/// When a field cannot be held, which the codec has excluded.
pub(super) fn build(
    course: &Course<'_>,
    request: &RequestHeader,
    received: &ResponseHeader,
    attempt: Attempt,
) -> Result<(ResponseHeader, ResponseBody)> {
    let mut parts = passed_on(received, request)?;
    let fields = &mut parts.headers;
    if !course.settings().suppress_envoy_headers {
        set(fields, X_ENVOY_UPSTREAM_SERVICE_TIME, ms(attempt.took))?;
    }
    if let Some(cookie) = &course.affinity.set_cookie {
        append(fields, &SET_COOKIE, cookie)?;
    }
    let mut head = ResponseHeader::from(parts);
    let status = received.status.as_u16();
    let facts = || {
        let mut facts = course.facts(request);
        facts.upstream.address = Some(attempt.endpoint);
        facts.response = ResponseFacts {
            status: Some(status),
            headers: Some(&received.headers),
            details: Some("via_upstream"),
            ..ResponseFacts::default()
        };
        facts
    };
    let mut body = ResponseBody::Untouched;
    if let Some(replacement) = overrides::replacement(course, status, request, facts) {
        replace(&mut head, &replacement)?;
        body = ResponseBody::replaced(replacement.body, &request.method);
    } else if let Some(gzip) = &course.settings().gzip
        && let Some(encoder) = Encoder::begin(gzip, request, &mut head)
    {
        body = ResponseBody::Compressed(Box::new(encoder));
    }
    Ok((finished(head, course, facts)?, body))
}

/// What of the upstream's head the client sees. (The codec's own kind of head would have the name of each
/// field spelled anew.)
fn passed_on(received: &ResponseHeader, request: &RequestHeader) -> Result<Parts> {
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = received.status;
    head.headers.reserve(received.headers.len() + ADDED);
    let nominated = Nominated::by_upstream(&received.headers);
    for (name, value) in &received.headers {
        let ends_here = is_hop_by_hop(name)
            || matches!(*name, DATE | SERVER | CONTENT_LENGTH)
            || nominated.contains(name);
        if !ends_here {
            append(&mut head.headers, name, value)?;
        }
    }
    add_framing(&mut head, &received.headers, request)?;
    Ok(head)
}

/// So many milliseconds.
fn ms(time: Duration) -> HeaderValue {
    const FEW: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let ms = time.as_millis();
    let few = usize::try_from(ms).ok().and_then(|ms| FEW.get(ms));
    few.map_or_else(
        || HeaderValue::from(u64::try_from(ms).unwrap_or(u64::MAX)),
        |few| HeaderValue::from_static(few),
    )
}

fn append(fields: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) -> Result<()> {
    let appended = fields.try_append(name.clone(), value.clone()).map(drop);
    appended.or_err(ErrorType::InvalidHTTPHeader, "too many fields")
}

fn set(fields: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<()> {
    let set = fields.try_insert(name, value).map(drop);
    set.or_err(ErrorType::InvalidHTTPHeader, "too many fields")
}

/// Describes `replacement` in the place of the body that `head` described.
pub(super) fn replace(head: &mut ResponseHeader, replacement: &Replacement) -> Result<()> {
    for of_the_old in [
        TRANSFER_ENCODING,
        CONTENT_ENCODING,
        ETAG,
        LAST_MODIFIED,
        ACCEPT_RANGES,
    ] {
        head.remove_header(&of_the_old);
    }
    head.insert_header(CONTENT_LENGTH, HeaderValue::from(replacement.body.len()))?;
    head.insert_header(CONTENT_TYPE, replacement.content_type.clone())
}

/// Does to a head what is done to every one, whoever answers: the route's rules, in the order of
/// Envoy's filters, and the gateway's name. `facts` are gathered only for rules.
///
/// # Errors
///
/// When there are more fields than a head can hold.
pub(super) fn finished<'f>(
    mut head: ResponseHeader,
    course: &Course<'_>,
    facts: impl FnOnce() -> Facts<'f>,
) -> Result<ResponseHeader> {
    if let Some(route) = course.route {
        let rules = &route.response;
        if !rules.headers.is_empty() {
            header_rules::apply(&rules.headers, &facts(), &mut head)?;
        }
        if let (Some(cors), Some(origin)) = (&rules.cors, &course.origin) {
            cors::permit(cors, origin, &mut head)?;
        }
    }
    let mut parts = Parts::from(head);
    set(
        &mut parts.headers,
        SERVER,
        course.settings().server_name.clone(),
    )?;
    let head = ResponseHeader::from(parts);
    match &course.settings().connections.header_case {
        HeaderCase::Lower => Ok(head),
        case @ (HeaderCase::Proper | HeaderCase::Overrides(_)) => {
            spelling::of_response(&head, case)
        }
    }
}

/// The length if there is one, else chunks; HTTP/2 drops the latter again. A client that does not
/// know chunks has the end of the connection for the end of the body (RFC 9112 section 6.3).
fn add_framing(head: &mut Parts, received: &HeaderMap, request: &RequestHeader) -> Result<()> {
    if head.status == StatusCode::NO_CONTENT {
        return Ok(());
    }
    if let Some(length) = received.get(CONTENT_LENGTH) {
        return set(&mut head.headers, CONTENT_LENGTH, length.clone());
    }
    if request.method == Method::HEAD
        || head.status == StatusCode::NOT_MODIFIED
        || request.version == Version::HTTP_10
    {
        return Ok(());
    }
    let chunked = HeaderValue::from_static("chunked");
    set(&mut head.headers, TRANSFER_ENCODING, chunked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &[(&'static str, &'static str)]) -> ResponseHeader {
        let mut head = ResponseHeader::build_no_case(status, None).unwrap();
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    fn request(version: Version) -> RequestHeader {
        let mut head = RequestHeader::build_no_case("GET", b"/", None).unwrap();
        head.set_version(version);
        head
    }

    fn built(received: &ResponseHeader) -> ResponseHeader {
        passed_on(received, &request(Version::HTTP_11))
            .unwrap()
            .into()
    }

    #[test]
    fn the_upstreams_name_and_time_stay_behind() {
        let head = built(&answer(
            200,
            &[("server", "gunicorn"), ("date", "x"), ("a", "b")],
        ));
        assert_eq!(head.headers["a"], "b");
        for gone in ["server", "date"] {
            assert!(!head.headers.contains_key(gone), "{gone}");
        }
    }

    #[test]
    fn a_client_that_knows_no_chunks_is_sent_none() {
        let head = passed_on(&answer(200, &[]), &request(Version::HTTP_10)).unwrap();
        assert!(head.headers.is_empty());
    }

    #[test]
    fn another_body_brings_its_own_description() {
        let fields = [
            ("content-encoding", "gzip"),
            ("etag", "\"1\""),
            ("transfer-encoding", "chunked"),
            ("retry-after", "3"),
        ];
        let mut head = built(&answer(503, &fields));
        let replacement = Replacement {
            body: "sorry".into(),
            content_type: HeaderValue::from_static("text/html"),
        };
        replace(&mut head, &replacement).unwrap();
        let names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(head.headers["content-length"], "5");
        assert_eq!(head.headers["content-type"], "text/html");
        assert_eq!(head.headers["retry-after"], "3");
    }

    #[test]
    fn fields_of_the_upstreams_connection_stay_on_it() {
        let head = built(&answer(
            200,
            &[
                ("connection", "x-hop, close"),
                ("x-hop", "1"),
                ("keep-alive", "timeout=5"),
            ],
        ));
        for gone in ["connection", "x-hop", "keep-alive"] {
            assert!(!head.headers.contains_key(gone), "{gone}");
        }
    }

    #[test]
    fn what_an_upstream_nominates_besides_nonsense_stays_behind_too() {
        let many = "x-none, ".repeat(50);
        for nonsense in ["a b", "content-length", ",,", "x-envoy-a", &many] {
            let nominations = format!("{nonsense}, X-Hop , close");
            let mut received = answer(200, &[("x-hop", "1"), ("x-kept", "2")]);
            received.append_header("connection", nominations).unwrap();
            received.append_header("content-length", "3").unwrap();
            let head = built(&received);
            assert!(!head.headers.contains_key("x-hop"), "{nonsense}");
            assert_eq!(head.headers["x-kept"], "2");
            assert_eq!(head.headers["content-length"], "3");
        }
    }

    #[test]
    fn a_body_of_unknown_length_is_sent_in_chunks() {
        assert_eq!(
            built(&answer(200, &[])).headers["transfer-encoding"],
            "chunked"
        );
        let sized = built(&answer(200, &[("content-length", "3")]));
        assert!(!sized.headers.contains_key("transfer-encoding"));
        let nothing = built(&answer(204, &[("content-length", "0")]));
        assert!(nothing.headers.is_empty());
    }
}
