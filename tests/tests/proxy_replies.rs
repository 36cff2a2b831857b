//! Answers of the gateway itself: what is wrong, said with Envoy's statuses and words.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use http::Method;
use nuncio_tests::client::{Client, Client2, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, closed_port, wire};

/// A gateway that sends everything below `/a/` to an upstream answering so.
async fn answered(answer: Answer) -> (Upstream, Gateway, Client) {
    let upstream = Upstream::always(answer).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let client = Client::connect(gateway.address()).await;
    (upstream, gateway, client)
}

/// What a client gets for these bytes; no upstream may see any of it.
async fn reply_to(bytes: &str) -> Response {
    let (upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    client.send(bytes).await;
    let response = client.response().await;
    assert!(upstream.received().is_empty(), "{bytes}");
    response
}

const REFUSED: &str = "upstream connect error or disconnect/reset before headers. reset reason: \
                       remote connection failure, transport failure reason: delayed connect \
                       error: Connection refused";

const TERMINATED: &str = "upstream connect error or disconnect/reset before headers. reset \
                          reason: connection termination";

const PROTOCOL: &str = "upstream connect error or disconnect/reset before headers. reset reason: \
                        protocol error";

#[tokio::test]
async fn a_refused_connection_is_503_and_says_so() {
    let gateway = Gateway::start(&mapping("/a/", &closed_port().await, ""));
    let mut client = Client::connect(gateway.address()).await;
    let response = client.get("/a/").await;
    assert_eq!(response.brief(), (503, REFUSED));
    assert_eq!(response.value("content-type"), Some("text/plain"));
    assert_eq!(
        response.value("content-length"),
        Some(&*REFUSED.len().to_string())
    );
    assert_eq!(response.value("x-envoy-upstream-service-time"), None);
    assert_eq!(client.get("/a/").await.status, 503);
    let over_http2 = Client2::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(over_http2.brief(), (503, REFUSED));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_has_no_healthy_upstream() {
    let gateway = Gateway::start(&mapping("/a/", "nonexistent.invalid", ""));
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(
        client.get("/a/").await.brief(),
        (503, "no healthy upstream")
    );
}

#[tokio::test]
async fn an_upstream_that_closes_before_its_head_is_503() {
    for part in ["", "HTTP/1.1 200 OK\ncontent-le"] {
        let (upstream, _gateway, mut client) = answered(Answer::BytesThenClose(wire(part))).await;
        assert_eq!(client.get("/a/").await.brief(), (503, TERMINATED), "{part}");
        assert_eq!(upstream.received().len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_http_is_502() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\n\n",
        "HTTP/1.1 abc OK\n\n",
        "HTTP/1.1 200 OK\nno colon\n\n",
        "HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 2\n\na",
        "HTTP/1.1 200 OK\ncontent-length: -1\n\na",
        "HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked\n\n0\n\n",
        "HTTP/1.1 200 OK\ntransfer-encoding: gzip\n\nabc",
        "HTTP/1.1 101 Switching Protocols\nupgrade: websocket\nconnection: upgrade\n\n",
    ] {
        let (_upstream, _gateway, mut client) = answered(Answer::text(answer)).await;
        assert_eq!(client.get("/a/").await.brief(), (502, PROTOCOL), "{answer}");
        assert_eq!(
            client.get("/b/").await.status,
            404,
            "the connection goes on"
        );
    }
}

#[tokio::test]
async fn answers_before_the_answer_are_kept_back() {
    let (_upstream, _gateway, mut client) = answered(Answer::text(
        "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nlink: x\n\n\
         HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    ))
    .await;
    client.request("GET", "/a/", "").await;
    let response = client.any_response_to("GET").await.unwrap();
    assert_eq!(response.brief(), (200, "ok"));
    assert_eq!(response.value("link"), None);
}

#[tokio::test]
async fn a_response_that_breaks_off_is_seen_to() {
    for answer in [
        "HTTP/1.1 200 OK\ncontent-length: 10\n\nabc",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n3\nabc\n",
    ] {
        let (_upstream, gateway, mut client) = answered(Answer::BytesThenClose(wire(answer))).await;
        client.request("GET", "/a/", "").await;
        assert!(client.response_to("GET").await.is_err(), "{answer}");
        let client = Client2::connect(gateway.address()).await;
        let over_http2 = client
            .exchange(Client2::request(Method::GET, "/a/", &[]))
            .await;
        assert!(over_http2.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn a_malformed_request_is_400_and_ends_the_connection() {
    for request in [
        "GET\n\n",
        "\u{16}\u{3}\u{1}\n\n",
        "GET / HTTP/1.1\nhost: a\nno colon\n\n",
        "GET / HTTP/1.1\nhost : a\n\n",
        "GET / HTTP/1.1\nhost: a\n folded: b\n\n",
        "GET /a/ HTTP/3\nhost: a\n\n",
        "POST /a/ HTTP/1.1\nhost: a\ncontent-length: x\n\n",
        "POST /a/ HTTP/1.1\nhost: a\ncontent-length: 1\ncontent-length: 2\n\nab",
        "GET /a/ HTTP/1.1\nhost: a\nhost: b\n\n",
        "GET http://a@b/a/ HTTP/1.1\nhost: b\n\n",
        "GET a/ HTTP/1.1\nhost: a\n\n",
        "GET /a/ HTTP/1.1\nhost: a b\n\n",
        "GET /a/ HTTP/1.1\nhost: a/b\n\n",
    ] {
        let (upstream, _gateway, mut client) = answered(Answer::ok("")).await;
        client.send(request).await;
        let response = client.response().await;
        assert_eq!(response.status, 400, "{request}");
        assert_eq!(response.value("connection"), Some("close"), "{request}");
        assert!(client.is_closed().await, "{request}");
        assert!(upstream.received().is_empty(), "{request}");
    }
}

#[tokio::test]
async fn both_a_length_and_a_coding_are_400() {
    let request = "POST /a/ HTTP/1.1\nhost: a\ncontent-length: 5\ntransfer-encoding: chunked\n\n\
                   0\n\n";
    assert_eq!(reply_to(request).await.status, 400);
}

#[tokio::test]
async fn a_transfer_coding_that_nobody_undoes_is_501() {
    let request = "POST /a/ HTTP/1.1\nhost: a\ntransfer-encoding: gzip, chunked\n\n0\n\n";
    assert_eq!(reply_to(request).await.status, 501);
}

#[tokio::test]
async fn a_request_without_a_host_is_400() {
    assert_eq!(
        reply_to("GET /a/ HTTP/1.1\n\n").await.brief(),
        (400, "Bad Request")
    );
}

#[tokio::test]
async fn a_head_over_sixty_kilobytes_or_a_hundred_fields_is_431() {
    let long = format!(
        "GET /a/ HTTP/1.1\nhost: a\nx: {}\n\n",
        "x".repeat(60 * 1024)
    );
    let many = format!("GET /a/ HTTP/1.1\nhost: a\n{}\n", "x: y\n".repeat(100));
    for request in [long, many] {
        let response = reply_to(&request).await;
        assert_eq!(response.brief(), (431, "Request Header Fields Too Large"));
        assert_eq!(response.value("connection"), Some("close"));
    }
    let (_upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    client
        .request("GET", "/a/", &format!("x: {}", "x".repeat(59 * 1024)))
        .await;
    assert_eq!(client.response().await.status, 200);
}

#[tokio::test]
async fn an_old_version_is_426() {
    assert_eq!(
        reply_to("GET /a/ HTTP/1.0\nhost: a\n\n").await.brief(),
        (426, "Upgrade Required")
    );
}

#[tokio::test]
async fn connect_is_405() {
    assert_eq!(
        reply_to("CONNECT a:443 HTTP/1.1\nhost: a:443\n\n")
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn an_upgrade_that_no_mapping_allows_is_an_empty_403() {
    let request = "GET /a/ HTTP/1.1\nhost: a\nconnection: Upgrade\nupgrade: websocket\n\
                   sec-websocket-key: x\nsec-websocket-version: 13\n\n";
    assert_eq!(reply_to(request).await.brief(), (403, ""));
}

#[tokio::test]
async fn a_reply_to_head_has_a_length_and_no_body() {
    let gateway = Gateway::start(&mapping("/a/", &closed_port().await, ""));
    let mut client = Client::connect(gateway.address()).await;
    client.request("HEAD", "/a/", "").await;
    let response = client.response_to("HEAD").await.unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(
        response.value("content-length"),
        Some(&*REFUSED.len().to_string())
    );
    assert_eq!(client.get("/b/").await.status, 404);
}

#[tokio::test]
async fn a_response_to_head_is_passed_on_with_its_length_and_without_a_body() {
    let (upstream, gateway, mut client) =
        answered(Answer::text("HTTP/1.1 200 OK\ncontent-length: 1234\n\n")).await;
    for _ in 0..2 {
        client.request("HEAD", "/a/", "").await;
        let response = client.response_to("HEAD").await.unwrap();
        assert_eq!(response.value("content-length"), Some("1234"));
    }
    assert_eq!(
        (upstream.last().line(), upstream.accepted()),
        ("HEAD / HTTP/1.1", 1)
    );
    let client = Client2::connect(gateway.address()).await;
    let response = client
        .exchange(Client2::request(Method::HEAD, "/a/", &[]))
        .await
        .unwrap();
    assert_eq!(
        (response.value("content-length"), response.text()),
        (Some("1234"), "")
    );
}

#[tokio::test]
async fn responses_that_have_no_body_keep_the_connections() {
    for head in [
        "HTTP/1.1 204 No Content\n\n",
        "HTTP/1.1 204 No Content\ncontent-length: 0\n\n",
        "HTTP/1.1 304 Not Modified\netag: x\n\n",
        "HTTP/1.1 304 Not Modified\ncontent-length: 1234\n\n",
    ] {
        let (upstream, gateway, mut client) = answered(Answer::text(head)).await;
        let response = client.get("/a/").await;
        assert_eq!(response.value("transfer-encoding"), None, "{head}");
        assert_eq!(client.get("/a/").await.status, response.status);
        assert_eq!(upstream.accepted(), 1, "{head}");
        let over_http2 = Client2::connect(gateway.address()).await.get("/a/").await;
        assert_eq!(over_http2.brief(), (response.status, ""));
    }
}
