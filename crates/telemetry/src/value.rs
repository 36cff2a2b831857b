//! The two numbers everything here is made of.
//!
//! Invariant: a [`Counter`] only grows; a [`Gauge`] remembers that it was ever written.
//! Deliberately absent: names and labels, which belong to the tables in `names`.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// A count of events since the process started.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A counter at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts one event.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts `events` at once.
    pub fn add(&self, events: u64) {
        self.0.fetch_add(events, Relaxed);
    }

    /// Counts on from `count`, unless it is further already.
    pub(crate) fn raise_to(&self, count: u64) {
        self.0.fetch_max(count, Relaxed);
    }

    /// The count so far.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down.
///
/// Envoy sends a gauge to statsd from its first write on, even when it was set to 0; hence the
/// memory of being used.
#[derive(Debug, Default)]
pub struct Gauge {
    value: AtomicI64,
    used: AtomicBool,
}

impl Gauge {
    /// A gauge at zero that nobody has written yet.
    pub const fn new() -> Self {
        Self {
            value: AtomicI64::new(0),
            used: AtomicBool::new(false),
        }
    }

    /// Replaces the value; what does not fit becomes the largest value that does.
    pub fn set(&self, value: u64) {
        self.value
            .store(i64::try_from(value).unwrap_or(i64::MAX), Relaxed);
        self.mark();
    }

    /// Adds one.
    pub fn inc(&self) {
        self.value.fetch_add(1, Relaxed);
        self.mark();
    }

    /// Takes one away.
    pub fn dec(&self) {
        self.value.fetch_sub(1, Relaxed);
    }

    /// The value now; never negative, because neither Envoy's page nor statsd's gauges have a sign.
    pub fn value(&self) -> u64 {
        u64::try_from(self.value.load(Relaxed)).unwrap_or(0)
    }

    /// Whether it was ever written.
    pub fn is_used(&self) -> bool {
        self.used.load(Relaxed)
    }

    fn mark(&self) {
        // A plain store each time would make every increment write two words.
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }
}
