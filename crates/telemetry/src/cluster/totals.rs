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
    counts: Packed,
}

/// One counter: the place of its statistic in the table, and its place in the statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Total {
    stat: u16,
    cell: u16,
    count: u64,
}

/// Counters in few bytes, since there may be thousands of clusters that are gone: each number in
/// groups of seven bits, the lowest first, of which all but the last have the highest bit set.
#[derive(Debug, Default)]
struct Packed(Box<[u8]>);

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
            counts: counts.into_iter().collect(),
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
        for total in self.counts.iter() {
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

impl FromIterator<Total> for Packed {
    fn from_iter<I: IntoIterator<Item = Total>>(totals: I) -> Self {
        let mut bytes = Vec::new();
        for Total { stat, cell, count } in totals {
            pack(stat.into(), &mut bytes);
            pack(cell.into(), &mut bytes);
            pack(count, &mut bytes);
        }
        Self(bytes.into())
    }
}

impl Packed {
    fn iter(&self) -> impl Iterator<Item = Total> {
        let mut rest = self.0.iter();
        std::iter::from_fn(move || {
            let [stat, cell, count] = [unpack(&mut rest)?, unpack(&mut rest)?, unpack(&mut rest)?];
            Some(Total {
                stat: stat.try_into().ok()?,
                cell: cell.try_into().ok()?,
                count,
            })
        })
    }
}

fn pack(mut number: u64, into: &mut Vec<u8>) {
    while number > MASK {
        into.push((number & MASK) as u8 | MORE);
        number >>= BITS;
    }
    into.push(number as u8);
}

fn unpack<'b>(from: &mut impl Iterator<Item = &'b u8>) -> Option<u64> {
    let mut number = 0;
    for group in 0.. {
        let byte = from.next()?;
        number |= (u64::from(*byte) & MASK).checked_shl(group * BITS)?;
        if byte & MORE == 0 {
            break;
        }
    }
    Some(number)
}

const BITS: u32 = 7;
const MASK: u64 = 0x7f;
const MORE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        let counts = [1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX];
        let totals: Vec<_> = (0..)
            .zip(counts)
            .map(|(nth, count)| Total {
                stat: nth * 100,
                cell: nth,
                count,
            })
            .collect();
        let packed: Packed = totals.iter().copied().collect();
        assert_eq!(packed.iter().collect::<Vec<_>>(), totals);
        assert_eq!(Packed::default().iter().count(), 0);
    }

    #[test]
    fn small_counts_take_few_bytes() {
        let (stat, cell) = (70, 4);
        let packed: Packed = [1, 200]
            .map(|count| Total { stat, cell, count })
            .into_iter()
            .collect();
        assert_eq!(packed.0.len(), 7);
    }
}
