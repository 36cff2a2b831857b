//! How much of each counter a receiver has been told.
//!
//! Invariant: a counter's baseline moves only when its line was sent.

use std::collections::{HashMap, HashSet};

/// What has been told.
#[derive(Debug, Default)]
pub(super) struct Baseline(HashMap<Slot, u64>);

/// One counter, whatever its handle: the handle's id, the place in its table, and the status class
/// or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) handle: u32,
    pub(super) stat: usize,
    pub(super) status: u16,
}

/// Part of a counter, in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) slot: Slot,
    pub(super) events: u64,
}

impl Baseline {
    pub(super) fn settle(&mut self, delta: Delta) {
        *self.0.entry(delta.slot).or_default() += delta.events;
    }

    pub(super) fn unsettle(&mut self, delta: Delta) {
        if let Some(told) = self.0.get_mut(&delta.slot) {
            *told = told.saturating_sub(delta.events);
        }
    }

    /// Forgets handles that will not come back.
    pub(super) fn forget(&mut self, handles: &[u32]) {
        if !handles.is_empty() {
            let forgotten: HashSet<_> = handles.iter().collect();
            self.0.retain(|slot, _| !forgotten.contains(&slot.handle));
            if self.0.len() < self.0.capacity() / 4 {
                self.0.shrink_to(self.0.len() * 2);
            }
        }
    }

    pub(super) fn told(&self, slot: Slot) -> u64 {
        self.0.get(&slot).copied().unwrap_or(0)
    }
}
