//! Requests that are sent again: when, how often, and what is counted of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::Method;
use nuncio_tests::client::{Broken, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::mapping;
use nuncio_tests::scene::{Scene, recorded};
use nuncio_tests::upstream::{Answer, Received, Upstream, closed_port, wire};

const RETRIED: &str = "envoy_cluster_upstream_rq_retry";
const SENT: &str = "envoy_cluster_upstream_rq_total";
const EXCEEDED: &str = "envoy_cluster_upstream_rq_retry_limit_exceeded";
const SUCCEEDED: &str = "envoy_cluster_upstream_rq_retry_success";

fn policy(on: &str, retries: u32, more: &str) -> String {
    format!("retry_policy: {{retry_on: {on}, num_retries: {retries}{more}}}")
}

fn scene(service: &str, more: &str) -> Scene {
    Scene::of(service, &mapping("/a/", service, more))
}

/// Answers the first requests that are not to warm up with `answer`, and then with `200`.
async fn failing(times: usize, answer: Answer) -> Upstream {
    let seen = AtomicUsize::new(0);
    Upstream::start(move |request: &Received| {
        let warms = request.value("x-warm").is_some();
        match !warms && seen.fetch_add(1, Relaxed) < times {
            true => answer.clone(),
            false => Answer::ok("ok"),
        }
    })
    .await
}

fn status(status: u16) -> Answer {
    Answer::text(&format!("HTTP/1.1 {status} X\ncontent-length: 2\n\nno"))
}

fn closing() -> Answer {
    Answer::BytesThenClose(wire(""))
}

#[tokio::test]
async fn a_503_and_then_a_200() {
    let upstream = failing(1, status(503)).await;
    let scene = scene(&upstream.service(), &policy("5xx", 2, ""));
    assert_eq!(scene.get("/a/").await, 200);
    assert_eq!(
        scene.moves("httpbin").await,
        recorded("retry then success (503,200)")
    );
}

#[tokio::test]
async fn a_503_as_often_as_it_is_tried() {
    let upstream = failing(3, status(503)).await;
    let scene = scene(&upstream.service(), &policy("5xx", 2, ""))
        .warmed()
        .await;
    assert_eq!(scene.get("/a/").await, 503);
    assert_eq!(
        scene.moves("httpbin").await,
        recorded("retry exhausted (2 retries)")
    );
}

#[tokio::test]
async fn one_retry_is_the_default() {
    let upstream = failing(9, status(500)).await;
    let scene = scene(&upstream.service(), "retry_policy: {retry_on: 5xx}");
    assert_eq!(scene.get("/a/").await, 500);
    assert_eq!(upstream.received().len(), 2);
}

#[tokio::test]
async fn the_status_decides_as_the_policy_says() {
    for (on, code, again) in [
        ("5xx", 500, true),
        ("5xx", 409, false),
        ("5xx", 404, false),
        ("gateway-error", 502, true),
        ("gateway-error", 503, true),
        ("gateway-error", 504, true),
        ("gateway-error", 500, false),
        ("retriable-4xx", 409, true),
        ("retriable-4xx", 404, false),
        ("retriable-4xx", 503, false),
        ("connect-failure", 503, false),
        ("refused-stream", 503, false),
    ] {
        let upstream = failing(1, status(code)).await;
        let scene = scene(&upstream.service(), &policy(on, 1, ""));
        let expected = if again { 200 } else { code };
        assert_eq!(scene.get("/a/").await, expected, "{on} {code}");
        assert_eq!(
            scene.moved(RETRIED),
            f64::from(u8::from(again)),
            "{on} {code}"
        );
        assert_eq!(
            scene.moved(SUCCEEDED),
            f64::from(u8::from(again)),
            "{on} {code}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_closes_without_an_answer_is_tried_again() {
    for (on, expected) in [
        ("5xx", 200),
        ("gateway-error", 200),
        ("connect-failure", 503),
        ("retriable-4xx", 503),
    ] {
        let upstream = failing(2, closing()).await;
        let scene = scene(&upstream.service(), &policy(on, 2, ""));
        let mut client = scene.client().await;
        client.request("POST", "/a/", "content-length: 0").await;
        assert_eq!(client.response().await.status, expected, "{on}");
    }
}

#[tokio::test]
async fn nobody_there_is_tried_again_and_said_so() {
    let service = closed_port().await;
    let scene = scene(&service, &policy("connect-failure", 2, ""));
    let mut client = scene.client().await;
    let response = client.get("/a/").await;
    assert_eq!(response.status, 503);
    let text = "upstream connect error or disconnect/reset before headers. retried and the \
                latest reset reason: remote connection failure, ";
    assert!(response.text().starts_with(text), "{}", response.text());
    drop(client);
    scene.moves("dead").await;
    for (family, by) in [
        (SENT, 0.0),
        (RETRIED, 2.0),
        (EXCEEDED, 1.0),
        (SUCCEEDED, 0.0),
        ("envoy_cluster_upstream_cx_connect_fail", 3.0),
        ("envoy_cluster_upstream_rq_pending_failure_eject", 3.0),
        ("envoy_cluster_upstream_rq_completed", 1.0),
    ] {
        assert_eq!(scene.moved(family), by, "{family}");
    }
}

#[tokio::test]
async fn an_attempt_has_its_own_time() {
    let upstream = failing(9, Answer::Silence).await;
    let policy = policy("5xx", 1, ", per_try_timeout: 200ms");
    let scene = scene(&upstream.service(), &policy);
    let mut client = scene.client().await;
    let response = client.get("/a/").await;
    assert_eq!(response.brief(), (504, "upstream request timeout"));
    drop(client);
    scene.moves("httpbin").await;
    for (family, by) in [
        (SENT, 2.0),
        (RETRIED, 1.0),
        (EXCEEDED, 1.0),
        ("envoy_cluster_upstream_rq_per_try_timeout", 2.0),
        ("envoy_cluster_upstream_rq_timeout", 0.0),
        (
            "envoy_cluster_upstream_cx_destroy_local_with_active_rq",
            2.0,
        ),
        ("envoy_cluster_upstream_rq_completed", 1.0),
    ] {
        assert_eq!(scene.moved(family), by, "{family}");
    }
    let now = scene.gateway.counters();
    assert_eq!(now.with("envoy_cluster_upstream_rq", "\"504\""), 1.0);
}

#[tokio::test]
async fn an_attempt_that_was_answered_has_the_time_of_the_route() {
    let pieces = [
        wire("HTTP/1.1 200 OK\ncontent-length: 2\n\n"),
        wire("o"),
        wire("k"),
    ];
    let drip = Answer::Drip(pieces.to_vec(), Duration::from_millis(300));
    let upstream = Upstream::always(drip).await;
    let policy = policy("5xx", 1, ", per_try_timeout: 200ms");
    let scene = scene(&upstream.service(), &policy);
    assert_eq!(scene.client().await.get("/a/").await.brief(), (200, "ok"));
}

#[tokio::test]
async fn all_attempts_share_the_time_of_the_route() {
    let upstream = failing(1000, Answer::Silence).await;
    let more = policy("5xx", 1000, ", per_try_timeout: 100ms") + "\ntimeout_ms: 600";
    let scene = scene(&upstream.service(), &more);
    let started = Instant::now();
    assert_eq!(scene.get("/a/").await, 504);
    assert!(started.elapsed() >= Duration::from_millis(600));
    assert_eq!(scene.moved("envoy_cluster_upstream_rq_timeout"), 1.0);
    assert!(scene.moved(RETRIED) >= 1.0);
    assert_eq!(scene.moved(EXCEEDED), 0.0);
}

#[tokio::test]
async fn the_upstream_is_told_the_time_of_the_attempt() {
    let upstream = failing(1, status(503)).await;
    let more = policy("5xx", 1, ", per_try_timeout: 400ms") + "\ntimeout_ms: 20000";
    let scene = scene(&upstream.service(), &more);
    assert_eq!(scene.get("/a/").await, 200);
    let told: Vec<_> = upstream
        .received()
        .iter()
        .map(|request| {
            request
                .value("x-envoy-expected-rq-timeout-ms")
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(told, ["400", "400"]);
}

#[tokio::test]
async fn a_body_is_sent_again_whole() {
    let body: Vec<u8> = (0..300_000u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    for answer in [
        status(503),
        Answer::Early(wire("HTTP/1.1 503 X\ncontent-length: 0\n\n")),
    ] {
        let upstream = failing(1, answer).await;
        let scene = scene(&upstream.service(), &policy("5xx", 1, ""));
        let mut client = scene.client().await;
        let length = format!("content-length: {}", body.len());
        client.request("POST", "/a/", &length).await;
        client.send_bytes(&body[..100_000]).await;
        upstream.until_received(1).await;
        client.send_bytes(&body[100_000..]).await;
        assert_eq!(client.response().await.brief(), (200, "ok"));
        assert!(upstream.last().body == body);
        assert_eq!(upstream.received().len(), 2);
    }
}

#[tokio::test]
async fn a_body_in_pieces_over_http2_is_sent_again_whole() {
    let upstream = failing(2, closing()).await;
    let scene = scene(&upstream.service(), &policy("5xx", 2, ""));
    let client = Client2::connect(scene.gateway.address()).await;
    let request = Client2::request(Method::POST, "/a/", &[]);
    let (response, mut stream) = client.start(request, false).await;
    let body = vec![b'x'; 200_000];
    Client2::send_body(&mut stream, body.clone().into()).await;
    assert_eq!(Client2::response(response).await.unwrap().text(), "ok");
    assert!(upstream.last().body == body);
    assert_eq!(scene.moved(RETRIED), 2.0);
}

#[tokio::test]
async fn an_empty_body_ends_in_every_attempt() {
    let upstream = failing(1, status(503)).await;
    let scene = scene(&upstream.service(), &policy("5xx", 1, ""));
    let mut client = scene.client().await;
    client
        .request("POST", "/a/", "transfer-encoding: chunked")
        .await;
    client.send("0\n\n").await;
    assert_eq!(client.response().await.brief(), (200, "ok"));
    assert_eq!(upstream.received().len(), 2);
    assert!(upstream.received().iter().all(|request| request.complete));
}

#[tokio::test]
async fn a_body_too_large_to_be_kept_is_sent_once() {
    let upstream = failing(1, status(503)).await;
    let module = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
                  config: {buffer_limit_bytes: 10000}\n";
    let service = upstream.service();
    let annotation = module.to_owned() + &mapping("/a/", &service, &policy("5xx", 1, ""));
    let scene = Scene::of(&service, &annotation);
    let mut client = scene.client().await;
    client.request("POST", "/a/", "content-length: 20000").await;
    client.send_bytes(&[b'x'; 20_000]).await;
    assert_eq!(client.response().await.status, 503);
    assert_eq!(upstream.last().body.len(), 20_000);
    for family in [RETRIED, EXCEEDED] {
        assert_eq!(scene.moved(family), 0.0, "{family}");
    }
    assert_eq!(scene.moved("envoy_cluster_retry_or_shadow_abandoned"), 1.0);
}

#[tokio::test]
async fn what_the_client_has_seen_the_head_of_is_not_tried_again() {
    let cut = Answer::BytesThenClose(wire("HTTP/1.1 200 OK\ncontent-length: 9\n\npart"));
    let upstream = failing(1, cut).await;
    let scene = scene(&upstream.service(), &policy("5xx", 3, ""));
    let mut client = scene.client().await;
    client.request("GET", "/a/", "").await;
    let broken = client.response_to("GET").await.unwrap_err();
    assert!(matches!(broken, Broken::Body(_)), "{broken:?}");
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn as_many_retries_as_may_are_under_way() {
    let upstream = Upstream::start(|request| match request.path() {
        "/hangs" if request.connection > 0 => Answer::Silence,
        _ => status(503),
    })
    .await;
    let more = policy("5xx", 5, "") + "\ncircuit_breakers: [{max_retries: 1}]\ntimeout_ms: 0";
    let scene = scene(&upstream.service(), &more);
    let mut hanging = scene.client().await;
    hanging.request("GET", "/a/hangs", "").await;
    eventually("a retry is under way", || upstream.received().len() == 2).await;
    assert_eq!(scene.get("/a/other").await, 503);
    assert_eq!(scene.moved("envoy_cluster_upstream_rq_retry_overflow"), 1.0);
    assert_eq!(scene.moved(RETRIED), 1.0);
    assert_eq!(scene.moved(EXCEEDED), 0.0);
}

#[tokio::test]
async fn clients_have_no_say() {
    let upstream = failing(1, status(503)).await;
    let scene = scene(&upstream.service(), "");
    let mut client = scene.client().await;
    let fields = "x-envoy-retry-on: 5xx\nx-envoy-max-retries: 3\n\
                  x-envoy-retriable-status-codes: 503\nx-envoy-upstream-rq-timeout-ms: 1\n\
                  x-envoy-upstream-rq-per-try-timeout-ms: 1";
    client.request("GET", "/a/", fields).await;
    assert_eq!(client.response().await.status, 503);
    let request = upstream.last();
    for line in fields.lines() {
        let (name, _) = line.split_once(": ").unwrap();
        assert_eq!(request.values(name), Vec::<&str>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_attempts() {
    let upstream = failing(1000, Answer::Silence).await;
    let more = policy("5xx", 1000, ", per_try_timeout: 50ms") + "\ntimeout_ms: 0";
    let scene = scene(&upstream.service(), &more);
    let mut client = scene.client().await;
    client.request("GET", "/a/", "").await;
    eventually("it is tried again", || upstream.received().len() > 1).await;
    drop(client);
    scene.moves("httpbin").await;
    assert_eq!(scene.moved("envoy_cluster_upstream_rq_completed"), 0.0);
    assert_eq!(scene.moved("envoy_http_downstream_rq_rx_reset"), 1.0);
    eventually("the upstream is left alone", || upstream.open() == 0).await;
}
