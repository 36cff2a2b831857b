//! Copies of requests: whole, elsewhere, and nobody's concern.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use http::Method;
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::counters::Moves;
use nuncio_tests::gateway::named_mapping;
use nuncio_tests::scene::{Scene, recorded};
use nuncio_tests::upstream::{Answer, Upstream, closed_port, wire};

fn annotation(service: &str, shadow: &str, more: &str, more_shadow: &str) -> String {
    named_mapping("original", "/a/", service, more)
        + &named_mapping(
            "shadow",
            "/a/",
            shadow,
            &format!("shadow: true\n{more_shadow}"),
        )
}

async fn shadowed(answer: Answer, more: &str) -> (Upstream, Upstream, Scene) {
    let upstream = Upstream::ok("original").await;
    let shadow = Upstream::always(answer).await;
    let annotation = annotation(&upstream.service(), &shadow.service(), more, "");
    let scene = Scene::of(&upstream.service(), &annotation);
    (upstream, shadow, scene)
}

const LARGE: usize = 20 * 1024 * 1024;

/// More than a shadow may be behind.
const MEDIUM: usize = 3 * 1024 * 1024;

#[tokio::test]
async fn both_clusters_count_and_the_client_is_one() {
    let (_upstream, shadow, scene) = shadowed(Answer::ok("shadow"), "").await;
    let scene = scene.warmed().await;
    shadow.until_received(1).await;
    let name = shadow.stats_name();
    let counted = format!("envoy_cluster_name=\"{name}\"");
    let completed = "envoy_cluster_upstream_rq_completed";
    scene
        .gateway
        .until_counted("the shadow of the first", |now| {
            now.with(completed, &counted) == 1.0
        })
        .await;
    let scene = scene.from_now();
    assert_eq!(scene.get("/a/").await, 200);
    scene
        .gateway
        .until_counted("the shadow", |now| now.with(completed, &counted) == 2.0)
        .await;
    let moves = scene.moves_beside("httpbin", (&name, "mirror")).await;
    assert_eq!(moves, recorded("shadow").and(&mirror()));
}

/// What the recorded Envoy counted of the copy.
fn mirror() -> Moves {
    let series = [
        "internal_upstream_rq_completed{",
        "internal_upstream_rq_xx{envoy_response_code_class=\"2\",",
        "internal_upstream_rq{envoy_response_code=\"200\",",
        "upstream_rq_completed{",
        "upstream_rq_total{",
        "upstream_rq_xx{envoy_response_code_class=\"2\",",
        "upstream_rq{envoy_response_code=\"200\",",
    ];
    let line = |series| format!("+1 envoy_cluster_{series}envoy_cluster_name=\"mirror\"}}");
    Moves::parse(&series.map(line).join("\n"))
}

#[tokio::test]
async fn a_copy_has_the_body_and_a_host_that_says_so() {
    let (upstream, shadow, scene) = shadowed(Answer::ok(""), "").await;
    let mut client = scene.client().await;
    client
        .send("POST /a/b?c=d HTTP/1.1\nhost: a.example:8080\nx-mine: 1\ntransfer-encoding: chunked\n\n")
        .await;
    client.send("3\nabc\n3\ndef\n0\n\n").await;
    assert_eq!(client.response().await.brief(), (200, "original"));
    eventually("the copy is whole", || {
        shadow.received().first().is_some_and(|copy| copy.complete)
    })
    .await;
    let (original, copy) = (upstream.last(), shadow.last());
    assert_eq!(copy.line(), original.line());
    assert_eq!(
        (&*copy.body, &*original.body),
        (&b"abcdef"[..], &b"abcdef"[..])
    );
    assert_eq!(original.value("host"), Some("a.example:8080"));
    assert_eq!(copy.value("host"), Some("a.example-shadow:8080"));
    assert_eq!(copy.value("x-mine"), Some("1"));
    assert_eq!(copy.value("x-request-id"), original.value("x-request-id"));
    assert_eq!(copy.value("x-envoy-internal"), Some("true"));
}

#[tokio::test]
async fn a_copy_spells_its_headers_as_the_original() {
    let (upstream, shadow, scene) = shadowed(Answer::ok(""), "").await;
    assert_eq!(scene.get("/a/").await, 200);
    shadow.until_received(1).await;
    let (original, copy) = (upstream.last().head, shadow.last().head);
    let names = |head: &str| -> Vec<String> {
        let lines = head.lines().skip(1);
        let names = lines.filter_map(|line| line.split_once(": "));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let mut expected = names(&original);
    expected.push("x-envoy-internal".to_owned());
    assert_eq!(names(&copy), expected);
}

#[tokio::test]
async fn a_large_body_is_copied_whole() {
    let (upstream, shadow, scene) = shadowed(Answer::ok(""), "").await;
    let mut client = scene.client().await;
    let body: Vec<u8> = (0..MEDIUM).map(|n| (n ^ (n >> 8)) as u8).collect();
    client
        .request("POST", "/a/", &format!("content-length: {MEDIUM}"))
        .await;
    client.send_bytes(&body).await;
    assert_eq!(client.response().await.brief(), (200, "original"));
    eventually("the copy is whole", || {
        shadow.received().first().is_some_and(|copy| copy.complete)
    })
    .await;
    assert!(upstream.last().body == body);
    assert!(shadow.last().body == body);
}

#[tokio::test]
async fn over_http2_too() {
    let (_upstream, shadow, scene) = shadowed(Answer::ok(""), "").await;
    let client = Client2::connect(scene.gateway.address()).await;
    let (response, mut stream) = client
        .start(Client2::request(Method::POST, "/a/", &[]), false)
        .await;
    Client2::send_body(&mut stream, vec![b'x'; 100_000].into()).await;
    assert_eq!(
        Client2::response(response).await.unwrap().text(),
        "original"
    );
    eventually("the copy is whole", || {
        shadow.received().first().is_some_and(|copy| copy.complete)
    })
    .await;
    assert_eq!(shadow.last().body.len(), 100_000);
    assert_eq!(shadow.last().value("host"), Some("a.example-shadow"));
}

#[tokio::test]
async fn a_shadow_that_does_not_answer_is_not_waited_for() {
    let (_upstream, shadow, scene) = shadowed(Answer::Silence, "timeout_ms: 300").await;
    for _ in 0..3 {
        assert_eq!(scene.get("/a/").await, 200);
    }
    shadow.until_received(3).await;
    eventually("they are given up in the end", || shadow.open() == 0).await;
    let label = format!("envoy_cluster_name=\"{}\"", shadow.stats_name());
    let now = scene.gateway.counters();
    assert_eq!(now.with("envoy_cluster_upstream_rq_timeout", &label), 3.0);
    assert_eq!(now.with("envoy_cluster_upstream_rq", "\"504\""), 3.0);
    assert_eq!(now.with("envoy_http_downstream_rq_xx", "class=\"5\""), 0.0);
}

#[tokio::test]
async fn a_shadow_that_does_not_read_is_abandoned_and_costs_the_original_nothing() {
    let deaf = Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 0\n\n"));
    let (upstream, shadow, scene) = shadowed(deaf, "timeout_ms: 0").await;
    let mut client = scene.client().await;
    client
        .request("POST", "/a/", &format!("content-length: {LARGE}"))
        .await;
    client.send_bytes(&vec![b'x'; LARGE]).await;
    assert_eq!(client.response().await.brief(), (200, "original"));
    assert_eq!(upstream.last().body.len(), LARGE);
    shadow.release();
    eventually("the shadow is abandoned", || shadow.open() == 0).await;
    assert!(!shadow.last().complete);
}

#[tokio::test]
async fn a_shadow_that_is_not_there_harms_nobody() {
    let upstream = Upstream::ok("original").await;
    let annotation = annotation(&upstream.service(), &closed_port().await, "", "");
    let scene = Scene::of(&upstream.service(), &annotation);
    assert_eq!(scene.get("/a/").await, 200);
    scene
        .gateway
        .until_counted("the shadow has failed", |now| {
            now.with("envoy_cluster_upstream_rq", "\"503\"") == 1.0
        })
        .await;
    let now = scene.gateway.counters();
    assert_eq!(now.with("envoy_http_downstream_rq_xx", "class=\"5\""), 0.0);
}

#[tokio::test]
async fn a_request_that_is_tried_again_has_one_shadow() {
    let upstream = Upstream::always(Answer::text("HTTP/1.1 503 X\ncontent-length: 0\n\n")).await;
    let shadow = Upstream::ok("").await;
    let policy = "retry_policy: {retry_on: 5xx, num_retries: 3}";
    let annotation = annotation(&upstream.service(), &shadow.service(), policy, "");
    let scene = Scene::of(&upstream.service(), &annotation);
    assert_eq!(scene.get("/a/").await, 503);
    assert_eq!(upstream.received().len(), 4);
    shadow.until_received(1).await;
    assert_eq!(shadow.received().len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_no_half_a_shadow() {
    let (_upstream, shadow, scene) = shadowed(Answer::ok(""), "").await;
    let mut client = scene.client().await;
    client.request("POST", "/a/", "content-length: 10").await;
    client.send_bytes(b"abc").await;
    shadow.until_received(1).await;
    drop(client);
    eventually("the shadow is given up", || shadow.open() == 0).await;
    assert!(!shadow.last().complete);
}

#[tokio::test]
async fn the_weight_is_the_share_that_is_copied() {
    let upstream = Upstream::ok("original").await;
    let shadow = Upstream::ok("").await;
    let annotation = annotation(&upstream.service(), &shadow.service(), "", "weight: 50");
    let scene = Scene::of(&upstream.service(), &annotation);
    let mut client = scene.client().await;
    for _ in 0..400 {
        assert_eq!(client.get("/a/").await.text(), "original");
    }
    let label = format!("envoy_cluster_name=\"{}\"", shadow.stats_name());
    let now = scene.gateway.counters();
    // Six standard deviations of 400 draws.
    let copied = now.with("envoy_cluster_upstream_rq_total", &label);
    assert!((140.0..=260.0).contains(&copied), "{copied}");
}

#[tokio::test]
async fn a_shadow_does_not_keep_the_gateway() {
    let (_upstream, shadow, scene) = shadowed(Answer::Silence, "timeout_ms: 0").await;
    let gateway = scene.gateway;
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    shadow.until_received(1).await;
    drop(client);
    gateway.drain();
    gateway.stop();
    gateway.done().await;
    eventually("the shadow has ended", || shadow.open() == 0).await;
}
