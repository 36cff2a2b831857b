//! Which upstream gets a request, under which path and host, also while that changes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use nuncio_tests::client::Client;
use nuncio_tests::gateway::{ALIVE, Gateway, mapping, named_mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};

/// A gateway with one Mapping, and a client of it.
async fn one(prefix: &str, upstream: &Upstream, more: &str) -> (Gateway, Client) {
    let gateway = Gateway::start(&mapping(prefix, &upstream.service(), more));
    let client = Client::connect(gateway.address()).await;
    (gateway, client)
}

#[tokio::test]
async fn the_prefix_is_replaced_and_the_query_kept() {
    let upstream = Upstream::ok("hello").await;
    let (_gateway, mut client) = one("/httpbin/", &upstream, "").await;
    let response = client.get("/httpbin/get?a=1&b=%20/?").await;
    assert_eq!(response.brief(), (200, "hello"));
    assert_eq!(upstream.last().line(), "GET /get?a=1&b=%20/? HTTP/1.1");
}

#[tokio::test]
async fn an_empty_rewrite_leaves_the_path_as_it_came() {
    let upstream = Upstream::ok("").await;
    let (_gateway, mut client) = one("/a/", &upstream, "rewrite: ''").await;
    client.get("/a/b//c/%20%2F?e").await;
    assert_eq!(upstream.last().path(), "/a/b//c/%20%2F?e");
    assert_eq!(upstream.last().value("x-envoy-original-path"), None);
}

#[tokio::test]
async fn another_rewrite_takes_the_place_of_the_prefix() {
    let upstream = Upstream::ok("").await;
    let (_gateway, mut client) = one("/a/", &upstream, "rewrite: /v2/").await;
    client.get("/a/b").await;
    assert_eq!(upstream.last().path(), "/v2/b");
}

#[tokio::test]
async fn the_host_is_the_clients_unless_rewritten() {
    let upstream = Upstream::ok("").await;
    let service = upstream.service();
    let gateway = Gateway::start(&format!(
        "{}{}",
        mapping("/kept/", &service, ""),
        mapping("/new/", &service, "host_rewrite: inner.example:81"),
    ));
    let mut client = Client::connect(gateway.address()).await;
    client.get("/kept/").await;
    assert_eq!(upstream.last().value("host"), Some("a.example"));
    client.get("/new/").await;
    assert_eq!(upstream.last().value("host"), Some("inner.example:81"));
}

#[tokio::test]
async fn the_absolute_form_is_routed_by_its_authority_and_sent_as_a_path() {
    let upstream = Upstream::ok("").await;
    let (_gateway, mut client) = one("/a/", &upstream, "host: one.example").await;
    client
        .send("GET http://one.example/a/b?c HTTP/1.1\nhost: one.example\n\n")
        .await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(upstream.last().path(), "/b?c");
    assert_eq!(upstream.last().value("host"), Some("one.example"));
}

#[tokio::test]
async fn method_header_and_host_choose_among_mappings() {
    let (method, header, host, rest) = tokio::join!(
        Upstream::ok("method"),
        Upstream::ok("header"),
        Upstream::ok("host"),
        Upstream::ok("rest"),
    );
    let gateway = Gateway::start(&format!(
        "{}{}{}{}",
        named_mapping("m", "/a/", &method.service(), "method: DELETE"),
        named_mapping("h", "/a/", &header.service(), "headers:\n  x-mode: canary"),
        named_mapping("o", "/a/", &host.service(), "host: b.example"),
        named_mapping("r", "/a/", &rest.service(), ""),
    ));
    let mut client = Client::connect(gateway.address()).await;
    client.request("DELETE", "/a/", "").await;
    assert_eq!(client.response().await.text(), "method");
    client.request("GET", "/a/", "X-Mode: canary").await;
    assert_eq!(client.response().await.text(), "header");
    client.send("GET /a/ HTTP/1.1\nHOST: B.example\n\n").await;
    assert_eq!(client.response().await.text(), "host");
    assert_eq!(client.get("/a/").await.text(), "rest");
}

#[tokio::test]
async fn weights_divide_requests_between_upstreams() {
    let (canary, rest) = tokio::join!(Upstream::ok("canary"), Upstream::ok("rest"));
    let gateway = Gateway::start(&format!(
        "{}{}",
        named_mapping("c", "/a/", &canary.service(), "weight: 30"),
        named_mapping("r", "/a/", &rest.service(), ""),
    ));
    let mut client = Client::connect(gateway.address()).await;
    let mut counts = BTreeMap::<String, u32>::new();
    for _ in 0..1000 {
        *counts
            .entry(client.get("/a/").await.text().into())
            .or_default() += 1;
    }
    // Seven standard deviations of a fair draw.
    assert!((200..400).contains(&counts["canary"]), "{counts:?}");
}

#[tokio::test]
async fn without_a_route_there_is_an_empty_404() {
    let upstream = Upstream::ok("").await;
    let (_gateway, mut client) = one("/a/", &upstream, "").await;
    let response = client.get("/b/").await;
    assert_eq!(response.brief(), (404, ""));
    assert_eq!(response.value("content-length"), Some("0"));
    assert_eq!(response.value("server"), Some("envoy"));
    assert_eq!(response.value("content-type"), None);
    assert!(response.value("date").is_some());
    assert_eq!(client.get("/a/").await.status, 200);
}

#[tokio::test]
async fn probes_are_answered_by_the_gateway() {
    let gateway = Gateway::start("");
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(
        client.get("/ambassador/v0/check_alive").await.brief(),
        (200, ALIVE)
    );
    assert_eq!(client.get("/ambassador/v0/check_ready").await.status, 503);
}

#[tokio::test]
async fn before_any_configuration_nothing_is_said_to_be_absent() {
    let gateway = Gateway::unconfigured();
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 503);
    assert_eq!(client.get("/ambassador/v0/check_alive").await.status, 200);
    let upstream = Upstream::ok("now").await;
    gateway.install(&mapping("/a/", &upstream.service(), ""));
    assert_eq!(client.get("/a/").await.text(), "now");
}

#[tokio::test]
async fn a_request_ends_by_the_configuration_it_began_with() {
    let (old, new) = tokio::join!(
        Upstream::always(Answer::Deaf(wire(
            "HTTP/1.1 200 OK\ncontent-length: 3\n\nold"
        ))),
        Upstream::ok("new"),
    );
    let (gateway, mut client) = one("/a/", &old, "").await;
    client.request("GET", "/a/", "").await;
    old.until_received(1).await;
    gateway.install(&mapping("/a/", &new.service(), ""));
    let mut other = Client::connect(gateway.address()).await;
    assert_eq!(other.get("/a/").await.text(), "new");
    old.release();
    assert_eq!(client.response().await.text(), "old");
    assert_eq!(client.get("/a/").await.text(), "new");
}

#[tokio::test]
async fn no_request_is_lost_while_configurations_come_and_go() {
    let (one, other) = tokio::join!(Upstream::ok("one"), Upstream::ok("other"));
    let texts = [&one, &other].map(|upstream| mapping("/a/", &upstream.service(), ""));
    let gateway = Gateway::with_workers(2, &texts[0]);
    let requests = (0..8).map(|_| {
        let address = gateway.address();
        tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            for _ in 0..100 {
                assert_eq!(client.get("/a/").await.status, 200);
            }
        })
    });
    let requests: Vec<_> = requests.collect();
    while !requests.iter().all(tokio::task::JoinHandle::is_finished) {
        texts.iter().for_each(|text| gateway.install(text));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for request in requests {
        request.await.unwrap();
    }
}

#[tokio::test]
async fn an_unchanged_cluster_keeps_its_connections() {
    let (kept, added) = tokio::join!(Upstream::ok("kept"), Upstream::ok("added"));
    let before = mapping("/a/", &kept.service(), "");
    let (gateway, mut client) = one("/a/", &kept, "").await;
    client.get("/a/").await;
    gateway.install(&format!("{before}{}", mapping("/b/", &added.service(), "")));
    assert_eq!(client.get("/b/").await.text(), "added");
    assert_eq!(client.get("/a/").await.text(), "kept");
    gateway.install(&before);
    assert_eq!(client.get("/b/").await.status, 404);
    client.get("/a/").await;
    assert_eq!(kept.received().len(), 3);
    assert_eq!(kept.accepted(), 1);
}

#[tokio::test]
async fn the_connections_of_a_cluster_that_is_gone_are_closed() {
    let upstream = Upstream::ok("").await;
    let (gateway, mut client) = one("/a/", &upstream, "").await;
    client.get("/a/").await;
    assert_eq!(upstream.open(), 1);
    gateway.install("");
    nuncio_tests::control::eventually("the connection is closed", || upstream.open() == 0).await;
}
