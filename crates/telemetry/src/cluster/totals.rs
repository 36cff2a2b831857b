//! What is left of a cluster that is gone: the numbers that may not begin at 0 again when it comes
//! back.
//!
//! Invariant: a handle that takes over what [`Totals::of`] another counted shows at least that of
//! each counter and histogram.
//! Deliberately absent: gauges, which say how things are and not what has been.

use super::ClusterStats;
use crate::family::{Scope, Value};

/// The counters of a cluster that are not 0.
#[derive(Debug)]
pub(crate) struct Totals {
    /// As in the statsd exporter, which remembers by it what it has told.
    id: u32,
    /// Whether requests ever moved anything.
    traffic: bool,
    /// Whether anything ever went wrong.
    trouble: bool,
    counts: Box<[Total]>,
}

/// One counter: the place of its statistic in the table, and its place in the statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Total {
    stat: u16,
    cell: u16,
    count: u64,
}

impl Totals {
    /// What `stats` has counted; `None` = nothing ever.
    pub(crate) fn of(stats: &ClusterStats) -> Option<Self> {
        let mut counts = Vec::new();
        for (stat, described) in (0..).zip(ClusterStats::STATS) {
            let mut add = |(cell, count)| {
                if count > 0 {
                    counts.push(Total { stat, cell, count });
                }
            };
            match described.value {
                Value::Counter(at) => add((0, at(stats).value())),
                Value::Classes(at) => at(stats).iter().for_each(add),
                Value::Codes(at) => at(stats).iter().for_each(add),
                Value::Histogram(at) => at(stats).cells().for_each(add),
                Value::Gauge(_) | Value::Flag(_) | Value::ZeroCounter | Value::ZeroGauge => {}
            }
        }
        let (traffic, trouble) = stats.count.has_moved();
        (!counts.is_empty()).then(|| Self {
            id: stats.series.id,
            traffic,
            trouble,
            counts: counts.into(),
        })
    }

    /// As in the statsd exporter.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Lets `stats`, which nobody else has yet, go on from here.
    pub(super) fn go_on(&self, stats: &ClusterStats) {
        if self.traffic {
            stats.count.traffic();
        }
        if self.trouble {
            stats.count.trouble();
        }
        for total in &self.counts {
            let Some(described) = ClusterStats::STATS.get(usize::from(total.stat)) else {
                continue;
            };
            let counter = match described.value {
                Value::Counter(at) => Some(at(stats)),
                Value::Classes(at) => at(stats).counter(total.cell),
                Value::Codes(at) => at(stats).code(total.cell),
                Value::Histogram(at) => at(stats).cell(total.cell),
                Value::Gauge(_) | Value::Flag(_) | Value::ZeroCounter | Value::ZeroGauge => None,
            };
            // Some counters stand under several names.
            counter.inspect(|counter| counter.raise_to(total.count));
        }
    }
}
