//! The two numbers everything here is made of.
//!
//! Invariant: a [`Counter`] only grows; a [`Gauge`] remembers that it was ever written.
//! Deliberately absent: names and labels, which belong to the tables in `names`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Whether anything is counted: the feature `uncounted` is for measuring what counting costs.
pub(crate) const COUNTS: bool = cfg!(not(feature = "uncounted"));

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
        if COUNTS {
            self.0.fetch_add(events, Relaxed);
        }
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
/// memory of being used: the lowest bit, above which the number stands.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

/// One more or less of what a gauge counts.
const ONE: i64 = 2;

/// Set in a gauge that was ever written.
const USED: i64 = 1;

impl Gauge {
    /// A gauge at zero that nobody has written yet.
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// A gauge that was set to 0.
    pub(crate) const fn of_nothing() -> Self {
        Self(AtomicI64::new(USED))
    }

    /// Replaces the value; what does not fit becomes the largest value that does.
    pub fn set(&self, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let value = value.min(i64::MAX / ONE) * ONE;
        self.0.store(value | USED, Relaxed);
    }

    /// Adds one.
    pub fn inc(&self) {
        if COUNTS && self.0.fetch_add(ONE, Relaxed) & USED == 0 {
            self.0.fetch_or(USED, Relaxed);
        }
    }

    /// Takes one away.
    pub fn dec(&self) {
        if COUNTS {
            self.0.fetch_sub(ONE, Relaxed);
        }
    }

    /// Adds so many.
    pub(crate) fn add(&self, count: u32) {
        if self.0.fetch_add(i64::from(count) * ONE, Relaxed) & USED == 0 {
            self.0.fetch_or(USED, Relaxed);
        }
    }

    /// Takes so many away.
    pub(crate) fn sub(&self, count: u32) {
        self.0.fetch_sub(i64::from(count) * ONE, Relaxed);
    }

    /// The value now; never negative, because neither Envoy's page nor statsd's gauges have a sign.
    pub fn value(&self) -> u64 {
        u64::try_from(self.0.load(Relaxed).div_euclid(ONE)).unwrap_or(0)
    }

    /// Whether it was ever written.
    pub fn is_used(&self) -> bool {
        self.0.load(Relaxed) & USED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_goes_up_and_down_and_remembers_that_it_was_used() {
        let gauge = Gauge::new();
        assert_eq!((gauge.value(), gauge.is_used()), (0, false));
        gauge.inc();
        gauge.inc();
        gauge.dec();
        assert_eq!((gauge.value(), gauge.is_used()), (1, true));
        gauge.set(7);
        gauge.dec();
        assert_eq!(gauge.value(), 6);
        gauge.set(0);
        assert_eq!((gauge.value(), gauge.is_used()), (0, true));
    }

    #[test]
    fn a_gauge_is_never_negative_and_holds_no_more_than_it_can() {
        let gauge = Gauge::new();
        gauge.set(0);
        gauge.dec();
        assert_eq!(gauge.value(), 0);
        gauge.inc();
        gauge.inc();
        assert_eq!(gauge.value(), 1);
        gauge.set(u64::MAX);
        assert_eq!(gauge.value(), u64::MAX / 4);
    }
}
