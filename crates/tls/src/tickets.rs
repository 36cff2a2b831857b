//! What lets a client resume a session: tickets, whose keys all workers share and that change every six
//! hours.
//!
//! Invariant: a ticket may say that its client was verified, so it is only ever accepted where the same
//! authorities, the same revocations and the same demand verify clients as where it was given.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::crypto::ring::Ticketer;
use rustls::server::ProducesTickets;
use rustls::server::danger::ClientCertVerifier;

use crate::Unusable;
use crate::ticketer::Forgetful;

/// The keys of tickets, and who shares them.
pub struct Tickets {
    anybody: Arc<dyn ProducesTickets>,
    verified: Mutex<Shared>,
}

/// How clients are verified, by content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Demand {
    pub(crate) authorities: Option<[u8; 32]>,
    /// Beside the authorities, and by themselves.
    pub(crate) revocations: [Option<[u8; 32]>; 2],
    pub(crate) required: bool,
}

/// What configurations that verify clients the same way share.
#[derive(Clone)]
pub(crate) struct Verification {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    pub(crate) ticketer: Arc<dyn ProducesTickets>,
}

/// Those that are in use. Configurations keep them; here they are only found.
#[derive(Default)]
struct Shared {
    in_use: HashMap<Demand, Found>,
    /// With how many of them it is worth to look for those that nobody keeps.
    many: usize,
}

type Found = (Weak<dyn ClientCertVerifier>, Weak<dyn ProducesTickets>);

impl Tickets {
    /// New keys, which nobody has tickets of.
    pub fn new() -> Result<Self, Unusable> {
        Ok(Self {
            anybody: Ticketer::new().map_err(Unusable::Rejected)?,
            verified: Mutex::default(),
        })
    }

    /// For those who ask nobody who they are.
    pub(crate) fn anybody(&self) -> Arc<dyn ProducesTickets> {
        Arc::clone(&self.anybody)
    }

    /// For those who verify clients in one way.
    pub(crate) fn verified(
        &self,
        demand: Demand,
        verifier: impl FnOnce() -> Arc<dyn ClientCertVerifier>,
    ) -> Result<Verification, Unusable> {
        let mut shared = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shared.find(&demand) {
            return Ok(found);
        }
        let made = Verification {
            verifier: verifier(),
            ticketer: Arc::new(Forgetful::new().map_err(Unusable::Rejected)?),
        };
        shared.add(demand, &made);
        Ok(made)
    }
}

impl Shared {
    fn find(&self, demand: &Demand) -> Option<Verification> {
        let (verifier, ticketer) = self.in_use.get(demand)?;
        Some(Verification {
            verifier: verifier.upgrade()?,
            ticketer: ticketer.upgrade()?,
        })
    }

    fn add(&mut self, demand: Demand, made: &Verification) {
        if self.in_use.len() >= self.many {
            self.in_use
                .retain(|_, (verifier, _)| verifier.strong_count() > 0);
            self.many = 2 * self.in_use.len() + 16;
        }
        let kept = (
            Arc::downgrade(&made.verifier),
            Arc::downgrade(&made.ticketer),
        );
        self.in_use.insert(demand, kept);
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}
