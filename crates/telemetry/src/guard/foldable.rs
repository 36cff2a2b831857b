//! What can be shown together: counters that add up, and gauges that do so for the moment.

use std::collections::HashSet;
use std::ptr;

use crate::cluster::{ClusterCounts, ClusterStats};
use crate::family::{Scope, Shown, Value};
use crate::latency::CLASSIC_US;
use crate::mapping::MappingStats;
use crate::page::is_brief;
use crate::value::Counter;

/// One number of a handle.
pub(super) type Place = (u16, u16);

/// A handle that may be shown with others of its kind.
pub(super) trait Foldable {
    /// How many series it may have at most.
    const MOST_SERIES: u64;

    /// Grows with the time when its name was first heard; stays when it is back.
    fn id(&self) -> u32;

    fn is_called(&self, name: &str) -> bool;

    /// Whether it is part of what runs; before, it takes no room.
    fn has_arrived(&self) -> bool;

    /// How many series it has on a page now.
    fn series(&self) -> u64;

    /// Its counters that are not 0.
    fn moved(&self) -> Vec<(Place, u64)>;

    /// Counts on.
    fn add(&self, place: Place, count: u64);

    /// Its gauges that were ever set.
    fn levels(&self) -> Vec<(Place, u64)>;

    fn set(&self, place: Place, level: u64);
}

/// `_bucket` with all bounds and infinity, `_sum` and `_count`.
const HISTOGRAM_SERIES: u64 = crate::histogram::BOUNDS_US.len() as u64 + 3;
/// Without the bounds.
const BRIEF_SERIES: u64 = 3;
const MAPPING_HISTOGRAM_SERIES: u64 = CLASSIC_US.len() as u64 + 3;

impl Foldable for ClusterStats {
    const MOST_SERIES: u64 = 250;

    fn id(&self) -> u32 {
        Scope::series(self).id
    }

    fn is_called(&self, name: &str) -> bool {
        self.name() == name
    }

    fn has_arrived(&self) -> bool {
        Self::has_arrived(self)
    }

    fn series(&self) -> u64 {
        series_of(self)
    }

    fn moved(&self) -> Vec<(Place, u64)> {
        // Some counters stand under several names.
        let (mut moved, mut seen) = (Vec::new(), HashSet::new());
        for (stat, described) in (0..).zip(Self::STATS) {
            let mut add = |(cell, count)| {
                if count > 0 {
                    moved.push(((stat, cell), count));
                }
            };
            match described.value {
                Value::Counter(at) if seen.insert(ptr::from_ref(at(self))) => {
                    add((0, at(self).value()));
                }
                Value::Classes(at) => at(self).iter().for_each(add),
                Value::Codes(at) => at(self).iter().for_each(add),
                Value::Histogram(at) => at(self).cells().for_each(add),
                Value::Counter(_)
                | Value::Gauge(_)
                | Value::Flag(_)
                | Value::ZeroCounter
                | Value::ZeroGauge => {}
            }
        }
        moved
    }

    fn add(&self, (stat, cell): Place, count: u64) {
        self.count.traffic();
        self.count.trouble();
        let Some(described) = Self::STATS.get(usize::from(stat)) else {
            return;
        };
        let counter: Option<&Counter> = match described.value {
            Value::Counter(at) => Some(at(self)),
            Value::Classes(at) => at(self).counter(cell),
            Value::Codes(at) => at(self).code(cell),
            Value::Histogram(at) => at(self).cell(cell),
            Value::Gauge(_) | Value::Flag(_) | Value::ZeroCounter | Value::ZeroGauge => None,
        };
        counter.inspect(|counter| counter.add(count));
    }

    fn levels(&self) -> Vec<(Place, u64)> {
        let levels = (0..).zip(Self::STATS).filter_map(|(stat, described)| {
            let (Value::Gauge(at) | Value::Flag(at)) = described.value else {
                return None;
            };
            let gauge = at(self);
            gauge.is_used().then(|| ((stat, 0), gauge.value()))
        });
        levels.collect()
    }

    fn set(&self, (stat, _): Place, level: u64) {
        self.count.traffic();
        self.count.trouble();
        let described = Self::STATS.get(usize::from(stat));
        if let Some(Value::Gauge(at) | Value::Flag(at)) = described.map(|stat| stat.value)
            && !ClusterCounts::is_shared(at(self))
        {
            at(self).set(level);
        }
    }
}

impl Foldable for MappingStats {
    /// Seven classes, a histogram, retries and timeouts.
    const MOST_SERIES: u64 = 7 + MAPPING_HISTOGRAM_SERIES + 2;

    fn id(&self) -> u32 {
        self.id
    }

    fn is_called(&self, name: &str) -> bool {
        self.name() == (name, name)
    }

    /// Its Route had a request.
    fn has_arrived(&self) -> bool {
        true
    }

    fn series(&self) -> u64 {
        let classes = self.count.classes().count();
        u64::try_from(classes).unwrap_or(0) + MAPPING_HISTOGRAM_SERIES + 2
    }

    fn moved(&self) -> Vec<(Place, u64)> {
        let moved = self.count.moved();
        moved.map(|(place, count)| ((place, 0), count)).collect()
    }

    fn add(&self, (place, _): Place, count: u64) {
        self.count.add([(place, count)]);
    }

    fn levels(&self) -> Vec<(Place, u64)> {
        Vec::new()
    }

    fn set(&self, _: Place, _: u64) {}
}

/// How many series a handle of Envoy's has on a page.
pub(crate) fn series_of<S: Scope>(handle: &S) -> u64 {
    let each = S::STATS.iter().map(|stat| {
        let always = stat.shown == Shown::Always;
        let one = |is_shown| u64::from(always || is_shown);
        match stat.value {
            Value::Counter(at) => one(at(handle).value() > 0),
            Value::Gauge(at) | Value::Flag(at) => one(at(handle).is_used()),
            Value::Histogram(at) if is_brief(stat.name) => one(at(handle).is_used()) * BRIEF_SERIES,
            Value::Histogram(at) => one(at(handle).is_used()) * HISTOGRAM_SERIES,
            Value::Classes(at) => {
                let from_start = |class| match stat.shown {
                    Shown::Always => true,
                    Shown::FinalClasses => class >= 2,
                    Shown::OnceUsed => false,
                };
                let classes = at(handle).iter();
                let shown = classes.filter(|&(class, count)| from_start(class) || count > 0);
                shown.count() as u64
            }
            Value::Codes(at) => at(handle).iter().count() as u64,
            Value::ZeroCounter | Value::ZeroGauge => one(false),
        }
    });
    each.sum()
}
