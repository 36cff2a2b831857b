//! Whether the other side has the key of the certificate that it shows.
//!
//! Certificates of version 1, which rustls does not read, have a key as well: whoever takes any
//! certificate takes them.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, RawPublicKeyEntity};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::terms::EVERYTHING;

/// What can be verified at all.
pub(crate) fn algorithms() -> WebPkiSupportedAlgorithms {
    EVERYTHING.signature_verification_algorithms
}

/// What the other side is told of that.
pub(crate) fn schemes() -> Vec<SignatureScheme> {
    algorithms().supported_schemes()
}

/// A signature of TLS 1.2.
pub(crate) fn tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if EndEntityCert::try_from(certificate).is_ok() {
        return verify_tls12_signature(message, certificate, signature, &algorithms());
    }
    let key = public_key(certificate)?;
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| unreadable())?;
    let algorithms = algorithms().mapping.iter();
    let algorithms = algorithms.filter(|(scheme, _)| *scheme == signature.scheme);
    let valid = algorithms
        .flat_map(|(_, algorithms)| *algorithms)
        .any(|algorithm| {
            key.verify_signature(*algorithm, message, signature.signature())
                .is_ok()
        });
    if !valid {
        return Err(CertificateError::BadSignature.into());
    }
    Ok(HandshakeSignatureValid::assertion())
}

/// A signature of TLS 1.3.
pub(crate) fn tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    if EndEntityCert::try_from(certificate).is_ok() {
        return verify_tls13_signature(message, certificate, signature, &algorithms());
    }
    let key = public_key(certificate)?;
    verify_tls13_signature_with_raw_key(message, &key, signature, &algorithms())
}

fn public_key<'a>(
    certificate: &'a CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoDer<'a>, Error> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| unreadable())?;
    let key: &'a [u8] = certificate.tbs_certificate.subject_pki.raw;
    Ok(key.into())
}

fn unreadable() -> Error {
    CertificateError::BadEncoding.into()
}
