//! Answers that send the client elsewhere.
//!
//! Invariant: a location is one header line, whatever path was asked for.

use http::header::{HeaderValue, LOCATION};
use nuncio_routing::{Redirect, push_encoded};

use super::forwarding::Scheme;
use super::head::RequestTarget;
use super::reply::Reply;

/// The answer of a Mapping with `host_redirect`.
pub(super) fn elsewhere(redirect: &Redirect, scheme: Scheme, target: &RequestTarget<'_>) -> Reply {
    let mut path = String::new();
    redirect.location_path(&target.path, target.query, &mut path);
    located(redirect.status, scheme, &redirect.host, &path)
}

/// The answer to a request that came in plain text where `x_forwarded_proto_redirect` is set.
pub(super) fn to_https(target: &RequestTarget<'_>) -> Reply {
    // The port of plain text does not speak TLS; Envoy leaves it out as well.
    let host = target.host.strip_suffix(":80").unwrap_or(target.host);
    let mut path = String::new();
    push_encoded(target.path_and_query.as_bytes(), &mut path);
    located(301, Scheme::Https, host, &path)
}

/// `path` holds only what may stand in a URI.
fn located(status: u16, scheme: Scheme, host: &str, path: &str) -> Reply {
    let location = [scheme.as_str(), "://", host, path].concat();
    match HeaderValue::try_from(location) {
        Ok(location) => Reply::new(status, "").with(LOCATION, location),
        // A host that is none.
        Err(_) => Reply::new(404, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(host: &str, path: &str) -> String {
        let mut encoded = String::new();
        push_encoded(path.as_bytes(), &mut encoded);
        let reply = located(301, Scheme::Http, host, &encoded);
        reply.field(&LOCATION).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_location_is_a_whole_uri() {
        assert_eq!(
            location("a.example:81", "/b?c=d"),
            "http://a.example:81/b?c=d"
        );
    }

    #[test]
    fn no_path_ends_the_line_or_leaves_ascii() {
        assert_eq!(
            location("a", "/%0d%0aset-cookie:x"),
            "http://a/%0d%0aset-cookie:x"
        );
        assert_eq!(
            location("a", "/é b\r\n\u{7f}"),
            "http://a/%C3%A9%20b%0D%0A%7F"
        );
    }

    #[test]
    fn a_host_that_is_none_leads_nowhere() {
        assert_eq!(located(301, Scheme::Http, "a\r\nb", "/").status, 404);
    }
}
