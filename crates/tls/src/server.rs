//! How TLS of clients is terminated, as rustls has it.

use std::sync::Arc;

use nuncio_config::Alpn;
use nuncio_routing::{ClientVerification, Termination};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
};

use crate::tickets::{Demand, Verification};
use crate::trust::{Purpose, Shown, Trust, given};
use crate::{Authorities, Needed, Tickets, Unusable, signatures, terms};

/// A configuration for all connections that one Termination stands for.
///
/// Sessions are resumed by tickets alone, so that it keeps nothing of them. Nothing is read before the
/// handshake is over (0-RTT), since it could be read again.
pub fn server_config(
    termination: &Termination,
    needed: &Needed<'_>,
    tickets: &Tickets,
) -> Result<Arc<ServerConfig>, Unusable> {
    let identity = needed
        .identity
        .ok_or(Unusable::Missing("the certificate"))?;
    let terms = &termination.terms;
    let (verifier, ticketer) = match verified(termination, needed, tickets)? {
        Some(Verification { verifier, ticketer }) => (verifier, ticketer),
        None => (WebPkiClientVerifier::no_client_auth(), tickets.anybody()),
    };
    let mut config = ServerConfig::builder_with_provider(terms::provider(terms))
        .with_protocol_versions(terms::versions(terms)?)
        .map_err(Unusable::Rejected)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identity.resolver());
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ticketer;
    config.alpn_protocols = match &*terms.alpn {
        [] if termination.offers_http => terms::alpn(&[Alpn::H2, Alpn::Http11]),
        alpn => terms::alpn(alpn),
    };
    // Who chooses suites has put them in order.
    config.ignore_client_order = !terms.cipher_suites.is_empty();
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The same, for a client that offers only protocols which are not spoken here (rustls would turn it
/// away; Envoy goes on without one), and for connections that are carried as they are.
pub fn without_alpn(config: &ServerConfig) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = Vec::new();
    Arc::new(config)
}

/// Authorities that nobody has asked for verify clients unless it is known that there are none: as long
/// as that is not known, they are missing.
fn clients<'a>(
    termination: &'a Termination,
    needed: &Needed<'_>,
) -> Option<&'a ClientVerification> {
    let nobody = termination.found && needed.authorities.is_some_and(Authorities::is_nobody);
    termination.clients.as_deref().filter(|_| !nobody)
}

/// How clients are verified, if they are.
pub(crate) fn verified(
    termination: &Termination,
    needed: &Needed<'_>,
    tickets: &Tickets,
) -> Result<Option<Verification>, Unusable> {
    let clients = clients(termination, needed);
    let verification = clients.map(|clients| verification(clients, needed, tickets));
    verification.transpose()
}

fn verification(
    clients: &ClientVerification,
    needed: &Needed<'_>,
    tickets: &Tickets,
) -> Result<Verification, Unusable> {
    let authorities = given(
        clients.authorities.is_some(),
        needed.somebody(),
        "the authorities of clients",
    )?;
    let revocations = given(
        clients.revocations.is_some(),
        needed.revocations,
        "the revocations of clients",
    )?;
    let beside = authorities.and_then(|authorities| authorities.revocations.as_ref());
    let demand = Demand {
        authorities: authorities.map(|authorities| authorities.fingerprint),
        revocations: [beside, revocations].map(|lists| lists.map(|lists| lists.fingerprint)),
        required: clients.required || authorities.is_some_and(|authorities| authorities.required),
    };
    let required = demand.required;
    tickets.verified(demand, || {
        let trust = authorities.map(|authorities| Trust::new(authorities, revocations));
        Arc::new(Clients { trust, required })
    })
}

/// Verifies clients. Without authorities any certificate will do.
#[derive(Debug)]
struct Clients {
    trust: Option<Trust>,
    required: bool,
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.trust.as_ref().map_or(&[], Trust::names)
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(trust) = &self.trust {
            let shown = Shown {
                certificate,
                intermediates,
                now,
            };
            trust.verify(shown, Purpose::Client)?;
        }
        Ok(ClientCertVerified::assertion())
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
