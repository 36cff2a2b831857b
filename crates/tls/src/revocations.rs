//! Which certificates count no more.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::facts::{fingerprint, moment};
use crate::{Unusable, pem};

/// Lists of revoked certificates, at most one of each authority.
pub struct Revocations {
    pub(crate) lists: Arc<[CertRevocationList<'static>]>,
    pub(crate) fingerprint: [u8; 32],
    next_update: Option<SystemTime>,
}

impl Revocations {
    /// From the text of a Secret or a file.
    ///
    /// Every list has to be usable: one that were left out would let the revoked in.
    pub fn from_pem(text: &[u8]) -> Result<Self, Unusable> {
        let ders: Vec<_> =
            pem::public(text, &["X509 CRL"], "list of revocations").collect::<Result<_, _>>()?;
        if ders.is_empty() {
            return Err(Unusable::NoList);
        }
        let lists = ders
            .iter()
            .enumerate()
            .map(|(index, der)| read(der, index + 1));
        let mut fingerprints: Vec<_> = ders.iter().map(|der| fingerprint(der)).collect();
        fingerprints.sort_unstable();
        Ok(Self {
            lists: lists.collect::<Result<_, _>>()?,
            fingerprint: fingerprint(fingerprints.as_flattened()),
            next_update: ders.iter().filter_map(|der| next_update(der)).min(),
        })
    }

    /// When the first of them is out of date. From then on nobody is let in whose certificate it is to
    /// judge, as with Envoy.
    pub fn next_update(&self) -> Option<SystemTime> {
        self.next_update
    }

    /// Whether they revoke the same.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("lists", &self.lists.len())
            .field("next_update", &self.next_update)
            .finish_non_exhaustive()
    }
}

fn read(der: &[u8], position: usize) -> Result<CertRevocationList<'static>, Unusable> {
    let broken = |error: webpki::Error| Unusable::Broken {
        what: "list of revocations",
        position,
        reason: error.to_string().into(),
    };
    let list = OwnedCertRevocationList::from_der(der).map_err(broken)?;
    Ok(list.into())
}

fn next_update(der: &[u8]) -> Option<SystemTime> {
    let (_, list) = CertificateRevocationList::from_der(der).ok()?;
    list.next_update().map(moment)
}
