//! Answers over HTTP/1: what is read of them, and whether their connection serves another request.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use nuncio_tests::client::{Broken, Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Received, Upstream, wire};

/// Answers `/odd` so, and anything else with `good`.
async fn upstream_of(odd: Answer) -> (Upstream, Gateway) {
    let upstream = Upstream::start(move |request| match request.path() {
        "/odd" => odd.clone(),
        _ => Answer::ok("good"),
    })
    .await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "timeout_ms: 5000"));
    (upstream, gateway)
}

/// Asks for another thing; whether it goes over the connection that was used last.
async fn is_kept(upstream: &Upstream, gateway: &Gateway) -> bool {
    let used = upstream.last().connection;
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.brief(), (200, "good"));
    upstream.last().connection == used
}

/// Has `answer` come in pieces of `size`; what the client gets of it.
async fn got(method: &str, answer: &Bytes, size: usize) -> (Upstream, Gateway, (u16, String)) {
    let pieces = answer.chunks(size).map(Bytes::copy_from_slice).collect();
    let pause = Duration::from_millis(u64::from(size < answer.len()));
    let (upstream, gateway) = upstream_of(Answer::Drip(pieces, pause)).await;
    let mut client = Client::connect(gateway.address()).await;
    client.request(method, "/a/odd", "").await;
    let response = client.response_to(method).await.unwrap();
    let got = (response.status, response.text().to_owned());
    (upstream, gateway, got)
}

/// Methods, answers that end where they say, and their bodies.
const ENDED: &[(&str, &str, &str)] = &[
    ("GET", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok", "ok"),
    ("GET", "HTTP/1.1 200\nContent-Length:002 \n\nok", "ok"),
    ("GET", "HTTP/1.1 200 OK\ncontent-length: 0\n\n", ""),
    ("GET", "HTTP/1.1 204 No Content\n\n", ""),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\ncontent-length: 9\n\n",
        "",
    ),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\ntransfer-encoding: chunked\n\n",
        "",
    ),
    ("HEAD", "HTTP/1.1 200 OK\ncontent-length: 9\n\n", ""),
    (
        "HEAD",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n",
        "",
    ),
    ("HEAD", "HTTP/1.1 200 OK\n\n", ""),
    (
        "GET",
        "HTTP/1.1 200 OK\nTransfer-Encoding: CHUNKED\n\n1\no\n01;a=\"\\\";b\"\nk\n000\nx: y\n\n",
        "ok",
    ),
    (
        "GET",
        "HTTP/1.1 100 x\n\nHTTP/1.1 102 x\n\nHTTP/1.1 103 x\na: b\n\n\
             HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
        "ok",
    ),
    (
        "GET",
        "HTTP/1.0 200 OK\nconnection: Keep-Alive\ncontent-length: 2\n\nok",
        "ok",
    ),
];

#[tokio::test]
async fn a_connection_is_kept_behind_an_answer_that_ends_where_it_says() {
    for (method, answer, body) in ENDED {
        let status = answer.rsplit("HTTP/1.").next().unwrap();
        let status: u16 = status[2..5].parse().unwrap();
        for size in [1, 7, answer.len() * 2] {
            let (upstream, gateway, got) = got(method, &wire(answer), size).await;
            assert_eq!(
                got,
                (status, (*body).to_owned()),
                "{method} {answer} {size}"
            );
            let is_kept = is_kept(&upstream, &gateway).await;
            assert!(is_kept, "{method} {answer} {size}");
        }
    }
}

/// Those of upstreams that end the connection, or say more than they were asked.
const NOT_ENDED: &[(&str, &str, &str)] = &[
    (
        "GET",
        "HTTP/1.1 200 OK\nconnection: x, CLOSE\ncontent-length: 2\n\nok",
        "ok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\nconnection: keep-alive\nconnection: close\ncontent-length: 2\n\nok",
        "ok",
    ),
    ("GET", "HTTP/1.0 200 OK\ncontent-length: 2\n\nok", "ok"),
    ("HEAD", "HTTP/1.0 200 OK\ncontent-length: 2\n\n", ""),
    (
        "GET",
        "HTTP/1.1 200 OK\ncontent-length: 2\n\nokHTTP/1.1 200 OK\ncontent-length: 4\n\nevil",
        "ok",
    ),
    ("GET", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok\n", "ok"),
    (
        "GET",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\n\nHTTP/1.1 200 OK\n\n",
        "ok",
    ),
    ("HEAD", "HTTP/1.1 200 OK\ncontent-length: 4\n\nevil", ""),
];

#[tokio::test]
async fn a_connection_is_given_up_where_its_upstream_says_so_or_something_is_left() {
    for (method, answer, body) in NOT_ENDED {
        for size in [1, 7, answer.len() * 2] {
            let (upstream, gateway, got) = got(method, &wire(answer), size).await;
            assert_eq!(got, (200, (*body).to_owned()), "{method} {answer} {size}");
            // What is left may come later.
            eventually("it is given up", || upstream.open() == 0).await;
            assert!(!is_kept(&upstream, &gateway).await);
        }
    }
}

#[tokio::test]
async fn a_connection_is_given_up_while_its_request_is_not_complete() {
    let early = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    for framing in ["content-length: 10", "transfer-encoding: chunked"] {
        let (upstream, gateway) = upstream_of(Answer::Early(early.clone())).await;
        let mut client = Client::connect(gateway.address()).await;
        client.request("POST", "/a/odd", framing).await;
        client.send_bytes(b"5\r\n").await;
        assert_eq!(client.response().await.brief(), (200, "ok"));
        // What is left of it is nobody's request.
        drop(client.try_send(b"GET / HTTP/1.1\r\n\r\n").await);
        assert!(!is_kept(&upstream, &gateway).await, "{framing}");
        let received = upstream.received();
        assert_eq!(received.len(), 2, "{received:?}");
    }
}

#[tokio::test]
async fn an_answer_that_its_client_does_not_want_any_more_is_no_part_of_the_next() {
    let begun = wire("HTTP/1.1 200 OK\ncontent-length: 40\n\nbegun");
    let rest = wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nevil");
    let drip = Answer::Drip(vec![begun, rest], Duration::from_millis(50));
    let (upstream, gateway) = upstream_of(drip).await;
    let mut leaving = Client::connect(gateway.address()).await;
    leaving.request("GET", "/a/odd", "").await;
    leaving.head().await;
    drop(leaving);
    let http2 = Client2::connect(gateway.address()).await;
    let request = Client2::request(Method::GET, "/a/odd", &[]);
    let (response, mut stream) = http2.start(request, true).await;
    upstream.until_received(2).await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(response);
    for _ in 0..20 {
        assert_eq!(http2.get("/a/").await.brief(), (200, "good"));
    }
    let received = upstream.received();
    let (odd, good): (Vec<_>, Vec<_>) = received.iter().partition(|one| one.path() == "/odd");
    assert_eq!((odd.len(), good.len()), (2, 20));
    for one in odd {
        let is_alone = |other: &&Received| other.connection != one.connection;
        assert!(good.iter().all(is_alone));
    }
}

#[tokio::test]
async fn half_an_answer_never_looks_whole() {
    for cut in [
        "HTTP/1.1 200 OK\ncontent-length: 5\n\nhell",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n0",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n0\n",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n0\nx: y\n",
    ] {
        let (_upstream, gateway) = upstream_of(Answer::BytesThenClose(wire(cut))).await;
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", "/a/odd", "").await;
        let answered = client.response_to("GET").await;
        assert!(matches!(answered, Err(Broken::Body(_))), "{cut}");
        let client = Client2::connect(gateway.address()).await;
        let request = Client2::request(Method::GET, "/a/odd", &[]);
        let rejected = client.exchange(request).await.unwrap_err();
        assert!(matches!(rejected.broken, Broken::Body(_)), "{cut}");
    }
}

#[tokio::test]
async fn half_a_head_is_502_or_503_and_asked_for_once() {
    let whole = "HTTP/1.1 103 x\n\nHTTP/1.1 200 OK\ncontent-length: 2\n\n";
    let bytes = wire(whole);
    for at in [1, 9, 15, 18, 19, 30, bytes.len() - 1] {
        let cut = Answer::BytesThenClose(bytes.slice(..at));
        let (upstream, gateway) = upstream_of(cut).await;
        // Over a connection that may be stale.
        let mut client = Client::connect(gateway.address()).await;
        assert_eq!(client.get("/a/").await.status, 200);
        let status = client.get("/a/odd").await.status;
        assert!(matches!(status, 502 | 503), "{at}: {status}");
        assert_eq!(upstream.received().len(), 2, "{at}");
    }
}
