//! Those of one kind that are shown together.
//!
//! Invariant: who was put here stays here, also when it has been gone meanwhile. Hence nobody is for
//! one page: whoever has no room on two in a row is. On the first of them a newcomer is missing, as
//! if it had come after it, and whoever was on a page already is there once more.

use std::collections::{HashMap, HashSet};
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
    over: Over,
}

/// Who had no room on the last page.
#[derive(Debug, Default)]
struct Over {
    shown: HashSet<u32>,
    /// They were on no page yet.
    held_back: HashSet<u32>,
}

impl<H: Foldable> Folded<H> {
    pub(super) fn into(together: H) -> Self {
        Self {
            together: Arc::new(together),
            counted: HashMap::new(),
            youngest_shown: None,
            over: Over::default(),
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
        let leaving = self.leave(&mut shown, *room);
        for one in &leaving {
            overflowed.add(one.series());
        }
        self.count(folded.iter().chain(&leaving));
        let youngest = shown.iter().map(|one| one.id()).max();
        self.youngest_shown = self.youngest_shown.max(youngest);
        *room = room.saturating_sub(self.wanted(&shown));
        if !self.counted.is_empty() {
            shown.push(Arc::clone(&self.together));
        }
        shown
    }

    /// Takes out of `shown` who has no room; gives whom there was none for before either.
    fn leave(&mut self, shown: &mut Vec<Arc<H>>, room: u64) -> Vec<Arc<H>> {
        let before = std::mem::take(&mut self.over);
        if self.wanted(shown) <= room {
            return Vec::new();
        }
        let fit = Self::that_fit(shown, room);
        let mut leaving = Vec::new();
        shown.retain(|one| {
            let id = one.id();
            if !one.has_arrived() || id < fit {
                return true;
            }
            let was_held_back = before.held_back.contains(&id);
            let was_shown = !was_held_back && self.youngest_shown >= Some(id);
            if was_held_back || before.shown.contains(&id) {
                self.begin(one, was_shown);
                leaving.push(Arc::clone(one));
                return false;
            }
            match was_shown {
                true => self.over.shown.insert(id),
                false => self.over.held_back.insert(id),
            };
            was_shown
        });
        leaving
    }

    /// How many series they have with those that are shown together.
    fn wanted(&self, shown: &[Arc<H>]) -> u64 {
        let settled = shown.iter().filter(|one| one.has_arrived());
        settled.map(|one| one.series()).sum::<u64>() + self.own_series()
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
    fn that_fit(shown: &[Arc<H>], room: u64) -> u32 {
        let settled = shown.iter().filter(|one| one.has_arrived());
        let mut by_age: Vec<_> = settled.map(|one| (one.id(), one.series())).collect();
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
    fn begin(&mut self, one: &H, was_shown: bool) {
        let counted = match was_shown {
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
