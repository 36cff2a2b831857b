//! Connections that speak HTTP/2 to upstreams: who shares them, their windows, and how they end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use bytes::Bytes;
use h2::Reason;
use h2::server::Builder;
use http::Method;
use nuncio_tests::calls::{answered, call, echo, gateway_to};
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::Upstream;
use nuncio_tests::upstream::http2::{Call, Upstream2, piece, whole};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Answers with a kilobyte each time it is let to, until `release` is closed.
async fn held(call: Call, release: Arc<Semaphore>) {
    drop(release.acquire().await);
    call.answer("late");
}

const LARGE: usize = 10 * 1024 * 1024;

#[tokio::test]
async fn ten_megabytes_go_both_ways_within_the_windows() {
    let upstream = Upstream2::start(echo).await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let sent: Vec<u8> = (0..LARGE)
        .map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8)
        .collect();
    let (response, mut stream) = client.start(call("/a/"), false).await;
    let reading = async {
        let (_, mut body) = answered(response).await.unwrap();
        whole(&mut body).await
    };
    let body = Bytes::from(sent.clone());
    let (_, (received, trailers)) = tokio::join!(Client2::send_body(&mut stream, body), reading);
    assert!(received == sent);
    assert_eq!(trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn an_upstream_that_does_not_read_holds_back_the_client() {
    let upstream = Upstream2::start(async |call: Call| {
        call.until_reset().await;
    })
    .await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let (_response, mut stream) = client.start(call("/a/"), false).await;
    let taken = Client2::send_until_stalled(&mut stream, LARGE).await;
    assert!(taken < 1024 * 1024, "{taken}");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_back_only_its_own_stream() {
    let upstream = Upstream2::start(async |call: Call| {
        let (_, mut stream) = call.head(&[]);
        let piece = Bytes::from(vec![b'f'; LARGE]);
        Client2::send_piece(&mut stream, piece).await;
    })
    .await;
    let quick = Upstream2::ok("hi").await;
    let annotation = mapping("/a/", &upstream.service(), "grpc: true")
        + &mapping("/b/", &quick.service(), "grpc: true");
    let gateway = Gateway::start(&annotation);
    let mut stalled = Vec::new();
    for _ in 0..30 {
        let client = Client2::connect(gateway.address()).await;
        let (response, stream) = client.start(call("/a/"), true).await;
        stalled.push((answered(response).await.unwrap(), stream, client));
    }
    let client = Client2::connect(gateway.address()).await;
    let (response, _stream) = client.start(call("/a/"), true).await;
    let (_, mut body) = answered(response).await.unwrap();
    let mut read = 0;
    while read < LARGE / 2 {
        read += piece(&mut body).await.unwrap().len();
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn many_calls_share_one_connection() {
    let release = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&release);
    let upstream = Upstream2::start(move |call| held(call, Arc::clone(&wait))).await;
    let (gateway, client) = gateway_to(&upstream).await;
    let other = Client2::connect(gateway.address()).await;
    let mut responses = JoinSet::new();
    for client in [&client, &other] {
        for _ in 0..100 {
            let (response, _) = client.start(call("/a/"), true).await;
            responses.spawn(Client2::response(response));
        }
    }
    upstream.until_received(200).await;
    release.close();
    let responses = responses.join_all().await;
    assert!(
        responses
            .into_iter()
            .all(|one| one.unwrap().text() == "late")
    );
    assert_eq!(upstream.accepted(), 1);
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_cx_http2_total"), 1.0);
    assert_eq!(counters.sum("envoy_cluster_upstream_cx_http1_total"), 0.0);
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_total"), 200.0);
}

#[tokio::test]
async fn no_more_streams_are_opened_than_the_upstream_takes() {
    let release = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&release);
    let mut builder = Builder::new();
    builder.max_concurrent_streams(5);
    let upstream = Upstream2::with(builder, move |call| held(call, Arc::clone(&wait))).await;
    let (gateway, client) = gateway_to(&upstream).await;
    let mut responses = JoinSet::new();
    for _ in 0..20 {
        let (response, _) = client.start(call("/a/"), true).await;
        responses.spawn(Client2::response(response));
    }
    upstream.until_received(20).await;
    assert_eq!(upstream.accepted(), 4);
    release.close();
    let responses = responses.join_all().await;
    assert!(
        responses
            .into_iter()
            .all(|one| one.unwrap().text() == "late")
    );
    assert_eq!(
        gateway.counters().sum("envoy_cluster_upstream_rq_rx_reset"),
        0.0
    );
}

#[tokio::test]
async fn calls_beyond_the_limits_of_the_cluster_wait_or_are_refused() {
    let release = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&release);
    let mut builder = Builder::new();
    builder.max_concurrent_streams(1);
    let upstream = Upstream2::with(builder, move |call| held(call, Arc::clone(&wait))).await;
    let lines = "grpc: true\ncircuit_breakers:\n- max_connections: 1\n  max_pending_requests: 1";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let client = Client2::connect(gateway.address()).await;
    let get = || client.start(Client2::request(Method::GET, "/a/", &[]), true);
    let (served, _) = get().await;
    upstream.until_received(1).await;
    let (waiting, _) = get().await;
    eventually("the second waits", || {
        gateway.gauge("envoy_cluster_upstream_rq_pending_active") == 1.0
    })
    .await;
    let (refused, _) = get().await;
    assert_eq!(Client2::response(refused).await.unwrap().status, 503);
    release.close();
    for response in [served, waiting] {
        assert_eq!(Client2::response(response).await.unwrap().text(), "late");
    }
    assert_eq!(upstream.accepted(), 1);
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_cx_overflow"), 1.0);
    assert_eq!(
        counters.sum("envoy_cluster_upstream_rq_pending_overflow"),
        1.0
    );
}

#[tokio::test]
async fn a_connection_without_calls_is_closed_in_time() {
    let upstream = Upstream2::ok("hi").await;
    let lines = "grpc: true\ncluster_idle_timeout_ms: 100";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let client = Client2::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.text(), "hi");
    eventually("the connection is closed", || upstream.open() == 0).await;
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_cx_idle_timeout"), 1.0);
}

#[tokio::test]
async fn a_reset_before_the_head_is_503_and_counted() {
    let upstream = Upstream2::start(async |call: Call| call.reset(Reason::INTERNAL_ERROR)).await;
    let (gateway, client) = gateway_to(&upstream).await;
    let request = Client2::request(Method::GET, "/a/", &[]);
    let response = client.exchange(request).await.unwrap();
    let text = "upstream connect error or disconnect/reset before headers. \
                reset reason: remote reset";
    assert_eq!(response.brief(), (503, text));
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_rx_reset"), 1.0);
    assert_eq!(upstream.received().len(), 1, "it is not sent again");
}

#[tokio::test]
async fn a_reset_after_the_head_resets_the_clients_stream_alone() {
    let upstream = Upstream2::start(async |call: Call| {
        if call.request.uri().path() == "/ok" {
            return call.answer("fine");
        }
        let (mut body, mut stream) = call.head(&[]);
        Client2::send_piece(&mut stream, Bytes::from_static(b"some")).await;
        assert_eq!(piece(&mut body).await.unwrap(), "read");
        stream.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    let (gateway, client) = gateway_to(&upstream).await;
    let (response, mut stream) = client.start(call("/a/broken"), false).await;
    let (_, mut body) = answered(response).await.unwrap();
    assert_eq!(piece(&mut body).await.unwrap(), "some");
    stream
        .send_data(Bytes::from_static(b"read"), false)
        .unwrap();
    assert!(body.data().await.unwrap().is_err());
    assert_eq!(client.get("/a/ok").await.text(), "fine");
    assert_eq!(upstream.accepted(), 1);
    gateway
        .until_counted("the reset", |now| {
            now.sum("envoy_cluster_upstream_rq_rx_reset") == 1.0
                && now.sum("envoy_http_downstream_rq_tx_reset") == 1.0
        })
        .await;
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_stream_and_no_other() {
    let (told, mut reasons) = tokio::sync::mpsc::unbounded_channel();
    let upstream = Upstream2::start(move |call: Call| {
        let told = told.clone();
        async move {
            if call.request.uri().path() == "/ok" {
                return call.answer("fine");
            }
            told.send(call.until_reset().await).unwrap();
        }
    })
    .await;
    let (gateway, client) = gateway_to(&upstream).await;
    let (_response, mut stream) = client.start(call("/a/"), false).await;
    upstream.until_received(1).await;
    stream.send_reset(Reason::CANCEL);
    assert_eq!(reasons.recv().await, Some(Reason::CANCEL));
    assert_eq!(client.get("/a/ok").await.text(), "fine");
    assert_eq!((upstream.accepted(), upstream.open()), (1, 1));
    gateway
        .until_counted("the reset", |now| {
            now.sum("envoy_cluster_upstream_rq_tx_reset") == 1.0
                && now.sum("envoy_http_downstream_rq_rx_reset") == 1.0
        })
        .await;
}

#[tokio::test]
async fn a_timeout_resets_the_stream_and_keeps_the_connection() {
    let upstream = Upstream2::start(async |call: Call| {
        if call.request.uri().path() == "/ok" {
            return call.answer("fine");
        }
        call.until_reset().await;
    })
    .await;
    let lines = "grpc: true\ntimeout_ms: 100";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let client = Client2::connect(gateway.address()).await;
    assert_eq!(client.get("/a/slow").await.status, 504);
    assert_eq!(client.get("/a/ok").await.text(), "fine");
    assert_eq!(upstream.accepted(), 1);
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_tx_reset"), 1.0);
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_timeout"), 1.0);
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    let upstream = Upstream2::start({
        let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
        move |call: Call| {
            let first = first.swap(false, std::sync::atomic::Ordering::Relaxed);
            async move {
                match first {
                    true => call.reset(Reason::REFUSED_STREAM),
                    false => call.answer("served"),
                }
            }
        }
    })
    .await;
    let (gateway, client) = gateway_to(&upstream).await;
    let (response, _) = client.start(call("/a/"), true).await;
    assert_eq!(Client2::response(response).await.unwrap().text(), "served");
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_retry"), 1.0);
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_rx_reset"), 0.0);
}

#[tokio::test]
async fn a_connection_that_is_given_notice_finishes_its_streams_and_gets_no_more() {
    let release = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&release);
    let upstream = Upstream2::start(move |call| {
        let wait = Arc::clone(&wait);
        async move {
            match call.connection {
                0 => held(call, wait).await,
                _ => call.answer("new"),
            }
        }
    })
    .await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let (open, _) = client.start(call("/a/"), true).await;
    upstream.until_received(1).await;
    upstream.leave();
    let mut on_new = false;
    while !on_new {
        let (response, _) = client.start(call("/a/"), true).await;
        release.add_permits(1);
        on_new = Client2::response(response).await.unwrap().text() == "new";
    }
    release.close();
    assert_eq!(Client2::response(open).await.unwrap().text(), "late");
    eventually("the old connection is closed", || upstream.open() == 1).await;
}

#[tokio::test]
async fn a_connection_that_breaks_takes_its_streams_with_it_and_the_next_is_new() {
    let upstream = Upstream2::start(async |call: Call| {
        if call.request.uri().path() == "/ok" {
            return call.answer("fine");
        }
        call.until_reset().await;
    })
    .await;
    let service = upstream.service();
    let gateway = Gateway::start(&mapping("/a/", &service, "grpc: true"));
    let client = Client2::connect(gateway.address()).await;
    let request = Client2::request(Method::GET, "/a/x", &[]);
    let (response, _) = client.start(request, true).await;
    upstream.until_received(1).await;
    drop(upstream);
    let response = Client2::response(response).await.unwrap();
    assert_eq!(response.status, 503);
    let response = client.get("/a/ok").await;
    assert_eq!(response.status, 503, "nobody listens any more");
    gateway
        .until_counted("the connection", |now| {
            now.sum("envoy_cluster_upstream_cx_destroy_remote_with_active_rq") == 1.0
                && now.sum("envoy_cluster_upstream_rq_rx_reset") == 0.0
        })
        .await;
}

#[tokio::test]
async fn an_upstream_that_speaks_no_http2_is_502() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "grpc: true"));
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 502);
}

#[tokio::test]
async fn over_tls_http2_is_agreed_on() {
    let upstream = Upstream2::behind_tls(echo).await;
    let service = format!("https://{}", upstream.service());
    let gateway = Gateway::start(&mapping("/a/", &service, "grpc: true"));
    let client = Client2::connect(gateway.address()).await;
    let (response, mut stream) = client.start(call("/a/"), false).await;
    stream.send_data(Bytes::from_static(b"hi"), true).unwrap();
    let (_, mut body) = answered(response).await.unwrap();
    let (message, trailers) = whole(&mut body).await;
    assert_eq!(message, b"hi");
    assert_eq!(trailers.unwrap()["grpc-status"], "0");
    assert_eq!(upstream.last().uri().scheme_str(), Some("https"));
}

#[tokio::test]
async fn a_connection_ends_with_its_cluster() {
    let upstream = Upstream2::ok("hi").await;
    let (gateway, client) = gateway_to(&upstream).await;
    assert_eq!(client.get("/a/").await.text(), "hi");
    gateway.install(&mapping("/b/", "127.0.0.1:1", ""));
    eventually("the connection is closed", || upstream.open() == 0).await;
}

#[tokio::test]
async fn a_connection_whose_time_is_over_is_replaced() {
    let upstream = Upstream2::ok("hi").await;
    let lines = "grpc: true\ncluster_max_connection_lifetime_ms: 1";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let client = Client2::connect(gateway.address()).await;
    eventually_twice(&client, &upstream).await;
}

async fn eventually_twice(client: &Client2, upstream: &Upstream2) {
    while upstream.accepted() < 2 {
        assert_eq!(client.get("/a/").await.text(), "hi");
    }
}
