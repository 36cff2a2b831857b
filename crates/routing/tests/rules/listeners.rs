//! Listeners.

use std::sync::Arc;

use nuncio_config::{BindingNamespace, SecurityModel, Stack};
use nuncio_routing::{IdentitySource, Listener, Snapshot};

use crate::edge::{host, listener, selector};
use crate::written::{Written, compiled, compiled_in, complaints, module};

fn port(snapshot: &Snapshot, port: u16) -> &Arc<Listener> {
    snapshot.listening.listener(None, port).unwrap()
}

#[test]
fn listeners_take_the_place_of_what_the_command_line_names() {
    let snapshot = compiled([
        listener("tls", 8443, Stack::HTTPS),
        listener("http", 8080, Stack::HTTP),
        host("a", "a.org").secret("a"),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    assert_eq!(snapshot.listening.implied, None);
    let ports: Vec<_> = snapshot
        .listening
        .listeners
        .iter()
        .map(|it| it.port)
        .collect();
    assert_eq!(ports, [8080, 8443]);
    let (http, https) = (port(&snapshot, 8080), port(&snapshot, 8443));
    assert!(http.hosts.find("a.org").is_some() && http.terminations.is_empty());
    assert!(https.terminations.find("a.org").is_some());
    assert!(Arc::ptr_eq(&http.hosts, &https.hosts));
    assert_eq!(&*http.stats_prefix, "ingress_http");
    assert_eq!(&*https.stats_prefix, "ingress_https");
}

#[test]
fn what_a_listener_says_holds_for_its_port() {
    let said = listener("l", 8080, Stack::HTTP).with_listener(|l| {
        l.security_model = SecurityModel::Secure;
        l.l7_depth = 2;
        l.stats_prefix = Some("edge".into());
        l.http2_max_concurrent_streams = Some(50);
    });
    let hops = module("{xff_num_trusted_hops: 1}");
    let snapshot = compiled([said, listener("m", 8081, Stack::HTTP), host("a", "*"), hops]);
    let said = port(&snapshot, 8080);
    assert_eq!(said.security, SecurityModel::Secure);
    assert_eq!(said.trusted_hops, 2);
    assert_eq!(&*said.stats_prefix, "edge");
    assert_eq!(said.http2_max_streams, Some(50));
    assert_eq!(port(&snapshot, 8081).trusted_hops, 1);
}

fn bound(change: fn(&mut nuncio_config::HostBinding)) -> Vec<&'static str> {
    let listener = listener("l", 8080, Stack::HTTP)
        .namespace("edge")
        .with_listener(|l| change(&mut l.host_binding));
    let hosts: [Written; 4] = [
        host("a", "a.org").namespace("edge"),
        host("b", "b.org").namespace("edge").labels(["app=shop"]),
        host("c", "c.org").namespace("other").labels(["app=shop"]),
        host("d", "d.org").namespace("other"),
    ];
    let snapshot = compiled(hosts.into_iter().chain([listener]));
    let names = ["a.org", "b.org", "c.org", "d.org"].into_iter();
    let hosts = &port(&snapshot, 8080).hosts;
    names.filter(|name| hosts.find(name).is_some()).collect()
}

#[test]
fn hosts_are_bound_by_namespace_and_labels() {
    assert_eq!(bound(|_| {}), ["a.org", "b.org", "c.org", "d.org"]);
    assert_eq!(
        bound(|b| b.from = Some(BindingNamespace::Own)),
        ["a.org", "b.org"]
    );
    assert_eq!(
        bound(|b| b.selector = Some(selector(["app=shop"]))),
        ["b.org", "c.org"]
    );
    assert_eq!(
        bound(|b| {
            b.from = None;
            b.selector = Some(selector(["app=shop"]));
        }),
        ["b.org"]
    );
}

#[test]
fn hosts_with_one_name_may_be_on_different_ports() {
    let own = |name, port, namespace| {
        listener(name, port, Stack::HTTP)
            .namespace(namespace)
            .with_listener(|l| {
                l.host_binding.from = Some(BindingNamespace::Own);
            })
    };
    let hosts = || [host("h", "*").namespace("a"), host("h", "*").namespace("b")];
    let apart = [own("l", 8080, "a"), own("l", 8081, "b")];
    let snapshot = compiled(hosts().into_iter().chain(apart.clone()));
    assert_eq!(complaints(&snapshot), [""; 0]);
    let both = listener("both", 8082, Stack::HTTP);
    let snapshot = compiled(hosts().into_iter().chain(apart).chain([both]));
    assert_eq!(
        complaints(&snapshot),
        ["warning: Host h: * is answered for by Host h on ports that have both"]
    );
}

#[test]
fn of_two_listeners_of_one_port_the_first_counts() {
    let snapshot = compiled([
        listener("a", 8080, Stack::HTTP),
        listener("b", 8080, Stack::HTTPS),
        host("h", "*"),
    ]);
    assert_eq!(port(&snapshot, 8080).stack, Stack::HTTP);
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Listener b: Listener a at Service default/web, document 1, line 1 listens on port 8080 already"
        ]
    );
}

#[test]
fn a_listener_with_nobody_to_serve_is_not_opened() {
    let own = |listener: Written| {
        let own = |l: &mut nuncio_config::Listener| {
            l.host_binding.from = Some(BindingNamespace::Own);
        };
        listener.namespace("other").with_listener(own)
    };
    let snapshot = compiled([
        own(listener("a", 8080, Stack::HTTP)),
        listener("b", 9000, Stack::TCP),
        host("h", "*"),
    ]);
    assert!(snapshot.listening.listeners.is_empty());
    let none = "no matching Hosts or TCPMappings found, disabling";
    assert_eq!(
        complaints(&snapshot),
        [
            format!("error: Listener a: {none}"),
            format!("error: Listener b: {none}"),
            "warning: Host h: no Listener serves it".to_owned()
        ]
    );
}

#[test]
fn without_hosts_everything_is_served_and_tls_is_by_a_certificate_of_the_gateways_own() {
    let snapshot = compiled_in("edge", [listener("a", 8443, Stack::HTTPS)]);
    let https = port(&snapshot, 8443);
    let any = https.hosts.find("a.org").unwrap();
    assert_eq!(any.insecure, nuncio_config::InsecureAction::Route);
    let place = https.terminations.find("a.org").unwrap();
    let termination = snapshot.listening.termination(*place).unwrap();
    assert_eq!(termination.identity, IdentitySource::SelfSigned);
    let plain = compiled_in("edge", [listener("a", 8080, Stack::HTTP)]);
    assert!(plain.listening.terminations.is_empty());
}

#[test]
fn use_proxy_proto_is_for_the_ports_of_the_command_line() {
    let proxy = module("{}").with_module(|m| m.use_proxy_proto = Some(true));
    let snapshot = compiled([proxy, host("a", "*").secret("a")]);
    let implied = snapshot.listening.implied.as_ref().unwrap();
    assert!(implied.http.stack.proxy && !implied.http.stack.tls);
    let https = implied.https.as_ref().unwrap();
    assert!(https.stack.proxy && https.stack.tls);
}
