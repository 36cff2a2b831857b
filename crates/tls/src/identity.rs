//! Who the gateway is: a certificate with its chain, and the key to prove it.
//!
//! Invariant: the key belongs to the certificate. Whether it is in force is not asked here: an expired
//! one is [`Facts`].

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{Facts, Unusable, key, pem};

/// A certificate, its chain and its private key.
pub struct Identity {
    certified: Arc<CertifiedKey>,
    facts: Facts,
}

impl Identity {
    /// From the texts of a Secret or of two files. The key may stand in either order and with other
    /// text around it; both may be the same text.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Unusable> {
        let chain = pem::certificates(chain)?;
        let first = chain.first().ok_or(Unusable::NoCertificate)?;
        let certificate = parsed(first, 1)?;
        let facts = Facts::of(&certificate, first);
        let key = key::of_certificate(key, &certificate)?;
        for (index, certificate) in chain.iter().enumerate().skip(1) {
            parsed(certificate, index + 1)?;
        }
        Ok(Self::new(chain, key, facts))
    }

    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
        facts: Facts,
    ) -> Self {
        Self {
            certified: Arc::new(CertifiedKey::new(chain, key)),
            facts,
        }
    }

    /// What the certificate says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether it is the same certificate with the same chain, and so the same key.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }

    /// What rustls asks for it on either side.
    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.certified)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// A certificate read, or which one cannot be.
pub(crate) fn parsed<'a>(der: &'a [u8], position: usize) -> Result<X509Certificate<'a>, Unusable> {
    let broken = |reason: &str| Unusable::Broken {
        what: "certificate",
        position,
        reason: reason.into(),
    };
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(broken("something follows it")),
        Err(_) => Err(broken("it is not X.509")),
    }
}
