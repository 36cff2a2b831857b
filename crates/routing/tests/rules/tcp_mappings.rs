//! TCPMappings.

use std::time::Duration;

use nuncio_config::{CircuitBreaker, SecurityModel, Stack};
use nuncio_routing::{Snapshot, TcpRoute};

use crate::edge::{context, host, listener, secret, tcp_mapping};
use crate::written::{Written, compiled, complaints};

fn route<'s>(snapshot: &'s Snapshot, port: u16, name: &str) -> &'s TcpRoute {
    let listener = snapshot.listening.listener(None, port).unwrap();
    listener.tcp.find(name).unwrap()
}

/// Names of clusters with their shares.
fn shares(snapshot: &Snapshot, route: &TcpRoute) -> Vec<(String, u32)> {
    let clusters = route.clusters.iter();
    let named =
        clusters.map(|(index, share)| (snapshot.cluster(*index).unwrap().name.to_string(), *share));
    named.collect()
}

fn for_host(mapping: Written, host: &str) -> Written {
    let host = Some(host.into());
    mapping.with_tcp(|m| m.host = host)
}

#[test]
fn a_port_is_listened_on_for_a_mapping_and_its_connections_go_to_the_service() {
    let snapshot = compiled([tcp_mapping("t", 9000, "redis:6379")]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    let listener = snapshot.listening.listener(None, 9000).unwrap();
    assert_eq!(listener.stack, Stack::TCP);
    assert_eq!(listener.security, SecurityModel::Secure);
    assert_eq!(&*listener.stats_prefix, "ingress_tcp_9000");
    let route = route(&snapshot, 9000, "");
    assert_eq!(&*route.name, "default/t");
    assert_eq!(route.idle_timeout, Some(Duration::from_secs(3600)));
    let expected = [("cluster_redis_6379_default".to_owned(), 100)];
    assert_eq!(shares(&snapshot, route), expected);
    assert!(
        snapshot.listening.implied.is_some(),
        "the command line's ports stay"
    );
}

#[test]
fn shares_are_what_the_weights_say() {
    let weighted =
        |name, service, weight| tcp_mapping(name, 9000, service).with_tcp(|m| m.weight = weight);
    let snapshot = compiled([weighted("a", "a", Some(70)), weighted("b", "b", None)]);
    let route = route(&snapshot, 9000, "");
    let percents: Vec<_> = route.clusters.iter().map(|(_, share)| *share).collect();
    assert_eq!((percents, route.total), (vec![70, 30], 100));
    let snapshot = compiled([weighted("a", "a", Some(20)), weighted("b", "b", Some(20))]);
    let listener = snapshot.listening.listener(None, 9000).unwrap();
    assert_eq!(listener.tcp.any().unwrap().total, 40);
    let snapshot = compiled([weighted("a", "a", Some(0)), weighted("b", "b", Some(0))]);
    assert!(snapshot.listening.listeners.is_empty());
    assert_eq!(complaints(&snapshot).len(), 2);
}

#[test]
fn who_differs_from_the_first_of_a_group_is_refused() {
    let limited = tcp_mapping("b", 9000, "b").with_tcp(|m| {
        m.cluster.circuit_breakers = Some([CircuitBreaker::default()].into());
    });
    let snapshot = compiled([tcp_mapping("a", 9000, "a"), limited]);
    assert_eq!(route(&snapshot, 9000, "").clusters.len(), 1);
    assert_eq!(
        complaints(&snapshot),
        [
            "error: TCPMapping b: differs in circuit_breakers from TCPMapping a at Service default/web, document 1, line 1, which has the same port and host"
        ]
    );
}

#[test]
fn a_name_is_terminated_by_the_most_specific_host() {
    let snapshot = compiled([
        host("any", "*").secret("any"),
        host("a", "a.org").secret("a"),
        for_host(tcp_mapping("t", 9000, "t"), "A.org"),
        for_host(tcp_mapping("u", 9000, "u"), "b.org"),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    let identity = |name| {
        let place = route(&snapshot, 9000, name).termination.unwrap();
        &snapshot.listening.termination(place).unwrap().identity
    };
    assert_eq!(*identity("a.org"), secret("default", "a"));
    assert_eq!(*identity("b.org"), secret("default", "any"));
    let listener = snapshot.listening.listener(None, 9000).unwrap();
    assert_eq!(listener.stack, Stack::TLS);
    assert_eq!(&*listener.stats_prefix, "ingress_tls_9000");
}

#[test]
fn a_name_without_a_host_is_terminated_by_the_context_that_has_it() {
    let named = for_host(tcp_mapping("t", 9000, "t"), "t.org");
    let snapshot = compiled([
        named.clone(),
        host("a", "a.org").secret("a"),
        context("c").hosts(["t.org"]).secret("c"),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    let place = route(&snapshot, 9000, "t.org").termination.unwrap();
    let termination = snapshot.listening.termination(place).unwrap();
    assert_eq!(termination.identity, secret("default", "c"));
    let snapshot = compiled([named]);
    assert!(snapshot.listening.listeners.is_empty());
    assert_eq!(
        complaints(&snapshot),
        ["error: TCPMapping t: no matching TLSContext found, disabling"]
    );
}

#[test]
fn a_listener_of_the_port_is_used_whatever_it_speaks() {
    let snapshot = compiled([
        listener("l", 8443, Stack::HTTPS),
        host("a", "a.org").secret("a"),
        host("b", "b.org").secret("b"),
        for_host(tcp_mapping("t", 8443, "t"), "b.org"),
    ]);
    let listener = snapshot.listening.listener(None, 8443).unwrap();
    assert_eq!(listener.stack, Stack::HTTPS);
    assert!(listener.tcp.find("b.org").is_some());
    assert!(listener.tcp.find("a.org").is_none());
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: TCPMapping t: takes all connections over TLS to port 8443 for a name that a Host has, too"
        ]
    );
}

#[test]
fn an_address_makes_another_listener() {
    let at = |name, address: &str| {
        let address = address.parse().unwrap();
        tcp_mapping(name, 9000, "t").with_tcp(|m| m.address = Some(address))
    };
    let snapshot = compiled([at("t", "127.0.0.1"), at("u", "0.0.0.0")]);
    let addresses: Vec<_> = snapshot
        .listening
        .listeners
        .iter()
        .map(|it| it.address)
        .collect();
    assert_eq!(addresses, [None, Some("127.0.0.1".parse().unwrap())]);
}
