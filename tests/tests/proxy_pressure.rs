//! What is counted of connections under pressure: who waits for whom, who breaks off, who is asked
//! to leave.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use http::Method;
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::counters::Counters;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::http2::{Call, Upstream2};
use nuncio_tests::upstream::{Answer, Upstream, wire};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// More than both systems buffer.
const LARGE: usize = 32 << 20;

const CLIENT_PAUSED: &str = "envoy_http_downstream_flow_control_paused_reading_total";
const CLIENT_RESUMED: &str = "envoy_http_downstream_flow_control_resumed_reading_total";
const UPSTREAM_PAUSED: &str = "envoy_cluster_upstream_flow_control_paused_reading_total";
const UPSTREAM_RESUMED: &str = "envoy_cluster_upstream_flow_control_resumed_reading_total";
const BACKED_UP: &str = "envoy_cluster_upstream_flow_control_backed_up_total";
const DRAINED: &str = "envoy_cluster_upstream_flow_control_drained_total";
const TO_CLIENT: &str = "envoy_http_downstream_cx_tx_bytes_buffered";
const TO_UPSTREAM: &str = "envoy_cluster_upstream_cx_tx_bytes_buffered";

fn gateway_to(service: &str) -> Gateway {
    Gateway::start(&mapping("/a/", service, "timeout_ms: 0"))
}

async fn until(gateway: &Gateway, family: &str, count: f64) {
    let counted = |now: &Counters| now.sum(family) >= count;
    gateway.until_counted(family, counted).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_pauses_the_upstream() {
    let upstream = Upstream::always(Answer::Flood(LARGE)).await;
    let gateway = gateway_to(&upstream.service());
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", "connection: close").await;
    eventually("the client's side is full", || {
        gateway.gauge(TO_CLIENT) > 0.0
    })
    .await;
    assert_eq!(gateway.counters().sum(CLIENT_PAUSED), 0.0);
    assert_eq!(client.response().await.body.len(), LARGE);
    assert!(client.is_closed().await);
    let now = gateway.counters();
    assert!(now.sum(UPSTREAM_PAUSED) >= 1.0);
    assert_eq!(now.sum(UPSTREAM_PAUSED), now.sum(UPSTREAM_RESUMED));
    assert_eq!(gateway.gauge(TO_CLIENT), 0.0);
}

#[tokio::test]
async fn an_upstream_that_does_not_read_pauses_the_client() {
    let ok = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    let upstream = Upstream::always(Answer::Deaf(ok)).await;
    let gateway = gateway_to(&upstream.service());
    let mut client = Client::connect(gateway.address()).await;
    let length = format!("content-length: {LARGE}");
    client.request("POST", "/a/", &length).await;
    let body = vec![b'x'; LARGE];
    let sending = tokio::spawn(async move { client.send_while_reading(&body).await.status });
    until(&gateway, BACKED_UP, 1.0).await;
    eventually("bytes wait", || gateway.gauge(TO_UPSTREAM) > 0.0).await;
    assert_eq!(gateway.counters().sum(UPSTREAM_PAUSED), 0.0);
    upstream.release();
    assert_eq!(sending.await.unwrap(), 200);
    let now = gateway.counters();
    assert_eq!(now.sum(BACKED_UP), now.sum(DRAINED));
    assert_eq!(now.sum(BACKED_UP), now.sum(CLIENT_PAUSED));
    assert_eq!(now.sum(CLIENT_PAUSED), now.sum(CLIENT_RESUMED));
    assert_eq!(gateway.gauge(TO_UPSTREAM), 0.0);
}

#[tokio::test]
async fn clients_that_are_asked_to_leave_are_counted_once_each() {
    let upstream = Upstream::ok("ok").await;
    let gateway = gateway_to(&upstream.service());
    let mut client = Client::connect(gateway.address()).await;
    let client2 = Client2::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    assert_eq!(client2.get("/a/").await.status, 200);
    gateway.drain();
    until(&gateway, "envoy_http_downstream_cx_drain_close", 1.0).await;
    assert_eq!(client.get("/a/").await.status, 200);
    until(&gateway, "envoy_http_downstream_cx_drain_close", 2.0).await;
    // The second one names the last stream (RFC 9113 section 6.8).
    until(&gateway, "envoy_http2_goaway_sent", 2.0).await;
}

#[tokio::test]
async fn streams_of_http2_are_active_until_either_side_resets_them() {
    let upstream = Upstream::start(|request| match request.path() {
        "/hang" => Answer::Silence,
        _ => Answer::BytesThenClose(wire("HTTP/1.1 200 OK\ncontent-length: 10\n\nhello")),
    })
    .await;
    let gateway = gateway_to(&upstream.service());
    let client = Client2::connect(gateway.address()).await;
    let active = || gateway.gauge("envoy_http2_streams_active");
    let request = Client2::request(Method::GET, "/a/hang", &[]);
    let (response, stream) = client.start(request, true).await;
    eventually("it is active", || active() == 1.0).await;
    drop((response, stream));
    until(&gateway, "envoy_http2_rx_reset", 1.0).await;
    let request = Client2::request(Method::GET, "/a/half", &[]);
    assert!(client.exchange(request).await.is_err());
    until(&gateway, "envoy_http2_tx_reset", 1.0).await;
    eventually("none is active", || active() == 0.0).await;
    assert_eq!(gateway.counters().sum("envoy_http2_rx_reset"), 1.0);
}

#[tokio::test]
async fn handshakes_with_upstreams_are_counted() {
    let secure = Upstream2::behind_tls(async |call: Call| call.answer("ok")).await;
    let service = format!("https://{}", secure.service());
    let gateway = Gateway::start(&mapping("/a/", &service, "grpc: true"));
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    until(&gateway, "envoy_cluster_ssl_handshake", 1.0).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = format!("https://{}", plain.local_addr().unwrap());
    let gateway = Gateway::start(&mapping("/a/", &service, "timeout_ms: 5000"));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", "").await;
    let (mut refused, _) = plain.accept().await.unwrap();
    refused.write_all(b"no TLS here\r\n\r\n").await.unwrap();
    until(&gateway, "envoy_cluster_ssl_connection_error", 1.0).await;
    assert_eq!(gateway.counters().sum("envoy_cluster_ssl_handshake"), 0.0);
}

#[tokio::test]
async fn a_cluster_of_the_same_name_with_other_settings_is_modified() {
    let annotation = |ms: u32| mapping("/a/", "127.0.0.1:1", &format!("connect_timeout_ms: {ms}"));
    let gateway = Gateway::start(&annotation(1000));
    let count = |what: &str| {
        let family = format!("envoy_cluster_manager_cluster_{what}");
        gateway.counters().sum(&family)
    };
    gateway.install(&annotation(1000));
    assert_eq!((count("added"), count("modified")), (1.0, 0.0));
    gateway.install(&annotation(2000));
    assert_eq!(
        (count("added"), count("modified"), count("removed")),
        (1.0, 1.0, 0.0)
    );
    let updates = |of: &str| {
        gateway
            .counters()
            .sum(&format!("envoy_{of}_update_success"))
    };
    assert_eq!(updates("cluster_manager_cds"), 3.0);
    assert_eq!(updates("listener_manager_lds"), 3.0);
}
