//! Mappings that send the client elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use http::Method;
use nuncio_tests::client::{Client, Client2, Response};
use nuncio_tests::counters::Counters;
use nuncio_tests::gateway::{Gateway, mapping};

/// What a Mapping of `/old/` with `host_redirect` and these lines answers.
async fn redirected(more: &str, path: &str, lines: &str) -> Response {
    let more = format!("host_redirect: true\n{more}");
    let gateway = Gateway::start(&mapping("/old/", "elsewhere.example:8443", &more));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", path, lines).await;
    client.response().await
}

async fn location(more: &str, path: &str) -> String {
    let response = redirected(more, path, "").await;
    response.value("location").unwrap().to_owned()
}

#[tokio::test]
async fn the_host_is_the_service_and_path_and_query_stay() {
    let response = redirected("", "/old/a/b?c=d&e", "").await;
    assert_eq!(response.brief(), (301, ""));
    let location = "http://elsewhere.example:8443/old/a/b?c=d&e";
    assert_eq!(response.value("location"), Some(location));
    assert_eq!(response.value("content-length"), Some("0"));
    assert_eq!(response.value("server"), Some("envoy"));
}

#[tokio::test]
async fn the_path_is_replaced_whole_by_prefix_or_by_pattern() {
    for (more, expected) in [
        ("path_redirect: /new", "/new?q=1"),
        ("prefix_redirect: /new/", "/new/a/b?q=1"),
        (
            "regex_redirect: {pattern: '/old/([a-z])/([a-z])', substitution: '/\\2/\\1'}",
            "/b/a?q=1",
        ),
    ] {
        let expected = format!("http://elsewhere.example:8443{expected}");
        assert_eq!(location(more, "/old/a/b?q=1").await, expected, "{more}");
    }
}

#[tokio::test]
async fn the_status_is_the_mappings() {
    for status in [301, 302, 303, 307, 308] {
        let more = format!("redirect_response_code: {status}");
        assert_eq!(redirected(&more, "/old/", "").await.status, status);
    }
}

#[tokio::test]
async fn what_is_not_trusted_does_not_choose_the_scheme() {
    let response = redirected("", "/old/", "x-forwarded-proto: https").await;
    let location = response.value("location").unwrap();
    assert_eq!(location, "http://elsewhere.example:8443/old/");
}

#[tokio::test]
async fn a_trusted_proxy_says_the_scheme() {
    let yaml = format!(
        "{}---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig: {{xff_num_trusted_hops: 1}}\n",
        mapping("/old/", "elsewhere.example", "host_redirect: true")
    );
    let gateway = Gateway::start(&yaml);
    let mut client = Client::connect(gateway.address()).await;
    let lines = "x-forwarded-proto: https\nx-forwarded-for: 192.0.2.1";
    client.request("GET", "/old/", lines).await;
    let response = client.response().await;
    assert_eq!(
        response.value("location"),
        Some("https://elsewhere.example/old/")
    );
}

#[tokio::test]
async fn a_hostile_path_stays_in_its_line() {
    for (path, expected) in [
        ("/old/%0d%0aset-cookie:%20x", "/old/%0d%0aset-cookie:%20x"),
        ("/old/../old//evil.example/", "/old//evil.example/"),
        ("/old/\\evil", "/old//evil"),
        ("/old/%C3%A9", "/old/%C3%A9"),
    ] {
        let expected = format!("http://elsewhere.example:8443{expected}");
        let response = redirected("", path, "").await;
        assert_eq!(response.value("location"), Some(&*expected), "{path}");
        assert_eq!(response.value("set-cookie"), None, "{path}");
    }
}

#[tokio::test]
async fn an_http2_client_is_redirected_too() {
    let gateway = Gateway::start(&mapping(
        "/old/",
        "elsewhere.example",
        "host_redirect: true",
    ));
    let client = Client2::connect(gateway.address()).await;
    let request = Client2::request(Method::GET, "/old/a", &[]);
    let response = client.exchange(request).await.unwrap();
    assert_eq!(response.status, 301);
    assert_eq!(
        response.value("location"),
        Some("http://elsewhere.example/old/a")
    );
}

#[tokio::test]
async fn rules_for_response_headers_apply_to_redirects() {
    let more = "add_response_headers: {x-code: '%RESPONSE_CODE%'}";
    let response = redirected(more, "/old/", "").await;
    assert_eq!(response.value("x-code"), Some("301"));
}

#[tokio::test]
async fn a_redirect_is_counted_as_envoy_counts_it() {
    let gateway = Gateway::start(&mapping(
        "/old/",
        "elsewhere.example",
        "host_redirect: true",
    ));
    let before = gateway.counters();
    Client::connect(gateway.address()).await.get("/old/").await;
    gateway
        .until_counted("the response is counted", |now| {
            now.sum("envoy_http_downstream_rq_completed")
                > before.sum("envoy_http_downstream_rq_completed")
        })
        .await;
    let now = gateway.counters();
    for (family, moved) in [
        ("envoy_http_downstream_rq_total", 1.0),
        ("envoy_http_rq_direct_response", 1.0),
        ("envoy_http_rq_total", 1.0),
        ("envoy_http_no_route", 0.0),
    ] {
        assert_eq!(now.sum(family) - before.sum(family), moved, "{family}");
    }
    let of_class = |counters: &Counters| {
        counters.with(
            "envoy_http_downstream_rq_xx",
            "envoy_response_code_class=\"3\"",
        )
    };
    assert_eq!(of_class(&now) - of_class(&before), 1.0);
}

/// A gateway that sends what came in plain text to TLS.
fn to_https(more: &str) -> Gateway {
    let yaml = format!(
        "{}---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n  x_forwarded_proto_redirect: true\n{more}",
        mapping("/a/", "127.0.0.1:9", "")
    );
    Gateway::start(&yaml)
}

async fn with_proto(gateway: &Gateway, proto: &str) -> Response {
    let mut client = Client::connect(gateway.address()).await;
    let lines = format!("x-forwarded-proto: {proto}");
    client.request("GET", "/a/b?c", &lines).await;
    client.response().await
}

#[tokio::test]
async fn plain_text_is_sent_to_https_on_the_word_of_a_trusted_proxy() {
    let gateway = to_https("  use_remote_address: false\n");
    let response = with_proto(&gateway, "http").await;
    assert_eq!(response.brief(), (301, ""));
    assert_eq!(response.value("location"), Some("https://a.example/a/b?c"));
    assert_eq!(with_proto(&gateway, "https").await.status, 503);
}

#[tokio::test]
async fn the_port_of_plain_text_is_not_sent_to_https() {
    let gateway = to_https("  use_remote_address: false\n");
    for (host, location) in [
        ("b.example:80", "https://b.example/a/"),
        ("b.example:8080", "https://b.example:8080/a/"),
    ] {
        let mut client = Client::connect(gateway.address()).await;
        let request = format!("GET /a/ HTTP/1.1\nhost: {host}\nx-forwarded-proto: http\n\n");
        client.send(&request).await;
        let response = client.response().await;
        assert_eq!(response.value("location"), Some(location), "{host}");
    }
}
