//! What is read from texts, and what is said of those that cannot be used.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose machinery fails has failed, and says where"
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use nuncio_tls::{Authorities, Facts, Identity, Material, Revocations, Unusable};
use proptest::prelude::*;
use support::{Authority, Side, fixture, pair, pem};

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

/// The blocks of one label.
fn only(name: &str, label: &str) -> String {
    let text = text(name);
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----\n"),
    );
    let start = text.find(&begin).unwrap();
    let length = text[start..].find(&end).unwrap() + end.len();
    text[start..start + length].to_owned()
}

fn reason(chain: &str, key: &str) -> String {
    Identity::from_pem(chain.as_bytes(), key.as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_text_that_lacks_something_says_what() {
    let certificate = only("p256.pem", "CERTIFICATE");
    let key = only("p256.pem", "PRIVATE KEY");
    assert_eq!(reason("", &key), "there is no certificate in it");
    assert_eq!(reason(&key, &key), "there is no certificate in it");
    assert_eq!(reason(&certificate, ""), "there is no private key in it");
    assert_eq!(
        reason(&certificate, &certificate),
        "there is no private key in it"
    );
    let twice = format!("{key}{key}");
    assert_eq!(
        reason(&certificate, &twice),
        "there are 2 private keys in it, and not one"
    );
}

#[test]
fn a_key_of_another_certificate_is_said() {
    let certificate = only("p256.pem", "CERTIFICATE");
    for other in ["p384.pem", "rsa2048.pem", "ed25519.pem", "version1.pem"] {
        assert_eq!(
            reason(&certificate, &only(other, "PRIVATE KEY")),
            "its private key does not belong to its certificate"
        );
    }
}

#[test]
fn a_key_that_cannot_be_used_is_said_with_its_kind() {
    let small = pair("rsa1024.pem").unwrap_err().to_string();
    assert!(small.contains("RSA of 1024 bits"), "{small}");
    let odd = pair("p521.pem").unwrap_err().to_string();
    assert!(odd.contains("ECDSA on P-521"), "{odd}");
    for encrypted in ["encrypted_pkcs1.pem", "encrypted_pkcs8.pem"] {
        assert!(
            matches!(pair(encrypted), Err(Unusable::EncryptedKey)),
            "{encrypted}"
        );
    }
    let certificate = only("p256.pem", "CERTIFICATE");
    let dsa = reason(&certificate, &pem("DSA PRIVATE KEY", b"anything"));
    assert!(dsa.contains("DSA PRIVATE KEY"), "{dsa}");
}

#[test]
fn a_broken_part_is_said_with_its_place() {
    let certificate = only("p256.pem", "CERTIFICATE");
    let key = only("p256.pem", "PRIVATE KEY");
    let cut = &certificate[..certificate.len() - 30];
    assert_eq!(
        reason(cut, &key),
        "certificate 1 in it is broken: it has no end"
    );
    let second = format!("{certificate}{}", pem("CERTIFICATE", b"nothing"));
    assert_eq!(
        reason(&second, &key),
        "certificate 2 in it is broken: it is not X.509"
    );
    let garbled = certificate.replacen("MII", "M*I", 1);
    assert_eq!(
        reason(&garbled, &key),
        "certificate 1 in it is broken: it is not base64"
    );
}

#[test]
fn a_text_is_read_whatever_stands_around_and_however_lines_end() {
    let windows = text("rsa2048.pem").replace('\n', "\r\n");
    let indented = text("rsa2048.pem").replace('\n', "\n    ");
    let long = text("rsa2048.pem").replace("-----\n", "-----\n\n");
    let named = only("rsa2048.pem", "CERTIFICATE").replace("CERTIFICATE", "X509 CERTIFICATE")
        + &only("rsa2048.pem", "PRIVATE KEY");
    let key_first = only("rsa2048.pem", "PRIVATE KEY") + &only("rsa2048.pem", "CERTIFICATE");
    for text in [windows, indented, long, named, key_first] {
        Identity::from_pem(text.as_bytes(), text.as_bytes()).unwrap();
    }
}

#[test]
fn facts_are_what_openssl_says() {
    let identity = pair("subject.pem").unwrap();
    let facts = identity.facts();
    let said = text("subject.txt");
    let line = |name: &str| {
        said.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
    };
    assert_eq!(&*facts.subject, line("subject="));
    assert_eq!(&*facts.serial, line("serial="));
    let fingerprint = line("sha256 Fingerprint=").replace(':', "");
    let ours: String = facts
        .fingerprint
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    assert_eq!(ours, fingerprint);
    assert_eq!(*facts.names, ["subject.example".into()]);
}

#[test]
fn facts_say_from_when_until_when() {
    let authority = Authority::named("ours");
    let issued = authority.issue_with("a.example", |params| {
        params.not_before = rcgen::date_time_ymd(1969, 12, 31);
        params.not_after = rcgen::date_time_ymd(2050, 1, 2);
        params.subject_alt_names.push(rcgen::SanType::URI(
            "spiffe://example/a".to_owned().try_into().unwrap(),
        ));
    });
    let identity = issued.identity();
    let Facts {
        not_before,
        not_after,
        names,
        uris,
        ..
    } = identity.facts();
    assert_eq!(*not_before, UNIX_EPOCH - Duration::from_secs(86_400));
    assert_eq!(*not_after, UNIX_EPOCH + Duration::from_secs(2_524_694_400));
    assert_eq!(**names, ["a.example".into()]);
    assert_eq!(**uris, ["spiffe://example/a".into()]);
}

#[test]
fn authorities_that_cannot_be_any_are_left_out_unless_all_are() {
    let ours = Authority::named("ours");
    let with_another = format!("{}{}", pem("CERTIFICATE", b"nothing"), ours.pem);
    let authorities = Authorities::from_pem(with_another.as_bytes(), false).unwrap();
    assert_eq!(authorities.left_out(), 1);
    let none = pem("CERTIFICATE", b"nothing");
    let unusable = Authorities::from_pem(none.as_bytes(), false).unwrap_err();
    assert_eq!(
        unusable.to_string(),
        "certificate 1 in it is broken: it cannot be an authority"
    );
    let empty = Authorities::from_pem(b"", false);
    assert!(matches!(empty, Err(Unusable::NoCertificate)));
}

#[test]
fn every_list_of_revocations_has_to_be_usable() {
    let ours = Authority::named("ours");
    assert!(matches!(Revocations::from_pem(b""), Err(Unusable::NoList)));
    let broken = format!("{}{}", ours.list(&[]), pem("X509 CRL", b"nothing"));
    let unusable = Revocations::from_pem(broken.as_bytes()).unwrap_err();
    assert!(matches!(unusable, Unusable::Broken { position: 2, .. }));
    let beside = format!("{}{broken}", ours.pem);
    assert!(Authorities::from_pem(beside.as_bytes(), false).is_err());
}

#[test]
fn the_first_list_that_is_out_of_date_is_known_before() {
    let ours = Authority::named("ours");
    let both = format!(
        "{}{}",
        ours.list_until(&[], 2071),
        ours.list_until(&[], 2070)
    );
    let lists = Revocations::from_pem(both.as_bytes()).unwrap();
    let year_2070 = UNIX_EPOCH + Duration::from_secs(3_155_760_000);
    assert_eq!(lists.next_update(), Some(year_2070));
}

#[test]
fn the_same_again_is_the_same_and_anything_else_is_not() {
    let ours = Authority::named("ours");
    let identity = |name| Material::Identity(Arc::new(pair(name).unwrap()));
    let authorities = |text: &str, required| {
        Material::Authorities(Arc::new(
            Authorities::from_pem(text.as_bytes(), required).unwrap(),
        ))
    };
    let lists = |text: &str| {
        Material::Revocations(Arc::new(Revocations::from_pem(text.as_bytes()).unwrap()))
    };
    let with_list = format!("{}{}", ours.pem, ours.list(&[]));
    let all = || {
        [
            identity("p256.pem"),
            identity("p384.pem"),
            authorities(&ours.pem, false),
            authorities(&ours.pem, true),
            authorities(&with_list, false),
            authorities(&Authority::named("ours").pem, false),
            lists(&ours.list(&[])),
            lists(&ours.list(&[&ours.issue("a")])),
        ]
    };
    for (index, one) in all().iter().enumerate() {
        for (other_index, other) in all().iter().enumerate() {
            // An authority of that name is made anew each time, and signatures differ.
            let made_anew = matches!(index, 4..);
            let same = one.same_as(other);
            assert!(!same || index == other_index, "{index} {other_index}");
            assert!(same || index != other_index || made_anew, "{index}");
        }
    }
    let list = ours.list(&[]);
    assert!(lists(&list).same_as(&lists(&list)));
}

#[test]
fn nothing_that_is_printed_shows_a_key() {
    for name in ["rsa2048.pem", "p256.pem", "ed25519.pem"] {
        let identity = pair(name).unwrap();
        let key = only(name, "PRIVATE KEY");
        let secret = key.lines().nth(1).unwrap();
        let server = Side::with(pair(name).unwrap());
        let config = server.server(&nuncio_tls::Tickets::new().unwrap());
        let material = Material::Identity(Arc::new(identity));
        let printed = format!("{material:?} {material:#?} {config:?}");
        assert!(!printed.contains(&secret[..16]), "{printed}");
        let other = only("p384.pem", "CERTIFICATE");
        let unusable = Identity::from_pem(other.as_bytes(), key.as_bytes()).unwrap_err();
        let printed = format!("{unusable:?} {unusable}");
        assert!(!printed.contains(&secret[..16]), "{printed}");
    }
}

#[test]
fn everything_goes_to_any_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Material>();
    shared::<nuncio_tls::Tickets>();
    shared::<nuncio_tls::Peer>();
    shared::<Unusable>();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_a_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        read(&bytes);
    }

    #[test]
    fn no_bytes_within_blocks_bring_a_reader_down(
        label in prop::sample::select(vec![
            "CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "X509 CRL",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..256),
    ) {
        read(pem(label, &bytes).as_bytes());
    }

    #[test]
    fn no_damage_brings_a_reader_down(
        name in prop::sample::select(vec!["subject.pem", "rsa2048.pem", "version1.pem", "ed25519.pem"]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut text = fixture(name);
        for (place, byte) in &damage {
            let place = place.index(text.len());
            text[place] = *byte;
        }
        read(&text);
    }

    #[test]
    fn no_damage_to_what_is_encoded_brings_a_reader_down(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let list = Authority::named("ours").list(&[]);
        let certificate = only("subject.pem", "CERTIFICATE");
        for (label, text) in [("X509 CRL", list), ("CERTIFICATE", certificate)] {
            let mut der = decoded(&text);
            for (place, byte) in &damage {
                let place = place.index(der.len());
                der[place] = *byte;
            }
            read(pem(label, &der).as_bytes());
        }
    }
}

fn decoded(block: &str) -> Vec<u8> {
    let lines = block.lines().filter(|line| !line.starts_with('-'));
    Base64::decode_vec(&lines.collect::<String>()).unwrap()
}

fn read(text: &[u8]) {
    drop(Identity::from_pem(text, text));
    drop(Authorities::from_pem(text, false));
    drop(Revocations::from_pem(text));
}
