//! One endpoint of a cluster, and its choice for one attempt at a request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};

use super::balance::Hash;
use super::outliers::Watch;

/// What an attempt wants of its endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pick {
    /// What the request is balanced by, where a cluster hashes; `None` = at random.
    pub(crate) hash: Option<u64>,
    /// Where it was sent before: avoided while there are others.
    pub(crate) tried: Vec<SocketAddr>,
}

/// An address of a cluster. It stays the same one while answers contain the address.
#[derive(Debug)]
pub(super) struct Host {
    address: SocketAddr,
    /// Requests under way, over all workers; counted only where somebody asks.
    active: AtomicU32,
    /// Who is told when it has failed too often.
    watch: Option<Arc<Watch>>,
    /// Failures in a row.
    failures: AtomicU32,
    ejected: AtomicBool,
}

/// The endpoint of one attempt; while it lives, the attempt counts as under way there.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    /// `None` where nobody asks how busy or how well it is.
    host: Option<Arc<Host>>,
}

impl Host {
    pub(super) fn new(address: SocketAddr, watch: Option<Arc<Watch>>) -> Self {
        Self {
            address,
            active: AtomicU32::new(0),
            watch,
            failures: AtomicU32::new(0),
            ejected: AtomicBool::new(false),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The beginning of everything that is placed by this address.
    pub(super) fn hash(&self) -> Hash {
        let hash = match self.address.ip() {
            IpAddr::V4(ip) => Hash::default().with(&ip.octets()),
            IpAddr::V6(ip) => Hash::default().with(&ip.octets()),
        };
        hash.with(&self.address.port().to_be_bytes())
    }

    /// Requests under way.
    pub(super) fn active(&self) -> u32 {
        self.active.load(Relaxed)
    }

    /// Whether it is left out.
    pub(super) fn is_ejected(&self) -> bool {
        self.ejected.load(Relaxed)
    }

    pub(super) fn set_ejected(&self, ejected: bool) {
        self.ejected.store(ejected, Relaxed);
        self.failures.store(0, Relaxed);
    }

    /// Its failures up to now count no longer.
    pub(super) fn forgive(&self) {
        // A plain store with each answer would take the line from all other workers.
        if self.failures.load(Relaxed) > 0 {
            self.failures.store(0, Relaxed);
        }
    }

    fn failed(self: &Arc<Self>) {
        let Some(watch) = &self.watch else { return };
        let in_a_row = self.failures.fetch_add(1, Relaxed) + 1;
        watch.failed(self, in_a_row);
    }
}

impl Endpoint {
    /// An endpoint that nothing has to be known of.
    pub(super) fn untracked(address: SocketAddr) -> Self {
        Self {
            address,
            host: None,
        }
    }

    pub(super) fn tracked(host: &Arc<Host>) -> Self {
        host.active.fetch_add(1, Relaxed);
        Self {
            address: host.address,
            host: Some(Arc::clone(host)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// It answered with this status.
    pub(crate) fn answered(&self, status: u16) {
        match &self.host {
            Some(host) if status >= 500 => host.failed(),
            Some(host) => host.forgive(),
            None => {}
        }
    }

    /// It gave no answer: no connection, none in time, or a broken one. Envoy counts that as 5xx.
    pub(crate) fn failed(&self) {
        if let Some(host) = &self.host {
            host.failed();
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(host) = &self.host {
            host.active.fetch_sub(1, Relaxed);
        }
    }
}
