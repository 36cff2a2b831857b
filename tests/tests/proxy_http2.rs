//! HTTP/2 with prior knowledge, on the port of HTTP/1.1.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use bytes::Bytes;
use h2::Reason;
use http::Method;
use nuncio_tests::client::frames::{FrameClient, Told};
use nuncio_tests::client::{Client2, Response};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};
use tokio::task::JoinSet;

async fn answered(answer: Answer) -> (Upstream, Gateway, Client2) {
    let upstream = Upstream::always(answer).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "timeout_ms: 0"));
    let client = Client2::connect(gateway.address()).await;
    (upstream, gateway, client)
}

async fn post(client: &Client2, fields: &[(&'static str, &str)], body: Bytes) -> Response {
    let (response, mut stream) = client
        .start(Client2::request(Method::POST, "/a/", fields), false)
        .await;
    let (_, response) = tokio::join!(
        Client2::send_body(&mut stream, body),
        Client2::response(response)
    );
    response.unwrap()
}

fn deaf() -> Answer {
    Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate"))
}

const LARGE: usize = 20 * 1024 * 1024;

#[tokio::test]
async fn a_request_over_http2_becomes_one_over_http1() {
    let (upstream, _gateway, client) = answered(Answer::ok("hello")).await;
    let response = client.get("/a/b?c").await;
    assert_eq!(response.brief(), (200, "hello"));
    assert_eq!(response.value("content-length"), Some("5"));
    let request = upstream.last();
    assert_eq!(request.line(), "GET /b?c HTTP/1.1");
    assert_eq!(request.value("host"), Some("a.example"));
    assert_eq!(request.value("content-length"), None);
    assert_eq!(request.value("transfer-encoding"), None);
    assert_eq!(request.value("x-envoy-original-path"), Some("/a/b?c"));
}

#[tokio::test]
async fn a_body_is_framed_one_way() {
    let (upstream, _gateway, client) = answered(Answer::ok("")).await;
    post(
        &client,
        &[("content-length", "3")],
        Bytes::from_static(b"abc"),
    )
    .await;
    let request = upstream.last();
    assert_eq!(request.value("content-length"), Some("3"));
    assert_eq!(request.value("transfer-encoding"), None);
    post(&client, &[], Bytes::from_static(b"abc")).await;
    let request = upstream.last();
    assert_eq!(request.value("content-length"), None);
    assert_eq!(
        (request.value("transfer-encoding"), &*request.body),
        (Some("chunked"), &b"abc"[..])
    );
}

#[tokio::test]
async fn a_hundred_requests_run_beside_each_other() {
    let (upstream, gateway, client) = answered(deaf()).await;
    let mut responses = JoinSet::new();
    for _ in 0..100 {
        let (response, _) = client
            .start(Client2::request(Method::GET, "/a/", &[]), true)
            .await;
        responses.spawn(Client2::response(response));
    }
    upstream.until_received(100).await;
    upstream.release();
    let responses = responses.join_all().await;
    assert!(
        responses
            .into_iter()
            .all(|response| response.unwrap().text() == "late")
    );
    assert_eq!(
        gateway
            .counters()
            .sum("envoy_http_downstream_cx_http2_total"),
        1.0
    );
}

#[tokio::test]
async fn large_bodies_go_both_ways_at_once() {
    let (_upstream, _gateway, client) = answered(Answer::Echo(1)).await;
    let body: Vec<u8> = (0..LARGE)
        .map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8)
        .collect();
    let response = post(&client, &[], Bytes::from(body.clone())).await;
    assert!(response.body == body);
}

#[tokio::test]
async fn a_stream_that_the_client_resets_frees_the_upstream() {
    let (upstream, gateway, client) = answered(Answer::Silence).await;
    let (response, mut stream) = client
        .start(Client2::request(Method::GET, "/a/", &[]), true)
        .await;
    upstream.until_received(1).await;
    stream.send_reset(Reason::CANCEL);
    eventually("the upstream connection is closed", || upstream.open() == 0).await;
    assert!(Client2::response(response).await.is_err());
    assert_eq!(
        client.get("/b/").await.status,
        404,
        "the connection goes on"
    );
    gateway
        .until_counted("the reset", |now| {
            now.sum("envoy_http_downstream_rq_rx_reset") == 1.0
        })
        .await;
}

#[tokio::test]
async fn a_client_that_leaves_frees_all_its_upstreams() {
    let (upstream, gateway, client) = answered(Answer::Silence).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(
            client
                .start(Client2::request(Method::GET, "/a/", &[]), true)
                .await,
        );
    }
    upstream.until_received(10).await;
    client.leave();
    eventually("the upstream connections are closed", || {
        upstream.open() == 0
    })
    .await;
    gateway
        .until_counted("all of them", |now| {
            now.sum("envoy_http_downstream_rq_rx_reset") == 10.0
        })
        .await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_is_whole() {
    let no = wire("HTTP/1.1 413 Content Too Large\ncontent-length: 2\nconnection: close\n\nno");
    let (_upstream, _gateway, client) = answered(Answer::EarlyThenClose(no)).await;
    let (response, mut stream) = client
        .start(Client2::request(Method::POST, "/a/", &[]), false)
        .await;
    stream.send_data(Bytes::from_static(b"abc"), false).unwrap();
    assert_eq!(
        Client2::response(response).await.unwrap().brief(),
        (413, "no")
    );
    assert_eq!(
        client.get("/b/").await.status,
        404,
        "the connection goes on"
    );
}

#[tokio::test]
async fn a_host_that_differs_from_the_authority_is_400() {
    let (upstream, _gateway, client) = answered(Answer::ok("")).await;
    let request = Client2::request(Method::GET, "/a/", &[("host", "other.example")]);
    assert_eq!(client.exchange(request).await.unwrap().status, 400);
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn connect_is_405_over_http2_too() {
    let (_upstream, _gateway, client) = answered(Answer::ok("")).await;
    let request = http::Request::connect("a.example:443").body(()).unwrap();
    let (response, _) = client.start(request, false).await;
    assert_eq!(Client2::response(response).await.unwrap().status, 405);
}

#[tokio::test]
async fn too_large_a_head_is_431_over_http2_too() {
    let (_upstream, _gateway, client) = answered(Answer::ok("")).await;
    let long = "x".repeat(61 * 1024);
    let request = Client2::request(Method::GET, "/a/", &[("x", &long)]);
    assert_eq!(client.exchange(request).await.unwrap().status, 431);
    assert_eq!(
        client.get("/a/").await.status,
        200,
        "the connection goes on"
    );
}

#[tokio::test]
async fn draining_says_goaway_and_serves_what_is_open() {
    let (upstream, gateway, client) = answered(deaf()).await;
    let (open, _) = client
        .start(Client2::request(Method::GET, "/a/", &[]), true)
        .await;
    upstream.until_received(1).await;
    gateway.drain();
    client.refuses_requests().await;
    upstream.release();
    assert_eq!(Client2::response(open).await.unwrap().text(), "late");
    client.closed().await.unwrap();
    let late = Client2::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(late.text(), "late", "new connections are let in");
}

#[tokio::test]
async fn stopping_ends_idle_connections() {
    let (_upstream, gateway, client) = answered(Answer::ok("")).await;
    client.get("/a/").await;
    gateway.stop();
    gateway.done().await;
    drop(client.closed().await);
}

#[tokio::test]
async fn stopping_tells_idle_connections_their_last_stream_though_they_say_nothing() {
    let (_upstream, gateway, _) = answered(Answer::ok("")).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    assert!(client.is_served().await);
    gateway.stop();
    // The first one names no last stream (RFC 9113 section 6.8).
    for _ in 0..2 {
        let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
        assert_eq!(told, Told::GoAway(0));
    }
    assert_eq!(client.told().await, Told::Closed);
    gateway.done().await;
}
