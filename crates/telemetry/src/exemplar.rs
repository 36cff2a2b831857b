//! One request for each bucket of a histogram, as an example of what is counted there.
//!
//! Invariant: whoever reads gets a trace, its duration and its moment that belong together, or
//! nothing. Nobody waits: who finds a slot being written leaves it alone.
//!
//! How: a slot has a version that is odd while one writer writes it; a reader who sees the version
//! change throws away what it read. (A sequence lock, of atomics throughout.)

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::latency::CLASSIC_US;
use crate::trace::TraceId;

/// The latest examples.
#[derive(Debug, Default)]
pub(crate) struct Exemplars([Slot; CLASSIC_US.len() + 1]);

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exemplar {
    pub(crate) trace: TraceId,
    pub(crate) took_ns: u64,
    /// Since the epoch.
    pub(crate) at_ms: u64,
}

#[derive(Debug, Default)]
struct Slot {
    version: AtomicU32,
    trace: [AtomicU64; 2],
    took_ns: AtomicU64,
    at_ms: AtomicU64,
}

/// How old an example is before another request takes its place.
const FRESH_MS: u64 = 1_000;

impl Exemplars {
    /// Offers a request that has just ended for its bucket.
    pub(crate) fn offer(&self, bucket: usize, trace: TraceId, took: Duration) {
        let Some(slot) = self.0.get(bucket) else {
            return;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = number(now.unwrap_or_default().as_millis());
        if !is_fresh(slot.at_ms.load(Ordering::Relaxed), now) {
            slot.write(trace, number(took.as_nanos()), now);
        }
    }

    /// The example of a bucket, if there is one.
    pub(crate) fn of(&self, bucket: usize) -> Option<Exemplar> {
        self.0.get(bucket)?.read()
    }
}

impl Slot {
    fn write(&self, trace: TraceId, took_ns: u64, at_ms: u64) {
        let version = self.version.load(Ordering::Relaxed);
        let odd = version | 1;
        let is_free = version != odd
            && self
                .version
                .compare_exchange(version, odd, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !is_free {
            return;
        }
        // Nothing of what follows is seen by who sees the even version before.
        fence(Ordering::Release);
        let [high, low] = halves(trace);
        let [first, second] = &self.trace;
        first.store(high, Ordering::Relaxed);
        second.store(low, Ordering::Relaxed);
        self.took_ns.store(took_ns, Ordering::Relaxed);
        self.at_ms.store(at_ms, Ordering::Relaxed);
        self.version.store(odd.wrapping_add(1), Ordering::Release);
    }

    fn read(&self) -> Option<Exemplar> {
        let version = self.version.load(Ordering::Acquire);
        let [high, low] = &self.trace;
        let (high, low) = (high.load(Ordering::Relaxed), low.load(Ordering::Relaxed));
        let took_ns = self.took_ns.load(Ordering::Relaxed);
        let at_ms = self.at_ms.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if version & 1 == 1 || version != self.version.load(Ordering::Relaxed) {
            return None;
        }
        let trace = TraceId::new(u128::from(high) << 64 | u128::from(low))?;
        Some(Exemplar {
            trace,
            took_ns,
            at_ms,
        })
    }
}

/// One from the future is not: the clock was set back since.
fn is_fresh(at_ms: u64, now_ms: u64) -> bool {
    now_ms
        .checked_sub(at_ms)
        .is_some_and(|age_ms| age_ms < FRESH_MS)
}

fn halves(trace: TraceId) -> [u64; 2] {
    let bytes = trace.to_bytes();
    let (high, low) = bytes.split_at(8);
    [high, low].map(|half| {
        half.iter()
            .fold(0, |so_far, byte| so_far << 8 | u64::from(*byte))
    })
}

fn number(large: u128) -> u64 {
    u64::try_from(large).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Instant;

    use super::*;

    fn trace(number: u128) -> TraceId {
        TraceId::new(number).unwrap()
    }

    #[test]
    fn a_fresh_example_stays() {
        let exemplars = Exemplars::default();
        assert_eq!(exemplars.of(2), None);
        let first = trace(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        exemplars.offer(2, first, Duration::from_millis(30));
        exemplars.offer(2, trace(2), Duration::from_millis(40));
        let kept = exemplars.of(2).unwrap();
        assert_eq!((kept.trace, kept.took_ns), (first, 30_000_000));
        assert_eq!(exemplars.of(3), None);
    }

    #[test]
    fn an_old_example_makes_room() {
        let slot = Slot::default();
        slot.write(trace(1), 1, 1);
        slot.write(trace(2), 2, 2);
        assert_eq!(slot.read().unwrap().trace, trace(2));
    }

    #[test]
    fn an_example_is_fresh_for_a_second_unless_the_clock_is_set_back() {
        assert!(is_fresh(5_000, 5_000) && is_fresh(5_000, 5_999));
        assert!(!is_fresh(5_000, 6_000) && !is_fresh(5_000, 4_999));
    }

    #[test]
    fn what_is_read_belongs_together() {
        let slot = Arc::new(Slot::default());
        let is_enough = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (1..=3_u64)
            .map(|writer| {
                let (slot, is_enough) = (Arc::clone(&slot), Arc::clone(&is_enough));
                thread::spawn(move || {
                    for round in 0.. {
                        if is_enough.load(Ordering::Relaxed) {
                            break;
                        }
                        let number = round * 4 + writer;
                        let both = u128::from(number) << 64 | u128::from(number);
                        slot.write(trace(both), number, number);
                    }
                })
            })
            .collect();
        let mut seen = 0;
        let deadline = Instant::now() + Duration::from_secs(10);
        while seen < 10_000 && Instant::now() < deadline {
            if let Some(read) = slot.read() {
                let both = u128::from(read.took_ns) << 64 | u128::from(read.took_ns);
                assert_eq!((read.trace, read.at_ms), (trace(both), read.took_ns));
                seen += 1;
            }
        }
        is_enough.store(true, Ordering::Relaxed);
        assert!(seen > 0);
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
    }
}
