//! Which of the resources with one name counts.
//!
//! As in Emissary (`Config.safe_store`) the later one overrides the earlier, and it is an error.
//! The same name in another namespace is another resource.
//!
//! Invariant: of one class, namespace and name, the last in insertion order is live.

use std::collections::{BTreeMap, BTreeSet};

use nuncio_config::Resource;

use super::assembly::{Assembly, Held};
use crate::compile::{Class, Place, Report, Told, told};

/// All resources by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: BTreeMap<Name, Namesakes>,
    touched: BTreeSet<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    class: Class,
    namespace: Box<str>,
    name: Box<str>,
}

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
        let Some(name) = told.resource().map(Name::of) else {
            return;
        };
        let namesakes = self.by_name.entry(name.clone()).or_default();
        told::insert(&mut namesakes.all, told);
        self.touched.insert(name);
    }

    pub(super) fn remove(&mut self, told: &Told) {
        let Some(name) = told.resource().map(Name::of) else {
            return;
        };
        if let Some(namesakes) = self.by_name.get_mut(&name) {
            told::take(&mut namesakes.all, told);
            self.touched.insert(name);
        }
    }

    /// Decides who is live among those with names that were touched.
    pub(super) fn settle(&mut self, assembly: &mut Assembly) -> Vec<Turn> {
        let mut turns = Vec::new();
        for name in std::mem::take(&mut self.touched) {
            let Some(namesakes) = self.by_name.get_mut(&name) else {
                continue;
            };
            assembly.report(&mut namesakes.held, overridden(&namesakes.all));
            turns.extend(namesakes.turn());
            if namesakes.all.is_empty() {
                self.by_name.remove(&name);
            }
        }
        turns
    }
}

impl Name {
    fn of(resource: &Resource) -> Self {
        Self {
            class: Class::of(&resource.kind),
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
        }
    }
}

impl Namesakes {
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
