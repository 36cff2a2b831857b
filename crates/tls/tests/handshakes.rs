//! What both sides agree on, and whom they refuse.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

mod support;

use nuncio_config::{Alpn, CipherSuite, Curve, TlsVersion};
use nuncio_routing::Termination;
use nuncio_tls::{Authorities, Identity, Needed, Tickets, Unusable, server_config, without_alpn};
use rcgen::ExtendedKeyUsagePurpose;
use rustls::{CertificateError, Error, HandshakeKind, NamedGroup, ProtocolVersion};
use support::{Authority, Side, fixture, meet, pair};

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

fn somebody() -> Identity {
    pair("p256.pem").unwrap()
}

/// What the side that verifies says of the certificate it was shown.
fn refusal(error: Option<Error>) -> CertificateError {
    match error {
        Some(Error::InvalidCertificate(refusal)) => refusal,
        other => panic!("refused for {other:?}"),
    }
}

#[test]
fn every_kind_of_key_serves_both_versions() {
    let names = [
        "rsa2048.pem",
        "rsa2048_pkcs1.pem",
        "rsa4096.pem",
        "p256.pem",
        "p256_sec1_first.pem",
        "p384.pem",
        "ed25519.pem",
        "version1.pem",
    ];
    for name in names {
        for version in [TlsVersion::V12, TlsVersion::V13] {
            let server = Side::with(pair(name).unwrap());
            let client = Side::default().terms(|terms| {
                terms.min_version = Some(version);
                terms.max_version = Some(version);
            });
            let met = server.meets(&client);
            assert!(met.is_ok(), "{name}, {version:?}: {met:?}");
        }
    }
}

#[test]
fn the_fallback_serves() {
    let identity = Identity::self_signed().unwrap();
    let year = std::time::Duration::from_secs(300 * 86_400);
    assert!(identity.facts().not_after > std::time::SystemTime::now() + year);
    assert_eq!(&*identity.facts().subject, "CN=Nuncio self-signed");
    Side::with(identity).meets(&Side::default()).unwrap();
}

#[test]
fn versions_are_within_what_both_allow() {
    let between = |min, max| {
        Side::with(somebody()).terms(|terms| {
            terms.min_version = min;
            terms.max_version = max;
        })
    };
    let any = Side::default();
    let met = between(None, None).meets(&any).unwrap();
    assert_eq!(met.version, ProtocolVersion::TLSv1_3);
    let met = between(None, Some(TlsVersion::V12)).meets(&any).unwrap();
    assert_eq!(met.version, ProtocolVersion::TLSv1_2);
    let old = Side::default().terms(|terms| terms.max_version = Some(TlsVersion::V12));
    let refused = between(Some(TlsVersion::V13), None)
        .meets(&old)
        .unwrap_err();
    assert!(matches!(refused.server, Some(Error::PeerIncompatible(_))));
}

#[test]
fn a_newest_version_that_is_older_than_the_oldest_is_said() {
    let side = Side::with(somebody()).terms(|terms| {
        terms.min_version = Some(TlsVersion::V13);
        terms.max_version = Some(TlsVersion::V12);
    });
    let needed = Needed {
        identity: side.identity.as_ref(),
        ..Needed::default()
    };
    let made = server_config(&side.termination(), &needed, &Tickets::new().unwrap());
    assert!(matches!(made, Err(Unusable::Versions)));
}

#[test]
fn suites_of_tls_12_are_chosen_in_the_order_written() {
    let server = Side::with(pair("rsa2048.pem").unwrap()).terms(|terms| {
        terms.max_version = Some(TlsVersion::V12);
        terms.cipher_suites = [
            CipherSuite::EcdheEcdsaAes128GcmSha256,
            CipherSuite::EcdheRsaChacha20Poly1305,
            CipherSuite::EcdheRsaAes128GcmSha256,
        ]
        .into();
    });
    let met = server.meets(&Side::default()).unwrap();
    assert_eq!(
        met.suite.suite(),
        rustls::CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    );
    let other = Side::default().terms(|terms| {
        terms.max_version = Some(TlsVersion::V12);
        terms.cipher_suites = [CipherSuite::EcdheRsaAes256GcmSha384].into();
    });
    assert!(server.meets(&other).is_err());
}

#[test]
fn suites_of_tls_13_are_not_chosen() {
    let server = Side::with(somebody())
        .terms(|terms| terms.cipher_suites = [CipherSuite::EcdheRsaAes128GcmSha256].into());
    let met = server.meets(&Side::default()).unwrap();
    assert_eq!(met.version, ProtocolVersion::TLSv1_3);
}

#[test]
fn curves_are_those_chosen() {
    let choose = |side: Side, curve| side.terms(|terms| terms.curves = [curve].into());
    let server = choose(Side::with(somebody()), Curve::P384);
    let met = server.meets(&Side::default()).unwrap();
    assert_eq!(met.curve, Some(NamedGroup::secp384r1));
    assert!(
        server
            .meets(&choose(Side::default(), Curve::X25519))
            .is_err()
    );
}

#[test]
fn of_protocols_the_gateways_first_is_spoken() {
    let offers = |side: Side, alpn: &[Alpn]| side.terms(|terms| terms.alpn = alpn.into());
    let both = [Alpn::H2, Alpn::Http11];
    let server = offers(Side::with(somebody()), &both);
    let speaks = |client: &Side| server.meets(client).unwrap().alpn;
    let grpc = || Side {
        http2: true,
        ..Side::default()
    };
    let swapped = offers(grpc(), &[Alpn::Http11, Alpn::H2]);
    assert_eq!(speaks(&swapped), Some(b"h2".to_vec()));
    let old = offers(Side::default(), &[Alpn::Http11]);
    assert_eq!(speaks(&old), Some(b"http/1.1".to_vec()));
    assert_eq!(speaks(&Side::default()), None);
    assert_eq!(speaks(&grpc()), Some(b"h2".to_vec()));
    let http1 = offers(Side::default(), &both);
    assert_eq!(speaks(&http1), Some(b"http/1.1".to_vec()));
    let silent = Side::with(somebody());
    assert_eq!(silent.meets(&swapped).unwrap().alpn, None);
}

#[test]
fn a_client_that_offers_only_other_protocols_can_be_served_without_any() {
    let server = Side::with(somebody()).terms(|terms| terms.alpn = [Alpn::H2].into());
    let client = Side::default().terms(|terms| terms.alpn = [Alpn::Http11].into());
    assert!(server.meets(&client).is_err());
    let config = without_alpn(&server.server(&Tickets::new().unwrap()));
    let met = meet(&config, &client.client(), &client.origination()).unwrap();
    assert_eq!(met.alpn, None);
}

#[test]
fn an_upstream_is_told_its_name_only_if_there_is_one() {
    let server = Side::with(somebody());
    let told = |client: &Side| server.meets(client).unwrap().sni;
    assert_eq!(
        told(&Side::default().sni("a.example")),
        Some("a.example".to_owned())
    );
    assert_eq!(told(&Side::default()), None);
}

#[test]
fn a_name_that_cannot_be_told_is_said() {
    let side = Side::default().sni("not a name");
    let made = nuncio_tls::client_config(&side.origination(), false, &Needed::default());
    assert!(matches!(made, Err(Unusable::Name(_))));
}

#[test]
fn without_authorities_a_client_is_not_asked() {
    let client = Side::with(somebody());
    let met = Side::with(somebody()).meets(&client).unwrap();
    assert_eq!(met.client, Vec::<Vec<u8>>::new());
}

#[test]
fn a_client_of_the_authority_is_let_in_and_another_is_not() {
    let (ours, theirs) = (Authority::named("ours"), Authority::named("theirs"));
    let server = Side::with(somebody()).authorities(&ours.pem);
    let met = server
        .meets(&Side::with(ours.issue("a").identity()))
        .unwrap();
    assert_eq!(met.client.len(), 1);
    let refused = server.meets(&Side::with(theirs.issue("a").identity()));
    let refusal = refusal(refused.unwrap_err().server);
    assert_eq!(refusal, CertificateError::UnknownIssuer);
}

#[test]
fn a_client_without_a_certificate_is_let_in_unless_one_is_required() {
    let ours = Authority::named("ours");
    let server = || Side::with(somebody()).authorities(&ours.pem);
    assert!(server().meets(&Side::default()).is_ok());
    let refused = server().required().meets(&Side::default()).unwrap_err();
    assert_eq!(refused.server, Some(Error::NoCertificatesPresented));
    let mut by_secret = server();
    by_secret.authorities = Some(Authorities::from_pem(ours.pem.as_bytes(), true).unwrap());
    assert!(by_secret.meets(&Side::default()).is_err());
}

#[test]
fn where_a_certificate_is_required_and_no_authority_is_named_any_will_do() {
    for version in [TlsVersion::V12, TlsVersion::V13] {
        let server = Side::with(somebody())
            .required()
            .terms(|terms| terms.max_version = Some(version));
        assert!(server.meets(&Side::default()).is_err());
        for name in ["rsa2048.pem", "ed25519.pem", "version1.pem"] {
            let met = server.meets(&Side::with(pair(name).unwrap())).unwrap();
            assert_eq!(met.client.len(), 1, "{name}");
        }
    }
}

#[test]
fn a_chain_over_an_intermediate_leads_to_the_root_or_to_the_intermediate_itself() {
    let root = Authority::named("root");
    let middle = root.below("middle");
    let mut issued = middle.issue("a");
    issued.chain.push_str(&middle.pem);
    let client = Side::with(issued.identity());
    let trusting = |pem: &str| Side::with(somebody()).authorities(pem);
    assert_eq!(trusting(&root.pem).meets(&client).unwrap().client.len(), 2);
    assert!(trusting(&middle.pem).meets(&client).is_ok());
}

#[test]
fn a_certificate_that_is_itself_trusted_is_let_in() {
    for name in ["p256.pem", "rsa2048.pem", "version1.pem"] {
        let server = Side::with(somebody()).authorities(&text(name)).required();
        let met = server.meets(&Side::with(pair(name).unwrap()));
        assert!(met.is_ok(), "{name}: {met:?}");
        assert!(
            server
                .meets(&Side::with(pair("p384.pem").unwrap()))
                .is_err()
        );
    }
}

#[test]
fn a_certificate_for_servers_is_none_for_clients() {
    let ours = Authority::named("ours");
    let issued = ours.issue_with("a", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let client = Side::with(issued.identity());
    let server = Side::with(somebody()).authorities(&ours.pem);
    let refused = server.meets(&client).unwrap_err();
    assert_eq!(refusal(refused.server), CertificateError::InvalidPurpose);
    let itself = Side::with(somebody()).authorities(&issued.chain);
    let refused = itself.meets(&client).unwrap_err();
    assert_eq!(refusal(refused.server), CertificateError::InvalidPurpose);
}

#[test]
fn an_expired_certificate_is_refused_even_if_it_is_itself_trusted() {
    let ours = Authority::named("ours");
    let issued = ours.issue_with("a", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    for authorities in [&ours.pem, &issued.chain] {
        let server = Side::with(somebody()).authorities(authorities);
        let refused = server.meets(&Side::with(issued.identity())).unwrap_err();
        assert_eq!(refusal(refused.server), CertificateError::Expired);
    }
}

#[test]
fn an_expired_authority_vouches_for_nobody_and_its_neighbours_do() {
    let old = Authority::named_with("old", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let new = Authority::named("new");
    let server = Side::with(somebody()).authorities(&format!("{}{}", old.pem, new.pem));
    let refused = server.meets(&Side::with(old.issue("a").identity()));
    let refusal = refusal(refused.unwrap_err().server);
    assert_eq!(refusal, CertificateError::UnknownIssuer);
    assert!(server.meets(&Side::with(new.issue("a").identity())).is_ok());
}

#[test]
fn a_revoked_client_is_refused_and_its_neighbours_are_not() {
    let ours = Authority::named("ours");
    let (good, bad) = (ours.issue("good"), ours.issue("bad"));
    let list = ours.list(&[&bad]);
    let named = Side::with(somebody())
        .authorities(&ours.pem)
        .revocations(&list);
    let beside = Side::with(somebody()).authorities(&format!("{}{list}", ours.pem));
    for server in [named, beside] {
        assert!(server.meets(&Side::with(good.identity())).is_ok());
        let refused = server.meets(&Side::with(bad.identity())).unwrap_err();
        assert_eq!(refusal(refused.server), CertificateError::Revoked);
    }
}

#[test]
fn a_list_that_revokes_nobody_refuses_nobody() {
    let ours = Authority::named("ours");
    let server = Side::with(somebody())
        .authorities(&ours.pem)
        .revocations(&ours.list(&[]));
    assert!(
        server
            .meets(&Side::with(ours.issue("a").identity()))
            .is_ok()
    );
}

#[test]
fn a_list_that_is_out_of_date_or_another_authoritys_lets_nobody_in() {
    let (ours, theirs) = (Authority::named("ours"), Authority::named("theirs"));
    let refused_with = |list: &str| {
        let server = Side::with(somebody())
            .authorities(&ours.pem)
            .revocations(list);
        let refused = server.meets(&Side::with(ours.issue("a").identity()));
        refusal(refused.unwrap_err().server)
    };
    let old = refused_with(&ours.list_until(&[], 2021));
    assert_eq!(old, CertificateError::ExpiredRevocationList);
    let other = refused_with(&theirs.list(&[]));
    assert_eq!(other, CertificateError::UnknownRevocationStatus);
}

#[test]
fn every_certificate_of_a_chain_is_judged() {
    let root = Authority::named("root");
    let middle = root.below("middle");
    let mut issued = middle.issue("a");
    issued.chain.push_str(&middle.pem);
    let with = |lists: &str| {
        let server = Side::with(somebody())
            .authorities(&root.pem)
            .revocations(lists);
        server.meets(&Side::with(issued.identity()))
    };
    assert!(with(&middle.list(&[])).is_err());
    assert!(with(&format!("{}{}", middle.list(&[]), root.list(&[]))).is_ok());
}

#[test]
fn an_upstream_is_verified_by_its_authority_and_never_by_its_name() {
    let (ours, theirs) = (Authority::named("ours"), Authority::named("theirs"));
    let client = Side::default().authorities(&ours.pem).sni("other.example");
    let upstream = |by: &Authority| Side::with(by.issue("one.example").identity());
    assert!(upstream(&ours).meets(&client).is_ok());
    let refused = upstream(&theirs).meets(&client).unwrap_err();
    assert_eq!(refusal(refused.client), CertificateError::UnknownIssuer);
}

#[test]
fn a_revoked_upstream_is_refused() {
    let ours = Authority::named("ours");
    let (good, bad) = (ours.issue("good.example"), ours.issue("bad.example"));
    let client = Side::default()
        .authorities(&ours.pem)
        .revocations(&ours.list(&[&bad]));
    assert!(Side::with(good.identity()).meets(&client).is_ok());
    let refused = Side::with(bad.identity()).meets(&client).unwrap_err();
    assert_eq!(refusal(refused.client), CertificateError::Revoked);
}

#[test]
fn what_is_named_and_not_there_is_never_done_without() {
    let ours = Authority::named("ours");
    let mut side = Side::with(somebody())
        .authorities(&ours.pem)
        .revocations(&ours.list(&[]));
    let (termination, origination) = (side.termination(), side.origination());
    let tickets = Tickets::new().unwrap();
    let missing = |needed: Needed<'_>| {
        let server = server_config(&termination, &needed, &tickets);
        let client = nuncio_tls::client_config(&origination, false, &needed);
        assert!(matches!(server, Err(Unusable::Missing(_))), "{needed:?}");
        assert!(matches!(client, Err(Unusable::Missing(_))), "{needed:?}");
    };
    let (identity, authorities, revocations) = (
        side.identity.take().unwrap(),
        side.authorities.take().unwrap(),
        side.revocations.take().unwrap(),
    );
    let all = Needed {
        identity: Some(&identity),
        authorities: Some(&authorities),
        revocations: Some(&revocations),
    };
    missing(Needed {
        identity: None,
        ..all
    });
    missing(Needed {
        authorities: None,
        ..all
    });
    missing(Needed {
        revocations: None,
        ..all
    });
    assert!(server_config(&termination, &all, &tickets).is_ok());
}

#[test]
fn who_says_nothing_of_protocols_offers_http_where_http_is_spoken() {
    let side = Side::with(somebody());
    let offered = |offers_http| {
        let termination = Termination {
            offers_http,
            ..side.termination()
        };
        let identity = side.identity.as_ref();
        let needed = Needed {
            identity,
            ..Needed::default()
        };
        let config = server_config(&termination, &needed, &Tickets::new().unwrap()).unwrap();
        config.alpn_protocols.clone()
    };
    assert_eq!(offered(true), [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert!(offered(false).is_empty());
}

#[test]
fn authorities_that_nobody_has_asked_for_verify_clients_unless_there_are_none() {
    let ours = Authority::named("ours");
    let side = Side::with(somebody()).authorities(&ours.pem).required();
    let termination = Termination {
        found: true,
        ..side.termination()
    };
    let tickets = Tickets::new().unwrap();
    let connects = |authorities: Option<&Authorities>| {
        let needed = Needed {
            identity: side.identity.as_ref(),
            authorities,
            revocations: None,
        };
        let config = server_config(&termination, &needed, &tickets)?;
        let client = Side::default();
        Ok::<_, Unusable>(meet(&config, &client.client(), &client.origination()).is_ok())
    };
    let nobody = Authorities::nobody();
    assert!(connects(Some(&nobody)).unwrap());
    assert!(!connects(side.authorities.as_ref()).unwrap());
    assert!(matches!(connects(None), Err(Unusable::Missing(_))));
}

#[test]
fn authorities_that_were_asked_for_are_missing_where_there_are_none() {
    let ours = Authority::named("ours");
    let side = Side::with(somebody()).authorities(&ours.pem);
    let nobody = Authorities::nobody();
    let needed = Needed {
        identity: side.identity.as_ref(),
        authorities: Some(&nobody),
        revocations: None,
    };
    let server = server_config(&side.termination(), &needed, &Tickets::new().unwrap());
    assert!(matches!(server, Err(Unusable::Missing(_))));
    let client = nuncio_tls::client_config(&side.origination(), false, &needed);
    assert!(matches!(client, Err(Unusable::Missing(_))));
}

#[test]
fn sessions_are_resumed_also_after_the_certificate_was_renewed() {
    for version in [TlsVersion::V12, TlsVersion::V13] {
        let tickets = Tickets::new().unwrap();
        let client = Side::default().terms(|terms| terms.max_version = Some(version));
        let (config, origination) = (client.client(), client.origination());
        let kind = |server: &Side| {
            meet(&server.server(&tickets), &config, &origination)
                .unwrap()
                .kind
        };
        assert_eq!(kind(&Side::with(somebody())), HandshakeKind::Full);
        let renewed = Side::with(pair("p384.pem").unwrap());
        assert_eq!(kind(&renewed), HandshakeKind::Resumed, "{version:?}");
    }
}

#[test]
fn a_session_is_not_resumed_under_another_name() {
    let tickets = Tickets::new().unwrap();
    let server = Side::with(somebody()).server(&tickets);
    let client = Side::default().sni("a.example");
    let config = client.client();
    let kind = |side: &Side| meet(&server, &config, &side.origination()).unwrap().kind;
    assert_eq!(kind(&client), HandshakeKind::Full);
    assert_eq!(kind(&client), HandshakeKind::Resumed);
    assert_eq!(kind(&Side::default().sni("b.example")), HandshakeKind::Full);
}

/// What becomes of a session that began where clients are verified in one way, elsewhere.
fn afterwards(first: &Side, then: &Side, client: &Side) -> HandshakeKind {
    let tickets = Tickets::new().unwrap();
    let (config, origination) = (client.client(), client.origination());
    let server = first.server(&tickets);
    meet(&server, &config, &origination).unwrap();
    let kind = meet(&server, &config, &origination).unwrap().kind;
    assert_eq!(
        kind,
        HandshakeKind::Resumed,
        "it can be resumed where it began"
    );
    meet(&then.server(&tickets), &config, &origination)
        .unwrap()
        .kind
}

#[test]
fn a_session_is_never_resumed_across_trust() {
    let (ours, theirs) = (Authority::named("ours"), Authority::named("theirs"));
    let client = Side::with(ours.issue("a").identity());
    let plain = || Side::with(somebody());
    let verified = || plain().authorities(&ours.pem);
    let both = || plain().authorities(&format!("{}{}", ours.pem, theirs.pem));
    let full = |first: Side, then: Side| {
        assert_eq!(afterwards(&first, &then, &client), HandshakeKind::Full);
    };
    full(plain(), verified());
    full(verified(), plain());
    full(verified(), verified().required());
    full(verified(), both());
    full(both(), verified());
    full(verified(), verified().revocations(&ours.list(&[])));
    let one = verified().revocations(&ours.list(&[]));
    full(one, verified().revocations(&ours.list(&[&ours.issue("b")])));
}

#[test]
fn a_session_is_resumed_where_clients_are_verified_alike() {
    let ours = Authority::named("ours");
    let client = Side::with(ours.issue("a").identity());
    let one = Side::with(somebody()).authorities(&ours.pem);
    let renewed = Side::with(pair("rsa2048.pem").unwrap()).authorities(&ours.pem);
    assert_eq!(afterwards(&one, &renewed, &client), HandshakeKind::Resumed);
}

#[test]
fn a_resumed_session_still_knows_its_client() {
    let ours = Authority::named("ours");
    let client = Side::with(ours.issue("a").identity());
    let tickets = Tickets::new().unwrap();
    let server = Side::with(somebody())
        .authorities(&ours.pem)
        .server(&tickets);
    let (config, origination) = (client.client(), client.origination());
    let first = meet(&server, &config, &origination).unwrap();
    let second = meet(&server, &config, &origination).unwrap();
    assert_eq!(second.kind, HandshakeKind::Resumed);
    assert_eq!(first.client, second.client);
}

#[test]
fn nothing_is_read_before_a_handshake_is_over() {
    let config = Side::with(somebody()).server(&Tickets::new().unwrap());
    assert_eq!(config.max_early_data_size, 0);
}
