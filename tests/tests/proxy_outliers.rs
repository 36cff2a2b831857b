//! Endpoints that fail again and again are left out, as long as there are others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::Client;
use nuncio_tests::counters::Counters;
use nuncio_tests::gateway::Gateway;
use nuncio_tests::names::NameServer;
use nuncio_tests::upstream::{Answer, Received, Upstream, replicas};

const NAME: &str = "many.example";
const OUT: &str = "envoy_cluster_outlier_detection_ejections_enforced_total";

fn annotation(service: &str) -> String {
    format!(
        "---\napiVersion: ambassador/v0\nkind: OutlierDetection\nname: od\nconsecutive_5xx: 3\n\
         ---\napiVersion: ambassador/v0\nkind: Mapping\nname: m\nprefix: /a/\n\
         service: {service}\noutlier_detection: od\n"
    )
}

fn script(request: &Received) -> Answer {
    match request.value("x-fail") {
        Some(_) => Answer::text("HTTP/1.1 500 No\ncontent-length: 0\n\n"),
        None => Answer::ok("ok"),
    }
}

/// A gateway to a name with these upstreams, which is to be kept as long.
async fn gateway_to(upstreams: &[Upstream]) -> (Gateway, NameServer) {
    let names = NameServer::start().await;
    let addresses: Vec<_> = upstreams.iter().map(|one| one.address().ip()).collect();
    names.set(NAME, &addresses);
    let service = format!("{NAME}:{}", upstreams[0].address().port());
    (
        Gateway::start_with_names(&annotation(&service), &names),
        names,
    )
}

async fn until_out(gateway: &Gateway, count: f64) {
    let out = |now: &Counters| now.sum(OUT) == count;
    gateway.until_counted("endpoints are left out", out).await;
}

#[tokio::test]
async fn a_lone_endpoint_is_left_out_and_used_all_the_same() {
    let upstream = Upstream::start(script).await;
    let gateway = Gateway::start(&annotation(&upstream.service()));
    let mut client = Client::connect(gateway.address()).await;
    let before = gateway.counters();
    for _ in 0..3 {
        client.request("GET", "/a/", "x-fail: 1").await;
        assert_eq!(client.response().await.status, 500);
    }
    until_out(&gateway, 1.0).await;
    let moved = |family: &str| gateway.counters().sum(family) - before.sum(family);
    for detection in [
        "ejections_total",
        "ejections_consecutive_5xx",
        "ejections_detected_consecutive_5xx",
        "ejections_enforced_consecutive_5xx",
    ] {
        let family = format!("envoy_cluster_outlier_detection_{detection}");
        assert_eq!(moved(&family), 1.0, "{detection}");
    }
    assert_eq!(moved("envoy_cluster_lb_healthy_panic"), 0.0);
    assert_eq!(client.get("/a/").await.brief(), (200, "ok"));
    assert_eq!(moved("envoy_cluster_lb_healthy_panic"), 1.0);
}

#[tokio::test]
async fn one_of_three_that_fails_gets_nothing_more() {
    let upstreams = replicas(3, |request| match request.value("host") {
        Some("fails.example") => Answer::text("HTTP/1.1 503 No\ncontent-length: 0\n\n"),
        Some(_) | None => Answer::ok("ok"),
    })
    .await;
    let (gateway, _names) = gateway_to(&upstreams).await;
    let mut client = Client::connect(gateway.address()).await;
    // In turn: every third request goes to the same one.
    for n in 0..9 {
        let host = if n % 3 == 0 {
            "fails.example"
        } else {
            "a.example"
        };
        client
            .send(&format!("GET /a/ HTTP/1.1\nhost: {host}\n\n"))
            .await;
        client.response().await;
    }
    until_out(&gateway, 1.0).await;
    let shares = || upstreams.iter().map(|one| one.received().len());
    let before: Vec<_> = shares().collect();
    for _ in 0..10 {
        assert_eq!(client.get("/a/").await.status, 200);
    }
    let more: Vec<_> = shares().zip(before).map(|(is, was)| is - was).collect();
    assert_eq!(
        more.iter().filter(|count| **count == 0).count(),
        1,
        "{more:?}"
    );
    assert_eq!(
        gateway.counters().sum("envoy_cluster_lb_healthy_panic"),
        0.0
    );
}

#[tokio::test]
async fn connections_refused_are_failures() {
    let mut upstreams = replicas(2, script).await;
    let (gateway, _names) = gateway_to(&upstreams).await;
    drop(upstreams.pop());
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..6 {
        client.get("/a/").await;
    }
    until_out(&gateway, 1.0).await;
    for _ in 0..6 {
        assert_eq!(client.get("/a/").await.status, 200);
    }
}
