//! How long an upstream may take: from the end of the request to the end of the response.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use http::Method;
use nuncio_tests::client::{Broken, Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::scene::Scene;
use nuncio_tests::upstream::{Answer, Upstream, wire};
use tokio::task::JoinSet;

async fn answered(answer: Answer, timeout_ms: u64) -> (Upstream, Gateway, Client) {
    let upstream = Upstream::always(answer).await;
    let timeout = format!("timeout_ms: {timeout_ms}");
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), &timeout));
    let client = Client::connect(gateway.address()).await;
    (upstream, gateway, client)
}

/// A response in chunks, one each 50 ms, for two seconds.
fn drip() -> Answer {
    let head = wire("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n");
    let chunks = std::iter::repeat_n(wire("3\nabc\n"), 40);
    let pieces = std::iter::once(head).chain(chunks).chain([wire("0\n\n")]);
    Answer::Drip(pieces.collect(), Duration::from_millis(50))
}

const TIMEOUT: u64 = 300;

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(5);

fn took_about(started: Instant, expected: Duration) {
    let took = started.elapsed();
    assert!((expected..expected + SLACK).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_silent_upstream_is_504_when_its_time_is_over() {
    let (upstream, gateway, mut client) = answered(Answer::Silence, TIMEOUT).await;
    let started = Instant::now();
    let response = client.get("/a/").await;
    took_about(started, Duration::from_millis(TIMEOUT));
    assert_eq!(response.brief(), (504, "upstream request timeout"));
    assert_eq!(response.value("content-type"), Some("text/plain"));
    eventually("the upstream is given up", || upstream.open() == 0).await;
    assert_eq!(
        client.get("/b/").await.status,
        404,
        "the connection goes on"
    );
    let over_http2 = Client2::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(over_http2.brief(), (504, "upstream request timeout"));
}

#[tokio::test]
async fn the_default_is_three_seconds() {
    let upstream = Upstream::always(Answer::Silence).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let started = Instant::now();
    assert_eq!(
        Client::connect(gateway.address())
            .await
            .get("/a/")
            .await
            .status,
        504
    );
    took_about(started, Duration::from_secs(3));
}

#[tokio::test]
async fn the_time_of_a_slow_upload_is_the_clients() {
    let (upstream, _gateway, mut client) = answered(Answer::ok("done"), TIMEOUT).await;
    client.request("POST", "/a/", "content-length: 10").await;
    let started = Instant::now();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.send_bytes(b"x").await;
    }
    assert!(started.elapsed() > 3 * Duration::from_millis(TIMEOUT));
    assert_eq!(client.response().await.brief(), (200, "done"));
    assert_eq!(upstream.last().body.len(), 10);
}

#[tokio::test]
async fn after_an_upload_the_upstreams_time_begins() {
    let (_upstream, _gateway, mut client) = answered(Answer::Silence, TIMEOUT).await;
    client
        .request("POST", "/a/", "transfer-encoding: chunked")
        .await;
    tokio::time::sleep(Duration::from_millis(TIMEOUT)).await;
    client.send_bytes(b"3\r\nabc\r\n0\r\n\r\n").await;
    let started = Instant::now();
    assert_eq!(client.response().await.status, 504);
    took_about(started, Duration::from_millis(TIMEOUT));
}

#[tokio::test]
async fn a_response_that_takes_too_long_is_cut() {
    let (upstream, gateway, mut client) = answered(drip(), TIMEOUT).await;
    client.request("GET", "/a/", "").await;
    let Err(Broken::Body(part)) = client.response_to("GET").await else {
        panic!("not cut")
    };
    assert_eq!(part.status, 200);
    assert!(part.body.len() < 3 * 40);
    eventually("the upstream is given up", || upstream.open() == 0).await;
    let client = Client2::connect(gateway.address()).await;
    let rejected = client
        .exchange(Client2::request(Method::GET, "/a/", &[]))
        .await
        .unwrap_err();
    assert!(matches!(rejected.broken, Broken::Body(_)), "{rejected:?}");
    assert!(
        rejected
            .reason
            .is_some_and(|reason| reason != Reason::NO_ERROR),
        "{rejected:?}"
    );
    assert_eq!(
        client.get("/b/").await.status,
        404,
        "the connection goes on"
    );
}

#[tokio::test]
async fn without_a_limit_a_slow_response_is_whole() {
    let (_upstream, _gateway, mut client) = answered(drip(), 0).await;
    assert_eq!(client.get("/a/").await.body.len(), 3 * 40);
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_does_not_keep_the_upstream() {
    let (upstream, gateway, mut client) = answered(Answer::Flood(100 << 20), TIMEOUT).await;
    client.request("GET", "/a/", "").await;
    eventually("the upstream is given up", || {
        upstream.accepted() == 1 && upstream.open() == 0
    })
    .await;
    let client = Client2::connect(gateway.address()).await;
    let get = Client2::request(Method::GET, "/a/", &[]);
    let (response, _) = client.start(get, true).await;
    let (_head, unread) = response.await.unwrap().into_parts();
    eventually("the upstream is given up", || {
        upstream.accepted() == 2 && upstream.open() == 0
    })
    .await;
    drop(unread);
}

#[tokio::test]
async fn the_limit_holds_for_waiting_clients_beside_each_other() {
    let (_upstream, gateway, _client) = answered(Answer::Silence, TIMEOUT).await;
    let started = Instant::now();
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let address = gateway.address();
        waiting.spawn(async move { Client::connect(address).await.get("/a/").await.status });
    }
    assert!(waiting.join_all().await.iter().all(|status| *status == 504));
    took_about(started, Duration::from_millis(TIMEOUT));
}

#[tokio::test]
async fn a_stalled_http2_upload_leaves_its_neighbours_alone() {
    let (upstream, gateway, _client) = answered(Answer::ok("ok"), TIMEOUT).await;
    let client = Client2::connect(gateway.address()).await;
    let (response, mut body) = client
        .start(Client2::request(Method::POST, "/a/", &[]), false)
        .await;
    body.send_data(Bytes::from_static(b"abc"), false).unwrap();
    upstream.until_received(1).await;
    assert_eq!(client.get("/a/").await.text(), "ok");
    body.send_data(Bytes::from_static(b"def"), true).unwrap();
    assert_eq!(Client2::response(response).await.unwrap().text(), "ok");
    let request = upstream
        .received()
        .into_iter()
        .find(|r| r.line().starts_with("POST"))
        .unwrap();
    assert_eq!(
        (&*request.body, request.value("transfer-encoding")),
        (&b"abcdef"[..], Some("chunked"))
    );
}

fn scene(upstream: &Upstream, more: &str) -> Scene {
    let service = upstream.service();
    Scene::of(&service, &mapping("/a/", &service, more))
}

#[tokio::test]
async fn a_response_that_is_cut_is_counted_as_a_timeout_and_with_its_status() {
    let upstream = Upstream::always(drip()).await;
    let scene = scene(&upstream, "timeout_ms: 300");
    let mut client = scene.client().await;
    client.request("GET", "/a/", "").await;
    assert!(client.response_to("GET").await.is_err());
    drop(client);
    scene.moves("httpbin").await;
    for (family, by) in [
        ("envoy_cluster_upstream_rq_timeout", 1.0),
        ("envoy_cluster_upstream_rq_completed", 1.0),
        (
            "envoy_cluster_upstream_cx_destroy_local_with_active_rq",
            1.0,
        ),
        ("envoy_http_downstream_rq_tx_reset", 1.0),
        ("envoy_http_downstream_rq_completed", 1.0),
    ] {
        assert_eq!(scene.moved(family), by, "{family}");
    }
    let now = scene.gateway.counters();
    assert_eq!(now.with("envoy_cluster_upstream_rq", "\"200\""), 1.0);
}

/// A service whose connections are accepted and never come about: it does not speak TLS.
async fn stalling() -> (Upstream, String) {
    let upstream = Upstream::always(Answer::Silence).await;
    let service = format!("https://{}", upstream.service());
    (upstream, service)
}

#[tokio::test]
async fn the_time_of_the_route_goes_by_while_there_is_no_connection() {
    let (_upstream, service) = stalling().await;
    let scene = Scene::of(&service, &mapping("/a/", &service, "timeout_ms: 300"));
    let started = Instant::now();
    let mut client = scene.client().await;
    let response = client.get("/a/").await;
    took_about(started, Duration::from_millis(300));
    assert_eq!(response.brief(), (504, "upstream request timeout"));
    drop(client);
    scene.moves("httpbin").await;
    for (family, by) in [
        ("envoy_cluster_upstream_rq_timeout", 1.0),
        ("envoy_cluster_upstream_rq_cancelled", 1.0),
        ("envoy_cluster_upstream_rq_pending_total", 1.0),
        ("envoy_cluster_upstream_rq_total", 0.0),
        ("envoy_cluster_upstream_rq_completed", 1.0),
    ] {
        assert_eq!(scene.moved(family), by, "{family}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_503() {
    let (_upstream, service) = stalling().await;
    let more = "connect_timeout_ms: 200\ntimeout_ms: 20000";
    let scene = Scene::of(&service, &mapping("/a/", &service, more));
    let mut client = scene.client().await;
    let response = client.get("/a/").await;
    let text = "upstream connect error or disconnect/reset before headers. \
                reset reason: connection timeout";
    assert_eq!(response.brief(), (503, text));
    drop(client);
    scene.moves("httpbin").await;
    for (family, by) in [
        ("envoy_cluster_upstream_rq_total", 0.0),
        ("envoy_cluster_upstream_rq_completed", 1.0),
        ("envoy_cluster_upstream_cx_connect_timeout", 1.0),
        ("envoy_cluster_upstream_cx_connect_fail", 1.0),
        ("envoy_cluster_upstream_cx_total", 1.0),
        ("envoy_cluster_upstream_cx_destroy_local", 1.0),
        ("envoy_cluster_upstream_rq_pending_failure_eject", 1.0),
        ("envoy_cluster_upstream_rq_timeout", 0.0),
    ] {
        assert_eq!(scene.moved(family), by, "{family}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_there_is_no_connection_is_noticed() {
    let (_upstream, service) = stalling().await;
    let more = "connect_timeout_ms: 60000\ntimeout_ms: 0";
    let scene = Scene::of(&service, &mapping("/a/", &service, more));
    let mut client = scene.client().await;
    client.request("GET", "/a/", "").await;
    scene
        .gateway
        .until_counted("it waits", |now| {
            now.sum("envoy_cluster_upstream_rq_pending_total") == 1.0
        })
        .await;
    drop(client);
    scene.moves("httpbin").await;
    assert_eq!(scene.moved("envoy_cluster_upstream_rq_cancelled"), 1.0);
    assert_eq!(scene.moved("envoy_cluster_upstream_rq_completed"), 0.0);
    assert_eq!(scene.moved("envoy_http_downstream_rq_rx_reset"), 1.0);
}

const IDLE: &str = "idle_timeout_ms: 300\ntimeout_ms: 0";

#[tokio::test]
async fn silence_of_the_upstream_ends_an_exchange_with_504() {
    let upstream = Upstream::always(Answer::Silence).await;
    let scene = scene(&upstream, IDLE);
    let started = Instant::now();
    let mut client = scene.client().await;
    let response = client.get("/a/").await;
    took_about(started, Duration::from_millis(300));
    assert_eq!(response.brief(), (504, "stream timeout"));
    drop(client);
    scene.moves("httpbin").await;
    for (family, by) in [
        ("envoy_http_downstream_rq_idle_timeout", 1.0),
        ("envoy_http_downstream_rq_completed", 1.0),
        ("envoy_http_rq_total", 1.0),
        ("envoy_cluster_upstream_rq_total", 1.0),
        ("envoy_cluster_upstream_rq_completed", 0.0),
        ("envoy_cluster_upstream_rq_timeout", 0.0),
    ] {
        assert_eq!(scene.moved(family), by, "{family}");
    }
}

#[tokio::test]
async fn silence_of_the_client_ends_an_exchange_with_408() {
    let upstream = Upstream::ok("").await;
    let scene = scene(&upstream, IDLE);
    let mut client = scene.client().await;
    client.request("POST", "/a/", "content-length: 10").await;
    client.send_bytes(b"abc").await;
    let response = client.response().await;
    assert_eq!(response.brief(), (408, "stream timeout"));
    assert_eq!(response.value("connection"), Some("close"));
    scene
        .gateway
        .until_counted("the timeout", |now| {
            now.sum("envoy_http_downstream_rq_idle_timeout") == 1.0
        })
        .await;
    let client = Client2::connect(scene.gateway.address()).await;
    let (response, mut body) = client
        .start(Client2::request(Method::POST, "/a/", &[]), false)
        .await;
    body.send_data(Bytes::from_static(b"abc"), false).unwrap();
    assert_eq!(Client2::response(response).await.unwrap().status, 408);
}

#[tokio::test]
async fn silence_in_the_middle_of_a_response_cuts_it() {
    let pieces = vec![wire("HTTP/1.1 200 OK\ncontent-length: 2\n\no"), wire("k")];
    let upstream = Upstream::always(Answer::Drip(pieces, Duration::from_secs(60))).await;
    let scene = scene(&upstream, IDLE);
    let mut client = scene.client().await;
    client.request("GET", "/a/", "").await;
    assert!(client.response_to("GET").await.is_err());
    drop(client);
    scene.moves("httpbin").await;
    for family in [
        "envoy_http_downstream_rq_idle_timeout",
        "envoy_http_downstream_rq_tx_reset",
        "envoy_http_downstream_rq_completed",
    ] {
        assert_eq!(scene.moved(family), 1.0, "{family}");
    }
}

#[tokio::test]
async fn what_drips_is_not_silent() {
    let upstream = Upstream::always(drip()).await;
    let scene = scene(&upstream, "idle_timeout_ms: 1500\ntimeout_ms: 0");
    let mut client = scene.client().await;
    assert_eq!(client.get("/a/").await.body.len(), 3 * 40);
    client.request("POST", "/a/", "content-length: 20").await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.send_bytes(b"x").await;
    }
    assert_eq!(client.response().await.status, 200);
}
