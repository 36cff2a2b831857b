//! What `x-forwarded-client-cert` says of a client.
#![allow(
    clippy::unwrap_used,
    reason = "a test whose machinery fails has failed, and says where"
)]

mod support;

use nuncio_tls::Peer;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use support::{Authority, fixture};

fn ders(text: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text)
        .map(Result::unwrap)
        .collect()
}

/// The other way round than Envoy: every sequence that it writes.
fn decoded(text: &str) -> String {
    assert!(
        text.bytes().all(|byte| !b"\n +/=\"".contains(&byte)),
        "{text}"
    );
    let replaced = [
        ("%0A", "\n"),
        ("%20", " "),
        ("%2B", "+"),
        ("%2F", "/"),
        ("%3D", "="),
    ];
    replaced
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn a_client_without_a_certificate_is_nobody() {
    assert!(Peer::of(&[]).is_none());
    assert!(Peer::of(&[CertificateDer::from(vec![1, 2, 3])]).is_none());
}

#[test]
fn a_client_is_its_own_certificate() {
    let text = fixture("subject.pem");
    let peer = Peer::of(&ders(&text)).unwrap();
    let said = String::from_utf8(fixture("subject.txt")).unwrap();
    let line = |name: &str| {
        said.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
    };
    assert_eq!(peer.subject(), line("subject="));
    let hash = line("sha256 Fingerprint=").replace(':', "").to_lowercase();
    assert_eq!(peer.hash(), hash);
    assert_eq!(*peer.facts().names, ["subject.example".into()]);
    let certificate = decoded(peer.certificate());
    assert!(
        String::from_utf8(text).unwrap().contains(&certificate),
        "{certificate}"
    );
}

#[test]
fn a_chain_begins_with_the_certificate() {
    let root = Authority::named("root");
    let middle = root.below("middle");
    let text = middle.issue("a").chain + &middle.pem;
    let ders = ders(text.as_bytes());
    let peer = Peer::of(&ders).unwrap();
    assert!(peer.chain().starts_with(peer.certificate()));
    let chain = decoded(peer.chain());
    assert_eq!(self::ders(chain.as_bytes()), ders);
}
