//! The handles of Mappings, found by name, and what is left of those that are gone.
//!
//! Invariant: one name, one handle, for as long as anybody has it. Then it makes room for its
//! totals, from which a Mapping of the same name goes on.
//! Deliberately absent: Mappings that have not had a request, and anything a request would do but
//! for the first one of a Route: the lock here is taken by that, and when a writer looks.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::mapping::{MappingCounts, MappingName, MappingStats};

/// All Mappings that are counted.
#[derive(Debug, Default)]
pub(crate) struct Mappings(RwLock<Named>);

#[derive(Debug, Default)]
struct Named {
    /// By name, hence in the order of the page.
    known: BTreeMap<Arc<MappingName>, Arc<MappingStats>>,
    gone: Gone,
    /// What those have counted that were shown under one name and are gone.
    folded: MappingCounts,
}

/// What is left of Mappings, the oldest first.
#[derive(Debug, Default)]
struct Gone {
    left: HashMap<Arc<MappingName>, Left>,
    /// Their names, by when they went.
    order: BTreeMap<u64, Arc<MappingName>>,
    next: u64,
}

#[derive(Debug)]
struct Left {
    went: u64,
    moved: Box<[(u16, u64)]>,
    /// Whether it was shown with others under one name, and so will be.
    is_folded: bool,
}

/// Mappings whose totals are kept after they are gone; some 300 bytes each.
const MOST_GONE: usize = 10_000;

impl Mappings {
    /// The handle of a name, made if there is none.
    pub(crate) fn of(&self, namespace: &str, name: &str) -> Arc<MappingStats> {
        let name = Arc::new((namespace.into(), name.into()));
        if let Some(known) = self.read().known.get(&name) {
            return Arc::clone(known);
        }
        let mut named = self.write();
        if let Some(known) = named.known.get(&name) {
            return Arc::clone(known);
        }
        let stats = Arc::new(MappingStats::new(&name));
        if let Some(left) = named.gone.take(&name) {
            stats.count.add(left.moved.iter().copied());
            if left.is_folded {
                stats.fold();
                named.unfold(&left.moved);
            }
        }
        named.known.insert(name, Arc::clone(&stats));
        stats
    }

    /// All handles, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<MappingStats>> {
        self.read().known.values().map(Arc::clone).collect()
    }

    /// Those that nobody else has.
    pub(crate) fn unused(&self) -> Vec<Arc<MappingStats>> {
        let named = self.read();
        let unused = named.known.values().filter(|one| is_unused(one));
        unused.map(Arc::clone).collect()
    }

    /// Makes room where nobody has the handle any more.
    pub(crate) fn let_go(&self) {
        // Whoever takes a handle needs the lock that is held here.
        let mut named = self.write();
        let unused = named.known.extract_if(.., |_, stats| is_unused(stats));
        let unused: Vec<_> = unused.collect();
        for (name, stats) in unused {
            let moved: Box<[_]> = stats.count.moved().collect();
            if stats.is_folded() {
                named.folded.add(moved.iter().copied());
            }
            named.gone.keep(name, moved, stats.is_folded());
        }
    }

    /// What all that are shown under one name have counted, those that are gone included.
    pub(crate) fn folded(&self) -> MappingCounts {
        let named = self.read();
        let counts = MappingCounts::default();
        counts.add(named.folded.moved());
        for stats in named.known.values().filter(|stats| stats.is_folded()) {
            counts.add(stats.count.moved());
        }
        counts
    }

    fn read(&self) -> RwLockReadGuard<'_, Named> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Named> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named {
    /// Its numbers are counted by a handle again.
    fn unfold(&mut self, moved: &[(u16, u64)]) {
        let rest = MappingCounts::default();
        let again: HashMap<u16, u64> = moved.iter().copied().collect();
        rest.add(self.folded.moved().map(|(place, count)| {
            let count = count.saturating_sub(again.get(&place).copied().unwrap_or(0));
            (place, count)
        }));
        self.folded = rest;
    }
}

impl Gone {
    fn take(&mut self, name: &MappingName) -> Option<Left> {
        let left = self.left.remove(name)?;
        self.order.remove(&left.went);
        Some(left)
    }

    fn keep(&mut self, name: Arc<MappingName>, moved: Box<[(u16, u64)]>, is_folded: bool) {
        self.next += 1;
        let went = self.next;
        self.order.insert(went, Arc::clone(&name));
        let left = Left {
            went,
            moved,
            is_folded,
        };
        self.left.insert(name, left);
        while self.left.len() > MOST_GONE {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.left.remove(&oldest);
        }
    }
}

fn is_unused(stats: &Arc<MappingStats>) -> bool {
    Arc::strong_count(stats) == 1
}

#[cfg(test)]
mod tests;
