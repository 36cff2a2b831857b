//! Idle connections of one worker.
//!
//! Invariant: used by one thread only, so taking and giving back need neither lock nor task.
//! The connection used last is taken first: the rest grow old and are closed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Upstream;
use super::connect::UpstreamWire;

/// Which connections are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    pub(super) upstream: u64,
    pub(super) address: SocketAddr,
}

/// The idle connections of one worker.
#[derive(Debug, Default)]
pub(super) struct Pool {
    endpoints: HashMap<PoolKey, Endpoint>,
}

#[derive(Debug)]
struct Endpoint {
    owner: Weak<Upstream>,
    /// The one used last is at the end.
    idle: Vec<Idle>,
}

#[derive(Debug)]
struct Idle {
    wire: UpstreamWire,
    since: Instant,
}

/// Idle connections kept per endpoint and worker; beyond it the one given back is closed.
const MAX_IDLE: usize = 1024;

/// Below what servers allow (60 to 75 s are usual), so that we close first.
const MAX_AGE: Duration = Duration::from_secs(55);

impl Pool {
    /// The youngest idle connection that is still open.
    pub(super) fn take(&mut self, key: PoolKey) -> Option<UpstreamWire> {
        let endpoint = self.endpoints.get_mut(&key)?;
        while let Some(mut candidate) = endpoint.idle.pop() {
            if candidate.wire.is_quiet() {
                return Some(candidate.wire);
            }
        }
        None
    }

    /// Keeps `wire`, a connection of `owner`.
    pub(super) fn put(&mut self, key: PoolKey, owner: &Arc<Upstream>, wire: UpstreamWire) {
        let endpoint = self.endpoints.entry(key).or_insert_with(|| Endpoint {
            owner: Arc::downgrade(owner),
            idle: Vec::new(),
        });
        if endpoint.idle.len() < MAX_IDLE {
            endpoint.idle.push(Idle {
                wire,
                since: Instant::now(),
            });
        }
    }

    /// Closes what is too old, was closed by the other side, or belongs to a cluster that is gone.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.endpoints.retain(|_, endpoint| {
            let owned = endpoint.owner.strong_count() > 0;
            endpoint.idle.retain_mut(|one| {
                owned && now.duration_since(one.since) < MAX_AGE && one.wire.is_quiet()
            });
            !endpoint.idle.is_empty()
        });
    }
}
