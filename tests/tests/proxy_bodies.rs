//! Bodies: of any size, framed anew, both ways at once, and never faster than they are taken.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use nuncio_tests::client::Client;
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::scene::Scene;
use nuncio_tests::upstream::{Answer, Upstream, wire};

async fn answered(answer: Answer) -> (Upstream, Gateway, Client) {
    let upstream = Upstream::always(answer).await;
    let more = "timeout_ms: 0";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), more));
    let client = Client::connect(gateway.address()).await;
    (upstream, gateway, client)
}

/// Bytes that are wrong when any is lost, doubled or moved.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8)
        .collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, piece) in body.chunks(size).enumerate() {
        // So many extensions are read, and no more.
        let extension = if n < 1000 { ";ext=1" } else { "" };
        out.extend(format!("{:x}{extension}\r\n", piece.len()).bytes());
        out.extend(piece);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\nx-trailer: 1\r\n\r\n");
    out
}

const LARGE: usize = 20 * 1024 * 1024;

/// How long a connection must take nothing to count as stalled.
const STALL: Duration = Duration::from_millis(500);

/// More than all buffers between client and upstream, and less than what is sent.
const BUFFERS: usize = 40 * 1024 * 1024;

#[tokio::test]
async fn twenty_megabytes_go_up_with_their_length() {
    let (upstream, _gateway, mut client) = answered(Answer::ok("got it")).await;
    let body = pattern(LARGE);
    client
        .request("POST", "/a/", &format!("content-length: {LARGE}"))
        .await;
    client.send_bytes(&body).await;
    assert_eq!(client.response().await.brief(), (200, "got it"));
    let request = upstream.last();
    assert_eq!(request.value("content-length"), Some(&*LARGE.to_string()));
    assert_eq!(request.value("transfer-encoding"), None);
    assert!(request.body == body);
}

#[tokio::test]
async fn twenty_megabytes_go_up_in_chunks() {
    let (upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    let body = pattern(LARGE);
    client
        .request("POST", "/a/", "transfer-encoding: chunked")
        .await;
    client.send_bytes(&chunked(&body, 10_007)).await;
    assert_eq!(client.response().await.status, 200);
    let request = upstream.last();
    assert_eq!(request.value("content-length"), None);
    assert_eq!(request.value("transfer-encoding"), Some("chunked"));
    assert!(request.complete);
    assert_eq!(request.body.len(), body.len());
    assert!(request.body == body);
    assert_eq!(
        client.get("/a/").await.status,
        200,
        "both connections go on"
    );
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn twenty_megabytes_come_down_however_they_are_framed() {
    let body = pattern(LARGE);
    let with_length = [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n").into(),
        body.clone(),
    ];
    let in_chunks = [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        chunked(&body, 70_001),
    ];
    let until_close = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), body.clone()];
    let old = [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), body.clone()];
    for answer in [
        Answer::Bytes(with_length.concat().into()),
        Answer::Bytes(in_chunks.concat().into()),
        Answer::BytesThenClose(until_close.concat().into()),
        Answer::BytesThenClose(old.concat().into()),
    ] {
        let (_upstream, _gateway, mut client) = answered(answer).await;
        let response = client.get("/a/").await;
        assert_eq!(response.status, 200);
        assert!(response.body == body);
        assert_eq!(
            client.get("/b/").await.status,
            404,
            "the connection goes on"
        );
    }
}

#[tokio::test]
async fn what_comes_is_passed_on_before_there_is_more() {
    let (_upstream, _gateway, mut client) = answered(Answer::Echo(1)).await;
    client
        .request("POST", "/a/", "transfer-encoding: chunked")
        .await;
    assert_eq!(client.head().await.status, 200);
    for word in ["one", "two", "three"] {
        let chunk = format!("{:x}\r\n{word}\r\n", word.len());
        client.send_bytes(chunk.as_bytes()).await;
        assert_eq!(
            client.bytes(chunk.len()).await.to_ascii_lowercase(),
            chunk.as_bytes()
        );
    }
    client.send_bytes(b"0\r\n\r\n").await;
    assert_eq!(client.bytes(5).await, "0\r\n\r\n");
}

#[tokio::test]
async fn both_ways_at_once_nothing_is_lost() {
    let (_upstream, _gateway, mut client) = answered(Answer::Echo(1)).await;
    let body = pattern(LARGE);
    client
        .request("POST", "/a/", &format!("content-length: {LARGE}"))
        .await;
    let response = client.send_while_reading(&body).await;
    assert_eq!(response.status, 200);
    assert!(response.body == body);
}

#[tokio::test]
async fn an_upstream_that_answers_before_it_reads_on_is_not_waited_for() {
    let (_upstream, _gateway, mut client) = answered(Answer::Echo(8)).await;
    let body = &pattern(LARGE)[..LARGE / 3];
    client
        .request("POST", "/a/", "transfer-encoding: chunked")
        .await;
    let response = client.send_while_reading(&chunked(body, 100_000)).await;
    assert_eq!(response.body.len(), 8 * body.len());
}

#[tokio::test]
async fn an_upstream_that_does_not_read_stalls_the_upload_and_loses_nothing() {
    let ok = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    let (upstream, _gateway, mut client) = answered(Answer::Deaf(ok)).await;
    let length = 2 * BUFFERS;
    client
        .request("POST", "/a/", &format!("content-length: {length}"))
        .await;
    upstream.until_received(1).await;
    let taken = client.send_until_stalled(length, STALL).await;
    assert!(taken < BUFFERS, "{taken}");
    upstream.release();
    client
        .send_until_stalled(length - taken, Duration::from_secs(20))
        .await;
    assert_eq!(client.response().await.brief(), (200, "ok"));
    assert_eq!(upstream.last().body.len(), length);
}

#[tokio::test]
async fn a_client_that_does_not_read_stalls_the_upstream_and_loses_nothing() {
    let length = 2 * BUFFERS;
    let (upstream, _gateway, mut client) = answered(Answer::Flood(length)).await;
    client.request("GET", "/a/", "").await;
    let mut taken = 0;
    loop {
        tokio::time::sleep(STALL).await;
        let now = upstream.flooded();
        if now == taken && now > 0 {
            break;
        }
        taken = now;
    }
    assert!(taken < BUFFERS as u64, "{taken}");
    assert_eq!(client.response().await.body.len(), length);
}

#[tokio::test]
async fn an_expectation_is_met_by_the_gateway() {
    let (upstream, _gateway, mut client) = answered(Answer::ok("done")).await;
    client
        .request("POST", "/a/", "expect: 100-continue\ncontent-length: 3")
        .await;
    assert_eq!(client.any_response_to("POST").await.unwrap().status, 100);
    client.send_bytes(b"abc").await;
    let response = client.response().await;
    assert_eq!(response.brief(), (200, "done"));
    assert_ne!(response.value("connection"), Some("close"));
    assert_eq!(upstream.last().value("expect"), None);
    assert_eq!(upstream.last().body, b"abc");
    assert_eq!(
        client.get("/a/").await.status,
        200,
        "the connection goes on"
    );
}

#[tokio::test]
async fn a_body_that_will_not_be_taken_is_not_asked_for() {
    let (_upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    client
        .request("POST", "/b/", "expect: 100-continue\ncontent-length: 3")
        .await;
    assert_eq!(client.any_response_to("POST").await.unwrap().status, 404);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_reaches_the_client() {
    let no = wire("HTTP/1.1 413 Content Too Large\ncontent-length: 2\nconnection: close\n\nno");
    for answer in [Answer::Early(no.clone()), Answer::EarlyThenClose(no)] {
        let (_upstream, _gateway, mut client) = answered(answer).await;
        client
            .request("POST", "/a/", "content-length: 1000000")
            .await;
        client.send_bytes(&[b'x'; 1000]).await;
        let response = client.response().await;
        assert_eq!(response.brief(), (413, "no"));
        assert_eq!(response.value("connection"), Some("close"));
    }
}

#[tokio::test]
async fn a_client_that_goes_on_sending_still_sees_an_early_answer() {
    let no = wire("HTTP/1.1 413 Content Too Large\ncontent-length: 2\nconnection: close\n\nno");
    let (_upstream, _gateway, mut client) = answered(Answer::EarlyThenClose(no)).await;
    client
        .request("POST", "/a/", &format!("content-length: {LARGE}"))
        .await;
    // It may be cut off; the answer is there all the same.
    drop(client.try_send(&pattern(LARGE)).await);
    assert_eq!(client.response().await.brief(), (413, "no"));
}

#[tokio::test]
async fn a_small_body_without_a_route_costs_no_connection() {
    let (_upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    for _ in 0..3 {
        client
            .send("POST /b/ HTTP/1.1\nhost: a\ncontent-length: 5\n\nhello")
            .await;
        let response = client.response().await;
        assert_eq!(
            (response.status, response.value("connection")),
            (404, Some("keep-alive"))
        );
    }
}

#[tokio::test]
async fn a_large_body_without_a_route_still_gets_its_answer() {
    let (_upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    client
        .request("POST", "/b/", &format!("content-length: {LARGE}"))
        .await;
    drop(client.try_send(&pattern(LARGE)).await);
    let response = client.response().await;
    assert_eq!(
        (response.status, response.value("connection")),
        (404, Some("close"))
    );
}

#[tokio::test]
async fn a_post_without_a_body_says_so_to_the_upstream() {
    let (upstream, _gateway, mut client) = answered(Answer::ok("")).await;
    for (method, expected) in [("POST", Some("0")), ("PUT", Some("0")), ("GET", None)] {
        client.request(method, "/a/", "").await;
        assert_eq!(client.response().await.status, 200);
        assert_eq!(
            upstream.last().value("content-length"),
            expected,
            "{method}"
        );
        assert_eq!(upstream.last().value("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn a_body_that_is_framed_wrongly_ends_the_request() {
    for body in ["x\n", "5\nabc\n", "-1\n", "ffffffffffffffffff\n"] {
        let (upstream, _gateway, mut client) = answered(Answer::ok("")).await;
        client
            .request("POST", "/a/", "transfer-encoding: chunked")
            .await;
        client.send(&format!("3\nabc\n{body}0\n\n\n\n")).await;
        let response = client.response().await;
        assert_eq!(
            (response.status, response.value("connection")),
            (400, Some("close")),
            "{body}"
        );
        assert!(upstream.received().iter().all(|request| !request.complete));
        eventually("the upstream is given up", || upstream.open() == 0).await;
    }
}

async fn held(limit: usize) -> (Upstream, Scene) {
    let upstream = Upstream::ok("ok").await;
    let module = format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
         config: {{buffer: {{max_request_bytes: {limit}}}}}\n"
    );
    let service = upstream.service();
    let scene = Scene::of(&service, &(module + &mapping("/a/", &service, "")));
    (upstream, scene)
}

#[tokio::test]
async fn a_body_that_is_held_goes_up_at_once_and_with_its_length() {
    let (upstream, scene) = held(300_000).await;
    let mut client = scene.client().await;
    let body = pattern(300_000);
    client
        .request("POST", "/a/", "transfer-encoding: chunked")
        .await;
    let chunks = chunked(&body, 10_007);
    let (begin, end) = chunks.split_at(200_000);
    client.send_bytes(begin).await;
    assert_eq!(
        Client::connect(scene.gateway.address())
            .await
            .get("/a/")
            .await
            .status,
        200
    );
    assert_eq!(upstream.received().len(), 1, "only the other request");
    client.send_bytes(end).await;
    assert_eq!(client.response().await.brief(), (200, "ok"));
    let request = upstream.last();
    assert_eq!(request.value("content-length"), Some("300000"));
    assert_eq!(request.value("transfer-encoding"), None);
    assert!(request.body == body);
    assert_eq!(
        client.get("/a/").await.status,
        200,
        "the connection goes on"
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_to_be_held_is_413() {
    let (upstream, scene) = held(1000).await;
    for fields in ["content-length: 1001", "transfer-encoding: chunked"] {
        let mut client = scene.client().await;
        client.request("POST", "/a/", fields).await;
        if fields.starts_with('t') {
            client.send_bytes(&chunked(&pattern(1001), 100)).await;
        }
        let response = client.response().await;
        assert_eq!(response.brief(), (413, "Payload Too Large"), "{fields}");
        assert_eq!(response.value("connection"), Some("close"));
    }
    assert_eq!(upstream.received().len(), 0);
    scene
        .gateway
        .until_counted("both", |now| {
            now.sum("envoy_http_downstream_rq_too_large") == 2.0
        })
        .await;
    assert_eq!(scene.moved("envoy_http_rq_total"), 0.0);
    assert_eq!(scene.moved("envoy_cluster_upstream_rq_completed"), 0.0);
    let mut client = scene.client().await;
    client.request("PUT", "/a/", "content-length: 1000").await;
    client.send_bytes(&pattern(1000)).await;
    assert_eq!(client.response().await.status, 200);
}
