//! Terminations as they run, from one snapshot to the next.
//!
//! Invariant: one that is in both snapshots is carried over with what was made for it. Nothing is made
//! before a client asks for it, and nothing anew unless its credentials have changed.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio_routing::{Listening, Termination, TerminationIndex};
use nuncio_tls::{Unusable, server_config};
use tokio_rustls::rustls::ServerConfig;

use super::credentials::Credentials;
use super::made::Made;

/// What is listened on, with its Terminations at their places.
#[derive(Debug, Default)]
pub(crate) struct Terminations {
    pub(super) listening: Arc<Listening>,
    running: Box<[Arc<Running>]>,
}

/// A Termination that is in force.
pub(crate) struct Running {
    termination: Arc<Termination>,
    config: Made<ServerConfig>,
}

impl Terminations {
    /// Those of `listening`, those of `self` carried over.
    pub(super) fn next(self: &Arc<Self>, listening: &Arc<Listening>) -> Arc<Self> {
        if Arc::ptr_eq(&self.listening, listening) {
            return Arc::clone(self);
        }
        let known: HashMap<&Termination, &Arc<Running>> = self
            .running
            .iter()
            .map(|running| (&*running.termination, running))
            .collect();
        let running = |termination: &Arc<Termination>| match known.get(&**termination) {
            Some(running) => Arc::clone(running),
            None => Arc::new(Running::new(termination)),
        };
        Arc::new(Self {
            running: listening.terminations.iter().map(running).collect(),
            listening: Arc::clone(listening),
        })
    }

    pub(super) fn get(&self, index: TerminationIndex) -> Option<&Arc<Running>> {
        self.running.get(index.as_usize())
    }
}

impl Running {
    fn new(termination: &Arc<Termination>) -> Self {
        Self {
            termination: Arc::clone(termination),
            config: Made::default(),
        }
    }

    pub(crate) fn termination(&self) -> &Arc<Termination> {
        &self.termination
    }

    /// What a handshake is made with, by its credentials as they are now.
    pub(crate) fn config(
        &self,
        credentials: &Credentials,
    ) -> Result<Arc<ServerConfig>, Arc<Unusable>> {
        let termination = &self.termination;
        let named = || termination.credentials();
        self.config.get(credentials, named, |needed| {
            let tickets = credentials.tickets()?;
            server_config(termination, needed, tickets).map_err(Arc::new)
        })
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("termination", &self.termination)
            .finish_non_exhaustive()
    }
}
