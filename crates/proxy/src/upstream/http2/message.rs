//! A request as HTTP/2 puts it.
//!
//! Invariant: whether a body follows is said by the head's own framing, which whoever made the
//! head has made sound; nothing of that framing but the length goes out.
//!
//! Deliberately absent: the response, whose head needs no change.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Request, Uri, Version};
use pingora_core::{ErrorType, OrErr, Result};
use pingora_http::RequestHeader;

/// Whether a body follows `head`.
pub(super) fn has_body(head: &RequestHeader) -> bool {
    let headers = &head.headers;
    match headers.get(CONTENT_LENGTH) {
        Some(length) => length.as_bytes() != b"0",
        None => headers.contains_key(TRANSFER_ENCODING),
    }
}

/// The head without what belongs to HTTP/1 alone (RFC 9113 sections 8.2.2 and 8.3.1).
pub(super) fn request(head: &RequestHeader, scheme: &str) -> Result<Request<()>> {
    let host = head
        .headers
        .get(HOST)
        .map_or(&b""[..], |host| host.as_bytes());
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(host)
        .path_and_query(path)
        .build()
        .or_err(ErrorType::InvalidHTTPHeader, "no HTTP/2 request target")?;
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = fields(&head.headers);
    Ok(request)
}

fn fields(headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let is_trailers = || value.as_bytes().eq_ignore_ascii_case(b"trailers");
        if !is_http1(name) && (*name != TE || is_trailers()) {
            fields.append(name.clone(), value.clone());
        }
    }
    fields
}

fn is_http1(name: &HeaderName) -> bool {
    matches!(*name, HOST | CONNECTION | TRANSFER_ENCODING | UPGRADE)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn head(fields: &[(&'static str, &str)]) -> RequestHeader {
        let mut head = RequestHeader::build_no_case("POST", b"/a?b", None).unwrap();
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    #[test]
    fn the_host_becomes_the_authority() {
        let request = request(&head(&[("host", "a.example:80"), ("x", "y")]), "https").unwrap();
        assert_eq!(request.uri(), "https://a.example:80/a?b");
        assert!(!request.headers().contains_key(HOST));
        assert_eq!(request.headers()["x"], "y");
    }

    #[test]
    fn fields_of_an_http1_connection_stay_behind() {
        let request = request(
            &head(&[
                ("host", "a"),
                ("connection", "upgrade"),
                ("upgrade", "x"),
                ("transfer-encoding", "chunked"),
                ("te", "gzip"),
            ]),
            "http",
        )
        .unwrap();
        assert!(request.headers().is_empty());
    }

    #[test]
    fn trailers_are_asked_for() {
        let request = request(&head(&[("host", "a"), ("te", "trailers")]), "http").unwrap();
        assert_eq!(request.headers()[TE], HeaderValue::from_static("trailers"));
    }

    #[test]
    fn a_length_or_a_coding_announces_a_body() {
        assert!(!has_body(&head(&[])));
        assert!(!has_body(&head(&[("content-length", "0")])));
        assert!(has_body(&head(&[("content-length", "1")])));
        assert!(has_body(&head(&[("transfer-encoding", "chunked")])));
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        assert!(request(&head(&[("host", "a b")]), "http").is_err());
        assert!(request(&head(&[]), "http").is_err());
    }
}
