//! By whom certificates have to be issued.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::{DistinguishedName, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::facts::{fingerprint, moment};
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
    /// From when until when, in the order of the store.
    valid: Vec<RangeInclusive<SystemTime>>,
    /// Fingerprints of the certificates, in order.
    pub(crate) certificates: Vec<[u8; 32]>,
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
            if roots.add(certificate).is_none() {
                refused = refused.or(Some(index + 1));
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
                ..Self::new(roots, certificates.len())
            }),
        }
    }

    /// That there are none, known for certain: clients of a [`Termination`](nuncio_routing::Termination)
    /// that nobody has asked for are not asked who they are. Anybody else takes them for missing.
    pub fn nobody() -> Self {
        Self::new(Roots::none(), 0)
    }

    /// Whether these are [`Authorities::nobody`].
    pub fn is_nobody(&self) -> bool {
        self.roots.store.is_empty()
    }

    fn new(mut roots: Roots, written: usize) -> Self {
        roots.names = roots.store.subjects();
        roots.certificates.sort_unstable();
        Self {
            revocations: None,
            fingerprint: fingerprint(roots.certificates.as_flattened()),
            required: false,
            left_out: written - roots.store.len(),
            roots: Arc::new(roots),
        }
    }

    /// When the first of them ends.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.roots.valid.iter().map(|valid| *valid.end()).min()
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
    /// Those that are in force. Envoy asks that of them too; rustls does not.
    pub(crate) fn at(&self, now: SystemTime) -> Cow<'_, [TrustAnchor<'static>]> {
        let anchors = &self.store.roots;
        if self.valid.iter().all(|valid| valid.contains(&now)) {
            return Cow::Borrowed(anchors);
        }
        let both = anchors.iter().zip(&self.valid);
        both.filter(|(_, valid)| valid.contains(&now))
            .map(|(anchor, _)| anchor.clone())
            .collect()
    }

    fn none() -> Self {
        Self {
            store: RootCertStore::empty(),
            names: Vec::new(),
            valid: Vec::new(),
            certificates: Vec::new(),
        }
    }

    /// `None` = it cannot be one.
    fn add(&mut self, certificate: &CertificateDer<'static>) -> Option<()> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let validity = parsed.validity();
        self.store.add(certificate.clone()).ok()?;
        self.certificates.push(fingerprint(certificate));
        self.valid
            .push(moment(validity.not_before)..=moment(validity.not_after));
        Some(())
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
