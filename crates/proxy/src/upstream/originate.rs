//! TLS to upstreams: what each cluster's connections are made with.
//!
//! Invariant: connections made with one configuration are never used where another is in force: clusters
//! with other TLS have other pools, and so has a cluster whose credentials have changed.
//! Deliberately absent: connecting.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio_routing::{Cluster, Origination};
use nuncio_tls::{Unusable, client_config};
use tokio_rustls::rustls::ClientConfig;

use crate::live::{Credentials, Made};

/// What TLS of some clusters is originated by. Clusters that want the same share one, and resume each
/// other's sessions.
pub(crate) struct Originator {
    origination: Arc<Origination>,
    http2: bool,
    credentials: Arc<Credentials>,
    made: Made<Originated>,
}

/// A configuration, by the credentials of one moment.
pub(super) struct Originated {
    pub(super) config: Arc<ClientConfig>,
    pub(super) origination: Arc<Origination>,
    /// Of all configurations there ever were; never 0.
    pub(super) serial: u64,
}

/// Where a connection leads, and what it is made with.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) address: SocketAddr,
    /// `None` = without TLS.
    pub(super) originated: Option<&'a Arc<Originated>>,
}

/// All that are in use.
pub(crate) struct Originators {
    credentials: Arc<Credentials>,
    known: Mutex<HashMap<Wanted, Weak<Originator>>>,
}

/// What TLS is wanted, and whether it is wanted for HTTP/2.
type Wanted = (Arc<Origination>, bool);

impl Originators {
    pub(crate) fn new(credentials: &Arc<Credentials>) -> Self {
        Self {
            credentials: Arc::clone(credentials),
            known: Mutex::default(),
        }
    }

    /// The one of `cluster`; `None` if it is spoken to without TLS.
    pub(crate) fn of(&self, cluster: &Cluster) -> Option<Arc<Originator>> {
        let origination = cluster.tls.as_ref()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Arc::clone(origination), cluster.http2);
        if let Some(originator) = known.get(&key).and_then(Weak::upgrade) {
            return Some(originator);
        }
        known.retain(|_, originator| originator.strong_count() > 0);
        let originator = Arc::new(Originator {
            origination: Arc::clone(origination),
            http2: cluster.http2,
            credentials: Arc::clone(&self.credentials),
            made: Made::default(),
        });
        known.insert(key, Arc::downgrade(&originator));
        Some(originator)
    }
}

impl Target<'_> {
    /// Tells connections made so from those made with something else; 0 without TLS.
    pub(super) fn serial(self) -> u64 {
        self.originated.map_or(0, |originated| originated.serial)
    }
}

impl Originator {
    /// What a connection is made with that is made now.
    pub(super) fn originated(&self) -> Result<Arc<Originated>, Arc<Unusable>> {
        static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);
        let named = || self.origination.credentials();
        self.made.get(&self.credentials, named, |needed| {
            let config = client_config(&self.origination, self.http2, needed).map_err(Arc::new)?;
            Ok(Arc::new(Originated {
                config,
                origination: Arc::clone(&self.origination),
                serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
            }))
        })
    }
}

impl fmt::Debug for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Originator")
            .field("origination", &self.origination)
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Originators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Originators").finish_non_exhaustive()
    }
}
