//! The response as the client sees it.
//!
//! Invariant: written anew from what was understood of the upstream's head, framed one way.
//!
//! Deliberately absent: `date` and `connection`, which the codec adds.

use std::time::Duration;

use http::header::{
    CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, SERVER, TRANSFER_ENCODING,
};
use http::{Method, StatusCode};
use nuncio_routing::Settings;
use pingora_core::Result;
use pingora_http::ResponseHeader;

use super::fields::{Nominated, is_hop_by_hop};

const X_ENVOY_UPSTREAM_SERVICE_TIME: HeaderName =
    HeaderName::from_static("x-envoy-upstream-service-time");

/// `server`, the service time, the framing, and `date` and `connection` from the codec.
const ADDED: usize = 5;

/// Whether the body of an answer is framed in a way that has exactly one reading.
///
/// A transfer coding other than `chunked` is none that was asked for (RFC 9112 section 6.1).
pub(super) fn is_framed_soundly(head: &ResponseHeader) -> bool {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(one), None) => one.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Builds the head from the upstream's answer to a request with `method`.
///
/// # Errors
///
/// When a field cannot be held, which the codec has excluded.
pub(super) fn build(
    received: &ResponseHeader,
    method: &Method,
    settings: &Settings,
    took: Duration,
) -> Result<ResponseHeader> {
    let size = received.headers.len() + ADDED;
    let mut head = ResponseHeader::build_no_case(received.status, Some(size))?;
    // An upstream that nominates nonsense has its standard fields removed all the same.
    let nominated = Nominated::by(&received.headers).unwrap_or_default();
    for (name, value) in &received.headers {
        let ends_here = is_hop_by_hop(name)
            || matches!(*name, DATE | SERVER | CONTENT_LENGTH)
            || nominated.contains(name);
        if !ends_here {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    add_framing(&mut head, &received.headers, method)?;
    head.insert_header(SERVER, settings.server_name.clone())?;
    if !settings.suppress_envoy_headers {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        head.insert_header(X_ENVOY_UPSTREAM_SERVICE_TIME, HeaderValue::from(ms))?;
    }
    Ok(head)
}

/// The length if there is one, else chunks; HTTP/2 drops the latter again.
fn add_framing(head: &mut ResponseHeader, received: &HeaderMap, method: &Method) -> Result<()> {
    if head.status == StatusCode::NO_CONTENT {
        return Ok(());
    }
    if let Some(length) = received.get(CONTENT_LENGTH) {
        return head.insert_header(CONTENT_LENGTH, length.clone());
    }
    if *method == Method::HEAD || head.status == StatusCode::NOT_MODIFIED {
        return Ok(());
    }
    head.insert_header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))
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

    fn built(received: &ResponseHeader) -> ResponseHeader {
        build(
            received,
            &Method::GET,
            &Settings::default(),
            Duration::from_millis(7),
        )
        .unwrap()
    }

    #[test]
    fn the_gateway_puts_its_name_and_time_in_place_of_the_upstreams() {
        let head = built(&answer(
            200,
            &[("server", "gunicorn"), ("date", "x"), ("a", "b")],
        ));
        assert_eq!(head.headers["server"], "envoy");
        assert_eq!(head.headers["x-envoy-upstream-service-time"], "7");
        assert_eq!(head.headers["a"], "b");
        assert!(!head.headers.contains_key("date"));
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
    fn a_body_of_unknown_length_is_sent_in_chunks() {
        assert_eq!(
            built(&answer(200, &[])).headers["transfer-encoding"],
            "chunked"
        );
        let sized = built(&answer(200, &[("content-length", "3")]));
        assert!(!sized.headers.contains_key("transfer-encoding"));
        assert!(
            built(&answer(204, &[("content-length", "0")]))
                .headers
                .len()
                == 2
        );
    }

    #[test]
    fn transfer_codings_nobody_asked_for_are_unsound() {
        assert!(is_framed_soundly(&answer(200, &[])));
        assert!(is_framed_soundly(&answer(
            200,
            &[("transfer-encoding", "Chunked")]
        )));
        assert!(!is_framed_soundly(&answer(
            200,
            &[("transfer-encoding", "gzip, chunked")]
        )));
        let twice = [
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ];
        assert!(!is_framed_soundly(&answer(200, &twice)));
    }
}
