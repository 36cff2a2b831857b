//! A certificate that nobody vouches for, where the configuration has none and TLS is to be spoken
//! nevertheless.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use zeroize::Zeroizing;

use crate::{Facts, Identity, Unusable, identity, key};

impl Identity {
    /// A new one with every call, valid for a year, with an ECDSA key that never leaves the process.
    pub fn self_signed() -> Result<Self, Unusable> {
        let key = Zeroizing::new(KeyPair::generate().map_err(Unusable::NotMade)?);
        let certificate = params()
            .and_then(|params| params.self_signed(&*key))
            .map_err(Unusable::NotMade)?;
        let der = certificate.der().clone();
        let facts = Facts::of(&identity::parsed(&der, 1)?, &der);
        Ok(Self::new(
            vec![der],
            key::of_pkcs8(key.serialized_der())?,
            facts,
        ))
    }
}

fn params() -> Result<CertificateParams, rcgen::Error> {
    // A name that no host has (RFC 2606): this certificate is valid for nothing.
    let mut params = CertificateParams::new(vec!["fallback.nuncio.invalid".to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Nuncio self-signed");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - HOUR).into();
    params.not_after = (now + YEAR).into();
    Ok(params)
}

/// Clients' clocks are late now and then.
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
