//! Keeps the page from growing without bound, whatever users configure and upstreams answer.
//!
//! What has no room of its own on two pages in a row is shown together with others under the name
//! [`OVERFLOW`] from the second on, and stays there: the newest ones go first.
//!
//! Invariants: no counter on the page ever decreases. What is shown together counts from the moment
//! on when it was put there, or, if it was on no page before, from its beginning.
//! Deliberately absent: anything a request would do. Pages ask.

mod foldable;
mod folded;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cluster::ClusterStats;
use crate::mapping::MappingStats;
use crate::statsd::Timers;
use crate::value::Counter;
pub(crate) use foldable::series_of;
use folded::Folded;

/// How many series a page may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimit {
    /// However many Mappings there are.
    pub base: u64,
    /// More for each Mapping.
    pub per_mapping: u64,
}

/// What is shown of what there is.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    base: Base,
    per_mapping: AtomicU64,
    /// Series that were on a page, or would have been, and are part of others.
    pub(crate) overflowed: Counter,
    folded: Mutex<Option<Both>>,
}

/// At first as many as there are.
#[derive(Debug)]
struct Base(AtomicU64);

#[derive(Debug)]
struct Both {
    clusters: Folded<ClusterStats>,
    mappings: Folded<MappingStats>,
}

/// What a page is made from.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) clusters: Vec<Arc<ClusterStats>>,
    pub(crate) mappings: Vec<Arc<MappingStats>>,
}

/// The name of what is shown together.
pub(crate) const OVERFLOW: &str = "_overflow";

impl Default for SeriesLimit {
    fn default() -> Self {
        Self {
            base: 2_000,
            per_mapping: 120,
        }
    }
}

impl Default for Base {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Guard {
    pub(crate) fn set(&self, limit: SeriesLimit) {
        self.base.0.store(limit.base, Relaxed);
        self.per_mapping.store(limit.per_mapping, Relaxed);
    }

    /// How many series there may be.
    pub(crate) fn limit(&self, mappings: usize) -> u64 {
        let mappings = u64::try_from(mappings).unwrap_or(u64::MAX);
        let share = self.per_mapping.load(Relaxed).saturating_mul(mappings);
        self.base.0.load(Relaxed).saturating_add(share)
    }

    /// Forgets whoever cannot come back.
    pub(crate) fn forget(
        &self,
        remembered_clusters: impl FnOnce() -> HashSet<u32>,
        remembered_mappings: impl FnOnce() -> HashSet<u32>,
    ) {
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(both) = folded.as_mut() {
            both.clusters.forget(remembered_clusters);
            both.mappings.forget(remembered_mappings);
        }
    }

    /// What of `crowd` is shown where there is `room` for so many series. Envoy's families go
    /// first.
    pub(crate) fn admit(&self, crowd: Crowd, mut room: u64, timers: &Arc<Timers>) -> Crowd {
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        let both = folded.get_or_insert_with(|| Both {
            clusters: Folded::into(ClusterStats::overflow(timers)),
            mappings: Folded::into(MappingStats::overflow()),
        });
        Crowd {
            clusters: both
                .clusters
                .admit(crowd.clusters, &mut room, &self.overflowed),
            mappings: both
                .mappings
                .admit(crowd.mappings, &mut room, &self.overflowed),
        }
    }
}

#[cfg(test)]
mod tests;
