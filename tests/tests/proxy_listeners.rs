//! Addresses that are opened and closed while requests are served.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use http::Method;
use nuncio_proxy::ListenerKey;
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::control::eventually;
use nuncio_tests::documents::{host, listener};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};

const ONE: ListenerKey = ListenerKey::Port(None, 8001);
const OTHER: ListenerKey = ListenerKey::Port(None, 8002);

fn deaf() -> Answer {
    Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate"))
}

const HTTP: &[&str] = &["HTTP", "TCP"];

fn everybody() -> String {
    host("everybody", "*")
}

fn serving(upstream: &Upstream) -> Gateway {
    let mapping = mapping("/a/", &upstream.service(), "timeout_ms: 0");
    let one = listener("one", 8001, HTTP, "");
    let other = listener("other", 8002, HTTP, "");
    Gateway::with_workers(2, &[mapping, everybody(), one, other].concat())
}

#[tokio::test]
async fn an_address_is_listened_on_from_one_request_to_the_next() {
    let upstream = Upstream::ok("ok").await;
    let mut gateway = serving(&upstream);
    let one = gateway.listen(ONE);
    let mut client = Client::connect(one).await;
    assert_eq!(client.get("/a/").await.text(), "ok");
    let other = gateway.listen(OTHER);
    assert_eq!(Client::connect(other).await.get("/a/").await.text(), "ok");
    assert_eq!(client.get("/a/").await.text(), "ok");
    assert_eq!(
        gateway.gauge("envoy_listener_manager_total_listeners_active"),
        3.0
    );
}

#[tokio::test]
async fn an_address_that_goes_finishes_what_it_has_and_harms_no_other() {
    let upstream = Upstream::always(deaf()).await;
    let mut gateway = serving(&upstream);
    let (one, other) = (gateway.listen(ONE), gateway.listen(OTHER));
    let mut busy = Client::connect(one).await;
    busy.request("GET", "/a/", "").await;
    let client2 = Client2::connect(one).await;
    let (in_flight, _) = client2
        .start(Client2::request(Method::GET, "/a/", &[]), true)
        .await;
    let mut idle = Client::connect(one).await;
    let mut elsewhere = Client::connect(other).await;
    elsewhere.request("GET", "/a/", "").await;
    upstream.until_received(3).await;
    gateway.close(ONE);
    assert!(idle.is_closed().await);
    eventually("nobody is let in", || {
        std::net::TcpStream::connect(one).is_err()
    })
    .await;
    gateway.workers().count();
    assert_eq!(
        gateway.gauge("envoy_listener_manager_total_listeners_draining"),
        1.0
    );
    upstream.release();
    assert_eq!(busy.response().await.text(), "late");
    assert!(busy.is_closed().await);
    assert_eq!(Client2::response(in_flight).await.unwrap().text(), "late");
    client2.closed().await.unwrap();
    assert_eq!(elsewhere.response().await.text(), "late");
    assert_eq!(
        elsewhere.get("/a/").await.value("connection"),
        Some("keep-alive")
    );
    eventually("it is closed", || gateway.workers().count() == 0).await;
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_listener_manager_listener_removed"), 1.0);
}

#[tokio::test]
async fn a_request_that_is_on_its_way_when_its_address_goes_is_served() {
    let upstream = Upstream::ok("ok").await;
    for _ in 0..20 {
        let mut gateway = serving(&upstream);
        let one = gateway.listen(ONE);
        let mut kept = Client::connect(one).await;
        kept.get("/a/").await;
        let mut new = Client::connect(one).await;
        new.request("GET", "/a/", "").await;
        kept.request("GET", "/a/", "").await;
        gateway.close(ONE);
        assert_eq!(new.response().await.text(), "ok");
        assert_eq!(kept.response().await.text(), "ok");
    }
}

#[tokio::test]
async fn a_listener_that_is_gone_is_served_by_the_last_snapshot_that_had_it() {
    let upstream = Upstream::always(deaf()).await;
    let mut gateway = serving(&upstream);
    let one = gateway.listen(ONE);
    let mut client = Client::connect(one).await;
    client.request("GET", "/a/", "").await;
    upstream.until_received(1).await;
    let mapping = mapping("/b/", &upstream.service(), "");
    let other = listener("other", 8002, HTTP, "");
    gateway.install(&[mapping, everybody(), other].concat());
    upstream.release();
    assert_eq!(client.response().await.text(), "late");
    // Nobody has closed it yet.
    assert_eq!(client.get("/a/").await.text(), "late");
    gateway.close(ONE);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn an_address_keeps_its_connections_when_another_listener_takes_it() {
    let upstream = Upstream::ok("ok").await;
    let annotation = mapping("/a/", &upstream.service(), "");
    let gateway = Gateway::start(&annotation);
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let workers = gateway.workers();
    assert!(workers.listen(&[(address, ListenerKey::Http)]).is_empty());
    let mut client = Client::connect(address).await;
    client.get("/a/").await;
    let only = listener("only", 8001, HTTP, "l7Depth: 1");
    gateway.install(&[annotation, everybody(), only].concat());
    assert!(workers.listen(&[(address, ONE)]).is_empty());
    client
        .request("GET", "/a/", "x-forwarded-for: 192.0.2.7")
        .await;
    client.response().await;
    let last = upstream.last();
    assert_eq!(last.value("x-envoy-external-address"), Some("192.0.2.7"));
}

#[tokio::test]
async fn a_port_that_is_taken_harms_no_other_and_is_had_once_it_is_free() {
    let upstream = Upstream::ok("ok").await;
    let gateway = serving(&upstream);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let wanted = [(address, ONE), (local, OTHER)];
    let failed = gateway.workers().listen(&wanted);
    assert_eq!(
        failed.iter().map(|error| error.address).collect::<Vec<_>>(),
        [address]
    );
    let counters = gateway.counters();
    assert_eq!(
        counters.sum("envoy_listener_manager_listener_create_failure"),
        1.0
    );
    let other = gateway.workers().addresses();
    assert_eq!(
        Client::connect(other[0].0).await.get("/a/").await.text(),
        "ok"
    );
    drop(taken);
    assert!(gateway.workers().listen(&wanted).is_empty());
    assert_eq!(Client::connect(address).await.get("/a/").await.text(), "ok");
}

#[tokio::test]
async fn proxies_are_believed_as_far_as_the_listener_counts_them() {
    let upstream = Upstream::ok("ok").await;
    let mapping = mapping("/a/", &upstream.service(), "");
    let one = listener("one", 8001, HTTP, "l7Depth: 1");
    let other = listener("other", 8002, HTTP, "");
    let mut gateway = Gateway::start(&[mapping, everybody(), one, other].concat());
    for (key, proto, client) in [(ONE, "https", "192.0.2.7"), (OTHER, "http", "127.0.0.1")] {
        let mut connection = Client::connect(gateway.listen(key)).await;
        let said = "x-forwarded-for: 192.0.2.7\nx-forwarded-proto: https";
        connection.request("GET", "/a/", said).await;
        connection.response().await;
        let last = upstream.last();
        assert_eq!(last.value("x-forwarded-proto"), Some(proto));
        assert_eq!(last.value("x-envoy-external-address"), Some(client));
    }
}
