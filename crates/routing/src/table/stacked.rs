//! Sets of patterns that can be changed one pattern at a time.
//!
//! A new pattern is a set of its own, and sets are joined so that each is several times as large as
//! the next (J. Bentley and J. Saxe, "Decomposable Searching Problems", 1980): there are few of them,
//! and each pattern is seldom filed anew. A pattern that is removed loses its value and is let go of
//! when its set is built anew the next time, or when as many are in vain as are not.
//!
//! Invariant: every pattern that has a value and matches is visited; a clone is a snapshot.
//! Deliberately absent: what the values mean.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio_config::Pattern;

use super::patterns::PatternSet;
use super::places::Places;
use crate::Slots;

/// Patterns with values.
#[derive(Clone, Debug)]
pub(super) struct Stacked<V> {
    /// Large ones first. The numbers are places in `values`.
    sets: Vec<Arc<PatternSet>>,
    values: Slots<V>,
}

/// Which patterns are filed, which only those need who change them.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// Those without a value as well.
    filed: HashMap<Pattern, u32>,
    places: Places,
}

/// At least so many times as large as the next a set is.
const RATIO: usize = 4;

impl<V> Default for Stacked<V> {
    fn default() -> Self {
        Self {
            sets: Vec::new(),
            values: Slots::default(),
        }
    }
}

impl<V: Clone> Stacked<V> {
    /// Calls `visit` with every pattern that may match `text` and its value, some more than once.
    pub(super) fn candidates<'s>(&'s self, text: &[u8], mut visit: impl FnMut(&Pattern, &'s V)) {
        for set in &self.sets {
            set.candidates(text, |pattern, place| {
                if let Some(value) = self.values.get(place as usize) {
                    visit(pattern, value);
                }
            });
        }
    }

    /// Whether no pattern has a value.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter().map(|(_, value)| value)
    }

    /// The value of a pattern.
    pub(super) fn value(&self, roll: &Roll, pattern: &Pattern) -> Option<&V> {
        self.values.get(*roll.filed.get(pattern)? as usize)
    }

    /// Gives a pattern this value, or none.
    pub(super) fn set(&mut self, roll: &mut Roll, pattern: &Pattern, value: Option<V>) {
        let is_removed = value.is_none();
        match roll.filed.get(pattern) {
            Some(place) => {
                self.values.set(*place as usize, value);
            }
            None if is_removed => return,
            None => {
                let place = roll.places.take();
                roll.filed.insert(pattern.clone(), place);
                self.values.set(place as usize, value);
                self.file(roll, vec![(pattern.clone(), place)]);
            }
        }
        if is_removed && self.values.len() * 2 <= roll.filed.len() {
            self.join(roll);
        }
    }

    /// Makes one set of all, which is searched fastest.
    pub(super) fn join(&mut self, roll: &mut Roll) {
        let mut all = Vec::new();
        for set in std::mem::take(&mut self.sets) {
            self.take_over(&set, roll, &mut all);
        }
        if !all.is_empty() {
            self.sets.push(Arc::new(PatternSet::build(all)));
        }
    }

    /// Adds a set, together with those that are not several times as large.
    fn file(&mut self, roll: &mut Roll, mut patterns: Vec<(Pattern, u32)>) {
        while let Some(set) = self.sets.pop_if(|last| last.len() < RATIO * patterns.len()) {
            self.take_over(&set, roll, &mut patterns);
        }
        self.sets.push(Arc::new(PatternSet::build(patterns)));
    }

    /// Appends the patterns of a set that have a value; of the others nothing is left.
    fn take_over(&self, set: &PatternSet, roll: &mut Roll, into: &mut Vec<(Pattern, u32)>) {
        for (pattern, place) in set.iter() {
            if self.values.get(*place as usize).is_some() {
                into.push((pattern.clone(), *place));
            } else {
                roll.filed.remove(pattern);
                roll.places.give_back(*place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(number: usize) -> Pattern {
        Pattern::parse(&format!("/v[0-9]+/{number}/.*")).unwrap()
    }

    fn filled(count: usize) -> (Stacked<usize>, Roll) {
        let (mut stacked, mut roll) = (Stacked::default(), Roll::default());
        for number in 0..count {
            stacked.set(&mut roll, &pattern(number), Some(number));
        }
        (stacked, roll)
    }

    fn matching(stacked: &Stacked<usize>, number: usize) -> Vec<usize> {
        let text = format!("/v1/{number}/x");
        let mut found = Vec::new();
        stacked.candidates(text.as_bytes(), |pattern, value| {
            if pattern.matches(text.as_bytes()) {
                found.push(*value);
            }
        });
        found.dedup();
        found
    }

    #[test]
    fn one_more_pattern_seldom_builds_many_anew() {
        let (mut stacked, mut roll) = filled(1_000);
        assert!(stacked.sets.len() <= 6);
        let before = stacked.clone();
        stacked.set(&mut roll, &pattern(1_000), Some(1_000));
        assert!(Arc::ptr_eq(&before.sets[0], &stacked.sets[0]));
        assert_eq!(matching(&stacked, 1_000), [1_000]);
        assert_eq!(matching(&before, 1_000), [0; 0]);
    }

    #[test]
    fn a_pattern_without_a_value_is_not_found_and_may_come_back() {
        let (mut stacked, mut roll) = filled(10);
        stacked.set(&mut roll, &pattern(3), None);
        assert_eq!(matching(&stacked, 3), [0; 0]);
        assert_eq!(stacked.value(&roll, &pattern(3)), None);
        stacked.set(&mut roll, &pattern(3), Some(33));
        assert_eq!(matching(&stacked, 3), [33]);
        assert_eq!(roll.filed.len(), 10);
    }

    #[test]
    fn patterns_that_come_and_go_leave_what_is_expected_and_no_more() {
        let (mut stacked, mut roll) = filled(0);
        let mut random = fastrand::Rng::with_seed(7);
        let mut live = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let number = random.usize(..60);
            let value = random.bool().then_some(number);
            stacked.set(&mut roll, &pattern(number), value);
            match value {
                Some(_) => live.insert(number),
                None => live.remove(&number),
            };
            let asked = random.usize(..60);
            let expected: Vec<_> = live.get(&asked).into_iter().copied().collect();
            assert_eq!(matching(&stacked, asked), expected);
            assert!(roll.filed.len() <= 2 * live.len() + 1);
        }
        live.iter()
            .for_each(|number| stacked.set(&mut roll, &pattern(*number), None));
        assert!(stacked.is_empty() && stacked.sets.is_empty() && roll.filed.is_empty());
    }

    #[test]
    fn joined_sets_are_one() {
        let (mut stacked, mut roll) = filled(50);
        stacked.join(&mut roll);
        assert_eq!(stacked.sets.len(), 1);
        assert_eq!(matching(&stacked, 49), [49]);
    }
}
