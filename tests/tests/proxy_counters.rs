//! The counters of Envoy after one request of each kind, against those of a real Envoy 1.40.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::{Client, Client2};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::scene::{Scene, recorded};
use nuncio_tests::upstream::{Answer, Upstream, closed_port, wire};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_response_of_the_upstream() {
    let upstream = Upstream::ok("hello").await;
    let scene = Scene::warm(&upstream).await;
    scene.get("/a/").await;
    assert_eq!(scene.moves("httpbin").await, recorded("200 GET"));
}

#[tokio::test]
async fn a_404_of_the_upstream() {
    let upstream = Upstream::always(Answer::text("HTTP/1.1 404 No\ncontent-length: 0\n\n")).await;
    let scene = Scene::warm(&upstream).await;
    scene.get("/a/").await;
    assert_eq!(scene.moves("httpbin").await, recorded("404 from upstream"));
}

#[tokio::test]
async fn no_route() {
    let scene = Scene::with("127.0.0.1:1");
    let mut client = scene.client().await;
    assert_eq!(client.get("/b/").await.status, 404);
    drop(client);
    assert_eq!(scene.moves("httpbin").await, recorded("404 no route"));
}

#[tokio::test]
async fn an_upstream_that_refuses_the_connection() {
    let scene = Scene::with(&closed_port().await);
    scene.get("/a/").await;
    assert_eq!(
        scene.moves("dead").await,
        recorded("upstream refuses connection (503 UF)")
    );
}

#[tokio::test]
async fn a_route_timeout() {
    let upstream = Upstream::start(|request| match request.value("x-slow") {
        Some(_) => Answer::Silence,
        None => Answer::ok(""),
    })
    .await;
    let scene = Scene::warm(&upstream).await;
    let mut client = scene.client().await;
    client
        .request("GET", "/a/", "x-slow: 1\nconnection: close")
        .await;
    assert_eq!(client.response().await.status, 504);
    assert!(client.is_closed().await);
    assert_eq!(
        scene.moves("httpbin").await,
        recorded("route timeout 0.3s (504 UT)")
    );
}

#[tokio::test]
async fn an_upstream_that_closes_before_its_answer() {
    let upstream = Upstream::start(|request| match request.value("x-close") {
        Some(_) => Answer::BytesThenClose(wire("")),
        None => Answer::ok(""),
    })
    .await;
    let scene = Scene::warm(&upstream).await;
    let mut client = scene.client().await;
    // A request that may be repeated would be, over another connection.
    client
        .request(
            "POST",
            "/a/",
            "x-close: 1\ncontent-length: 0\nconnection: close",
        )
        .await;
    assert_eq!(client.response().await.status, 503);
    assert!(client.is_closed().await);
    assert_eq!(
        scene.moves("httpbin").await,
        recorded("upstream closes before response (503 UC)")
    );
}

#[tokio::test]
async fn eight_requests_where_three_may_be_under_way() {
    let ok = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    let upstream = Upstream::always(Answer::Deaf(ok)).await;
    let service = upstream.service();
    let breakers = "circuit_breakers: [{max_connections: 2, max_pending_requests: 1}]";
    let scene = Scene::of(&service, &mapping("/a/", &service, breakers));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let mut client = scene.client().await;
        clients.spawn(async move {
            client.request("GET", "/a/", "connection: close").await;
            client.response().await
        });
    }
    let text = "upstream connect error or disconnect/reset before headers. reset reason: overflow";
    for _ in 0..5 {
        let response = clients.join_next().await.unwrap().unwrap();
        assert_eq!(response.brief(), (503, text));
        assert_eq!(response.value("x-envoy-overloaded"), Some("true"));
    }
    upstream.release();
    while let Some(response) = clients.join_next().await {
        assert_eq!(response.unwrap().brief(), (200, "ok"));
    }
    scene.left(8).await;
    assert_eq!(
        scene.moves("cb").await,
        recorded("circuit breaker: 8 concurrent, max_conn 2 pending 1 rq 3")
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer() {
    let upstream = Upstream::always(Answer::Silence).await;
    let scene = Scene::of(
        &upstream.service(),
        &mapping("/a/", &upstream.service(), "timeout_ms: 0"),
    );
    let mut client = scene.client().await;
    client.request("GET", "/a/", "").await;
    upstream.until_received(1).await;
    drop(client);
    assert_eq!(
        scene.moves("httpbin").await,
        recorded("client disconnects before response")
    );
}

#[tokio::test]
async fn a_malformed_request() {
    let scene = Scene::with("127.0.0.1:1");
    let mut client = scene.client().await;
    client.send("nonsense\n\n").await;
    assert_eq!(client.response().await.status, 400);
    drop(client);
    let by = ["cx_destroy_local", "cx_destroy_remote"];
    let moves = scene.moves("httpbin").await.without(&by);
    assert_eq!(moves, recorded("bad HTTP/1 request line").without(&by));
}

#[tokio::test]
async fn a_head_that_is_too_large() {
    let scene = Scene::with("127.0.0.1:1");
    let mut client = scene.client().await;
    client
        .request("GET", "/a/", &format!("x: {}", "x".repeat(61 * 1024)))
        .await;
    assert_eq!(client.response().await.status, 431);
    drop(client);
    let by = ["cx_destroy_local", "cx_destroy_remote"];
    let moves = scene.moves("httpbin").await.without(&by);
    assert_eq!(moves, recorded("header too large (431)").without(&by));
}

#[tokio::test]
async fn a_name_without_addresses() {
    let scene = Scene::with("nonexistent.invalid");
    scene.get("/a/").await;
    scene.moves("dead").await;
    let now = scene.gateway.counters();
    for (family, by) in [
        ("envoy_cluster_upstream_rq_total", 0.0),
        ("envoy_cluster_upstream_rq_completed", 1.0),
        ("envoy_cluster_upstream_cx_none_healthy", 1.0),
        ("envoy_cluster_lb_healthy_panic", 1.0),
        ("envoy_cluster_upstream_cx_total", 0.0),
        ("envoy_http_rq_total", 1.0),
    ] {
        assert_eq!(now.sum(family), by, "{family}");
    }
    assert_eq!(now.with("envoy_cluster_upstream_rq_xx", "class=\"5\""), 1.0);
}

#[tokio::test]
async fn a_close_that_the_upstream_announced_is_not_one_with_an_active_request() {
    let close = "HTTP/1.1 200 OK\nconnection: close\ncontent-length: 2\n\nok";
    let upstream = Upstream::always(Answer::text(close)).await;
    let scene = Scene::with(&upstream.service());
    scene.get("/a/").await;
    scene.moves("httpbin").await;
    let now = scene.gateway.counters();
    assert_eq!(now.sum("envoy_cluster_upstream_cx_destroy"), 1.0);
    assert_eq!(
        now.sum("envoy_cluster_upstream_cx_destroy_with_active_rq"),
        0.0
    );
}

#[tokio::test]
async fn a_request_that_is_repeated_counts_twice_upstream_and_once_downstream() {
    let upstream = Upstream::start(|request| match request.connection {
        0 if request.path() == "/2" => Answer::BytesThenClose(wire("")),
        _ => Answer::ok("ok"),
    })
    .await;
    let scene = Scene::with(&upstream.service());
    let mut client = scene.client().await;
    assert_eq!(client.get("/a/1").await.text(), "ok");
    assert_eq!(client.get("/a/2").await.text(), "ok");
    drop(client);
    scene.moves("httpbin").await;
    let now = scene.gateway.counters();
    assert_eq!(now.sum("envoy_cluster_upstream_rq_total"), 3.0);
    assert_eq!(now.sum("envoy_cluster_upstream_rq_completed"), 2.0);
    assert_eq!(now.sum("envoy_cluster_upstream_rq_retry"), 1.0);
    assert_eq!(now.sum("envoy_cluster_upstream_rq_retry_success"), 1.0);
    assert_eq!(now.sum("envoy_http_downstream_rq_completed"), 2.0);
}

#[tokio::test]
async fn wire_bytes_are_counted_on_both_sides() {
    let upstream = Upstream::ok(&"x".repeat(10_000)).await;
    let scene = Scene::with(&upstream.service());
    scene.get("/a/").await;
    scene.moves("httpbin").await;
    let now = scene.gateway.counters();
    let request = "GET /a/ HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n".len() as f64;
    assert_eq!(now.sum("envoy_http_downstream_cx_rx_bytes_total"), request);
    assert!((10_000.0..10_500.0).contains(&now.sum("envoy_http_downstream_cx_tx_bytes_total")));
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n".len() as f64 + 10_000.0;
    assert_eq!(now.sum("envoy_cluster_upstream_cx_rx_bytes_total"), answer);
    assert_eq!(
        now.sum("envoy_cluster_upstream_cx_tx_bytes_total"),
        upstream.last().head.len() as f64
    );
}

#[tokio::test]
async fn many_requests_of_both_protocols_add_up() {
    let upstream = Upstream::ok("ok").await;
    let gateway = Gateway::with_workers(2, &mapping("/a/", &upstream.service(), ""));
    let mut client = Client::connect(gateway.address()).await;
    let client2 = Client2::connect(gateway.address()).await;
    for _ in 0..50 {
        assert_eq!(client.get("/a/").await.status, 200);
        assert_eq!(client2.get("/a/").await.status, 200);
    }
    gateway
        .until_counted("a hundred", |now| {
            now.sum("envoy_http_downstream_rq_completed") == 100.0
        })
        .await;
    let now = gateway.counters();
    assert_eq!(now.sum("envoy_cluster_upstream_rq_total"), 100.0);
    assert_eq!(
        now.with("envoy_http_downstream_rq_xx", "class=\"2\""),
        100.0
    );
    assert_eq!(now.sum("envoy_http_downstream_rq_http1_total"), 50.0);
    assert_eq!(now.sum("envoy_http_downstream_rq_http2_total"), 50.0);
}
