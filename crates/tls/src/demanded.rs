//! What clients had to show when a connection was made, and whether that is enough by now.
//!
//! Invariant: a connection whose client was not asked who it is lets nobody in where clients are asked.
//! Deliberately absent: when to look.

use std::fmt;
use std::sync::Arc;

use nuncio_routing::Termination;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;

use crate::server::verified;
use crate::{Needed, Peer, Tickets, Unusable};

/// How clients are verified with credentials as they were at one moment; not at all by default.
#[derive(Clone, Default)]
pub struct Demanded(Option<Arc<dyn ClientCertVerifier>>);

impl Demanded {
    /// What [`server_config`](crate::server_config) demands of clients, given the same.
    ///
    /// # Errors
    ///
    /// When what verifies them is missing.
    pub fn of(
        termination: &Termination,
        needed: &Needed<'_>,
        tickets: &Tickets,
    ) -> Result<Self, Unusable> {
        let verification = verified(termination, needed, tickets)?;
        Ok(Self(verification.map(|verification| verification.verifier)))
    }

    /// Whether a client that came in by `self`, and proved to be `peer` then, may go on by `now`. While
    /// nobody can tell what is demanded (`None`), whoever was asked before may.
    pub fn is_enough(&self, peer: Option<&Peer>, now: Option<&Self>) -> bool {
        let Some(now) = now else {
            return self.0.is_some();
        };
        let (Some(verifier), peer) = (&now.0, peer) else {
            return true;
        };
        match (&self.0, peer) {
            (Some(before), _) if Arc::ptr_eq(before, verifier) => true,
            (_, Some(peer)) => {
                let (certificate, intermediates) = peer.shown();
                let verified =
                    verifier.verify_client_cert(certificate, intermediates, UnixTime::now());
                verified.is_ok()
            }
            (Some(_), None) => !verifier.client_auth_mandatory(),
            (None, None) => false,
        }
    }
}

impl fmt::Debug for Demanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Demanded").field(&self.0.is_some()).finish()
    }
}
