//! Contexts of TLS: how connections are terminated and originated.

use nuncio_config::{Alpn, TlsContext, TlsVersion};
use nuncio_routing::{ClientVerification, Credential, IdentitySource, Origination, Source};

use crate::edge::{answering, context, demanded, host, secret, terminating, tls_module};
use crate::written::{Written, compiled, compiled_in, complaints, mapping, module};

use nuncio_config::InsecureAction;
use std::sync::Arc;

#[test]
fn without_anything_a_certificate_is_looked_for_and_plain_http_served() {
    let snapshot = compiled_in("edge", []);
    let found = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(found.identity, secret("edge", "ambassador-certs"));
    assert!(found.found);
    let any = answering(&snapshot, "a.org").unwrap();
    assert_eq!(any.insecure, InsecureAction::Route);
    assert_eq!(
        demanded(&snapshot),
        ["edge/ambassador-certs", "edge/ambassador-cacert"]
    );
}

#[test]
fn a_context_with_hosts_takes_their_place_where_there_are_none() {
    let edge = context("edge").hosts(["a.org", "*.b.org"]).secret("certs");
    let snapshot = compiled([edge]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    for name in ["a.org", "x.b.org"] {
        let termination = terminating(&snapshot, name).unwrap();
        assert_eq!(termination.identity, secret("default", "certs"));
        assert_eq!(&*termination.context, "TLSContext edge.default");
        assert!(!termination.found && termination.clients.is_none());
        let host = answering(&snapshot, name).unwrap();
        assert_eq!(host.insecure, InsecureAction::Reject);
    }
    assert_eq!(terminating(&snapshot, "b.org"), None);
    let other = answering(&snapshot, "b.org").unwrap();
    assert_eq!(
        (other.insecure, other.termination),
        (InsecureAction::Route, None)
    );
    assert_eq!(demanded(&snapshot), ["default/certs"]);
}

#[test]
fn who_names_a_port_to_redirect_from_redirects() {
    let edge = context("edge").hosts(["*"]).secret("certs");
    let snapshot = compiled([edge.with_context(|c| c.redirect_cleartext_from = Some(8080))]);
    let host = answering(&snapshot, "a.org").unwrap();
    assert_eq!(host.insecure, InsecureAction::Redirect);
}

#[test]
fn of_two_contexts_for_one_host_the_first_counts() {
    let snapshot = compiled([
        context("a").hosts(["a.org"]).secret("a"),
        context("b").hosts(["A.org", "b.org"]).secret("b"),
    ]);
    let identity = |name| &terminating(&snapshot, name).unwrap().identity;
    assert_eq!(*identity("a.org"), secret("default", "a"));
    assert_eq!(*identity("b.org"), secret("default", "b"));
    assert_eq!(
        complaints(&snapshot),
        [
            "error: TLSContext b: A.org is answered for by TLSContext a at Service default/web, document 1, line 1 already"
        ]
    );
}

#[test]
fn a_dot_in_a_secrets_name_stands_before_its_namespace_unless_somebody_says_otherwise() {
    let of = |written: Vec<Written>| {
        let snapshot = compiled(written);
        terminating(&snapshot, "a.org").unwrap().identity.clone()
    };
    let edge = || {
        context("edge")
            .hosts(["a.org"])
            .secret("a.b.c")
            .namespace("n")
    };
    assert_eq!(of(vec![edge()]), secret("c", "a.b"));
    let off = || module("{}").with_module(|m| m.tls_secret_namespacing = Some(false));
    assert_eq!(of(vec![edge(), off()]), secret("n", "a.b.c"));
    let on = edge().with_context(|c| c.secret_namespacing = Some(true));
    assert_eq!(of(vec![on, off()]), secret("c", "a.b"));
}

#[test]
fn contexts_that_are_not_right_are_errors() {
    let said = |change: fn(&mut TlsContext)| {
        let edge = context("edge").hosts(["a.org"]).with_context(change);
        let snapshot = compiled([edge]);
        assert!(terminating(&snapshot, "a.org").is_none_or(|it| it.found));
        complaints(&snapshot).join("\n")
    };
    assert_eq!(
        said(|c| c.cert_chain_file = Some("/a".into())),
        "error: TLSContext edge: of TLSContext edge.default: `cert_chain_file` requires \
         `private_key_file` as well"
    );
    assert_eq!(
        said(|c| {
            c.cert_chain_file = Some("/a".into());
            c.secret = Some("b".into());
        }),
        "error: TLSContext edge: of TLSContext edge.default: exactly one of `secret` and \
         `cert_chain_file` must be present"
    );
    assert_eq!(
        said(|_| {}),
        "error: TLSContext edge: TLSContext edge.default has no certificate information at all"
    );
}

#[test]
fn clients_are_verified_by_what_the_context_names() {
    let edge = context("edge")
        .hosts(["*"])
        .secret("certs")
        .with_context(|c| {
            c.ca_secret = Some("ca.trust".into());
            c.crl_file = Some("/crl.pem".into());
            c.cert_required = Some(true);
            c.alpn_protocols = Some([Alpn::H2].into());
            c.min_tls_version = Some(TlsVersion::V13);
        });
    let snapshot = compiled([edge]);
    let termination = terminating(&snapshot, "a.org").unwrap();
    let expected = ClientVerification {
        authorities: Some(Source::Secret(nuncio_routing::SecretName {
            namespace: "trust".into(),
            name: "ca".into(),
        })),
        revocations: Some(Source::File("/crl.pem".into())),
        required: true,
    };
    assert_eq!(termination.clients, Some(Arc::new(expected)));
    assert_eq!(*termination.terms.alpn, [Alpn::H2]);
    assert_eq!(termination.terms.min_version, Some(TlsVersion::V13));
    assert_eq!(snapshot.demands.credentials.len(), 3);
}

fn named(secret: &str) -> TlsContext {
    TlsContext {
        secret: Some(secret.into()),
        ..TlsContext::default()
    }
}

#[test]
fn the_module_tls_terminates_for_every_host() {
    let snapshot = compiled_in(
        "edge",
        [tls_module([("server", TlsContext::default())]).namespace("edge")],
    );
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(termination.identity, secret("edge", "ambassador-certs"));
    assert!(!termination.found && termination.clients.is_none());
    assert_eq!(&*termination.context, "Module tls.edge: server");
    let files = TlsContext {
        cert_chain_file: Some("/etc/certs/tls.crt".into()),
        private_key_file: Some("/etc/certs/tls.key".into()),
        ..TlsContext::default()
    };
    let snapshot = compiled([tls_module([("server", files)])]);
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert!(matches!(termination.identity, IdentitySource::Files { .. }));
}

#[test]
fn the_modules_client_verifies_clients_of_its_server() {
    let clients = |client: TlsContext| {
        let module = tls_module([("client", client), ("server", named("certs"))]);
        let snapshot = compiled([module]);
        let termination = terminating(&snapshot, "a.org").unwrap().clone();
        assert_eq!(termination.identity, secret("default", "certs"));
        ClientVerification::clone(termination.clients.as_deref().unwrap())
    };
    let source = |name: &str| {
        Some(Source::Secret(nuncio_routing::SecretName {
            namespace: "default".into(),
            name: name.into(),
        }))
    };
    let found = clients(TlsContext::default());
    assert_eq!(found.authorities, source("ambassador-cacert"));
    assert!(!found.required);
    let said = clients(TlsContext {
        cert_required: Some(true),
        ..named("trust")
    });
    assert_eq!(said.authorities, source("trust"));
    assert!(said.required);
    let file = clients(TlsContext {
        cacert_chain_file: Some("/ca.pem".into()),
        ..TlsContext::default()
    });
    assert_eq!(file.authorities, Some(Source::File("/ca.pem".into())));
}

#[test]
fn of_two_modules_the_one_of_the_gateways_namespace_counts() {
    let module = |namespace, secret| tls_module([("server", named(secret))]).namespace(namespace);
    let snapshot = compiled_in("edge", [module("a", "a"), module("edge", "e")]);
    let termination = terminating(&snapshot, "x").unwrap();
    assert_eq!(termination.identity, secret("edge", "e"));
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Module tls: ignored: the Module at Service default/web, document 2, line 1 counts"
        ]
    );
}

#[test]
fn tls_in_the_module_of_ambassador_goes_before_the_module_tls() {
    let ambassador = || module("{tls: {server: {secret: old}, up: {secret: up}}}");
    let snapshot = compiled([ambassador(), tls_module([("server", named("new"))])]);
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(termination.identity, secret("default", "old"));
    assert_eq!(&*termination.context, "Module ambassador.default: server");
    let off = module("{tls: {server: {enabled: false}}}");
    let snapshot = compiled([off, tls_module([("server", named("new"))])]);
    let termination = terminating(&snapshot, "a.org").unwrap();
    assert_eq!(termination.identity, secret("default", "new"));
    let (tls, complaints) = origination([by("up"), ambassador()]);
    assert_eq!(tls.unwrap().identity, Some(secret("default", "up")));
    assert_eq!(complaints, [""; 0]);
}

fn origination(written: impl IntoIterator<Item = Written>) -> (Option<Origination>, Vec<String>) {
    let snapshot = compiled(written);
    let clusters = snapshot.clusters.by_name();
    let tls = clusters[0].tls.as_deref().cloned();
    (tls, complaints(&snapshot))
}

fn by(context: &str) -> Written {
    mapping("m", "/").with(|m| {
        m.service.tls = true;
        m.service.tls_context = Some(context.into());
    })
}

#[test]
fn upstreams_are_connected_to_as_the_context_says() {
    let client = context("client").secret("id").with_context(|c| {
        c.ca_secret = Some("ca".into());
        c.sni = Some("inner.org".into());
        c.max_tls_version = Some(TlsVersion::V12);
    });
    let snapshot = compiled([by("client"), client]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    let tls = snapshot.clusters.by_name()[0].tls.clone().unwrap();
    assert_eq!(tls.context.as_deref(), Some("TLSContext client.default"));
    assert_eq!(tls.identity, Some(secret("default", "id")));
    assert_eq!(tls.sni.as_deref(), Some("inner.org"));
    assert_eq!(tls.terms.max_version, Some(TlsVersion::V12));
    let wanted = Credential::Identity(secret("default", "id"));
    assert!(snapshot.demands.credentials.contains(&wanted));
}

#[test]
fn a_context_need_not_have_a_certificate_to_be_used_for_upstreams() {
    let only = context("client").with_context(|c| c.sni = Some("inner.org".into()));
    let (tls, complaints) = origination([by("client"), only]);
    assert_eq!(tls.unwrap().sni.as_deref(), Some("inner.org"));
    assert_eq!(complaints, [""; 0]);
}

#[test]
fn the_modules_other_contexts_are_for_upstreams() {
    let (tls, complaints) = origination([by("up"), tls_module([("up", named("id"))])]);
    assert_eq!(tls.unwrap().identity, Some(secret("default", "id")));
    assert_eq!(complaints, [""; 0]);
    let client = tls_module([("client", named("ca"))]);
    assert_eq!(origination([by("client"), client]).1.len(), 1);
}

#[test]
fn for_want_of_a_context_it_is_tls_all_the_same_and_an_error() {
    let (tls, complaints) = origination([by("nobody")]);
    assert_eq!(tls.unwrap().context.as_deref(), Some("nobody"));
    assert_eq!(
        complaints,
        [
            "error: Mapping m: tls: there is no TLSContext nobody; meanwhile connections use TLS without a certificate, and nothing is verified"
        ]
    );
}

#[test]
fn two_contexts_never_share_a_cluster() {
    let over = |name: &str, context: &str| {
        let context: Box<str> = context.into();
        mapping(name, &format!("/{name}/"))
            .service("https://web")
            .with(|m| {
                m.service.tls_context = Some(context);
            })
    };
    let snapshot = compiled([
        over("m", "a"),
        over("n", "b"),
        over("o", "a"),
        context("a").secret("a"),
        context("b").secret("b"),
    ]);
    let names = snapshot.clusters.by_name();
    let names: Vec<_> = names.iter().map(|cluster| &*cluster.name).collect();
    assert_eq!(
        names,
        [
            "cluster_https___web_otls_default",
            "cluster_https___web_otls_default-1"
        ]
    );
}

#[test]
fn where_there_are_hosts_a_context_that_none_names_terminates_nothing() {
    let edge = context("edge").hosts(["b.org"]).secret("certs");
    let snapshot = compiled([host("h", "a.org"), edge]);
    assert_eq!(terminating(&snapshot, "b.org"), None);
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: TLSContext edge: TLSContext edge.default terminates nothing: where there are Hosts, one of them has to name it"
        ]
    );
}
