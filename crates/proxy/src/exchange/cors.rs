//! Which pages of other origins may read a response (the CORS protocol of the Fetch standard).
//!
//! Invariant: as in Envoy, an origin that is not allowed changes nothing: its browser sees no
//! permission and does the rest.
//!
//! One difference to Envoy: `vary: origin` goes with a permission, because it names one origin and a
//! cache must not show it to another.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use nuncio_config::Cors;
use pingora_core::Result;
use pingora_http::{RequestHeader, ResponseHeader};

use super::reply::Reply;

/// The page that asks; `None` when no page of another origin does.
pub(super) fn origin(head: &RequestHeader) -> Option<&HeaderValue> {
    head.headers.get(ORIGIN).filter(|origin| !origin.is_empty())
}

/// Whether pages of `origin` may read responses.
pub(super) fn allows(cors: &Cors, origin: &HeaderValue) -> bool {
    cors.origins
        .iter()
        .any(|allowed| &**allowed == "*" || allowed.as_bytes() == origin.as_bytes())
}

/// Whether the request only asks whether another one may be sent.
pub(super) fn is_preflight(head: &RequestHeader) -> bool {
    let asked = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD);
    head.method == Method::OPTIONS && asked.is_some_and(|method| !method.is_empty())
}

/// The answer to a preflight of an allowed origin.
pub(super) fn preflight(cors: &Cors, origin: &HeaderValue) -> Reply {
    let fields = [
        (ACCESS_CONTROL_ALLOW_METHODS, &cors.methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers),
        (ACCESS_CONTROL_MAX_AGE, &cors.max_age),
    ];
    let reply = permissions(cors, origin).fold(Reply::new(200, ""), |reply, (name, value)| {
        reply.with(name, value)
    });
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .fold(reply, |reply, (name, value)| reply.with(name, value))
}

/// Lets pages of `origin` read the response that begins with `head`.
///
/// # Errors
///
/// When the head cannot hold more fields.
pub(super) fn permit(cors: &Cors, origin: &HeaderValue, head: &mut ResponseHeader) -> Result<()> {
    for (name, value) in permissions(cors, origin) {
        head.insert_header(name, value)?;
    }
    if let Some(exposed) = &cors.exposed_headers {
        head.insert_header(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone())?;
    }
    if varies_by_origin(head) {
        return Ok(());
    }
    head.append_header(VARY, HeaderValue::from_static("origin"))
        .map(drop)
}

fn permissions(
    cors: &Cors,
    origin: &HeaderValue,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let credentials = cors.credentials.then(|| {
        (
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        )
    });
    std::iter::once((ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone())).chain(credentials)
}

fn varies_by_origin(head: &ResponseHeader) -> bool {
    head.headers
        .get_all(VARY)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        Cors {
            origins: origins.iter().map(|&origin| origin.into()).collect(),
            ..Cors::default()
        }
    }

    #[test]
    fn origins_are_compared_exactly_and_a_star_is_any() {
        let origin = HeaderValue::from_static("https://a.example");
        assert!(allows(
            &cors(&["https://b.example", "https://a.example"]),
            &origin
        ));
        assert!(allows(&cors(&["*"]), &origin));
        for other in [
            "https://A.example",
            "http://a.example",
            "https://a.example/",
            "a.example",
            "",
        ] {
            assert!(!allows(&cors(&[other]), &origin), "{other}");
        }
    }

    #[test]
    fn a_permission_replaces_the_upstreams_and_is_not_for_other_origins_caches() {
        let mut head = ResponseHeader::build_no_case(200, None).unwrap();
        head.append_header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
            .unwrap();
        head.append_header(VARY, "accept").unwrap();
        let origin = HeaderValue::from_static("https://a.example");
        permit(&cors(&["*"]), &origin, &mut head).unwrap();
        permit(&cors(&["*"]), &origin, &mut head).unwrap();
        let all = |name| head.headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(ACCESS_CONTROL_ALLOW_ORIGIN), ["https://a.example"]);
        assert_eq!(all(VARY), ["accept", "origin"]);
    }
}
