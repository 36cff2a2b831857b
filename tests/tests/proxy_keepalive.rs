//! `keepalive`: the system sends probes over connections to upstreams, where that is asked for.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;

use nuncio_tests::client::Client;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::Upstream;

/// Whether the system waits to send a probe over a connection to this port, by proc(5).
fn is_kept_alive(port: u16) -> bool {
    let remote = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let mut connections = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| {
            fields
                .get(2)
                .is_some_and(|address| address.ends_with(&remote))
        });
    connections.any(|fields| fields.get(5).is_some_and(|timer| timer.starts_with("02:")))
}

async fn kept_alive(more: &str) -> bool {
    let upstream = Upstream::ok("").await;
    let service = upstream.service();
    let port = service.rsplit(':').next().unwrap().parse().unwrap();
    let gateway = Gateway::start(&mapping("/a/", &service, more));
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    is_kept_alive(port)
}

#[tokio::test]
async fn a_mapping_may_ask_for_probes() {
    assert!(kept_alive("keepalive: {time: 100, interval: 10, probes: 3}").await);
    assert!(kept_alive("keepalive: {idle_time: 100}").await);
}

#[tokio::test]
async fn nobody_else_sends_any() {
    assert!(!kept_alive("").await);
}
