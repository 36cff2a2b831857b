//! Finds what belongs to a whole text.
//!
//! Invariant: a clone is a snapshot.
//! Deliberately absent: prefixes.

use super::dictionary::{Dictionary, Scope};
use super::places::Places;
use crate::Slots;

/// Texts of many scopes with values of any size.
#[derive(Clone, Debug)]
pub(super) struct Exact<V> {
    /// In `values`.
    places: Dictionary<u32>,
    values: Slots<V>,
}

impl<V> Default for Exact<V> {
    fn default() -> Self {
        Self {
            places: Dictionary::default(),
            values: Slots::default(),
        }
    }
}

impl<V> Exact<V> {
    /// The value of a text.
    #[inline]
    pub(super) fn find(&self, scope: Scope, text: &[u8]) -> Option<&V> {
        let place = self.places.find(scope, text)?;
        self.values.get(*place as usize)
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter().map(|(_, value)| value)
    }
}

impl<V: Clone> Exact<V> {
    /// Gives a text this value, or none.
    pub(super) fn set(
        &mut self,
        free: &mut Places,
        (scope, text): (Scope, &[u8]),
        value: Option<V>,
    ) {
        let place = self.places.find(scope, text).copied();
        match (place, value) {
            (Some(place), Some(value)) => {
                self.values.set(place as usize, Some(value));
            }
            (Some(place), None) => {
                self.places.remove(scope, text);
                self.values.set(place as usize, None);
                free.give_back(place);
            }
            (None, Some(value)) => {
                let place = free.take();
                self.places.change(scope, text, |at| *at = place);
                self.values.set(place as usize, Some(value));
            }
            (None, None) => {}
        }
    }
}
