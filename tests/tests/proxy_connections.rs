//! Connections: kept, lost, left and given up, on both sides.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::Method;
use nuncio_tests::client::{Broken, Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::tls::Authority;
use nuncio_tests::upstream::{Answer, Upstream, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn gateway_to(upstream: &Upstream) -> (Gateway, Client) {
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "timeout_ms: 0"));
    let client = Client::connect(gateway.address()).await;
    (gateway, client)
}

/// Says `keep-alive` and closes after the answer.
fn fickle() -> Answer {
    Answer::BytesThenClose(wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok"))
}

fn deaf() -> Answer {
    Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate"))
}

/// An upstream over TLS that answers the first request of each connection, and at the second breaks off
/// without a word of TLS, as nginx does with connections that were idle for too long.
async fn abrupt_over_tls() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = Authority::new("ours").issue(&["a.example"]).acceptor();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut tls = acceptor.accept(tcp).await.unwrap();
            let mut request = [0; 4096];
            assert_ne!(tls.read(&mut request).await.unwrap(), 0);
            let answer = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
            tls.write_all(&answer).await.unwrap();
            assert_ne!(tls.read(&mut request).await.unwrap(), 0);
        }
    });
    address
}

#[tokio::test]
async fn requests_of_one_client_share_one_upstream_connection() {
    let upstream = Upstream::ok("ok").await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    for _ in 0..100 {
        let response = client.get("/a/").await;
        assert_eq!(
            (response.status, response.value("connection")),
            (200, Some("keep-alive"))
        );
    }
    assert_eq!((upstream.received().len(), upstream.accepted()), (100, 1));
}

#[tokio::test]
async fn a_client_that_says_close_gets_its_answer_and_the_close() {
    let upstream = Upstream::ok("ok").await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    client.request("GET", "/a/", "connection: close").await;
    let response = client.response().await;
    assert_eq!(
        (response.text(), response.value("connection")),
        ("ok", Some("close"))
    );
    assert!(client.is_closed().await);
    assert_eq!(upstream.open(), 1, "the upstream connection stays");
}

#[tokio::test]
async fn an_upstream_that_says_close_costs_the_client_no_connection() {
    let close = "HTTP/1.1 200 OK\nconnection: close\ncontent-length: 2\n\nok";
    let upstream = Upstream::always(Answer::text(close)).await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    for _ in 0..3 {
        let response = client.get("/a/").await;
        assert_eq!(
            (response.text(), response.value("connection")),
            ("ok", Some("keep-alive"))
        );
    }
    assert_eq!(upstream.accepted(), 3);
    eventually("its connections are closed", || upstream.open() == 0).await;
}

#[tokio::test]
async fn no_get_is_lost_to_upstreams_that_close_after_each_answer() {
    let upstream = Upstream::always(fickle()).await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    for n in 0..200 {
        assert_eq!(client.get("/a/").await.brief(), (200, "ok"), "{n}");
        // Sometimes the close arrives before the next request, sometimes after.
        for _ in 0..n % 7 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn no_get_is_lost_to_upstreams_that_end_tls_without_a_word() {
    let service = format!("https://{}", abrupt_over_tls().await);
    let gateway = Gateway::start(&mapping("/a/", &service, ""));
    let mut client = Client::connect(gateway.address()).await;
    for n in 0..5 {
        assert_eq!(client.get("/a/").await.brief(), (200, "ok"), "{n}");
    }
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let upstream = Upstream::always(fickle()).await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    let mut sent = 0;
    for n in 0..100 {
        client
            .request("POST", &format!("/a/{n}"), "content-length: 0")
            .await;
        let response = client.response().await;
        assert!(matches!(response.status, 200 | 503), "{}", response.status);
        sent += usize::from(response.status == 200);
    }
    let mut paths: Vec<_> = upstream
        .received()
        .iter()
        .map(|r| r.path().to_owned())
        .collect();
    let all = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), all, "none came twice");
    assert_eq!(sent, all, "and those that came were answered");
}

#[tokio::test]
async fn a_request_that_an_upstream_had_and_dropped_is_not_repeated_as_a_post() {
    let count = AtomicUsize::new(0);
    let upstream = Upstream::start(move |_| match count.fetch_add(1, Relaxed) {
        0 => Answer::ok("ok"),
        _ => Answer::EarlyThenClose(wire("")),
    })
    .await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    client.get("/a/").await;
    client.request("POST", "/a/", "content-length: 0").await;
    assert_eq!(client.response().await.status, 503);
    assert_eq!(upstream.received().len(), 2);
}

#[tokio::test]
async fn a_put_whose_body_was_begun_is_not_repeated_with_the_rest() {
    let count = AtomicUsize::new(0);
    let upstream = Upstream::start(move |_| match count.fetch_add(1, Relaxed) {
        0 => Answer::ok("ok"),
        1 => Answer::EarlyThenClose(wire("")),
        _ => Answer::ok("again"),
    })
    .await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    client.get("/a/").await;
    client
        .send("PUT /a/ HTTP/1.1\nhost: a\ncontent-length: 5\n\nhello")
        .await;
    let response = client.response().await;
    let bodies: Vec<_> = upstream
        .received()
        .into_iter()
        .skip(1)
        .map(|r| r.body)
        .collect();
    match response.status {
        200 => assert_eq!(bodies.last().unwrap(), b"hello"),
        status => assert_eq!((status, bodies.len()), (503, 1)),
    }
}

#[tokio::test]
async fn part_of_an_answer_is_an_answer() {
    let count = AtomicUsize::new(0);
    let upstream = Upstream::start(move |_| match count.fetch_add(1, Relaxed) {
        0 => Answer::ok("ok"),
        _ => Answer::BytesThenClose(wire("HTTP/1.1 200 OK\ncontent-")),
    })
    .await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    client.get("/a/").await;
    assert_eq!(client.get("/a/").await.status, 503);
    assert_eq!(upstream.received().len(), 2, "not sent again");
}

#[tokio::test]
async fn bytes_behind_an_answer_are_not_the_next_answer() {
    let upstream = Upstream::always(Answer::text(
        "HTTP/1.1 200 OK\ncontent-length: 2\n\nokHTTP/1.1 500 X\n\n",
    ))
    .await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    for _ in 0..3 {
        assert_eq!(client.get("/a/").await.brief(), (200, "ok"));
    }
    assert_eq!(upstream.accepted(), 3);
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_upstream_at_once() {
    let upstream = Upstream::always(Answer::Silence).await;
    let (gateway, mut client) = gateway_to(&upstream).await;
    client.request("GET", "/a/", "").await;
    upstream.until_received(1).await;
    drop(client);
    eventually("the upstream connection is closed", || upstream.open() == 0).await;
    let mut client = Client::connect(gateway.address()).await;
    client.request("POST", "/a/", "content-length: 10").await;
    client.send_bytes(b"half").await;
    upstream.until_received(2).await;
    drop(client);
    eventually("the upstream connection is closed", || upstream.open() == 0).await;
}

#[tokio::test]
async fn a_client_that_leaves_during_a_response_frees_the_upstream() {
    let upstream = Upstream::always(Answer::Flood(1 << 30)).await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    client.request("GET", "/a/", "").await;
    client.head().await;
    drop(client);
    eventually("the upstream connection is closed", || upstream.open() == 0).await;
}

#[tokio::test]
async fn pipelined_requests_are_never_mixed_up() {
    let upstream = Upstream::start(|request| Answer::ok(request.path())).await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    let request = |n: u32| format!("GET /a/{n} HTTP/1.1\nhost: a\n\n");
    client
        .send(&[request(1), request(2), request(3)].concat())
        .await;
    for n in 1..=3 {
        match client.response_to("GET").await {
            Ok(response) => assert_eq!(response.text(), format!("/{n}")),
            Err(broken) => {
                assert_eq!(broken, Broken::NoHead);
                assert!(n > 1, "the first is answered");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_request_sent_too_early_does_not_harm_the_one_before() {
    let upstream = Upstream::always(deaf()).await;
    let (_gateway, mut client) = gateway_to(&upstream).await;
    client.request("GET", "/a/1", "").await;
    upstream.until_received(1).await;
    client.request("GET", "/a/2", "").await;
    upstream.release();
    let response = client.response().await;
    assert_eq!(response.text(), "late");
}

#[tokio::test]
async fn while_draining_clients_are_asked_to_leave_and_let_in() {
    let upstream = Upstream::ok("ok").await;
    let (gateway, mut client) = gateway_to(&upstream).await;
    client.get("/a/").await;
    gateway.drain();
    let mut last = client.get("/a/").await;
    // The phase may take effect one request later.
    if last.value("connection") != Some("close") {
        last = client.get("/a/").await;
    }
    assert_eq!(
        (last.text(), last.value("connection")),
        ("ok", Some("close"))
    );
    assert!(client.is_closed().await);
    let late = Client::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(
        (late.text(), late.value("connection")),
        ("ok", Some("close"))
    );
    assert!(!gateway.is_done());
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_refuses_new_ones() {
    let upstream = Upstream::ok("ok").await;
    let (gateway, mut client) = gateway_to(&upstream).await;
    let mut silent = Client::connect(gateway.address()).await;
    client.get("/a/").await;
    gateway.stop();
    assert!(client.is_closed().await);
    assert!(silent.is_closed().await);
    gateway.done().await;
    assert!(Client::is_refused(gateway.address()).await);
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight() {
    let upstream = Upstream::always(deaf()).await;
    let (gateway, mut client) = gateway_to(&upstream).await;
    let client2 = Client2::connect(gateway.address()).await;
    client.request("GET", "/a/", "").await;
    let (in_flight, _) = client2
        .start(Client2::request(Method::GET, "/a/", &[]), true)
        .await;
    upstream.until_received(2).await;
    gateway.stop();
    eventually("no more are let in", || {
        std::net::TcpStream::connect(gateway.address()).is_err()
    })
    .await;
    assert!(!gateway.is_done() && client.is_quiet());
    upstream.release();
    assert_eq!(client.response().await.text(), "late");
    assert_eq!(Client2::response(in_flight).await.unwrap().text(), "late");
    gateway.done().await;
}

#[tokio::test]
async fn a_request_sent_just_before_the_stop_is_served() {
    let upstream = Upstream::ok("ok").await;
    for _ in 0..20 {
        let (gateway, mut kept) = gateway_to(&upstream).await;
        kept.get("/a/").await;
        let mut new = Client::connect(gateway.address()).await;
        new.request("GET", "/a/", "").await;
        kept.request("GET", "/a/", "").await;
        gateway.stop();
        assert_eq!(new.response().await.text(), "ok");
        assert_eq!(kept.response().await.text(), "ok");
        gateway.done().await;
    }
}
