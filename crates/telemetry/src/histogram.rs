//! Durations in Envoy's buckets.
//!
//! Invariant: buckets, upper bounds inclusive, are the nineteen every Envoy histogram has; the sum
//! is exact.
//! Deliberately absent: quantiles. statsd receivers get every sample, Prometheus computes from
//! buckets.

use std::sync::OnceLock;
use std::time::Duration;

use crate::value::{COUNTS, Counter};

/// Upper bounds, in microseconds: Envoy's 0.5 ms to 3,600,000 ms.
pub(crate) const BOUNDS_US: [u64; 19] = [
    500,
    1_000,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    600_000_000,
    1_800_000_000,
    3_600_000_000,
];

/// A distribution of durations; takes memory (168 bytes) from the first sample on.
#[derive(Debug, Default)]
pub struct Histogram(OnceLock<Box<Cells>>);

#[derive(Debug, Default)]
struct Cells {
    /// Not cumulative; the last one holds what exceeds all bounds.
    buckets: [Counter; BOUNDS_US.len() + 1],
    sum_ns: Counter,
}

/// What a histogram held at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Distribution {
    /// Cumulative, as on the page; the last one is the count.
    pub(crate) buckets: [u64; BOUNDS_US.len() + 1],
    pub(crate) sum_ns: u64,
}

impl Histogram {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Adds one sample.
    pub fn observe(&self, took: Duration) {
        if !COUNTS {
            return;
        }
        let cells = self.0.get_or_init(Box::default);
        let index = BOUNDS_US.partition_point(|&bound| Duration::from_micros(bound) < took);
        if let Some(bucket) = cells.buckets.get(index) {
            bucket.inc();
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        cells.sum_ns.add(nanos);
    }

    /// Whether it ever had a sample.
    pub fn is_used(&self) -> bool {
        self.0.get().is_some()
    }

    /// All that it has counted, each by a number of its own.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (u16, u64)> {
        let cells = self.0.get().into_iter();
        let all = cells.flat_map(|cells| cells.buckets.iter().chain([&cells.sum_ns]));
        (0..).zip(all.map(Counter::value))
    }

    /// The count that [`Self::cells`] gives this number.
    pub(crate) fn cell(&self, number: u16) -> Option<&Counter> {
        let cells = self.0.get_or_init(Box::default);
        let bucket = cells.buckets.get(usize::from(number));
        Some(bucket.unwrap_or(&cells.sum_ns))
    }

    /// Cumulative buckets whose last one is by construction the count, even while others observe.
    pub(crate) fn distribution(&self) -> Distribution {
        let Some(cells) = self.0.get() else {
            return Distribution::default();
        };
        let mut distribution = Distribution {
            sum_ns: cells.sum_ns.value(),
            ..Distribution::default()
        };
        let mut total = 0;
        for (cumulative, bucket) in distribution.buckets.iter_mut().zip(&cells.buckets) {
            total += bucket.value();
            *cumulative = total;
        }
        distribution
    }
}

impl Distribution {
    pub(crate) fn count(&self) -> u64 {
        self.buckets.last().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_on_a_bound_belongs_to_that_bucket() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(1));
        let buckets = histogram.distribution().buckets;
        assert_eq!(buckets[..3], [0, 1, 1]);
    }

    #[test]
    fn a_sample_beyond_an_hour_is_only_in_the_last_bucket() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_secs(3601));
        let buckets = histogram.distribution().buckets;
        assert_eq!(buckets[18..], [0, 1]);
    }

    #[test]
    fn the_sum_is_exact() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_micros(1_500));
        histogram.observe(Duration::from_nanos(1));
        assert_eq!(histogram.distribution().sum_ns, 1_500_001);
    }
}
