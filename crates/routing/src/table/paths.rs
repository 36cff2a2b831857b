//! For each host pattern, the Routes by path: a tree of prefixes, a dictionary of exact paths and a
//! set of patterns.
//!
//! Invariant: a search leaves `best` at the lowest rank among what it was and the Routes of the tree
//! that take the request.

mod planting;

use std::num::NonZeroU32;

use super::dictionary::{Dictionary, Scope};
use super::hosts::Tree;
use super::patterns::PatternSet;
use super::prefixes::{Prefixes, Root};
use crate::{Draw, Share};

/// The lowest rank found so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best(u32);

impl Default for Best {
    fn default() -> Self {
        Self(NOTHING)
    }
}

impl Best {
    pub(super) fn rank(self) -> Option<u32> {
        (self.0 != NOTHING).then_some(self.0)
    }
}

const NOTHING: u32 = u32::MAX;

/// Path trees, numbered in the order in which they were built.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    trees: Vec<PathTree>,
    prefixes: Prefixes<Slot>,
    exact: Dictionary<Slot>,
    /// Candidates that are not the first of their slots.
    others: Vec<Box<[Candidate]>>,
}

#[derive(Debug)]
struct PathTree {
    lowest_rank: u32,
    prefixes: Root,
    others: Option<Box<Others>>,
}

/// What few trees have.
#[derive(Debug)]
struct Others {
    /// Of those that know no case.
    prefixes: Root,
    /// Of those that know case, and of those that do not; `None` where there are none.
    exact: [Option<Exact>; 2],
    patterns: Option<Patterns>,
}

#[derive(Debug)]
struct Exact {
    scope: Scope,
    longest: usize,
}

#[derive(Debug)]
struct Patterns {
    set: PatternSet,
    /// By number.
    slots: Box<[Slot]>,
    lowest_rank: u32,
}

/// The Routes of one host pattern and path, sorted by rank.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    first: Candidate,
    /// In `others`, if there are any.
    others: Option<NonZeroU32>,
    /// Among these and, for a prefix, those of all shorter prefixes on the way.
    lowest_rank: u32,
}

/// What can be told of a Route without looking at it.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    rank: u32,
    share: Share,
    is_conditional: bool,
}

impl Default for Candidate {
    /// One that is never better.
    fn default() -> Self {
        Self {
            rank: NOTHING,
            share: Share::WHOLE,
            is_conditional: false,
        }
    }
}

/// What is looked for.
pub(super) struct Search<'s, A> {
    pub(super) path: &'s [u8],
    pub(super) draw: Draw,
    /// Decides what is left when path and Draw fit.
    pub(super) accepts: A,
    pub(super) best: Best,
}

impl PathIndex {
    /// Looks in `tree` for a Route of lower rank than the best one so far.
    #[inline]
    pub(super) fn improve(&self, tree: Tree, search: &mut Search<'_, impl Fn(u32) -> bool>) {
        let Some(tree) = self.trees.get(tree as usize) else {
            return;
        };
        if tree.lowest_rank >= search.best.0 {
            return;
        }
        self.improve_by_prefixes(&tree.prefixes, search);
        if let Some(others) = &tree.others {
            self.improve_by_others(others, search);
        }
    }

    #[inline]
    fn improve_by_prefixes(&self, root: &Root, search: &mut Search<'_, impl Fn(u32) -> bool>) {
        let mut next = self.prefixes.longest(root, search.path);
        while let Some(entry) = next {
            let slot = &entry.value;
            if slot.lowest_rank >= search.best.0 {
                return;
            }
            self.improve_by(slot, search);
            if slot.lowest_rank >= search.best.0 {
                return;
            }
            next = self.prefixes.above(entry);
        }
    }

    fn improve_by_others(&self, others: &Others, search: &mut Search<'_, impl Fn(u32) -> bool>) {
        self.improve_by_prefixes(&others.prefixes, search);
        let path = search.path;
        for Exact { scope, longest } in others.exact.iter().flatten() {
            let slot = (path.len() <= *longest).then(|| self.exact.find(*scope, path));
            if let Some(slot) = slot.flatten() {
                self.improve_by(slot, search);
            }
        }
        let patterns = others.patterns.as_ref();
        if let Some(patterns) = patterns.filter(|all| all.lowest_rank < search.best.0) {
            self.improve_by_patterns(patterns, search);
        }
    }

    fn improve_by_patterns(
        &self,
        Patterns { set, slots, .. }: &Patterns,
        search: &mut Search<'_, impl Fn(u32) -> bool>,
    ) {
        let path = search.path;
        set.candidates(path, |pattern, number| {
            let slot = slots.get(number as usize);
            let better = slot.filter(|slot| slot.lowest_rank < search.best.0);
            if let Some(slot) = better.filter(|_| pattern.matches(path)) {
                self.improve_by(slot, search);
            }
        });
    }

    #[inline]
    fn improve_by(&self, slot: &Slot, search: &mut Search<'_, impl Fn(u32) -> bool>) {
        if search.takes(&slot.first) {
            return;
        }
        let others = slot
            .others
            .and_then(|at| self.others.get(at.get() as usize));
        for candidate in others.into_iter().flatten() {
            if search.takes(candidate) {
                return;
            }
        }
    }
}

impl<A: Fn(u32) -> bool> Search<'_, A> {
    /// Whether there is nothing to gain from candidates of higher ranks.
    #[inline]
    fn takes(&mut self, candidate: &Candidate) -> bool {
        if candidate.rank >= self.best.0 {
            return true;
        }
        let takes = candidate.share.admits(self.draw)
            && (!candidate.is_conditional || (self.accepts)(candidate.rank));
        if takes {
            self.best = Best(candidate.rank);
        }
        takes
    }
}
