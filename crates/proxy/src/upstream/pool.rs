//! Connections of one worker: those that wait for requests, and requests that wait for those.
//!
//! Invariant: used by one thread only, so taking and giving back need no lock. The connection used
//! last is taken first: the rest grow old and are closed. A request that comes does not overtake
//! those that wait.
//!
//! Invariant: whenever a connection comes free or ends, one request that waits is told; if it has
//! been given up meanwhile, the next one is.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use nuncio_config::Priority;
use tokio::sync::Notify;

use super::Upstream;
use super::connect::{ConnectFailure, UpstreamWire};

/// Which connections are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    pub(super) upstream: u64,
    pub(super) address: SocketAddr,
    /// What they are made with.
    pub(super) originated: u64,
    /// As in Envoy, whose limits count connections by the priority of their requests.
    pub(super) priority: Priority,
}

/// The pools of one worker.
#[derive(Debug, Default)]
pub(super) struct Pools(HashMap<PoolKey, Rc<Pool>>);

/// The connections of one worker to one endpoint.
#[derive(Debug)]
pub(super) struct Pool {
    owner: Weak<Upstream>,
    /// The one used last is at the end.
    idle: RefCell<Vec<Idle>>,
    /// Connections in use, or being made.
    seats: Cell<usize>,
    queued: Cell<usize>,
    /// Tells those in the queue, in turn.
    freed: Notify,
    /// How often a connection could not be made, and why the last time.
    failures: Cell<(u64, Option<ConnectFailure>)>,
}

#[derive(Debug)]
struct Idle {
    wire: UpstreamWire,
    since: Instant,
}

/// A connection in use or being made, as its pool knows of it.
#[derive(Debug)]
pub(super) struct Seat(Rc<Pool>);

/// A request's place in the queue of a pool.
pub(super) struct Queued<'a> {
    pool: &'a Pool,
    failures_before: u64,
}

/// Idle connections kept per endpoint and worker; beyond it the one given back is closed.
const MAX_IDLE: usize = 1024;

/// How long a connection may be idle where nothing is configured: below what servers allow (60 to
/// 75 s are usual), so that we close first.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(55);

impl Pools {
    pub(super) fn of(&mut self, key: PoolKey, owner: &Arc<Upstream>) -> Rc<Pool> {
        let pool = self
            .0
            .entry(key)
            .or_insert_with(|| Rc::new(Pool::of(owner)));
        Rc::clone(pool)
    }

    /// Closes what is idle and was made with other credentials than what `key` is of; says whether there
    /// was any.
    pub(super) fn close_outdated(&self, key: PoolKey) -> bool {
        if key.originated == 0 {
            return false;
        }
        let outdated = self.0.iter().filter(|(other, _)| key.outdates(other));
        let idle = outdated.map(|(_, pool)| pool.idle.take().len());
        idle.sum::<usize>() > 0
    }

    /// Closes what is too old, was closed by the other side, belongs to a cluster or an endpoint that is
    /// gone, or was made with other credentials.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.0.retain(|key, pool| {
            pool.sweep(key, now);
            Rc::strong_count(pool) > 1 || !pool.idle.borrow().is_empty()
        });
        give_back_room(&mut self.0);
    }
}

/// Of what was needed when there were many more; seldom enough to cost nothing in the long run.
pub(super) fn give_back_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}

impl PoolKey {
    /// Whether connections of this kind are made instead of the other.
    pub(super) fn outdates(&self, other: &Self) -> bool {
        self.originated > other.originated
            && *self
                == Self {
                    originated: self.originated,
                    ..*other
                }
    }

    /// Whether connections of this kind may still be wanted.
    pub(super) fn is_of_use_to(&self, owner: &Upstream) -> bool {
        owner.keeps_connections_to(self.address) && owner.is_originated_by(self.originated)
    }
}

impl Pool {
    fn of(owner: &Arc<Upstream>) -> Self {
        Self {
            owner: Arc::downgrade(owner),
            idle: RefCell::default(),
            seats: Cell::new(0),
            queued: Cell::new(0),
            freed: Notify::new(),
            failures: Cell::new((0, None)),
        }
    }

    /// A connection for a request that comes: the youngest idle one that is still open, unless
    /// others wait already.
    pub(super) fn take(self: &Rc<Self>, upstream: &Upstream) -> Option<(UpstreamWire, Seat)> {
        match self.queued.get() {
            0 => self.take_next(upstream),
            _ => None,
        }
    }

    /// As [`Self::take`], for the request whose turn it is.
    pub(super) fn take_next(self: &Rc<Self>, upstream: &Upstream) -> Option<(UpstreamWire, Seat)> {
        let now = Instant::now();
        loop {
            let mut candidate = self.idle.borrow_mut().pop()?;
            if candidate.is_usable(upstream, now) {
                return Some((candidate.wire, self.seat()));
            }
        }
    }

    /// Closes the connection that has been idle for longest, to make room for a new one.
    pub(super) fn close_oldest(&self) {
        let mut idle = self.idle.borrow_mut();
        if !idle.is_empty() {
            drop(idle.remove(0));
        }
    }

    /// Whether there is no connection that could come free.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.get() == 0 && self.idle.borrow().is_empty()
    }

    /// A place for a connection that is to be made.
    pub(super) fn seat(self: &Rc<Self>) -> Seat {
        self.seats.set(self.seats.get() + 1);
        Seat(Rc::clone(self))
    }

    pub(super) fn queue(&self) -> Queued<'_> {
        self.queued.set(self.queued.get() + 1);
        Queued {
            pool: self,
            failures_before: self.failures.get().0,
        }
    }

    /// Tells everybody in the queue that a connection could not be made: as in Envoy, nobody waits
    /// for an endpoint that has just failed.
    pub(super) fn failed(&self, why: ConnectFailure) {
        let (failures, _) = self.failures.get();
        self.failures.set((failures + 1, Some(why)));
        self.freed.notify_waiters();
    }

    fn keep(&self, wire: UpstreamWire) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MAX_IDLE {
            idle.push(Idle {
                wire,
                since: Instant::now(),
            });
        }
    }

    fn sweep(&self, key: &PoolKey, now: Instant) {
        let owner = self.owner.upgrade().filter(|owner| key.is_of_use_to(owner));
        self.idle.borrow_mut().retain_mut(|one| {
            owner
                .as_ref()
                .is_some_and(|owner| one.is_usable(owner, now))
        });
    }
}

impl Idle {
    /// Whether it may serve another request; told to the counters when it was idle for too long.
    fn is_usable(&mut self, upstream: &Upstream, now: Instant) -> bool {
        if !self.wire.is_quiet() || self.wire.place().is_too_old(upstream, now) {
            return false;
        }
        let allowed = upstream.cluster.idle_timeout.unwrap_or(IDLE_TIMEOUT);
        let idle_for = now.saturating_duration_since(self.since);
        let idled_out = !allowed.is_zero() && idle_for >= allowed;
        if idled_out {
            upstream.stats.connection_idled_out();
        }
        !idled_out
    }
}

impl Seat {
    /// Puts the connection back, for the request that waits next or the one to come.
    pub(super) fn keep(self, wire: UpstreamWire) {
        self.0.keep(wire);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seats.set(self.0.seats.get().saturating_sub(1));
        self.0.freed.notify_one();
    }
}

impl Queued<'_> {
    /// Waits until `attempt` gives something, which is asked at once and whenever that may have
    /// changed; it is told whether it is this request's turn.
    pub(super) async fn until<T>(
        &self,
        mut attempt: impl FnMut(bool) -> Option<T>,
    ) -> Result<T, ConnectFailure> {
        let mut is_next = self.pool.queued.get() == 1;
        loop {
            let told = self.pool.freed.notified();
            tokio::pin!(told);
            // Registered before looking, so that nothing in between is missed.
            told.as_mut().enable();
            if let Some(given) = attempt(is_next) {
                return Ok(given);
            }
            told.await;
            is_next = true;
            if let (failures, Some(why)) = self.pool.failures.get()
                && failures != self.failures_before
            {
                return Err(why);
            }
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.pool
            .queued
            .set(self.pool.queued.get().saturating_sub(1));
    }
}
