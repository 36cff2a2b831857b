//! Whose certificates are trusted.
//!
//! Chains are verified as Envoy does: any of the authorities ends a chain, whether it is a root or not;
//! a certificate that is one of them is trusted by itself, such as one that somebody signed themselves;
//! names are not compared. With lists of revocations every certificate of a chain has to be judged by
//! one that is up to date, so who has none, or only an old one, is not trusted.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertRevocationListError, CertificateError, DistinguishedName, Error, OtherError};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::authorities::Roots;
use crate::facts::fingerprint;
use crate::{Authorities, Revocations, Unusable, signatures};

/// Authorities, and what they take back.
pub(crate) struct Trust {
    roots: Arc<Roots>,
    revocations: Box<[Arc<[CertRevocationList<'static>]>]>,
}

/// What a certificate is shown for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// By a client, to the gateway.
    Client,
    /// By an upstream.
    Server,
}

/// What the other side has shown.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) certificate: &'a CertificateDer<'a>,
    pub(crate) intermediates: &'a [CertificateDer<'a>],
    pub(crate) now: UnixTime,
}

impl Trust {
    pub(crate) fn new(authorities: &Authorities, revocations: Option<&Revocations>) -> Self {
        Self {
            roots: Arc::clone(&authorities.roots),
            revocations: [authorities.revocations.as_ref(), revocations]
                .into_iter()
                .flatten()
                .map(|revocations| Arc::clone(&revocations.lists))
                .collect(),
        }
    }

    /// Whom clients are told that they may show certificates of.
    pub(crate) fn names(&self) -> &[DistinguishedName] {
        &self.roots.names
    }

    /// Whether what was shown is trusted, or why not.
    pub(crate) fn verify(&self, shown: Shown<'_>, purpose: Purpose) -> Result<(), Error> {
        if self.is_one_of_them(shown.certificate) {
            return in_force(shown, purpose);
        }
        let certificate = EndEntityCert::try_from(shown.certificate).map_err(refusal)?;
        let lists: Vec<_> = self.lists().collect();
        let now = UNIX_EPOCH + Duration::from_secs(shown.now.as_secs());
        let anchors = self.roots.at(now);
        let verified = certificate.verify_for_usage(
            signatures::algorithms().all,
            &anchors,
            shown.intermediates,
            shown.now,
            purpose.usage(),
            revocation(&lists),
            None,
        );
        verified.map(|_| ()).map_err(refusal)
    }

    fn lists(&self) -> impl Iterator<Item = &CertRevocationList<'static>> {
        self.revocations.iter().flat_map(|lists| lists.iter())
    }

    /// What can be revoked is never trusted by itself.
    fn is_one_of_them(&self, certificate: &CertificateDer<'_>) -> bool {
        let certificates = &self.roots.certificates;
        self.revocations.is_empty()
            && certificates
                .binary_search(&fingerprint(certificate))
                .is_ok()
    }
}

impl Purpose {
    fn usage(self) -> KeyUsage {
        match self {
            Self::Client => KeyUsage::client_auth(),
            Self::Server => KeyUsage::server_auth(),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("authorities", &self.roots.store.len())
            .field("revocations", &self.lists().count())
            .finish()
    }
}

/// What a configuration names has to be there: without it more would be trusted.
pub(crate) fn given<'a, T>(
    named: bool,
    given: Option<&'a T>,
    what: &'static str,
) -> Result<Option<&'a T>, Unusable> {
    match (named, given) {
        (true, None) => Err(Unusable::Missing(what)),
        (true, Some(given)) => Ok(Some(given)),
        (false, _) => Ok(None),
    }
}

fn revocation<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    let options = RevocationOptionsBuilder::new(lists).ok()?;
    let options = options
        .with_depth(RevocationCheckDepth::Chain)
        .with_status_policy(UnknownStatusPolicy::Deny)
        .with_expiration_policy(ExpirationPolicy::Enforce);
    Some(options.build())
}

/// What is asked of a certificate that is trusted by itself.
fn in_force(shown: Shown<'_>, purpose: Purpose) -> Result<(), Error> {
    let (_, certificate) =
        X509Certificate::from_der(shown.certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(shown.now.as_secs()).map_err(|_| CertificateError::Expired)?;
    let now = ASN1Time::from_timestamp(now).map_err(|_| CertificateError::Expired)?;
    if now < certificate.validity().not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > certificate.validity().not_after {
        return Err(CertificateError::Expired.into());
    }
    let usage = certificate.extended_key_usage();
    let usage = usage.map_err(|_| CertificateError::BadEncoding)?;
    let suits = usage.is_none_or(|usage| match purpose {
        Purpose::Client => usage.value.any || usage.value.client_auth,
        Purpose::Server => usage.value.any || usage.value.server_auth,
    });
    if !suits {
        return Err(CertificateError::InvalidPurpose.into());
    }
    Ok(())
}

/// Why a chain is not trusted, so that the other side gets the alert that says so.
fn refusal(error: webpki::Error) -> Error {
    let refusal = match error {
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::CertExpired { .. } | webpki::Error::InvalidCertValidity => {
            CertificateError::Expired
        }
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::CertRevoked => CertificateError::Revoked,
        webpki::Error::UnknownRevocationStatus => CertificateError::UnknownRevocationStatus,
        webpki::Error::CrlExpired { .. } => CertificateError::ExpiredRevocationList,
        webpki::Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        webpki::Error::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        webpki::Error::IssuerNotCrlSigner => {
            return CertRevocationListError::IssuerInvalidForCrl.into();
        }
        webpki::Error::InvalidCrlSignatureForPublicKey => {
            return CertRevocationListError::BadSignature.into();
        }
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    refusal.into()
}
