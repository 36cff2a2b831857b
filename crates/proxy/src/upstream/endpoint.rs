//! One endpoint of a cluster, and its choice for one attempt at a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

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
    pub(super) address: SocketAddr,
    /// Requests under way, over all workers; counted only where somebody asks.
    active: AtomicU32,
}

/// The endpoint of one attempt; while it lives, the attempt counts as under way there.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    /// `None` where nobody asks how busy or how well it is.
    host: Option<Arc<Host>>,
}

impl Host {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            active: AtomicU32::new(0),
        }
    }

    pub(super) fn active(&self) -> u32 {
        self.active.load(Relaxed)
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
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(host) = &self.host {
            host.active.fetch_sub(1, Relaxed);
        }
    }
}
