//! Terminations as they run, from one snapshot to the next.
//!
//! Invariant: one that is in both snapshots is carried over with what was made for it. Nothing is made
//! before a client asks for it, and nothing anew unless its credentials have changed. One whose identity has
//! not come yet goes on with what the one before it of the same context had.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use nuncio_routing::{Credential, Listening, Termination, TerminationIndex};
use nuncio_tls::{Demanded, Material, Needed, Unusable, server_config};
use tokio_rustls::rustls::ServerConfig;

use super::credentials::Credentials;
use super::made::{Made, identity};

/// What is listened on, with its Terminations at their places.
#[derive(Debug, Default)]
pub(crate) struct Terminations {
    pub(super) listening: Arc<Listening>,
    running: Box<[Arc<Running>]>,
}

/// What a handshake is made with.
pub(crate) struct Accepting {
    pub(crate) config: Arc<ServerConfig>,
    /// What it demands of clients.
    pub(crate) demanded: Demanded,
}

/// A Termination that is in force.
pub(crate) struct Running {
    termination: Arc<Termination>,
    made: Made<Accepting>,
    /// What it is for want of an identity of its own. Who may come in is never as before.
    former: ArcSwapOption<Material>,
}

impl Terminations {
    /// Those of `listening`, those of `self` carried over.
    pub(super) fn next(
        self: &Arc<Self>,
        listening: &Arc<Listening>,
        credentials: &Credentials,
    ) -> Arc<Self> {
        if Arc::ptr_eq(&self.listening, listening) {
            return Arc::clone(self);
        }
        let known: HashMap<&Termination, &Arc<Running>> = self
            .running
            .iter()
            .map(|running| (&*running.termination, running))
            .collect();
        let by_context: HashMap<&str, &Arc<Running>> = self
            .running
            .iter()
            .map(|running| (&*running.termination.context, running))
            .collect();
        let running = |termination: &Arc<Termination>| match known.get(&**termination) {
            Some(running) => Arc::clone(running),
            None => {
                let before = by_context.get(&*termination.context);
                let former = before.and_then(|before| before.identity(credentials));
                Arc::new(Running::new(termination, former))
            }
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
    fn new(termination: &Arc<Termination>, former: Option<Arc<Material>>) -> Self {
        Self {
            termination: Arc::clone(termination),
            made: Made::default(),
            former: ArcSwapOption::new(former),
        }
    }

    /// Who the gateway is here at this moment.
    fn identity(&self, credentials: &Credentials) -> Option<Arc<Material>> {
        let own = credentials.material(&Credential::Identity(self.termination.identity.clone()));
        own.or_else(|| self.former.load_full())
    }

    pub(crate) fn termination(&self) -> &Arc<Termination> {
        &self.termination
    }

    /// What a handshake is made with, by its credentials as they are now.
    pub(crate) fn accepting(
        &self,
        credentials: &Credentials,
    ) -> Result<Arc<Accepting>, Arc<Unusable>> {
        let termination = &self.termination;
        let named = || termination.credentials();
        self.made.get(credentials, named, |needed| {
            let tickets = credentials.tickets()?;
            if needed.identity.is_some() {
                self.former.store(None);
            }
            let former = self.former.load_full();
            let needed = Needed {
                identity: needed.identity.or_else(|| identity(former.as_deref()?)),
                ..*needed
            };
            let config = server_config(termination, &needed, tickets)?;
            let demanded = Demanded::of(termination, &needed, tickets)?;
            Ok(Arc::new(Accepting { config, demanded }))
        })
    }

    /// What is demanded of clients now, whoever the gateway is; `None` while what verifies them is missing.
    pub(crate) fn demanded(&self, credentials: &Credentials) -> Option<Demanded> {
        let termination = &self.termination;
        let named = || termination.credentials();
        self.made.look(credentials, named, |needed| {
            let tickets = credentials.tickets().ok()?;
            Demanded::of(termination, needed, tickets).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio_routing::{IdentitySource, SecretName, TlsTerms};
    use nuncio_tls::Identity;

    fn source(name: &str) -> IdentitySource {
        IdentitySource::Secret(SecretName {
            namespace: "default".into(),
            name: name.into(),
        })
    }

    fn material() -> Option<Material> {
        let identity = Identity::self_signed().unwrap();
        Some(Material::Identity(Arc::new(identity)))
    }

    /// What is listened on where `context` has this Secret.
    fn listening(context: &str, secret: &str) -> Arc<Listening> {
        let termination = Termination {
            context: context.into(),
            identity: source(secret),
            clients: None,
            terms: TlsTerms::default(),
            offers_http: true,
            found: false,
        };
        Arc::new(Listening {
            terminations: [Arc::new(termination)].into(),
            ..Listening::default()
        })
    }

    #[test]
    fn another_secret_takes_the_place_of_the_former_once_it_is_there() {
        let credentials = Credentials::new();
        let config = |all: &Terminations| all.running[0].accepting(&credentials);
        let first = Arc::new(Terminations::default());
        let first = first.next(&listening("edge", "one"), &credentials);
        assert!(config(&first).is_err());
        credentials.set(&Credential::Identity(source("one")), material());
        assert!(config(&first).is_ok());

        let other = first.next(&listening("other", "two"), &credentials);
        assert!(config(&other).is_err());
        let second = first.next(&listening("edge", "two"), &credentials);
        credentials.forget(&Credential::Identity(source("one")));
        let former = config(&second).unwrap();
        let third = second.next(&listening("edge", "three"), &credentials);
        assert!(config(&third).is_ok());

        credentials.set(&Credential::Identity(source("two")), material());
        assert!(!Arc::ptr_eq(&former, &config(&second).unwrap()));
        assert!(second.running[0].former.load().is_none());
    }
}
