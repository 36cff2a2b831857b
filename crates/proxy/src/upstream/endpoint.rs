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
#[derive(Clone, Debug)]
pub(super) struct Host {
    address: SocketAddr,
    /// `None` where nobody asks how busy or how well it is.
    state: Option<Arc<State>>,
}

/// What is known of an endpoint.
#[derive(Debug)]
struct State {
    /// Requests under way, over all workers.
    active: AtomicU32,
    /// Who is told when it has failed too often.
    watch: Option<Arc<Watch>>,
    /// Failures in a row.
    failures: AtomicU32,
    ejected: AtomicBool,
}

/// The endpoint of one attempt; while it lives, the attempt counts as under way there.
#[derive(Debug)]
pub(crate) struct Endpoint(Host);

impl Host {
    /// One of which nothing has to be known.
    pub(super) fn untracked(address: SocketAddr) -> Self {
        Self {
            address,
            state: None,
        }
    }

    /// One whose requests are counted; `watch` is told of its failures.
    pub(super) fn tracked(address: SocketAddr, watch: Option<Arc<Watch>>) -> Self {
        let state = State {
            active: AtomicU32::new(0),
            watch,
            failures: AtomicU32::new(0),
            ejected: AtomicBool::new(false),
        };
        Self {
            address,
            state: Some(Arc::new(state)),
        }
    }

    /// Whether it is this very one, and not another that has its address.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (&self.state, &other.state) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => self.address == other.address,
            (Some(_), None) | (None, Some(_)) => false,
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
        let state = self.state.as_ref();
        state.map_or(0, |state| state.active.load(Relaxed))
    }

    /// Whether it is left out.
    pub(super) fn is_ejected(&self) -> bool {
        let state = self.state.as_ref();
        state.is_some_and(|state| state.ejected.load(Relaxed))
    }

    pub(super) fn set_ejected(&self, ejected: bool) {
        if let Some(state) = &self.state {
            state.ejected.store(ejected, Relaxed);
            state.failures.store(0, Relaxed);
        }
    }

    /// Its failures up to now count no longer.
    pub(super) fn forgive(&self) {
        let Some(state) = &self.state else { return };
        // A plain store with each answer would take the line from all other workers.
        if state.failures.load(Relaxed) > 0 {
            state.failures.store(0, Relaxed);
        }
    }

    fn failed(&self) {
        let Some(state) = &self.state else { return };
        let Some(watch) = &state.watch else { return };
        let in_a_row = state.failures.fetch_add(1, Relaxed) + 1;
        watch.failed(self, in_a_row);
    }
}

impl Endpoint {
    pub(super) fn of(host: &Host) -> Self {
        if let Some(state) = &host.state {
            state.active.fetch_add(1, Relaxed);
        }
        Self(host.clone())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// It answered with this status.
    pub(crate) fn answered(&self, status: u16) {
        match status {
            500.. => self.0.failed(),
            ..500 => self.0.forgive(),
        }
    }

    /// There is a connection to it, and more will not be known.
    pub(super) fn connected(&self) {
        self.0.forgive();
    }

    /// It gave no answer: no connection, none in time, or a broken one. Envoy counts that as 5xx.
    pub(crate) fn failed(&self) {
        self.0.failed();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(state) = &self.0.state {
            state.active.fetch_sub(1, Relaxed);
        }
    }
}
