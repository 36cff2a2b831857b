//! How many connections there may be, and what is done without where memory is short.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use nuncio_proxy::{Limits, ListenerKey};
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::counters::Counters;
use nuncio_tests::gateway::{ALIVE, Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};

async fn with(limits: Limits) -> (Upstream, Gateway) {
    let upstream = Upstream::ok("hello").await;
    let gateway = Gateway::with_limits(limits, &mapping("/a/", &upstream.service(), ""));
    (upstream, gateway)
}

/// A client that has been let in.
async fn guest(gateway: &Gateway) -> Client {
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    client
}

const LISTENER_FULL: &str = "envoy_listener_downstream_cx_overflow";
const PROCESS_FULL: &str = "envoy_listener_downstream_global_cx_overflow";

#[tokio::test]
async fn connections_beyond_the_limit_of_a_listener_are_closed_and_others_work_on() {
    let limits = Limits {
        max_connections: 2,
        ..Limits::COMPATIBLE
    };
    let (_upstream, gateway) = with(limits).await;
    let (mut first, mut second) = (guest(&gateway).await, guest(&gateway).await);
    for _ in 0..3 {
        assert!(Client::is_turned_away(gateway.address()).await);
    }
    assert_eq!(first.get("/a/").await.status, 200);
    assert_eq!(second.get("/a/").await.status, 200);
    let three_were_closed = |now: &Counters| {
        (now.sum(LISTENER_FULL) - 3.0).abs() < 0.5
            && now.sum(PROCESS_FULL) < 0.5
            && (now.sum("envoy_listener_downstream_cx_total") - 2.0).abs() < 0.5
    };
    gateway
        .until_counted("three that were closed", three_were_closed)
        .await;
    drop(first);
    gateway
        .until_counted("a client has left", |now| {
            now.sum("envoy_http_downstream_cx_destroy") > 0.5
        })
        .await;
    guest(&gateway).await;
}

#[tokio::test]
async fn listeners_share_the_connections_of_the_process() {
    let limits = Limits {
        max_connections_total: 2,
        ..Limits::COMPATIBLE
    };
    let (_upstream, mut gateway) = with(limits).await;
    let mut guests = [guest(&gateway).await, guest(&gateway).await];
    let other = gateway.listen(ListenerKey::Port(None, 1));
    assert!(Client::is_turned_away(other).await);
    assert!(Client::is_turned_away(gateway.address()).await);
    gateway
        .until_counted("two that were closed", |now| {
            (now.sum(PROCESS_FULL) - 2.0).abs() < 0.5
        })
        .await;
    assert!((gateway.gauge("nuncio_downstream_connections_max") - 2.0).abs() < 0.5);
    for guest in &mut guests {
        assert_eq!(guest.get("/a/").await.status, 200);
    }
}

#[tokio::test]
async fn descriptors_that_are_few_let_few_clients_in() {
    let (_upstream, gateway) = with(Limits::COMPATIBLE).await;
    let mut inside = guest(&gateway).await;
    gateway.workers().pressure().tell_descriptors(4);
    assert!(Client::is_turned_away(gateway.address()).await);
    assert_eq!(inside.get("/a/").await.status, 200);
    gateway.workers().pressure().tell_descriptors(1 << 20);
    guest(&gateway).await;
}

fn tell(gateway: &Gateway, percent: u64) {
    gateway.workers().pressure().tell_memory(percent, 100);
}

#[tokio::test]
async fn idle_connections_are_closed_where_memory_is_scarce() {
    let late = wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate");
    let upstream = Upstream::always(Answer::Deaf(late)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let mut idle = Client::connect(gateway.address()).await;
    let mut busy = Client::connect(gateway.address()).await;
    busy.request("GET", "/a/", "").await;
    upstream.until_received(1).await;
    tell(&gateway, 79);
    assert!(idle.is_quiet());
    tell(&gateway, 80);
    assert!(idle.is_closed().await);
    upstream.release();
    assert_eq!(busy.response().await.brief(), (200, "late"));
    let page = gateway.page();
    for series in [
        "envoy_overload_envoy_overload_actions_shrink_heap_active{} 1\n",
        "envoy_overload_envoy_overload_actions_stop_accepting_requests_active{} 0\n",
        "envoy_overload_envoy_resource_monitors_fixed_heap_pressure{} 80\n",
        "nuncio_memory_limit_bytes 100\n",
        "nuncio_memory_used_bytes 80\n",
    ] {
        assert!(page.contains(series), "{series}");
    }
}

/// Waits until requests are answered with `status`; before that, connections may be turned away.
async fn until_answered(gateway: &Gateway, status: u16) {
    let request = wire("GET /a/ HTTP/1.1\nhost: a.example\n\n");
    loop {
        let Ok(mut client) = Client::try_connect(gateway.address()).await else {
            continue;
        };
        let is_sent = client.try_send(&request).await.is_ok();
        let response = client.response_to("GET").await;
        if is_sent && response.is_ok_and(|response| response.status == status) {
            return;
        }
    }
}

#[tokio::test]
async fn new_requests_are_shed_where_memory_is_short_and_served_once_it_is_not() {
    let (upstream, gateway) = with(Limits::COMPATIBLE).await;
    guest(&gateway).await;
    tell(&gateway, 90);
    until_answered(&gateway, 503).await;
    let served = upstream.received().len();
    let mut client = Client::connect(gateway.address()).await;
    let response = client.get("/a/").await;
    assert_eq!(response.brief(), (503, "overloaded"));
    assert_eq!(response.value("retry-after"), Some("1"));
    assert_eq!(response.value("connection"), Some("close"));
    assert!(client.is_closed().await);
    let second = Client2::connect(gateway.address()).await;
    assert_eq!(second.get("/a/").await.status, 503);
    let mut probe = Client::connect(gateway.address()).await;
    let probed = probe.get("/ambassador/v0/check_alive").await;
    assert_eq!(probed.brief(), (200, ALIVE));
    assert_eq!(upstream.received().len(), served);
    assert!(
        gateway
            .counters()
            .sum("envoy_http_downstream_rq_overload_close")
            > 1.5
    );
    tell(&gateway, 86);
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 503, "not yet");
    tell(&gateway, 84);
    until_answered(&gateway, 200).await;
}

#[tokio::test]
async fn no_connection_begins_where_memory_is_all_but_gone() {
    let (_upstream, gateway) = with(Limits::COMPATIBLE).await;
    guest(&gateway).await;
    tell(&gateway, 98);
    let rejected = "envoy_listener_downstream_cx_overload_reject";
    // Who comes before it has got about is let in, and closed as idle.
    while gateway.counters().sum(rejected) < 0.5 {
        assert!(Client::is_turned_away(gateway.address()).await);
    }
    tell(&gateway, 50);
    until_answered(&gateway, 200).await;
}
