//! Those of one kind that are shown together.
//!
//! Invariant: who was put here stays here, also when it has been gone meanwhile, until its totals
//! are forgotten: whoever has its name then is another. Hence nobody is for
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
    counted: HashMap<u32, Counted>,
    /// So many, and it is asked which of them are remembered.
    many: usize,
    /// Whoever is younger was on no page yet.
    youngest_shown: Option<u32>,
    over: Over,
}

/// In the order of the places.
type Counted = Box<[(Place, u64)]>;

/// So many more than were remembered the last time are looked at.
const SPARE: usize = 1_000;

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
            many: SPARE,
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

    /// Forgets those that cannot come back: whose ids are not `remembered`. Asks when there are many.
    pub(super) fn forget(&mut self, remembered: impl FnOnce() -> HashSet<u32>) {
        if self.counted.len() <= self.many {
            return;
        }
        let remembered = remembered();
        self.counted.retain(|id, _| remembered.contains(id));
        let left = self.counted.len();
        self.counted.shrink_to(left * 2);
        self.many = left * 2 + SPARE;
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
            true => in_order(one.moved()),
            false => Counted::default(),
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
            let moved = in_order(one.moved());
            for &(place, count) in &moved {
                let before = count_at(counted, place);
                self.together.add(place, count.saturating_sub(before));
            }
            *counted = moved;
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

fn in_order(mut moved: Vec<(Place, u64)>) -> Counted {
    moved.sort_unstable();
    moved.into()
}

fn count_at(counted: &[(Place, u64)], place: Place) -> u64 {
    let found = counted.binary_search_by_key(&place, |&(place, _)| place);
    let found = found.ok().and_then(|at| counted.get(at));
    found.map_or(0, |&(_, count)| count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::MappingStats;

    #[test]
    fn those_that_cannot_come_back_are_forgotten() {
        let name = Arc::new(("default".into(), "a".into()));
        let stats = |id| Arc::new(MappingStats::new(&name, id));
        let all: Vec<_> = (0..=1_000).map(stats).collect();
        let mut folded = Folded::into(MappingStats::overflow());
        let overflowed = Counter::new();
        for _ in 0..2 {
            folded.forget(|| unreachable!("there are few"));
            folded.admit(all.clone(), &mut 0, &overflowed);
        }
        assert_eq!(folded.counted.len(), all.len());
        folded.forget(|| (990..2_000).collect());
        assert_eq!(folded.counted.len(), 11);
        folded.forget(|| unreachable!("there are few"));
    }
}
