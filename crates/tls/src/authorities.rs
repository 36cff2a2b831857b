//! By whom certificates have to be issued.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{DistinguishedName, RootCertStore};

use crate::facts::fingerprint;
use crate::{Revocations, Unusable, pem};

/// Certificates that are trusted to vouch for others, and for themselves.
pub struct Authorities {
    pub(crate) roots: Arc<Roots>,
    /// Those that stand beside the certificates, which count as those that are named do.
    pub(crate) revocations: Option<Revocations>,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) required: bool,
    left_out: usize,
}

/// What of them a handshake asks for.
pub(crate) struct Roots {
    pub(crate) store: RootCertStore,
    pub(crate) names: Vec<DistinguishedName>,
    /// Fingerprints of the certificates, in order.
    pub(crate) certificates: Box<[[u8; 32]]>,
}

impl Authorities {
    /// From the text of a Secret or a file. `required`: whether the Secret says that nobody is let in
    /// without a certificate (`cert_required`).
    ///
    /// A certificate that cannot be used is left out as long as there are others: fewer are trusted then.
    pub fn from_pem(text: &[u8], required: bool) -> Result<Self, Unusable> {
        let certificates = pem::certificates(text)?;
        if certificates.is_empty() {
            return Err(Unusable::NoCertificate);
        }
        let mut roots = Roots::none();
        let mut refused = None;
        for (index, certificate) in certificates.iter().enumerate() {
            match roots.store.add(certificate.clone()) {
                Ok(()) => {}
                Err(_) => refused = refused.or(Some(index + 1)),
            }
        }
        match refused {
            Some(position) if roots.store.is_empty() => Err(Unusable::Broken {
                what: "certificate",
                position,
                reason: "it cannot be an authority".into(),
            }),
            Some(_) | None => Ok(Self {
                revocations: beside(text)?,
                required,
                ..Self::new(roots, &certificates)
            }),
        }
    }

    fn new(mut roots: Roots, certificates: &[CertificateDer<'_>]) -> Self {
        let mut fingerprints: Vec<_> = certificates.iter().map(|der| fingerprint(der)).collect();
        fingerprints.sort_unstable();
        roots.names = roots.store.subjects();
        let left_out = certificates.len() - roots.store.len();
        let fingerprint = fingerprint(fingerprints.as_flattened());
        roots.certificates = fingerprints.into();
        Self {
            roots: Arc::new(roots),
            revocations: None,
            fingerprint,
            required: false,
            left_out,
        }
    }

    /// How many certificates were left out, since they cannot be authorities.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether the same ones are trusted, and the same is asked of clients.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let lists = |authorities: &Self| authorities.revocations.as_ref().map(|r| r.fingerprint);
        self.fingerprint == other.fingerprint
            && self.required == other.required
            && lists(self) == lists(other)
    }
}

impl Roots {
    fn none() -> Self {
        Self {
            store: RootCertStore::empty(),
            names: Vec::new(),
            certificates: Box::default(),
        }
    }
}

/// Lists of revocations count wherever they stand, as with Envoy.
fn beside(text: &[u8]) -> Result<Option<Revocations>, Unusable> {
    match Revocations::from_pem(text) {
        Ok(revocations) => Ok(Some(revocations)),
        Err(Unusable::NoList) => Ok(None),
        Err(unusable) => Err(unusable),
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities")
            .field("certificates", &self.roots.store.len())
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
