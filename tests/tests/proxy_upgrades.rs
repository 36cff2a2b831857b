//! WebSocket and other upgrades: the handshake, and the tunnel that comes of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::Client;
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, closed_port, wire};

const WEBSOCKET: &str = "connection: Upgrade\nupgrade: websocket\nsec-websocket-key: a2V5";

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\nconnection: Upgrade\n\
                        upgrade: websocket\nsec-websocket-accept: eWVz\n\n";

/// An upstream that accepts every upgrade, says `first` with its head, sends back what it gets, and
/// `last` at the end.
async fn echoing(first: &str, last: &str) -> Upstream {
    Upstream::always(Answer::Tunnel {
        opening: wire(&format!("{ACCEPTED}{first}")),
        farewell: wire(last),
    })
    .await
}

async fn websockets_to(upstream: &Upstream) -> (Gateway, Client) {
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "use_websocket: true"));
    let client = Client::connect(gateway.address()).await;
    (gateway, client)
}

/// Upgrades the connection; both sides agree.
async fn upgrade(client: &mut Client) {
    client.request("GET", "/a/", WEBSOCKET).await;
    assert_eq!(client.head().await.status, 101);
}

/// A series that is a gauge, of which [`Gateway::counters`] says nothing.
fn active_upgrades(gateway: &Gateway) -> f64 {
    gateway.gauge("envoy_http_downstream_cx_upgrades_active")
}

#[tokio::test]
async fn a_websocket_is_a_tunnel_after_the_handshake() {
    let upstream = echoing("", "").await;
    let (gateway, mut client) = websockets_to(&upstream).await;
    client.request("GET", "/a/chat?x", WEBSOCKET).await;
    let head = client.head().await;
    assert_eq!(head.status, 101);
    assert_eq!(head.value("upgrade"), Some("websocket"));
    assert_eq!(head.value("connection"), Some("Upgrade"));
    assert_eq!(head.value("sec-websocket-accept"), Some("eWVz"));
    assert_eq!(head.value("content-length"), None);
    assert_eq!(head.value("transfer-encoding"), None);
    for frame in ["\u{1}one", "\u{1}two", "\u{1}three"] {
        client.send_bytes(frame.as_bytes()).await;
        assert_eq!(client.bytes(frame.len()).await, frame);
    }
    let request = upstream.last();
    assert_eq!(request.line(), "GET /chat?x HTTP/1.1");
    assert_eq!(request.value("connection"), Some("Upgrade"));
    assert_eq!(request.value("upgrade"), Some("websocket"));
    assert_eq!(request.value("sec-websocket-key"), Some("a2V5"));
    assert_eq!(active_upgrades(&gateway), 1.0);
    drop(client);
    eventually("the tunnel has ended", || {
        upstream.open() == 0 && active_upgrades(&gateway) == 0.0
    })
    .await;
    gateway
        .until_counted("the upgrade", |now| {
            now.sum("envoy_http_downstream_cx_upgrades_total") == 1.0
                && now.with("envoy_cluster_upstream_rq", "envoy_response_code=\"101\"") == 1.0
                && now.with("envoy_http_downstream_rq_xx", "class=\"1\"") == 1.0
        })
        .await;
}

#[tokio::test]
async fn what_comes_with_a_head_is_not_lost() {
    let upstream = echoing("from the upstream", "").await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    let request = format!("GET /a/ HTTP/1.1\nhost: a.example\n{WEBSOCKET}\n\nfrom the client");
    client.send(&request).await;
    assert_eq!(client.head().await.status, 101);
    let both = "from the upstreamfrom the client";
    assert_eq!(client.bytes(both.len()).await, both);
}

#[tokio::test]
async fn what_comes_between_the_heads_is_not_lost() {
    let opening = wire(&format!("{ACCEPTED}hello "));
    let upstream = Upstream::always(Answer::LateTunnel(opening)).await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    client.request("GET", "/a/", WEBSOCKET).await;
    upstream.until_received(1).await;
    client.send_bytes(b"early").await;
    upstream.release();
    assert_eq!(client.head().await.status, 101);
    assert_eq!(client.bytes(11).await, "hello early");
}

#[tokio::test]
async fn an_empty_line_may_be_the_first_of_another_protocol() {
    let opening = wire(&format!("{ACCEPTED}hello "));
    let upstream = Upstream::always(Answer::LateTunnel(opening)).await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    client.request("GET", "/a/", WEBSOCKET).await;
    upstream.until_received(1).await;
    client.send("\n").await;
    upstream.release();
    assert_eq!(client.head().await.status, 101);
    client.send_bytes(b"late").await;
    assert_eq!(client.bytes(12).await, "hello \r\nlate");
}

#[tokio::test]
async fn an_end_that_is_done_leaves_the_other_direction_open() {
    let upstream = echoing("", "goodbye").await;
    let (gateway, mut client) = websockets_to(&upstream).await;
    upgrade(&mut client).await;
    client.send_bytes(b"last words").await;
    client.end().await;
    assert_eq!(client.bytes(17).await, "last wordsgoodbye");
    assert!(client.is_closed().await);
    gateway
        .until_counted(
            "the tunnel, as Envoy counts each that a client ends",
            |now| {
                now.sum("envoy_cluster_upstream_rq_completed") == 1.0
                    && now.sum("envoy_http_downstream_rq_rx_reset") == 1.0
            },
        )
        .await;
}

#[tokio::test]
async fn nothing_in_a_tunnel_is_a_request() {
    let upstream = echoing("", "").await;
    let (gateway, mut client) = websockets_to(&upstream).await;
    upgrade(&mut client).await;
    let smuggled = "GET /a/ HTTP/1.1\r\nhost: a.example\r\n\r\n";
    client.send_bytes(smuggled.as_bytes()).await;
    assert_eq!(client.bytes(smuggled.len()).await, smuggled);
    assert_eq!(upstream.received().len(), 1);
    assert_eq!(
        gateway.counters().sum("envoy_http_downstream_rq_total"),
        1.0
    );
}

#[tokio::test]
async fn ten_megabytes_go_through_and_come_back() {
    let upstream = echoing("", "").await;
    let (gateway, mut client) = websockets_to(&upstream).await;
    upgrade(&mut client).await;
    let sent: Vec<u8> = (0..10 * 1024 * 1024_usize)
        .map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8)
        .collect();
    let received = client.echo(&sent).await;
    assert!(received == sent);
    client.end().await;
    assert!(client.is_closed().await);
    gateway
        .until_counted("the bytes", |now| {
            now.sum("envoy_cluster_upstream_cx_tx_bytes_total") > sent.len() as f64
                && now.sum("envoy_http_downstream_cx_rx_bytes_total") > sent.len() as f64
        })
        .await;
}

#[tokio::test]
async fn a_tunnel_outlives_its_mapping_its_timeout_and_the_drain() {
    let upstream = echoing("", "").await;
    let lines = "use_websocket: true\ntimeout_ms: 100";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let mut client = Client::connect(gateway.address()).await;
    upgrade(&mut client).await;
    gateway.install(&mapping("/b/", "127.0.0.1:1", ""));
    let mut other = Client::connect(gateway.address()).await;
    assert_eq!(other.get("/a/").await.status, 404);
    gateway.drain();
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    client.send_bytes(b"still here").await;
    assert_eq!(client.bytes(10).await, "still here");
}

#[tokio::test]
async fn a_silent_tunnel_is_ended() {
    let upstream = echoing("", "").await;
    let lines = "use_websocket: true\nidle_timeout_ms: 200";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let mut client = Client::connect(gateway.address()).await;
    upgrade(&mut client).await;
    client.send_bytes(b"a word").await;
    assert_eq!(client.bytes(6).await, "a word");
    assert!(client.is_closed().await);
    eventually("the upstream's side is closed too", || upstream.open() == 0).await;
}

#[tokio::test]
async fn tokens_are_compared_without_regard_to_case() {
    let accepted = ACCEPTED.replace("websocket\n", "Spdy/3.1\n");
    let upstream = Upstream::always(Answer::Tunnel {
        opening: wire(&accepted),
        farewell: wire(""),
    })
    .await;
    let lines = "allow_upgrade: [spdy/3.1]";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), lines));
    let mut client = Client::connect(gateway.address()).await;
    let fields = "connection: keep-alive, upgrade\nupgrade: SPDY/3.1";
    client.request("POST", "/a/", fields).await;
    assert_eq!(client.head().await.status, 101);
    assert_eq!(upstream.last().value("upgrade"), Some("SPDY/3.1"));
}

#[tokio::test]
async fn what_a_mapping_does_not_allow_is_403() {
    let upstream = echoing("", "").await;
    let annotation = mapping("/a/", &upstream.service(), "allow_upgrade: [websocket]")
        + &mapping("/b/", &upstream.service(), "");
    let gateway = Gateway::start(&annotation);
    let asked = [
        ("/a/", "connection: upgrade\nupgrade: spdy/3.1"),
        ("/a/", "connection: upgrade\nupgrade: websocket, spdy/3.1"),
        ("/a/", "connection: upgrade\nupgrade: websocket\nupgrade: x"),
        ("/b/", WEBSOCKET),
    ];
    for (path, fields) in asked {
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", path, fields).await;
        assert_eq!(client.response().await.brief(), (403, ""), "{fields}");
    }
    assert!(upstream.received().is_empty());
    let counters = gateway.counters();
    let refused = counters.sum("envoy_http_downstream_rq_ws_on_non_ws_route");
    assert_eq!(refused, 4.0);
    assert_eq!(counters.sum("envoy_http_downstream_cx_upgrades_total"), 0.0);
}

#[tokio::test]
async fn an_upgrade_with_a_body_is_400() {
    let upstream = echoing("", "").await;
    let (gateway, _) = websockets_to(&upstream).await;
    for framing in ["content-length: 3", "transfer-encoding: chunked"] {
        let mut client = Client::connect(gateway.address()).await;
        let fields = format!("{WEBSOCKET}\n{framing}");
        client.request("GET", "/a/", &fields).await;
        assert_eq!(client.response().await.status, 400, "{framing}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn another_answer_is_an_ordinary_one() {
    let upstream = Upstream::always(Answer::text(
        "HTTP/1.1 426 Upgrade Required\ncontent-length: 2\n\nno",
    ))
    .await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    client.request("GET", "/a/", WEBSOCKET).await;
    assert_eq!(client.response().await.brief(), (426, "no"));
    client.request("GET", "/a/", WEBSOCKET).await;
    assert_eq!(client.response().await.brief(), (426, "no"), "it goes on");
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn ordinary_requests_are_served_on_the_same_route() {
    let upstream = Upstream::ok("plain").await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    assert_eq!(client.get("/a/").await.brief(), (200, "plain"));
    client.request("GET", "/a/", "upgrade: websocket").await;
    assert_eq!(client.response().await.brief(), (200, "plain"));
    assert_eq!(upstream.last().value("upgrade"), None);
    let h2c = "connection: Upgrade, HTTP2-Settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQ";
    client.request("GET", "/a/", h2c).await;
    assert_eq!(client.response().await.brief(), (200, "plain"));
    assert_eq!(upstream.last().value("upgrade"), None);
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_502() {
    let upstream = echoing("", "").await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    assert_eq!(client.get("/a/").await.status, 502);
}

#[tokio::test]
async fn without_a_connection_there_is_no_upgrade() {
    let lines = "use_websocket: true";
    let gateway = Gateway::start(&mapping("/a/", &closed_port().await, lines));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", WEBSOCKET).await;
    assert_eq!(client.response().await.status, 503);
    eventually("no upgrade is left", || active_upgrades(&gateway) == 0.0).await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_ends_the_tunnel() {
    let opening = wire(&format!("{ACCEPTED}bye"));
    let upstream = Upstream::always(Answer::BytesThenClose(opening)).await;
    let (_gateway, mut client) = websockets_to(&upstream).await;
    upgrade(&mut client).await;
    assert_eq!(client.bytes(3).await, "bye");
    assert!(client.is_closed().await);
}
