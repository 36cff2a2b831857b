//! Nothing ambiguous passes, and nobody is waited for too long.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::num::NonZero;
use std::time::Duration;

use nuncio_proxy::Limits;
use nuncio_tests::client::{Client, Response};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream};
use tokio::time::Instant;

/// A gateway with these limits before an upstream that answers everything.
async fn edge(limits: Limits) -> (Upstream, Gateway, Client) {
    let upstream = Upstream::start(|request| Answer::ok(request.path())).await;
    let gateway = Gateway::with_limits(limits, &mapping("/a/", &upstream.service(), ""));
    let client = Client::connect(gateway.address()).await;
    (upstream, gateway, client)
}

/// What is answered to these bytes, behind which the connection is to be over and the upstream to know
/// nothing.
async fn refused(bytes: &str) -> Response {
    let (upstream, _gateway, mut client) = edge(Limits::COMPATIBLE).await;
    client.send_bytes(bytes.as_bytes()).await;
    let response = client.response().await;
    assert_eq!(response.value("connection"), Some("close"), "{bytes:?}");
    assert!(client.is_closed().await, "{bytes:?}");
    assert!(upstream.received().is_empty(), "{bytes:?}");
    response
}

/// Limits that are soon over.
fn impatient() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        ..Limits::COMPATIBLE
    }
}

const HEAD: &str = "POST /a/b HTTP/1.1\r\nHost: a\r\n";

#[tokio::test]
async fn what_has_two_readings_is_refused_and_goes_nowhere() {
    for (fields, status) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
        ("Content-Length: 5, 5\r\n\r\nhello", 400),
        ("Content-Length: +5\r\n\r\nhello", 400),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: identity\r\n\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        ("X: a\n\r\n", 400),
        ("X: a\rY: b\r\n\r\n", 400),
        ("X: a\r\n b\r\n\r\n", 400),
        ("X: a\0b\r\n\r\n", 400),
        ("X y: a\r\n\r\n", 400),
        (": a\r\n\r\n", 400),
        ("X\r\n\r\n", 400),
        ("Host: b\r\n\r\n", 400),
    ] {
        assert_eq!(
            refused(&format!("{HEAD}{fields}")).await.status,
            status,
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn request_lines_and_hosts_are_refused_that_are_none() {
    for (head, status) in [
        ("GET  /a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a/ b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a/b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a/\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a/b HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("GET /a/b\r\n\r\n", 400),
        ("\r\n\r\nGET /a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a/b HTTP/1.1\r\n\r\n", 400),
        ("GET /a/b HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("GET /a/b HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET /a/b HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("GET http://a@b/a/b HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ("TRACE /a/b HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{0}", 400),
    ] {
        assert_eq!(refused(head).await.status, status, "{head:?}");
    }
}

#[tokio::test]
async fn a_faulty_body_that_comes_with_its_head_is_refused_with_it() {
    for body in [
        "\r\n",
        "5 \r\nhello\r\n",
        "5\nhello\r\n",
        "5\r\nhello!",
        "0x5\r\nhello\r\n",
        "0\r\nHost: b\r\n\r\n",
    ] {
        let request = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(refused(&request).await.status, 400, "{body:?}");
    }
}

#[tokio::test]
async fn a_body_that_turns_out_faulty_never_looks_whole() {
    let (upstream, _gateway, mut client) = edge(Limits::COMPATIBLE).await;
    client
        .send_bytes(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").as_bytes())
        .await;
    client.send_bytes(b"5\r\nhello\r\n").await;
    eventually("the upstream has the request", || upstream.open() == 1).await;
    client
        .send_bytes(b"\r\nGET /a/admin HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(client.response().await.status, 400);
    assert!(client.is_closed().await);
    eventually("the upstream is left", || upstream.open() == 0).await;
    assert!(upstream.received().iter().all(|request| !request.complete));
}

#[tokio::test]
async fn heads_that_are_too_large_are_told_before_they_end() {
    let long = "a".repeat(61 * 1024);
    for (begun, status) in [
        (format!("{HEAD}X: {long}"), 431),
        (format!("{HEAD}{}", "X: y\r\n".repeat(101)), 431),
        (format!("GET /a/{long}"), 414),
    ] {
        let started = Instant::now();
        assert_eq!(refused(&begun).await.status, status);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn targets_are_bounded_where_that_is_asked_for() {
    let limits = Limits {
        max_url_bytes: Some(100),
        ..Limits::COMPATIBLE
    };
    let (_upstream, _gateway, mut client) = edge(limits).await;
    assert_eq!(
        client.get(&format!("/a/{}", "b".repeat(97))).await.status,
        200
    );
    assert_eq!(
        client.get(&format!("/a/{}", "b".repeat(98))).await.status,
        414
    );
}

#[tokio::test]
async fn what_is_refused_is_counted_by_reason() {
    let (_upstream, gateway, mut client) = edge(Limits::COMPATIBLE).await;
    assert!(!gateway.page().contains("nuncio_refused_total"));
    client.send_bytes(b"GET /a/b HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.response().await.status, 400);
    let body = "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n";
    let mut client = Client::connect(gateway.address()).await;
    client.send_bytes(HEAD.as_bytes()).await;
    client.send_bytes(body.as_bytes()).await;
    assert_eq!(client.response().await.status, 400);
    let mut client = Client::connect(gateway.address()).await;
    client.request("TRACE", "/a/b", "").await;
    assert_eq!(client.response().await.status, 405);
    eventually("each reason is counted", || {
        let page = gateway.page();
        let is_counted = |reason| {
            let line = format!("nuncio_refused_total{{reason=\"{reason}\"}} 1\n");
            page.contains(&line)
        };
        ["chunk_end", "host_missing", "method_forbidden"]
            .into_iter()
            .all(is_counted)
    })
    .await;
}

#[tokio::test]
async fn a_large_head_that_drips_is_served() {
    let (upstream, _gateway, mut client) = edge(Limits::COMPATIBLE).await;
    let field = "x".repeat(2_000);
    for byte in format!("{HEAD}X: {field}\r\nContent-Length: 2\r\n\r\nxy").bytes() {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(client.response().await.brief(), (200, "/b"));
    assert_eq!(upstream.last().value("x"), Some(&*field));
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let (upstream, _gateway, mut client) = edge(Limits::COMPATIBLE).await;
    for byte in format!("\r\n{HEAD}Content-Length: 2\r\n\r\nxy").bytes() {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(client.response().await.brief(), (200, "/b"));
    assert_eq!(upstream.last().body, b"xy");
    assert_eq!(client.get("/a/c").await.brief(), (200, "/c"));
}

#[tokio::test]
async fn requests_behind_bodies_are_served_in_order() {
    let (upstream, _gateway, mut client) = edge(Limits::COMPATIBLE).await;
    let one = "POST /a/1 HTTP/1.1\nhost: a\ntransfer-encoding: chunked\n\n5\nhello\n0\n\n";
    let two = "POST /a/2 HTTP/1.1\nhost: a\ncontent-length: 5\n\nhello";
    let three = "GET /a/3 HTTP/1.1\nhost: a\n\n";
    client.send(&[one, two, three].concat()).await;
    for path in ["/1", "/2", "/3"] {
        assert_eq!(client.response().await.brief(), (200, path));
    }
    let bodies: Vec<_> = upstream.received().into_iter().map(|r| r.body).collect();
    assert_eq!(bodies, [&b"hello"[..], b"hello", b""]);
}

#[tokio::test]
async fn the_authority_of_a_target_goes_before_the_host() {
    let upstream = Upstream::ok("").await;
    let more = "host: one.example";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), more));
    let mut client = Client::connect(gateway.address()).await;
    for (target, host, status) in [
        ("http://one.example/a/", "two.example", 200),
        (
            "http://one.example/a/",
            "a-host-that-is-much-longer.example",
            200,
        ),
        ("http://two.example/a/", "one.example", 404),
    ] {
        client
            .send(&format!("GET {target} HTTP/1.1\nhost: {host}\n\n"))
            .await;
        assert_eq!(client.response().await.status, status, "{target} {host}");
    }
    for request in upstream.received() {
        assert_eq!(request.values("host"), ["one.example"]);
        assert_eq!(request.path(), "/");
    }
}

#[tokio::test]
async fn a_head_that_is_late_is_told_so_and_silence_is_not() {
    let (_upstream, gateway, mut client) = edge(impatient()).await;
    let mut silent = Client::connect(gateway.address()).await;
    let mut method = Client::connect(gateway.address()).await;
    client.send("GET /a/ HTTP/1.1\nhost: a\n").await;
    method.send_bytes(b"P").await;
    assert_eq!(client.response().await.status, 408);
    assert_eq!(method.response().await.status, 408);
    assert!(silent.is_closed().await);
    gateway
        .until_counted("two heads were late", |page| {
            page.sum("envoy_http_downstream_rq_header_timeout") == 2.0
        })
        .await;
}

#[tokio::test]
async fn later_heads_have_their_time_from_their_first_byte() {
    let (_upstream, _gateway, mut client) = edge(impatient()).await;
    assert_eq!(client.get("/a/1").await.status, 200);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(400) {
        assert!(client.is_quiet());
        tokio::task::yield_now().await;
    }
    assert_eq!(client.get("/a/2").await.status, 200, "idle is not late");
    client.send("GET /a/ HTTP/1.1\n").await;
    assert_eq!(client.response().await.status, 408);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_body_that_stops_is_cut() {
    let (upstream, gateway, mut client) = edge(impatient()).await;
    client.request("POST", "/a/", "content-length: 10").await;
    client.send_bytes(b"half").await;
    assert_eq!(client.response().await.status, 408);
    assert!(client.is_closed().await);
    eventually("the upstream is left", || upstream.open() == 0).await;
    assert_eq!(
        gateway
            .counters()
            .sum("envoy_http_downstream_rq_idle_timeout"),
        1.0
    );
}

#[tokio::test]
async fn a_client_that_the_upstream_does_not_read_is_not_late() {
    let late = Answer::Deaf("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate".into());
    let upstream = Upstream::always(late).await;
    let more = "timeout_ms: 0";
    let gateway = Gateway::with_limits(impatient(), &mapping("/a/", &upstream.service(), more));
    let mut client = Client::connect(gateway.address()).await;
    const LARGE: usize = 64 << 20;
    client
        .request("POST", "/a/", &format!("content-length: {LARGE}"))
        .await;
    let sent = client
        .send_until_stalled(LARGE, Duration::from_millis(700))
        .await;
    assert!(sent < LARGE);
    upstream.release();
    let rest = vec![b'u'; LARGE - sent];
    assert_eq!(
        client.send_while_reading(&rest).await.brief(),
        (200, "late")
    );
}

#[tokio::test]
async fn a_request_may_have_to_be_complete_in_time() {
    let limits = Limits {
        request_timeout: Some(Duration::from_millis(300)),
        ..Limits::COMPATIBLE
    };
    let (_upstream, gateway, mut client) = edge(limits).await;
    client.request("POST", "/a/", "content-length: 10").await;
    assert_eq!(client.response().await.brief(), (408, "request timeout"));
    assert_eq!(
        gateway.counters().sum("envoy_http_downstream_rq_timeout"),
        1.0
    );
}

#[tokio::test]
async fn a_connection_brings_as_many_requests_as_it_may() {
    let limits = Limits {
        max_requests_per_connection: NonZero::new(2),
        ..Limits::COMPATIBLE
    };
    let (_upstream, gateway, mut client) = edge(limits).await;
    assert_ne!(client.get("/a/1").await.value("connection"), Some("close"));
    assert_eq!(client.get("/a/2").await.value("connection"), Some("close"));
    assert!(client.is_closed().await);
    let counters = gateway.counters();
    assert_eq!(
        counters.sum("envoy_http_downstream_cx_max_requests_reached"),
        1.0
    );
}
