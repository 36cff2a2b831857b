//! Which pages of other origins may read responses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::{Client, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream};

const CORS: &str = "cors:
  origins: http://foo.example,http://bar.example
  methods: POST, GET, OPTIONS
  headers: Content-Type
  credentials: true
  exposed_headers: X-Custom-Header
  max_age: '86400'
";

async fn requested(gateway: &Gateway, method: &str, lines: &str) -> Response {
    let mut client = Client::connect(gateway.address()).await;
    client.request(method, "/a/", lines).await;
    client.response().await
}

const PREFLIGHT: &str = "origin: http://foo.example\naccess-control-request-method: POST";

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered_by_the_gateway() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), CORS));
    let response = requested(&gateway, "OPTIONS", PREFLIGHT).await;
    assert_eq!(response.brief(), (200, ""));
    for (name, expected) in [
        ("access-control-allow-origin", "http://foo.example"),
        ("access-control-allow-methods", "POST, GET, OPTIONS"),
        ("access-control-allow-headers", "Content-Type"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "86400"),
    ] {
        assert_eq!(response.value(name), Some(expected), "{name}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn a_response_names_the_origin_that_may_read_it() {
    let answer = "HTTP/1.1 200 OK\naccess-control-allow-origin: *\ncontent-length: 0\n\n";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), CORS));
    let response = requested(&gateway, "GET", "origin: http://bar.example").await;
    for (name, expected) in [
        ("access-control-allow-origin", Some("http://bar.example")),
        ("access-control-allow-credentials", Some("true")),
        ("access-control-expose-headers", Some("X-Custom-Header")),
        ("access-control-allow-methods", None),
        ("access-control-max-age", None),
        ("vary", Some("origin")),
    ] {
        assert_eq!(response.value(name), expected, "{name}");
    }
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn another_origin_is_given_no_permission_and_passes_on() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), CORS));
    let lines = "origin: http://evil.example\naccess-control-request-method: POST";
    for method in ["OPTIONS", "GET"] {
        let response = requested(&gateway, method, lines).await;
        assert_eq!(response.status, 200);
        let is_cors = |(name, _): &(String, String)| name.starts_with("access-control-");
        assert!(!response.fields.iter().any(is_cors), "{method}");
    }
    assert_eq!(upstream.received().len(), 2);
}

#[tokio::test]
async fn what_is_no_preflight_reaches_the_upstream() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), CORS));
    for (method, lines) in [
        ("OPTIONS", "origin: http://foo.example"),
        ("OPTIONS", "access-control-request-method: POST"),
        ("GET", PREFLIGHT),
    ] {
        requested(&gateway, method, lines).await;
    }
    assert_eq!(upstream.received().len(), 3);
}

#[tokio::test]
async fn a_star_allows_any_origin_by_its_name() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "cors: {origins: '*'}"));
    let response = requested(&gateway, "GET", "origin: http://any.example").await;
    assert_eq!(
        response.value("access-control-allow-origin"),
        Some("http://any.example")
    );
    assert_eq!(response.value("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_mappings_policy_stands_in_the_place_of_the_modules() {
    let upstream = Upstream::ok("").await;
    let module = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
                  config: {cors: {origins: 'http://module.example'}}\n";
    let of_mapping = mapping("/a/", &upstream.service(), CORS);
    let of_module = mapping("/b/", &upstream.service(), "");
    let gateway = Gateway::start(&format!("{of_mapping}{of_module}{module}"));
    for (path, origin, allowed) in [
        ("/a/", "http://foo.example", true),
        ("/a/", "http://module.example", false),
        ("/b/", "http://foo.example", false),
        ("/b/", "http://module.example", true),
    ] {
        let mut client = Client::connect(gateway.address()).await;
        let lines = format!("origin: {origin}");
        client.request("GET", path, &lines).await;
        let response = client.response().await;
        let permission = response.value("access-control-allow-origin");
        assert_eq!(permission, allowed.then_some(origin), "{path} {origin}");
    }
}

#[tokio::test]
async fn a_page_may_read_what_failed_as_well() {
    let gateway = Gateway::start(&mapping("/a/", "127.0.0.1:9", CORS));
    let response = requested(&gateway, "GET", "origin: http://foo.example").await;
    assert_eq!(response.status, 503);
    assert_eq!(
        response.value("access-control-allow-origin"),
        Some("http://foo.example")
    );
}

#[tokio::test]
async fn a_redirect_has_no_policy_of_its_own() {
    let module = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
                  config: {cors: {origins: 'http://foo.example'}}\n";
    let redirect = mapping("/a/", "elsewhere.example", "host_redirect: true");
    let gateway = Gateway::start(&format!("{redirect}{module}"));
    for method in ["OPTIONS", "GET"] {
        let response = requested(&gateway, method, PREFLIGHT).await;
        assert_eq!(response.status, 301, "{method}");
        assert_eq!(response.value("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn origins_are_counted_by_whether_they_are_allowed() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), CORS));
    requested(&gateway, "GET", "origin: http://foo.example").await;
    requested(&gateway, "OPTIONS", PREFLIGHT).await;
    requested(&gateway, "GET", "origin: http://evil.example").await;
    requested(&gateway, "GET", "").await;
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_http_cors_origin_valid"), 2.0);
    assert_eq!(counters.sum("envoy_http_cors_origin_invalid"), 1.0);
}
