//! How TLS to an upstream is originated, as rustls has it.
//!
//! As with Emissary, an upstream is verified by its authorities, never by its name.

use std::net::IpAddr;
use std::sync::Arc;

use nuncio_config::Alpn;
use nuncio_routing::Origination;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::sessions::Sessions;
use crate::trust::{Purpose, Shown, Trust, given};
use crate::{Needed, Unusable, signatures, terms};

/// A configuration for all connections that one Origination stands for. `http2`: what is spoken, which the
/// upstream is told if the Origination says nothing of ALPN; without it `h2` is not offered, whatever
/// that says. Sessions are resumed.
pub fn client_config(
    origination: &Origination,
    http2: bool,
    needed: &Needed<'_>,
) -> Result<Arc<ClientConfig>, Unusable> {
    let terms = &origination.terms;
    let identity = given(
        origination.identity.is_some(),
        needed.identity,
        "the certificate",
    )?;
    if let Some(name) = &origination.sni {
        told(name)?;
    }
    let builder = ClientConfig::builder_with_provider(terms::provider(terms))
        .with_protocol_versions(terms::versions(terms)?)
        .map_err(Unusable::Rejected)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(upstreams(origination, needed)?));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = origination.sni.is_some();
    config.resumption = Resumption::store(Arc::new(Sessions::default()));
    config.alpn_protocols = match &*terms.alpn {
        [] if http2 => terms::alpn(&[Alpn::H2]),
        alpn if http2 => terms::alpn(alpn),
        // Nothing is offered that is not spoken then.
        alpn => {
            let spoken: Vec<_> = alpn
                .iter()
                .copied()
                .filter(|one| *one != Alpn::H2)
                .collect();
            terms::alpn(&spoken)
        }
    };
    Ok(Arc::new(config))
}

/// What rustls is to call an upstream: the name that the upstream is told, or its address, which it is
/// not told. Sessions are resumed with the same one only.
pub fn server_name(
    origination: &Origination,
    endpoint: IpAddr,
) -> Result<ServerName<'static>, Unusable> {
    match &origination.sni {
        Some(name) => told(name),
        None => Ok(ServerName::IpAddress(endpoint.into())),
    }
}

fn told(name: &str) -> Result<ServerName<'static>, Unusable> {
    ServerName::try_from(name.to_owned()).map_err(|_| Unusable::Name(name.into()))
}

fn upstreams(origination: &Origination, needed: &Needed<'_>) -> Result<Upstreams, Unusable> {
    let authorities = given(
        origination.authorities.is_some(),
        needed.somebody(),
        "the authorities of the upstream",
    )?;
    let revocations = given(
        origination.revocations.is_some(),
        needed.revocations,
        "the revocations of the upstream",
    )?;
    Ok(Upstreams {
        trust: authorities.map(|authorities| Trust::new(authorities, revocations)),
    })
}

/// Verifies upstreams. Without authorities any certificate will do.
#[derive(Debug)]
struct Upstreams {
    trust: Option<Trust>,
}

impl ServerCertVerifier for Upstreams {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            let shown = Shown {
                certificate,
                intermediates,
                now,
            };
            trust.verify(shown, Purpose::Server)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signatures::tls12(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signatures::tls13(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        signatures::schemes()
    }
}
