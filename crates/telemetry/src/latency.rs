//! Durations in cells so fine that two kinds of histogram can be read from them: Prometheus'
//! classic one, with the few bounds that people ask for, and its native one, with four buckets for
//! each doubling (schema 2).
//!
//! Invariant: every bound of either is a bound of a cell, so that both are exact and one addition
//! counts for both.

use std::time::Duration;

use crate::value::Counter;

/// The bounds of the classic histogram, in microseconds. The default timeout of Ambassador, 3 s,
/// lies between two of them, so that what takes just longer can be told.
pub(crate) const CLASSIC_US: [u64; 9] = [
    5_000, 25_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Buckets a doubling: the schema is the logarithm of it.
const PER_DOUBLING: i32 = 4;
pub(crate) const SCHEMA: i32 = 2;

/// Native buckets go from 2^-12 s, some 0.24 ms, to 2^8 s. What takes less is "zero".
const FIRST: i32 = -12 * PER_DOUBLING;
const LAST: i32 = 8 * PER_DOUBLING;
const NATIVE: usize = (LAST - FIRST + 1) as usize;
pub(crate) const ZERO_THRESHOLD: f64 = 1.0 / 4096.0;

/// One more than there are bounds: what exceeds all of them.
pub(crate) const CELLS: usize = NATIVE + CLASSIC_US.len() + 1;

/// 2^(0/4) to 2^(3/4), times 2^60.
const ROOTS: [u128; 4] = [
    1_152_921_504_606_846_976,
    1_371_062_456_318_104_877,
    1_630_477_228_166_597_776,
    1_938_975_120_585_633_118,
];

/// The upper bounds of the cells, in nanoseconds.
const BOUNDS_NS: [u64; CELLS - 1] = bounds();

/// Where a duration is counted.
pub(crate) fn cell(took: Duration) -> usize {
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    BOUNDS_NS.partition_point(|&bound| bound < nanos)
}

/// The classic bucket that a cell belongs to; the last one is beyond all bounds.
pub(crate) fn classic_bucket(cell: usize) -> usize {
    let bound = BOUNDS_NS.get(cell).copied().unwrap_or(u64::MAX);
    CLASSIC_US.partition_point(|&us| us * 1_000 < bound)
}

/// What the cells held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    /// Not cumulative.
    cells: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) sum_ns: u64,
}

/// The buckets of a native histogram that hold anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Native {
    /// What took at most [`ZERO_THRESHOLD`].
    pub(crate) zero: u64,
    /// By number: bucket `n` holds what took more than 2^((n-1)/4) s and at most 2^(n/4) s.
    pub(crate) buckets: Vec<(i32, u64)>,
}

impl Latency {
    /// Reads the cells, each by itself; requests that end meanwhile are in it or not.
    pub(crate) fn read(cells: &[Counter], sum: &Counter) -> Self {
        let sum_ns = sum.value();
        let cells: Vec<_> = cells.iter().map(Counter::value).collect();
        Self {
            count: cells.iter().sum(),
            cells,
            sum_ns,
        }
    }

    /// Cumulative counts at [`CLASSIC_US`], and in the end the whole.
    pub(crate) fn classic(&self) -> [u64; CLASSIC_US.len() + 1] {
        let mut buckets = [0; CLASSIC_US.len() + 1];
        for (cell, count) in self.cells.iter().enumerate() {
            if let Some(bucket) = buckets.get_mut(classic_bucket(cell)) {
                *bucket += count;
            }
        }
        let mut total = 0;
        for bucket in &mut buckets {
            total += *bucket;
            *bucket = total;
        }
        buckets
    }

    /// What took longer than the last bucket goes is counted in the one after it.
    pub(crate) fn native(&self) -> Native {
        let mut native = Native::default();
        let bounds = BOUNDS_NS.iter().copied().chain([u64::MAX]);
        for (bound, &count) in bounds.zip(&self.cells).filter(|(_, count)| **count > 0) {
            let number = native_bucket(bound);
            if number == FIRST {
                native.zero += count;
                continue;
            }
            match native.buckets.last_mut() {
                Some((last, so_far)) if *last == number => *so_far += count,
                _ => native.buckets.push((number, count)),
            }
        }
        native
    }
}

/// The first bucket whose bound is not below `bound`.
fn native_bucket(bound: u64) -> i32 {
    (FIRST..=LAST)
        .find(|&number| bound <= native_bound_ns(number))
        .unwrap_or(LAST + 1)
}

/// 2^(`number`/4) s, in nanoseconds.
const fn native_bound_ns(number: i32) -> u64 {
    let root = match number.rem_euclid(PER_DOUBLING) {
        0 => ROOTS[0],
        1 => ROOTS[1],
        2 => ROOTS[2],
        _ => ROOTS[3],
    };
    let doublings = number.div_euclid(PER_DOUBLING);
    ((root * 1_000_000_000) >> (60 - doublings)) as u64
}

/// Those of both histograms, in order.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn bounds() -> [u64; CELLS - 1] {
    let mut bounds = [0; CELLS - 1];
    let (mut native, mut classic, mut at) = (FIRST, 0, 0);
    while at < bounds.len() {
        let takes_classic = classic < CLASSIC_US.len()
            && (native > LAST || CLASSIC_US[classic] * 1_000 < native_bound_ns(native));
        if takes_classic {
            bounds[at] = CLASSIC_US[classic] * 1_000;
            classic += 1;
        } else {
            bounds[at] = native_bound_ns(native);
            native += 1;
        }
        at += 1;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[Duration]) -> Latency {
        let cells: Vec<Counter> = (0..CELLS).map(|_| Counter::new()).collect();
        let sum = Counter::new();
        for took in samples {
            cells[cell(*took)].inc();
            sum.add(took.as_nanos() as u64);
        }
        Latency::read(&cells, &sum)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn bounds_ascend_except_where_a_classic_one_is_a_native_one() {
        let equal = BOUNDS_NS.windows(2).filter(|pair| pair[0] == pair[1]);
        assert_eq!(equal.count(), 3, "1 s, 0.5 s and 0.25 s");
        assert!(BOUNDS_NS.is_sorted());
    }

    #[test]
    fn a_sample_on_a_classic_bound_belongs_to_that_bucket() {
        let classic = of(&[ms(5), Duration::from_nanos(5_000_001), ms(1_000)]).classic();
        assert_eq!(classic, [1, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
    }

    #[test]
    fn what_exceeds_every_bound_is_only_in_the_whole() {
        let latency = of(&[Duration::from_secs(3_600)]);
        assert_eq!(latency.classic(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(latency.native().buckets, [(LAST + 1, 1)]);
    }

    #[test]
    fn a_native_bucket_holds_what_lies_between_its_powers_of_two() {
        for number in FIRST + 1..=LAST {
            let upper = 2_f64.powf(f64::from(number) / 4.0);
            let lower = 2_f64.powf(f64::from(number - 1) / 4.0);
            let middle = Duration::from_secs_f64(f64::midpoint(lower, upper));
            assert_eq!(of(&[middle]).native().buckets, [(number, 1)], "{middle:?}");
            let below = Duration::from_secs_f64(upper - 1e-8);
            assert_eq!(of(&[below]).native().buckets, [(number, 1)], "{below:?}");
        }
    }

    #[test]
    fn what_takes_no_time_is_zero() {
        let native = of(&[Duration::ZERO, Duration::from_micros(200)]).native();
        assert_eq!((native.zero, native.buckets), (2, vec![]));
    }

    #[test]
    fn both_histograms_count_everything() {
        let samples: Vec<_> = (0..2_000).map(|n| Duration::from_micros(n * n)).collect();
        let latency = of(&samples);
        let native = latency.native();
        let total: u64 = native.buckets.iter().map(|(_, count)| count).sum();
        assert_eq!(total + native.zero, 2_000);
        assert_eq!(latency.classic().last(), Some(&2_000));
        assert_eq!(latency.count, 2_000);
    }
}
