use super::{InvalidService, Qualifier, Service};

fn service(text: &str) -> Service {
    text.parse().unwrap()
}

fn invalid(text: &str) -> InvalidService {
    text.parse::<Service>().unwrap_err()
}

/// `[tls ]host:port` as resolved for a resource in namespace `b` of a gateway in `a`.
fn target(text: &str) -> String {
    let service = service(text);
    let host = service.qualified(Qualifier::between("b", "a")).host;
    let tls = if service.tls { "tls " } else { "" };
    format!("{tls}{host}:{}", service.port)
}

#[test]
fn names_are_qualified_as_in_emissary() {
    for (written, expected) in [
        ("backend", "backend.b:80"),
        ("backend:8080", "backend.b:8080"),
        ("backend.c", "backend.c:80"),
        ("backend.c:8080", "backend.c:8080"),
        ("http://backend", "backend.b:80"),
        ("https://backend", "tls backend.b:443"),
        ("HTTPS://Backend", "tls backend.b:443"),
        ("https://backend.c:8443", "tls backend.c:8443"),
        (
            "backend.c.svc.cluster.local",
            "backend.c.svc.cluster.local:80",
        ),
        ("backend.", "backend.:80"),
        ("localhost", "localhost:80"),
        ("localhost:8877", "localhost:8877"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("[::1]:8000", "[::1]:8000"),
        ("https://[2001:db8::1]", "tls [2001:db8::1]:443"),
        ("[2001:DB8:0::1]", "[2001:db8::1]:80"),
        ("my_backend", "my_backend.b:80"),
        ("back%65nd:80", "backend.b:80"),
        ("backend:", "backend.b:80"),
    ] {
        assert_eq!(target(written), expected, "{written}");
    }
}

#[test]
fn nothing_is_appended_in_the_gateways_own_namespace() {
    assert_eq!(Qualifier::between("a", "a"), Qualifier::Nothing);
    assert_eq!(
        &*service("backend:8080")
            .qualified(Qualifier::Nothing)
            .authority,
        "backend:8080"
    );
}

#[test]
fn the_authority_shows_a_port_only_when_one_was_written() {
    let authority = |text| service(text).qualified(Qualifier::Namespace("b")).authority;
    assert_eq!(&*authority("https://foo"), "foo.b");
    assert_eq!(&*authority("https://foo:443"), "foo.b:443");
    assert_eq!(&*authority("[::1]:80"), "[::1]:80");
}

#[test]
fn tls_without_a_scheme_counts_as_https() {
    let tls = service("foo").with_tls();
    assert_eq!((tls.scheme, tls.port), (Some(super::Scheme::Https), 443));
    let context = service("foo:80").with_tls_context("upstream");
    assert_eq!(
        (context.scheme, context.tls, context.port),
        (None, true, 80)
    );
}

#[test]
fn a_port_is_a_number_from_1_to_65535() {
    for text in [
        "a:0",
        "a:65536",
        "a:http",
        "a:+80",
        "a:-1",
        "[::1]:x",
        "https://a:99999/",
    ] {
        let why = invalid(text).to_string();
        assert!(
            why.contains("found invalid port for service"),
            "{text}: {why}"
        );
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for (text, why) in [
        ("", InvalidService::NoHost),
        ("http://", InvalidService::NoHost),
        (":80", InvalidService::NoHost),
        ("/path", InvalidService::NoHost),
        ("tcp://a", InvalidService::Scheme("`tcp`".into())),
        ("a b", InvalidService::Character(' ')),
        ("me@a", InvalidService::Character('@')),
        ("%zz", InvalidService::Character('%')),
        ("%", InvalidService::Character('%')),
        ("%e9a", InvalidService::Character('%')),
        ("a%00", InvalidService::Character('\0')),
        ("bäckend", InvalidService::Character('ä')),
        ("a..b", InvalidService::NotDns),
        (".", InvalidService::NotDns),
        ("::1:80", InvalidService::NotIpv6),
        ("[::1", InvalidService::NotIpv6),
        ("[fe80::1%25eth0]", InvalidService::NotIpv6),
        ("[127.0.0.1]", InvalidService::NotIpv6),
    ] {
        assert_eq!(invalid(text), why, "{text}");
    }
    assert_eq!(invalid(&"a".repeat(64)), InvalidService::NotDns);
    assert_eq!(invalid(&"a.".repeat(200)), InvalidService::NotDns);
}

#[test]
fn a_path_is_left_out() {
    assert_eq!(target("https://backend:8443/v1?x#y"), "tls backend.b:8443");
}
