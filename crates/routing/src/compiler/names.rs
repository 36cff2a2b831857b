//! Which of the resources with one name counts.
//!
//! As in Emissary (`Config.safe_store`) the later one overrides the earlier, and it is an error.
//! The same name in another namespace is another resource.
//!
//! Invariant: of one class, namespace and name, the last in insertion order is live.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::assembly::{Assembly, Held};
use crate::compile::{Class, Place, Report, Told, told};

/// All resources by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By the one that is live; with all of them where there is more to know than that it is alone.
    settled: BTreeMap<ByName, Option<Box<Namesakes>>>,
    touched: BTreeMap<ByName, Namesakes>,
}

/// A resource in the order of names, which it has in its object: nobody else need keep them.
#[derive(Debug)]
struct ByName(Told);

#[derive(Debug, Default)]
struct Namesakes {
    /// In insertion order.
    all: Vec<Told>,
    /// Which one was live when this was last settled.
    live: Option<Told>,
    held: Held,
}

/// A name that means another resource than before, or the same in another reading.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) before: Option<Told>,
    pub(super) now: Option<Told>,
}

impl Names {
    pub(super) fn add(&mut self, told: Told) {
        told::insert(&mut self.touch(&told).all, told);
    }

    pub(super) fn remove(&mut self, told: &Told) {
        told::take(&mut self.touch(told).all, told);
    }

    /// Decides who is live among those with names that were touched.
    pub(super) fn settle(&mut self, assembly: &mut Assembly) -> Vec<Turn> {
        let mut turns = Vec::new();
        for (_, mut namesakes) in std::mem::take(&mut self.touched) {
            assembly.report(&mut namesakes.held, overridden(&namesakes.all));
            turns.extend(namesakes.turn());
            if let Some(live) = namesakes.live.clone() {
                let more = (!namesakes.is_alone()).then(|| Box::new(namesakes));
                self.settled.insert(ByName(live), more);
            }
        }
        turns
    }

    /// Those with the name of a resource, to be changed.
    fn touch(&mut self, told: &Told) -> &mut Namesakes {
        let name = ByName(told.clone());
        let settled = self.settled.remove_entry(&name);
        let before = settled.map(|(live, all)| match all {
            Some(all) => *all,
            None => Namesakes::alone(live.0),
        });
        let touched = self.touched.entry(name);
        touched.or_insert_with(|| before.unwrap_or_default())
    }
}

impl ByName {
    fn name(&self) -> Option<(Class, &str, &str)> {
        let resource = self.0.resource()?;
        let class = Class::of(&resource.kind);
        Some((class, &resource.namespace, &resource.name))
    }
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(&other.name())
    }
}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByName {}

impl Namesakes {
    fn alone(live: Told) -> Self {
        Self {
            all: vec![live.clone()],
            live: Some(live),
            held: Held::default(),
        }
    }

    /// Whether there is one, of which nothing is to be told.
    fn is_alone(&self) -> bool {
        self.all.len() == 1 && self.held.is_empty()
    }

    fn turn(&mut self) -> Option<Turn> {
        let now = self.all.last().cloned();
        let before = std::mem::replace(&mut self.live, now.clone());
        let is_same = match (&before, &now) {
            (Some(before), Some(now)) => before.is(now),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        (!is_same).then_some(Turn { before, now })
    }
}

/// All but the last are errors.
fn overridden(all: &[Told]) -> Report {
    let mut report = Report::default();
    let resources: Vec<_> = all.iter().filter_map(Told::resource).collect();
    for pair in resources.windows(2) {
        if let [earlier, later] = pair {
            let reason = format_args!("overridden by the same name at {}", Place(&later.at));
            report.error_against(earlier, later, reason);
        }
    }
    report
}
