//! A panic ends the request that it happened in, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "panics are what this is about"
)]

use std::sync::Arc;

use http::Method;
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};

/// Where requests panic.
const PANICS: &str = "/ambassador/v0/check_alive";

async fn with(answer: Answer) -> (Upstream, Gateway) {
    let upstream = Upstream::always(answer).await;
    let annotation = mapping("/a/", &upstream.service(), "timeout_ms: 0");
    let gateway = Gateway::with_probes(Arc::new(|_| panic!("on purpose")), &annotation);
    (upstream, gateway)
}

fn panics(gateway: &Gateway) -> String {
    let page = gateway.page();
    let lines = page
        .lines()
        .filter(|line| line.starts_with("nuncio_panics_total{"));
    lines.filter(|line| !line.ends_with(" 0")).collect()
}

#[tokio::test]
async fn a_request_that_panics_is_answered_with_500_and_others_go_on() {
    let late = Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate"));
    let (upstream, gateway) = with(late).await;
    let mut other = Client::connect(gateway.address()).await;
    other.request("GET", "/a/", "").await;
    upstream.until_received(1).await;
    let mut client = Client::connect(gateway.address()).await;
    let response = client.get(PANICS).await;
    assert_eq!(response.status, 500);
    assert_eq!(response.value("connection"), Some("close"));
    assert!(client.is_closed().await);
    upstream.release();
    assert_eq!(other.response().await.brief(), (200, "late"));
    assert_eq!(panics(&gateway), "nuncio_panics_total{work=\"request\"} 1");
    gateway
        .until_counted("the request is counted", |now| {
            let class = "envoy_response_code_class=\"5\"";
            now.with("envoy_http_downstream_rq_xx", class) > 0.5
        })
        .await;
    assert!(gateway.gauge("envoy_http_downstream_rq_active") < 0.5);
}

#[tokio::test]
async fn a_stream_that_panics_harms_no_other_of_its_connection() {
    let late = Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate"));
    let (upstream, gateway) = with(late).await;
    let client = Client2::connect(gateway.address()).await;
    let before = Client2::request(Method::GET, "/a/", &[]);
    let (before, _stream) = client.start(before, true).await;
    upstream.until_received(1).await;
    assert_eq!(client.get(PANICS).await.status, 500);
    assert_eq!(client.get(PANICS).await.status, 500);
    upstream.release();
    assert_eq!(
        Client2::response(before).await.unwrap().brief(),
        (200, "late")
    );
    assert_eq!(panics(&gateway), "nuncio_panics_total{work=\"request\"} 2");
}
