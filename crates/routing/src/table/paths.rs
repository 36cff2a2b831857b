//! For each host pattern, a tree from prefixes to the Routes that have them.
//!
//! Invariant: a search leaves `best` at the lowest rank among what it was and the Routes of the tree
//! that take the request.

use std::ops::Range;

use super::forest::{Forest, Root, index, span};
use super::hosts::Tree;
use crate::{Draw, Route, Share};

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
    forest: Forest,
    trees: Vec<PathTree>,
    slots: Vec<Slot>,
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct PathTree {
    root: Root,
    lowest_rank: u32,
}

/// The Routes of one host pattern and prefix.
#[derive(Debug)]
struct Slot {
    /// In `candidates`, sorted by rank.
    candidates: Range<u32>,
    /// Among these and those of all shorter prefixes on the way.
    lowest_rank: u32,
}

/// What can be told of a Route without looking at it.
#[derive(Debug)]
struct Candidate {
    rank: u32,
    share: Share,
    is_conditional: bool,
}

impl PathIndex {
    /// Builds one tree for each list of Routes with their ranks.
    pub(super) fn build<'r>(trees: impl Iterator<Item = Vec<(&'r Route, u32)>>) -> Self {
        let mut paths = Self::default();
        for routes in trees {
            paths.plant(routes);
        }
        paths
    }

    /// Looks in `tree` for a Route of lower rank than `best`; `accepts` decides what is left when
    /// path and Draw fit.
    pub(super) fn improve(
        &self,
        tree: Tree,
        path: &[u8],
        draw: Draw,
        best: &mut Best,
        accepts: impl Fn(u32) -> bool,
    ) {
        let Some(tree) = self.trees.get(tree as usize) else {
            return;
        };
        if tree.lowest_rank >= best.0 {
            return;
        }
        for slot in self.forest.prefixes_of(tree.root, path) {
            let Some(slot) = self.slots.get(slot as usize) else {
                return;
            };
            if slot.lowest_rank >= best.0 {
                return;
            }
            let better = self
                .candidates(slot)
                .take_while(|candidate| candidate.rank < best.0);
            let taken = better
                .filter(|candidate| candidate.share.admits(draw))
                .find(|candidate| !candidate.is_conditional || accepts(candidate.rank));
            best.0 = taken.map_or(best.0, |candidate| candidate.rank);
        }
    }

    fn candidates(&self, slot: &Slot) -> std::slice::Iter<'_, Candidate> {
        self.candidates
            .get(span(&slot.candidates))
            .unwrap_or_default()
            .iter()
    }

    fn plant(&mut self, mut routes: Vec<(&Route, u32)>) {
        let lowest_rank = routes
            .iter()
            .map(|(_, rank)| *rank)
            .min()
            .unwrap_or(NOTHING);
        routes.sort_unstable_by_key(|(route, rank)| (route.path.as_str(), *rank));
        // The prefixes on the way to the current one, with what their slots say.
        let mut way = Vec::<(&[u8], u32)>::new();
        let mut keys = Vec::new();
        for same_prefix in routes.chunk_by(|(a, _), (b, _)| a.path.as_str() == b.path.as_str()) {
            let Some((first, rank)) = same_prefix.first() else {
                continue;
            };
            let prefix = first.path.as_str().as_bytes();
            while way
                .pop_if(|(shorter, _)| !prefix.starts_with(shorter))
                .is_some()
            {}
            let lowest_rank = way.last().map_or(*rank, |(_, above)| *rank.min(above));
            way.push((prefix, lowest_rank));
            keys.push((prefix, index(self.slots.len())));
            let candidates = self.add_candidates(same_prefix);
            self.slots.push(Slot {
                candidates,
                lowest_rank,
            });
        }
        let root = self.forest.plant(&keys);
        self.trees.push(PathTree { root, lowest_rank });
    }

    fn add_candidates(&mut self, routes: &[(&Route, u32)]) -> Range<u32> {
        let start = index(self.candidates.len());
        self.candidates
            .extend(routes.iter().map(|(route, rank)| Candidate {
                rank: *rank,
                share: route.share,
                is_conditional: route.is_conditional(),
            }));
        start..index(self.candidates.len())
    }
}
