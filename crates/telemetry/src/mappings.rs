//! The handles of Mappings, found by name, and what is left of those that are gone.
//!
//! Invariant: one name, one handle, for as long as anybody has it. Then it makes room for its
//! totals, from which a Mapping of the same name goes on.
//! Deliberately absent: Mappings that have not had a request, and anything a request would do but
//! for the first one of a Route: the lock here is taken by that, and when a writer looks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::mapping::{MappingName, MappingStats};

/// All Mappings that are counted.
#[derive(Debug, Default)]
pub(crate) struct Mappings(RwLock<Named>);

#[derive(Debug, Default)]
struct Named {
    /// By name, hence in the order of the page.
    known: BTreeMap<Arc<MappingName>, Arc<MappingStats>>,
    gone: Gone,
    /// How many there have been.
    heard: u32,
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
    id: u32,
    moved: Box<[(u16, u64)]>,
}

/// Mappings whose totals are kept after they are gone; some 300 bytes each.
const MOST_GONE: usize = 10_000;

/// Handles let go of while nobody else may take one.
const BATCH: usize = 1_000;

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
        let left = named.gone.take(&name);
        let id = left
            .as_ref()
            .map_or_else(|| named.next_id(), |left| left.id);
        let stats = Arc::new(MappingStats::new(&name, id));
        if let Some(left) = left {
            stats.count.add(left.moved);
        }
        named.known.insert(name, Arc::clone(&stats));
        stats
    }

    /// All handles, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<MappingStats>> {
        self.read().known.values().map(Arc::clone).collect()
    }

    /// How many handles there are.
    pub(crate) fn known(&self) -> usize {
        self.read().known.len()
    }

    /// The ids of those that there are, and of those whose totals are kept.
    pub(crate) fn remembered(&self) -> HashSet<u32> {
        let named = self.read();
        let known = named.known.values().map(|stats| stats.id);
        let gone = named.gone.left.values().map(|left| left.id);
        known.chain(gone).collect()
    }

    /// Those that nobody else has.
    pub(crate) fn unused(&self) -> Vec<Arc<MappingStats>> {
        let named = self.read();
        let unused = named.known.values().filter(|one| is_unused(one));
        unused.map(Arc::clone).collect()
    }

    /// Makes room where nobody has the handle any more.
    pub(crate) fn let_go(&self) {
        let unused = self.read().unused_names();
        for some in unused.chunks(BATCH) {
            let mut named = self.write();
            some.iter().for_each(|name| named.let_go(name));
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Named> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Named> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named {
    fn next_id(&mut self) -> u32 {
        let id = self.heard;
        self.heard = id.saturating_add(1);
        id
    }

    fn unused_names(&self) -> Vec<Arc<MappingName>> {
        let unused = self.known.iter().filter(|(_, stats)| is_unused(stats));
        unused.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Whoever takes a handle needs the lock that is held here: nobody can after the look.
    fn let_go(&mut self, name: &Arc<MappingName>) {
        if self.known.get(name).is_some_and(is_unused)
            && let Some((name, stats)) = self.known.remove_entry(name)
        {
            self.gone.keep(name, &stats);
        }
    }
}

impl Gone {
    fn take(&mut self, name: &MappingName) -> Option<Left> {
        let left = self.left.remove(name)?;
        self.order.remove(&left.went);
        Some(left)
    }

    fn keep(&mut self, name: Arc<MappingName>, stats: &MappingStats) {
        self.next += 1;
        let went = self.next;
        self.order.insert(went, Arc::clone(&name));
        let left = Left {
            went,
            id: stats.id,
            moved: stats.count.moved().collect(),
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
