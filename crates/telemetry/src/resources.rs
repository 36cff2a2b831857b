//! What the process itself has left, and what became of it where it had none: Envoy's `overload.`, and
//! numbers of our own beside it.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::value::{Counter, Gauge};

/// The numbers of a process near its limits.
#[derive(Debug, Default)]
pub struct Resources {
    has_memory_limit: AtomicBool,
    pub(crate) memory_limit: Gauge,
    pub(crate) memory_used: Gauge,
    /// Of the limit, in percent.
    pub(crate) memory_pressure: Gauge,
    pub(crate) closes_idle: Gauge,
    pub(crate) sheds_requests: Gauge,
    pub(crate) refuses_connections: Gauge,
    pub(crate) max_connections: Gauge,
    pub(crate) accept_failures: Counter,
    panics: [Counter; Work::ALL.len()],
}

/// What is done without where memory is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relief {
    /// Connections without a request are closed.
    pub closes_idle: bool,
    /// New requests are answered with 503.
    pub sheds_requests: bool,
    /// New connections are closed.
    pub refuses_connections: bool,
}

/// What was done when something panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A request was served.
    Request,
    /// A connection was, outside of any request.
    Connection,
    /// Something of the control side.
    Control,
    /// What a worker does beside its connections.
    Upkeep,
}

impl Work {
    pub(crate) const ALL: [Self; 4] =
        [Self::Request, Self::Connection, Self::Control, Self::Upkeep];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Connection => "connection",
            Self::Control => "control",
            Self::Upkeep => "upkeep",
        }
    }
}

impl Resources {
    /// So much memory is used of what there may be, in bytes, and this is done about it.
    pub fn set_memory(&self, (used, limit): (u64, u64), relief: Relief) {
        self.memory_limit.set(limit);
        self.memory_used.set(used);
        let percent = used.saturating_mul(100).checked_div(limit);
        self.memory_pressure.set(percent.unwrap_or(0));
        self.closes_idle.set(u64::from(relief.closes_idle));
        self.sheds_requests.set(u64::from(relief.sheds_requests));
        let refuses = u64::from(relief.refuses_connections);
        self.refuses_connections.set(refuses);
        self.has_memory_limit.store(true, Relaxed);
    }

    /// Clients' connections that there may be.
    pub fn set_max_connections(&self, most: usize) {
        self.max_connections
            .set(u64::try_from(most).unwrap_or(u64::MAX));
    }

    /// A connection could not be taken from its queue.
    pub fn accept_failed(&self) {
        self.accept_failures.inc();
    }

    /// Something panicked, and was confined.
    pub fn panicked(&self, work: Work) {
        if let Some(count) = self.panics.get(work as usize) {
            count.inc();
        }
    }

    /// The limit of memory, where there is one, and what is used of it.
    pub(crate) fn memory(&self) -> Option<(u64, u64)> {
        let has_limit = self.has_memory_limit.load(Relaxed);
        has_limit.then(|| (self.memory_limit.value(), self.memory_used.value()))
    }

    pub(crate) fn panics(&self) -> impl Iterator<Item = (Work, u64)> {
        let counts = Work::ALL.into_iter().zip(&self.panics);
        counts.map(|(work, count)| (work, count.value()))
    }
}
