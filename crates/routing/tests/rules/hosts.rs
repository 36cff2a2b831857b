//! Hosts.

use nuncio_config::{InsecureAction, SecretRef, TlsContext};
use nuncio_routing::MappingSelector;

use crate::edge::{answering, context, host, secret, selector, terminating};
use crate::written::{Written, compiled, complaints};

#[test]
fn a_host_is_answered_for_and_redirects_unless_it_says_otherwise() {
    let snapshot = compiled([
        host("a", "a.org").secret("certs"),
        host("b", "*.b.org").with_host(|h| h.insecure = Some(InsecureAction::Route)),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    let a = answering(&snapshot, "a.org:8443").unwrap();
    assert_eq!(a.insecure, InsecureAction::Redirect);
    assert_eq!(&*a.hostname, "a.org");
    let b = answering(&snapshot, "x.b.org").unwrap();
    assert_eq!(b.insecure, InsecureAction::Route);
    assert_eq!(b.termination, None);
    assert_eq!(answering(&snapshot, "c.org"), None);
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(termination.identity, secret("default", "certs"));
    assert_eq!(&*termination.context, "Host a.default");
    assert_eq!(terminating(&snapshot, "x.b.org"), None);
}

#[test]
fn https_is_implied_only_where_a_host_terminates_tls() {
    let https = |written: Written| {
        let snapshot = compiled([written]);
        snapshot.listening.implied.as_ref().unwrap().https.is_some()
    };
    assert!(!https(host("a", "a.org")));
    assert!(https(host("a", "a.org").secret("a")));
}

#[test]
fn a_host_terminates_by_its_secret_its_context_or_its_own_words() {
    let certs = context("edge").secret("certs");
    let identity = |written: Vec<Written>| {
        let snapshot = compiled(written);
        assert_eq!(complaints(&snapshot), [""; 0]);
        terminating(&snapshot, "a.org").unwrap().identity.clone()
    };
    let named = host("a", "a.org").with_host(|h| h.tls_context = Some("edge".into()));
    assert_eq!(
        identity(vec![named.clone(), certs.clone()]),
        secret("default", "certs")
    );
    let same = named.clone().secret("certs");
    assert_eq!(identity(vec![same, certs]), secret("default", "certs"));
    let both = named.secret("own");
    assert_eq!(
        identity(vec![both, context("edge")]),
        secret("default", "own")
    );
    let inline = host("a", "a.org").with_host(|h| {
        h.tls = Some(Box::new(TlsContext {
            secret: Some("inline.b".into()),
            ..TlsContext::default()
        }));
    });
    assert_eq!(identity(vec![inline]), secret("b", "inline"));
}

#[test]
fn a_dot_in_the_name_of_a_hosts_secret_means_nothing() {
    let of = |namespace: Option<&str>| {
        let namespace = namespace.map(Box::from);
        let written = host("a", "a.org").namespace("n").with_host(|h| {
            h.tls_secret = Some(SecretRef {
                name: "x.server".into(),
                namespace,
            });
        });
        let snapshot = compiled([written]);
        terminating(&snapshot, "a.org").unwrap().identity.clone()
    };
    assert_eq!(of(None), secret("n", "x.server"));
    assert_eq!(of(Some("b")), secret("b", "x.server"));
}

#[test]
fn a_context_with_the_hosts_name_is_the_hosts() {
    let verified = context("a-context").with_context(|c| c.cert_required = Some(true));
    let snapshot = compiled([host("a", "a.org").secret("certs"), verified]);
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert!(termination.clients.as_ref().unwrap().required);
    assert_eq!(termination.identity, secret("default", "certs"));
}

#[test]
fn a_host_that_is_not_right_serves_nobody_and_nobody_serves_in_its_place() {
    let said = |change: fn(&mut nuncio_config::Host)| {
        let snapshot = compiled([
            host("any", "*").with_host(|h| h.insecure = Some(InsecureAction::Route)),
            host("a", "a.org").with_host(change),
            context("edge").secret("certs"),
        ]);
        let host = answering(&snapshot, "a.org").unwrap();
        assert_eq!(host.selector, MappingSelector::Nothing);
        assert_eq!(host.insecure, InsecureAction::Reject);
        assert_eq!(terminating(&snapshot, "a.org"), None);
        complaints(&snapshot).join("\n")
    };
    assert_eq!(
        said(|h| h.tls_context = Some("nobody".into())),
        "error: Host a: there is no TLSContext nobody; nobody is served under this name"
    );
    assert_eq!(
        said(|h| {
            h.tls_context = Some("edge".into());
            h.tls = Some(Box::default());
        }),
        "error: Host a: both `tlsContext` and `tls` are specified; nobody is served under this name"
    );
    assert_eq!(
        said(|h| {
            h.tls_context = Some("edge".into());
            h.tls_secret = Some(SecretRef {
                name: "other".into(),
                namespace: None,
            });
        }),
        "error: Host a: `tlsSecret` is Secret default/other, and that of TLSContext edge.default is \
         Secret default/certs; nobody is served under this name"
    );
    assert_eq!(
        said(|h| h.tls = Some(Box::default())),
        "error: Host a: Host a.default has no certificate information at all; nobody is served \
         under this name"
    );
}

#[test]
fn of_two_hosts_with_one_name_the_first_counts() {
    let snapshot = compiled([
        host("a", "a.org").secret("a"),
        host("b", "A.org").secret("b").namespace("n"),
    ]);
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(termination.identity, secret("default", "a"));
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Host b: A.org is answered for by Host a at Service default/web, document 1, line 1 already"
        ]
    );
}

#[test]
fn clients_send_no_port_with_the_name() {
    let snapshot = compiled([
        host("a", "a.org").secret("a"),
        host("b", "a.org:8500").secret("b"),
    ]);
    let named = |authority| &*answering(&snapshot, authority).unwrap().hostname;
    assert_eq!(named("a.org:8500"), "a.org:8500");
    assert_eq!(named("a.org:80"), "a.org");
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(termination.identity, secret("default", "a"));
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: Host b: clients send the same name as for Host a, and TLS is terminated as that says"
        ]
    );
}

#[test]
fn a_selector_that_wants_nothing_selects_all() {
    let of = |written: Option<nuncio_config::Selector>| {
        let snapshot = compiled([host("a", "*").with_host(|h| h.mapping_selector = written)]);
        answering(&snapshot, "a.org").unwrap().selector.clone()
    };
    assert_eq!(of(None), MappingSelector::Any);
    assert_eq!(of(Some(selector([]))), MappingSelector::Any);
    let shop = selector(["app=shop"]);
    assert_eq!(of(Some(shop.clone())), MappingSelector::Labelled(shop));
}
