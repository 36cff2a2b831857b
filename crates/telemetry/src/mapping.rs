//! What one Mapping counts: the requests that it took, whoever answered them.
//!
//! Invariant: a request that ends is told once, by at most five relaxed additions, three as a rule,
//! to memory that only this Mapping has; where it has a trace, it may become the example of its
//! bucket, for which nobody waits.
//! Deliberately absent: choosing a Mapping. The Route that was found has its handle.

use std::array;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::exemplar::{Exemplar, Exemplars};
use crate::guard::OVERFLOW;
use crate::latency::{self, Latency};
use crate::series::label_text;
use crate::trace::TraceId;
use crate::value::Counter;

/// Names a Mapping: its namespace, and its name in it.
pub(crate) type MappingName = (Box<str>, Box<str>);

/// The numbers of one Mapping.
#[derive(Debug)]
pub struct MappingStats {
    name: Arc<MappingName>,
    /// Grows with the time of its first request; stays when it is back.
    pub(crate) id: u32,
    pub(crate) labels: Box<str>,
    pub(crate) count: MappingCounts,
    exemplars: OnceLock<Box<Exemplars>>,
}

/// A request's part in its Mapping.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<'a> {
    /// The Mapping whose Route took it.
    pub stats: &'a MappingStats,
    /// How often it was sent again.
    pub retries: u32,
}

/// How a request ended, as far as its Mapping asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// What the client was told; `None` = nothing.
    pub(crate) status: Option<u16>,
    /// From its first byte to the end of the response, when there was one.
    pub(crate) took: Option<Duration>,
    /// Whether the time for it was over.
    pub(crate) timed_out: bool,
    pub(crate) trace: Option<TraceId>,
}

/// The counters, by place.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct MappingCounts([Counter; COUNTS]);

/// Classes of answers: none, 1xx to 5xx, and whatever else an upstream may say.
pub(crate) const CLASSES: [&str; 7] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

const USUAL: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Beside the classes, in the same cache line.
const SUM: usize = CLASSES.len();
const RETRIES: usize = SUM + 1;
const TIMEOUTS: usize = RETRIES + 1;
const LATENCY: usize = TIMEOUTS + 1;
const COUNTS: usize = LATENCY + latency::CELLS;

impl MappingStats {
    pub(crate) fn new(name: &Arc<MappingName>, id: u32) -> Self {
        let (namespace, mapping) = &**name;
        let labels = label_text(&[("mapping_namespace", namespace), ("mapping", mapping)]);
        Self {
            name: Arc::clone(name),
            id,
            labels: labels.into(),
            count: MappingCounts::default(),
            exemplars: OnceLock::new(),
        }
    }

    /// The namespace and the name of the Mapping.
    pub fn name(&self) -> (&str, &str) {
        (&self.name.0, &self.name.1)
    }

    /// What several Mappings are shown as.
    pub(crate) fn overflow() -> Self {
        Self::new(&Arc::new((OVERFLOW.into(), OVERFLOW.into())), u32::MAX)
    }

    /// The latest example of a bucket.
    pub(crate) fn exemplar(&self, bucket: usize) -> Option<Exemplar> {
        self.exemplars.get()?.of(bucket)
    }
}

impl Mapped<'_> {
    pub(crate) fn record(&self, ended: Ended) {
        let count = &self.stats.count;
        count.of(class(ended.status)).inc();
        if self.retries > 0 {
            count.of(RETRIES).add(u64::from(self.retries));
        }
        if ended.timed_out {
            count.of(TIMEOUTS).inc();
        }
        let Some(took) = ended.took else {
            return;
        };
        let cell = latency::cell(took);
        count.of(LATENCY + cell).inc();
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        count.of(SUM).add(nanos);
        if let Some(trace) = ended.trace {
            let exemplars = self.stats.exemplars.get_or_init(Box::default);
            exemplars.offer(latency::classic_bucket(cell), trace, took);
        }
    }
}

impl MappingCounts {
    /// How many requests ended with each of [`CLASSES`] that is shown: those that occurred, and
    /// from the beginning the usual ones, so that `increase()` sees the first failure.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = CLASSES.into_iter().zip(self.0.iter().map(Counter::value));
        all.filter(|(class, count)| *count > 0 || USUAL.contains(class))
    }

    pub(crate) fn retries(&self) -> u64 {
        self.of(RETRIES).value()
    }

    pub(crate) fn timeouts(&self) -> u64 {
        self.of(TIMEOUTS).value()
    }

    pub(crate) fn latency(&self) -> Latency {
        let cells = self.0.get(LATENCY..).unwrap_or_default();
        Latency::read(cells, self.of(SUM))
    }

    /// All that is not 0, by place.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (u16, u64)> {
        let all = (0..).zip(self.0.iter().map(Counter::value));
        all.filter(|&(_, count)| count > 0)
    }

    /// Adds what was counted elsewhere, by place.
    pub(crate) fn add(&self, moved: impl IntoIterator<Item = (u16, u64)>) {
        for (place, count) in moved {
            self.of(usize::from(place)).add(count);
        }
    }

    fn of(&self, place: usize) -> &Counter {
        static NOWHERE: Counter = Counter::new();
        self.0.get(place).unwrap_or(&NOWHERE)
    }
}

impl Default for MappingCounts {
    fn default() -> Self {
        Self(array::from_fn(|_| Counter::new()))
    }
}

/// The place of a status.
fn class(status: Option<u16>) -> usize {
    match status.map(|status| status / 100) {
        None => 0,
        Some(digit @ 1..=5) => usize::from(digit),
        Some(_) => CLASSES.len() - 1,
    }
}
