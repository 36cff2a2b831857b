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
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("the certificate's is RSA of {} bits", key.key_size()),
        Ok(PublicKey::EC(point)) => {
            format!("the certificate's is ECDSA of {} bits", point.key_size())
        }
        Ok(PublicKey::DSA(_)) => "the certificate's is DSA".to_owned(),
        Ok(_) | Err(_) => "its kind or its encoding is not known".to_owned(),
    }
    .into()
}
