//! The private key of a certificate.
//!
//! Invariant: of the key nothing stays but what ring signs with; what it was read from is wiped.
//! ring itself does not wipe a key that is no longer used.

use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::SigningKey;
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AlgorithmIdentifier;

use crate::Unusable;
use crate::pem::{self, Block};

/// The one key in a text, which has to be that of the certificate.
pub(crate) fn of_certificate(
    text: &[u8],
    certificate: &X509Certificate<'_>,
) -> Result<Arc<dyn SigningKey>, Unusable> {
    let mut keys = pem::blocks(text);
    keys.retain(|block| block.label.ends_with("PRIVATE KEY"));
    let [key] = &*keys else {
        return Err(match keys.len() {
            0 => Unusable::NoKey,
            several => Unusable::SeveralKeys(several),
        });
    };
    let key = signing(key, certificate)?;
    belongs(&*key, certificate)?;
    Ok(key)
}

/// The key of a certificate that was just made.
pub(crate) fn of_pkcs8(der: &[u8]) -> Result<Arc<dyn SigningKey>, Unusable> {
    any_supported_type(&PrivatePkcs8KeyDer::from(der).into()).map_err(Unusable::Rejected)
}

fn signing(
    block: &Block<'_>,
    certificate: &X509Certificate<'_>,
) -> Result<Arc<dyn SigningKey>, Unusable> {
    if block.encrypted() {
        return Err(Unusable::EncryptedKey);
    }
    let der = block.der().map_err(|reason| Unusable::Broken {
        what: "private key",
        position: 1,
        reason: reason.into(),
    })?;
    let der: PrivateKeyDer<'_> = match block.label {
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der.as_slice()).into(),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der.as_slice()).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der.as_slice()).into(),
        other => return Err(Unusable::Key(other.into())),
    };
    any_supported_type(&der).map_err(|_| Unusable::Key(kind(certificate)))
}

/// A key proves to be somebody's by its public half. Older certificates than those of version 3, which
/// rustls does not read, have one too.
fn belongs(key: &dyn SigningKey, certificate: &X509Certificate<'_>) -> Result<(), Unusable> {
    let public = key.public_key().ok_or(Unusable::OtherKey)?;
    if public.as_ref() != certificate.public_key().raw {
        return Err(Unusable::OtherKey);
    }
    Ok(())
}

/// What kind of key a certificate has.
fn kind(certificate: &X509Certificate<'_>) -> Box<str> {
    let key = certificate.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(key)) => format!("the certificate's is RSA of {} bits", key.key_size()),
        Ok(PublicKey::EC(_)) => format!("the certificate's is ECDSA on {}", curve(&key.algorithm)),
        Ok(PublicKey::DSA(_)) => "the certificate's is DSA".to_owned(),
        Ok(_) | Err(_) => "its kind or its encoding is not known".to_owned(),
    }
    .into()
}

fn curve(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let parameters = algorithm.parameters();
    let Some(oid) = parameters.and_then(|parameters| parameters.as_oid().ok()) else {
        return "a curve without a name".to_owned();
    };
    match &*oid.to_id_string() {
        "1.2.840.10045.3.1.7" => "P-256".to_owned(),
        "1.3.132.0.34" => "P-384".to_owned(),
        "1.3.132.0.35" => "P-521".to_owned(),
        other => format!("the curve {other}"),
    }
}
