//! Terminations as they run, from one snapshot to the next.
//!
//! Invariant: one that is in both snapshots is carried over with what was made for it. Nothing is made
//! before a client asks for it, and nothing anew unless its credentials have changed.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use nuncio_routing::{Credential, Listening, Source, Termination, TerminationIndex};
use nuncio_tls::{Authorities, Identity, Material, Needed, Revocations, Unusable, server_config};
use tokio_rustls::rustls::ServerConfig;

use super::credentials::{Credentials, Slot};

/// What is listened on, with its Terminations at their places.
#[derive(Debug, Default)]
pub(crate) struct Terminations {
    pub(super) listening: Arc<Listening>,
    running: Box<[Arc<Running>]>,
}

/// A Termination that is in force.
pub(crate) struct Running {
    termination: Arc<Termination>,
    slots: OnceLock<Slots>,
    made: ArcSwapOption<Made>,
}

/// Why a handshake cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTermination {
    /// It is not known what to prove who the gateway is by, or what to verify clients by.
    #[error("there is no {what}")]
    Missing {
        /// Which of its credentials.
        what: &'static str,
    },
    /// They cannot be used together.
    #[error(transparent)]
    Unusable(Arc<Unusable>),
}

/// Where its credentials are.
struct Slots {
    identity: Arc<Slot>,
    authorities: Option<Arc<Slot>>,
    revocations: Option<Arc<Slot>>,
}

/// Its credentials at one moment.
struct Materials {
    identity: Arc<Material>,
    authorities: Option<Arc<Material>>,
    revocations: Option<Arc<Material>>,
}

/// What came of some credentials.
struct Made {
    of: Materials,
    config: Result<Arc<ServerConfig>, Arc<Unusable>>,
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
            slots: OnceLock::new(),
            made: ArcSwapOption::empty(),
        }
    }

    pub(crate) fn termination(&self) -> &Arc<Termination> {
        &self.termination
    }

    /// What a handshake is made with, by its credentials as they are now.
    pub(crate) fn config(
        &self,
        credentials: &Credentials,
    ) -> Result<Arc<ServerConfig>, NoTermination> {
        let slots = self
            .slots
            .get_or_init(|| Slots::of(&self.termination, credentials));
        let materials = slots.materials()?;
        if let Some(made) = &*self.made.load()
            && made.of.are(&materials)
        {
            return made.config.clone().map_err(NoTermination::Unusable);
        }
        let tickets = credentials.tickets().map_err(NoTermination::Unusable)?;
        let config = server_config(&self.termination, &materials.needed(), tickets);
        let config = config.map_err(Arc::new);
        self.made.store(Some(Arc::new(Made {
            of: materials,
            config: config.clone(),
        })));
        config.map_err(NoTermination::Unusable)
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("termination", &self.termination)
            .finish_non_exhaustive()
    }
}

impl Slots {
    fn of(termination: &Termination, credentials: &Credentials) -> Self {
        let clients = termination.clients.as_deref();
        let slot = |source: &Source, kind: fn(Source) -> Credential| {
            credentials.slot(&kind(source.clone()))
        };
        let authorities = clients.and_then(|clients| clients.authorities.as_ref());
        let revocations = clients.and_then(|clients| clients.revocations.as_ref());
        Self {
            identity: credentials.slot(&Credential::Identity(termination.identity.clone())),
            authorities: authorities.map(|source| slot(source, Credential::Authorities)),
            revocations: revocations.map(|source| slot(source, Credential::Revocations)),
        }
    }

    /// All of them: without its authorities or what they revoked, nobody would be verified as asked.
    fn materials(&self) -> Result<Materials, NoTermination> {
        let of = |slot: &Arc<Slot>, what| slot.material().ok_or(NoTermination::Missing { what });
        let maybe = |slot: &Option<Arc<Slot>>, what| slot.as_ref().map(|slot| of(slot, what));
        Ok(Materials {
            identity: of(&self.identity, "certificate")?,
            authorities: maybe(&self.authorities, "authority of clients").transpose()?,
            revocations: maybe(&self.revocations, "list of revoked certificates").transpose()?,
        })
    }
}

impl Materials {
    fn are(&self, others: &Self) -> bool {
        let same = |one: &Option<Arc<Material>>, other: &Option<Arc<Material>>| {
            one.as_ref().map(Arc::as_ptr) == other.as_ref().map(Arc::as_ptr)
        };
        Arc::ptr_eq(&self.identity, &others.identity)
            && same(&self.authorities, &others.authorities)
            && same(&self.revocations, &others.revocations)
    }

    fn needed(&self) -> Needed<'_> {
        Needed {
            identity: identity(&self.identity),
            authorities: self.authorities.as_deref().and_then(authorities),
            revocations: self.revocations.as_deref().and_then(revocations),
        }
    }
}

fn identity(material: &Material) -> Option<&Identity> {
    match material {
        Material::Identity(identity) => Some(identity),
        Material::Authorities(_) | Material::Revocations(_) => None,
    }
}

fn authorities(material: &Material) -> Option<&Authorities> {
    match material {
        Material::Authorities(authorities) => Some(authorities),
        Material::Identity(_) | Material::Revocations(_) => None,
    }
}

fn revocations(material: &Material) -> Option<&Revocations> {
    match material {
        Material::Revocations(revocations) => Some(revocations),
        Material::Identity(_) | Material::Authorities(_) => None,
    }
}
