//! What both sides of a connection may speak, in the words of rustls.

use std::sync::{Arc, LazyLock};

use nuncio_config::{Alpn, CipherSuite, Curve, TlsVersion};
use nuncio_routing::TlsTerms;
use rustls::crypto::ring::{ALL_KX_GROUPS, DEFAULT_CIPHER_SUITES, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::{
    ALL_VERSIONS, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion, version,
};

use crate::Unusable;

/// Everything there is. Shared by all who choose nothing.
pub(crate) static EVERYTHING: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(ring::default_provider()));

/// Suites and curves. Those of TLS 1.3 are not chosen.
pub(crate) fn provider(terms: &TlsTerms) -> Arc<CryptoProvider> {
    if terms.cipher_suites.is_empty() && terms.curves.is_empty() {
        return Arc::clone(&EVERYTHING);
    }
    Arc::new(CryptoProvider {
        cipher_suites: suites(&terms.cipher_suites),
        kx_groups: curves(&terms.curves),
        ..ring::default_provider()
    })
}

/// The versions between the oldest and the newest.
pub(crate) fn versions(
    terms: &TlsTerms,
) -> Result<&'static [&'static SupportedProtocolVersion], Unusable> {
    let oldest = terms.min_version.unwrap_or(TlsVersion::V12);
    let newest = terms.max_version.unwrap_or(TlsVersion::V13);
    match (oldest, newest) {
        (TlsVersion::V12, TlsVersion::V13) => Ok(ALL_VERSIONS),
        (TlsVersion::V12, TlsVersion::V12) => Ok(ONLY_12),
        (TlsVersion::V13, TlsVersion::V13) => Ok(ONLY_13),
        (TlsVersion::V13, TlsVersion::V12) => Err(Unusable::Versions),
    }
}

/// As a ClientHello has them.
pub(crate) fn alpn(protocols: &[Alpn]) -> Vec<Vec<u8>> {
    let name = |protocol: &Alpn| match protocol {
        Alpn::H2 => b"h2".to_vec(),
        Alpn::Http11 => b"http/1.1".to_vec(),
    };
    protocols.iter().map(name).collect()
}

fn suites(chosen: &[CipherSuite]) -> Vec<SupportedCipherSuite> {
    if chosen.is_empty() {
        return DEFAULT_CIPHER_SUITES.to_vec();
    }
    let of_13 = |suite: &SupportedCipherSuite| suite.version().version == ProtocolVersion::TLSv1_3;
    let of_13 = DEFAULT_CIPHER_SUITES.iter().copied().filter(of_13);
    of_13.chain(chosen.iter().copied().map(suite)).collect()
}

fn suite(chosen: CipherSuite) -> SupportedCipherSuite {
    match chosen {
        CipherSuite::EcdheEcdsaAes128GcmSha256 => {
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        }
        CipherSuite::EcdheEcdsaAes256GcmSha384 => {
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        }
        CipherSuite::EcdheEcdsaChacha20Poly1305 => {
            cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        CipherSuite::EcdheRsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheRsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdheRsaChacha20Poly1305 => {
            cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        }
    }
}

fn curves(chosen: &[Curve]) -> Vec<&'static dyn SupportedKxGroup> {
    if chosen.is_empty() {
        return ALL_KX_GROUPS.to_vec();
    }
    chosen.iter().copied().map(curve).collect()
}

fn curve(chosen: Curve) -> &'static dyn SupportedKxGroup {
    match chosen {
        Curve::X25519 => kx_group::X25519,
        Curve::P256 => kx_group::SECP256R1,
        Curve::P384 => kx_group::SECP384R1,
    }
}

static ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
static ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
