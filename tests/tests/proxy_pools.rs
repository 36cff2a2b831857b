//! How long connections to upstreams are kept, and for whom.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use nuncio_tests::client::Client;
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};

async fn gateway_to(upstream: &Upstream, options: &str) -> (Gateway, Client) {
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), options));
    let client = Client::connect(gateway.address()).await;
    (gateway, client)
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let upstream = Upstream::ok("ok").await;
    let (gateway, mut client) = gateway_to(&upstream, "cluster_idle_timeout_ms: 200").await;
    client.get("/a/").await;
    eventually("it is closed", || upstream.open() == 0).await;
    let idled_out = gateway
        .counters()
        .sum("envoy_cluster_upstream_cx_idle_timeout");
    assert_eq!(idled_out, 1.0);
    assert_eq!(client.get("/a/").await.status, 200);
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn a_connection_that_is_too_old_serves_no_further_request() {
    let head = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\no");
    let slow = Answer::Drip(vec![head, wire("k")], Duration::from_millis(60));
    let upstream = Upstream::always(slow).await;
    let options = "cluster_max_connection_lifetime_ms: 50";
    let (_gateway, mut client) = gateway_to(&upstream, options).await;
    for _ in 0..3 {
        assert_eq!(client.get("/a/").await.brief(), (200, "ok"));
    }
    assert_eq!(upstream.accepted(), 3);
    eventually("they are closed", || upstream.open() == 0).await;
}

const MODULE: &str = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
                      config:\n  server_name: another\n";

#[tokio::test]
async fn an_edit_of_the_module_leaves_connections_alone() {
    let upstream = Upstream::ok("ok").await;
    let (gateway, mut client) = gateway_to(&upstream, "").await;
    client.get("/a/").await;
    let edited = format!("{}{MODULE}", mapping("/a/", &upstream.service(), ""));
    gateway.install(&edited);
    assert_eq!(client.get("/a/").await.value("server"), Some("another"));
    assert_eq!((upstream.accepted(), upstream.open()), (1, 1));
}

#[tokio::test]
async fn a_cluster_with_other_options_has_connections_of_its_own() {
    let upstream = Upstream::ok("ok").await;
    let (gateway, mut client) = gateway_to(&upstream, "").await;
    client.get("/a/").await;
    let options = "connect_timeout_ms: 5000";
    gateway.install(&mapping("/a/", &upstream.service(), options));
    client.get("/a/").await;
    assert_eq!(upstream.accepted(), 2);
    eventually("the former one is closed", || upstream.open() == 1).await;
}
