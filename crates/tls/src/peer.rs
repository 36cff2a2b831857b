//! Who a client has proved to be, for `x-forwarded-client-cert`.
//!
//! Invariant: what is written is what Envoy writes, ready to stand in that header.

use std::fmt;
use std::fmt::Write as _;
use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{Facts, pem};

/// A client's certificate. Made once for a connection; what few ask for is made when it is asked for.
pub struct Peer {
    own: CertificateDer<'static>,
    beside: Box<[CertificateDer<'static>]>,
    facts: Facts,
    hash: Box<str>,
    certificate: OnceLock<Box<str>>,
    whole_chain: OnceLock<Box<str>>,
}

impl Peer {
    /// From what rustls has of it, the client's own certificate first. `None` = it has shown none.
    pub fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (first, beside) = chain.split_first()?;
        let (_, certificate) = X509Certificate::from_der(first).ok()?;
        let facts = Facts::of(&certificate, first);
        Some(Self {
            hash: hexadecimal(&facts.fingerprint),
            own: first.clone().into_owned(),
            beside: beside.iter().map(|der| der.clone().into_owned()).collect(),
            facts,
            certificate: OnceLock::new(),
            whole_chain: OnceLock::new(),
        })
    }

    /// What the certificate says: whose it is, its names and URIs, and from when until when.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// `Hash`: SHA-256 of the certificate in small hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// `Subject`, without its quotes: what is in it is escaped.
    pub fn subject(&self) -> &str {
        &self.facts.subject
    }

    /// `Cert`, without its quotes: the certificate as PEM, encoded.
    pub fn certificate(&self) -> &str {
        self.certificate
            .get_or_init(|| encoded(std::iter::once(&self.own)))
    }

    /// `Chain`, without its quotes: the certificate and those that came with it as PEM, encoded.
    pub fn chain(&self) -> &str {
        let chain = || std::iter::once(&self.own).chain(&self.beside);
        self.whole_chain.get_or_init(|| encoded(chain()))
    }

    /// Its certificate, and those that came with it.
    pub(crate) fn shown(&self) -> (&CertificateDer<'static>, &[CertificateDer<'static>]) {
        (&self.own, &self.beside)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// What of PEM cannot stand in a header or a query is encoded, and nothing else.
fn encoded<'a>(certificates: impl Iterator<Item = &'a CertificateDer<'static>>) -> Box<str> {
    let mut text = String::new();
    for der in certificates {
        for character in pem::certificate(der).chars() {
            match character {
                '\n' => text.push_str("%0A"),
                ' ' => text.push_str("%20"),
                '+' => text.push_str("%2B"),
                '/' => text.push_str("%2F"),
                '=' => text.push_str("%3D"),
                other => text.push(other),
            }
        }
    }
    text.into()
}

fn hexadecimal(bytes: &[u8]) -> Box<str> {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok(), "a String takes what is written");
    }
    text.into()
}
