//! Circuit breakers: what there is too much of waits, or is refused at once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::{Client, Response};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping, named_mapping};
use nuncio_tests::scene::recorded;
use nuncio_tests::upstream::{Answer, Upstream, wire};

const CONNECTIONS_OVERFLOW: &str = "envoy_cluster_upstream_cx_overflow";
/// Although there was a connection for it.
const NOT_SENT: &str = "envoy_cluster_upstream_rq_active_overflow";
const SENT: &str = "envoy_cluster_upstream_rq_total";

/// Keeps its requests until it is released.
async fn deaf() -> Upstream {
    let ok = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    Upstream::always(Answer::Deaf(ok)).await
}

fn breakers(limits: &str) -> String {
    format!("timeout_ms: 0\ncircuit_breakers: [{{{limits}}}]")
}

fn gateway_to(upstream: &Upstream, limits: &str) -> Gateway {
    Gateway::start(&mapping("/a/", &upstream.service(), &breakers(limits)))
}

/// A client that has sent a request and waits for the answer.
async fn asking(gateway: &Gateway, path: &str) -> Client {
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", path, "connection: close").await;
    client
}

async fn until(gateway: &Gateway, family: &str, count: f64) {
    let reached = |now: &nuncio_tests::counters::Counters| now.sum(family) == count;
    gateway.until_counted(family, reached).await;
}

fn assert_overloaded(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(
        response.text(),
        "upstream connect error or disconnect/reset before headers. reset reason: overflow"
    );
    assert_eq!(response.value("x-envoy-overloaded"), Some("true"));
}

#[tokio::test]
async fn eight_at_once_where_two_may_and_one_may_wait() {
    let upstream = deaf().await;
    let limits = "max_connections: 2, max_pending_requests: 1, max_requests: 3";
    let gateway = gateway_to(&upstream, limits);
    let before = gateway.counters();
    let mut served = Vec::new();
    for n in 1..=2 {
        served.push(asking(&gateway, "/a/").await);
        upstream.until_received(n).await;
    }
    served.push(asking(&gateway, "/a/").await);
    until(&gateway, CONNECTIONS_OVERFLOW, 1.0).await;
    for _ in 0..5 {
        assert_overloaded(&asking(&gateway, "/a/").await.response().await);
    }
    upstream.release();
    for client in &mut served {
        assert_eq!(client.response().await.brief(), (200, "ok"));
    }
    drop(served);
    until(&gateway, "envoy_http_downstream_cx_destroy", 8.0).await;
    let port = gateway.address().to_string().replace(':', "_");
    let names = [(&*port, "127.0.0.1_18080"), (&*upstream.stats_name(), "cb")];
    assert_eq!(
        gateway.counters().moves_since(&before, &names),
        recorded("circuit breaker: 8 concurrent, max_conn 2 pending 1 rq 3")
    );
}

#[tokio::test]
async fn one_request_too_many_is_refused() {
    let upstream = deaf().await;
    let gateway = gateway_to(&upstream, "max_requests: 1");
    let mut first = asking(&gateway, "/a/").await;
    upstream.until_received(1).await;
    assert_overloaded(&asking(&gateway, "/a/").await.response().await);
    upstream.release();
    assert_eq!(first.response().await.status, 200);
    assert_eq!(asking(&gateway, "/a/").await.response().await.status, 200);
    let counters = gateway.counters();
    assert_eq!((counters.sum(SENT), counters.sum(NOT_SENT)), (2.0, 1.0));
}

#[tokio::test]
async fn who_leaves_the_queue_leaves_room_for_another() {
    let upstream = deaf().await;
    let gateway = gateway_to(&upstream, "max_connections: 1, max_pending_requests: 1");
    let mut first = asking(&gateway, "/a/").await;
    upstream.until_received(1).await;
    let second = asking(&gateway, "/a/").await;
    until(&gateway, CONNECTIONS_OVERFLOW, 1.0).await;
    assert_overloaded(&asking(&gateway, "/a/").await.response().await);
    drop(second);
    until(&gateway, "envoy_cluster_upstream_rq_cancelled", 1.0).await;
    let mut third = asking(&gateway, "/a/").await;
    until(&gateway, CONNECTIONS_OVERFLOW, 2.0).await;
    upstream.release();
    assert_eq!(first.response().await.status, 200);
    assert_eq!(third.response().await.status, 200);
    assert_eq!(upstream.accepted(), 1);
    assert_eq!(gateway.counters().sum(SENT), 2.0);
}

#[tokio::test]
async fn who_waits_gets_on_when_the_connection_before_it_breaks() {
    let upstream = Upstream::start(|request| match request.value("x-close") {
        Some(_) => Answer::EarlyThenClose(wire("")),
        None => Answer::ok("ok"),
    })
    .await;
    let gateway = gateway_to(&upstream, "max_connections: 1, max_pending_requests: 9");
    let mut clients = Vec::new();
    for n in 0..10 {
        let mut client = Client::connect(gateway.address()).await;
        let line = if n % 2 == 0 { "x-close: 1" } else { "" };
        client
            .request(
                "POST",
                "/a/",
                format!("content-length: 0\n{line}").trim_end(),
            )
            .await;
        clients.push(client);
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let expected = if n % 2 == 0 { 503 } else { 200 };
        assert_eq!(client.response().await.status, expected, "{n}");
    }
}

#[tokio::test]
async fn each_priority_has_its_own_limits() {
    let upstream = Upstream::ok("ok").await;
    let limits = breakers("priority: high, max_requests: 0");
    let high = format!("priority: high\n{limits}");
    let annotation = [
        named_mapping("default", "/a/", &upstream.service(), &limits),
        named_mapping("high", "/h/", &upstream.service(), &high),
    ];
    let gateway = Gateway::start(&annotation.concat());
    assert_overloaded(&asking(&gateway, "/h/").await.response().await);
    assert_eq!(asking(&gateway, "/a/").await.response().await.status, 200);
}

#[tokio::test]
async fn retries_have_a_limit_of_their_own() {
    let upstream = Upstream::always(Answer::text("HTTP/1.1 503 No\ncontent-length: 0\n\n")).await;
    let options = format!(
        "{}\nretry_policy: {{retry_on: 5xx, num_retries: 2}}",
        breakers("max_retries: 0")
    );
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), &options));
    assert_eq!(asking(&gateway, "/a/").await.response().await.status, 503);
    assert_eq!(upstream.received().len(), 1);
    let counters = gateway.counters();
    assert_eq!(
        counters.sum("envoy_cluster_upstream_rq_retry_overflow"),
        1.0
    );
    assert_eq!(counters.sum("envoy_cluster_upstream_rq_retry"), 0.0);
}

#[tokio::test]
async fn limits_are_shared_by_all_workers() {
    let upstream = deaf().await;
    let options = breakers("max_requests: 4");
    let gateway = Gateway::with_workers(4, &mapping("/a/", &upstream.service(), &options));
    let mut clients = Vec::new();
    for n in 1..=4 {
        clients.push(asking(&gateway, "/a/").await);
        upstream.until_received(n).await;
    }
    for _ in 0..8 {
        assert_overloaded(&asking(&gateway, "/a/").await.response().await);
    }
    upstream.release();
    for client in &mut clients {
        assert_eq!(client.response().await.status, 200);
    }
}

#[tokio::test]
async fn the_breaker_of_old_is_a_breaker() {
    let upstream = deaf().await;
    let breaker = "---\napiVersion: ambassador/v0\nkind: CircuitBreaker\nname: one\n\
                   max_connections: 1\nmax_pending: 1\n";
    let mapping = format!(
        "---\napiVersion: ambassador/v0\nkind: Mapping\nname: m\nprefix: /a/\n\
         service: {}\ncircuit_breaker: one\n",
        upstream.service()
    );
    let gateway = Gateway::start(&format!("{breaker}{mapping}"));
    let mut first = asking(&gateway, "/a/").await;
    upstream.until_received(1).await;
    let mut second = asking(&gateway, "/a/").await;
    until(&gateway, CONNECTIONS_OVERFLOW, 1.0).await;
    assert_overloaded(&asking(&gateway, "/a/").await.response().await);
    upstream.release();
    assert_eq!(first.response().await.status, 200);
    assert_eq!(second.response().await.status, 200);
    eventually("one connection was enough", || upstream.accepted() == 1).await;
}
