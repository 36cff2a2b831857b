//! Those of one kind that are shown together.
//!
//! Invariant: who was put here stays here, also when it has been gone meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use super::OVERFLOW;
use super::foldable::{Foldable, Place};
use crate::value::Counter;

#[derive(Debug)]
pub(super) struct Folded<H> {
    /// What they are shown as.
    together: Arc<H>,
    /// How far each was counted there, by its id.
    counted: HashMap<u32, HashMap<Place, u64>>,
    /// Whoever is younger was on no page yet.
    youngest_shown: Option<u32>,
}

impl<H: Foldable> Folded<H> {
    pub(super) fn into(together: H) -> Self {
        Self {
            together: Arc::new(together),
            counted: HashMap::new(),
            youngest_shown: None,
        }
    }

    /// Who is shown, in the order given, and in the end those that are shown together. Takes the
    /// room that they need.
    pub(super) fn admit(
        &mut self,
        all: Vec<Arc<H>>,
        room: &mut u64,
        overflowed: &Counter,
    ) -> Vec<Arc<H>> {
        let (folded, mut shown): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|one| self.is_folded(one.id()) || one.is_called(OVERFLOW));
        let wanted: u64 = shown.iter().map(|one| one.series()).sum();
        let mut leaving = Vec::new();
        if wanted + self.own_series() > *room {
            let fit = self.that_fit(&shown, *room);
            leaving = shown.extract_if(.., |one| one.id() >= fit).collect();
        }
        for one in &leaving {
            overflowed.add(one.series());
            self.begin(one);
        }
        self.count(folded.iter().chain(&leaving));
        let youngest = shown.iter().map(|one| one.id()).max();
        self.youngest_shown = self.youngest_shown.max(youngest);
        if !self.counted.is_empty() {
            shown.push(Arc::clone(&self.together));
        }
        *room = room.saturating_sub(shown.iter().map(|one| one.series()).sum());
        shown
    }

    fn is_folded(&self, id: u32) -> bool {
        self.counted.contains_key(&id)
    }

    /// What those that are shown together take, if there are any.
    fn own_series(&self) -> u64 {
        match self.counted.is_empty() {
            true => 0,
            false => self.together.series(),
        }
    }

    /// The id of the eldest that has no room.
    fn that_fit(&self, shown: &[Arc<H>], room: u64) -> u32 {
        let mut by_age: Vec<_> = shown.iter().map(|one| (one.id(), one.series())).collect();
        by_age.sort_unstable();
        // Together they have, sooner or later, every series that one may have.
        let mut room = room.saturating_sub(H::MOST_SERIES);
        for (id, series) in by_age {
            match room.checked_sub(series) {
                Some(rest) => room = rest,
                None => return id,
            }
        }
        u32::MAX
    }

    /// What was on a page has been seen, and is not to be seen again as if it were new.
    fn begin(&mut self, one: &H) {
        let seen = self.youngest_shown.is_some_and(|shown| one.id() <= shown);
        let counted = match seen {
            true => one.moved().into_iter().collect(),
            false => HashMap::new(),
        };
        self.counted.insert(one.id(), counted);
    }

    fn count<'h>(&mut self, folded: impl Iterator<Item = &'h Arc<H>>)
    where
        H: 'h,
    {
        let mut levels: HashMap<Place, u64> = HashMap::new();
        for one in folded {
            let counted = self.counted.entry(one.id()).or_default();
            for (place, count) in one.moved() {
                let before = counted.insert(place, count).unwrap_or(0);
                self.together.add(place, count.saturating_sub(before));
            }
            for (place, level) in one.levels() {
                *levels.entry(place).or_default() += level;
            }
        }
        for (place, _) in self.together.levels() {
            levels.entry(place).or_default();
        }
        for (place, level) in levels {
            self.together.set(place, level);
        }
    }
}
