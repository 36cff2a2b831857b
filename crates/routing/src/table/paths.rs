//! For each host pattern, the Routes by path: a tree of prefixes, a dictionary of exact paths and a
//! set of patterns.
//!
//! Invariant: a search leaves `best` at the first, in the order of trying, among what it was and the
//! Routes of the tree that take the request.

mod filing;

use std::sync::Arc;

use nuncio_config::Case;

use super::candidate::{Candidate, Lead, Slot};
use super::dictionary::Scope;
use super::exact::Exact;
use super::hosts::Tree;
use super::prefixes::{Part, PrefixTree, Prefixes};
use super::stacked::Stacked;
use crate::{Draw, MappingSelector, RequestHead, Route, Slots};
pub(super) use filing::PathLedger;

/// Path trees by number.
#[derive(Clone, Debug, Default)]
pub(super) struct PathIndex {
    trees: Slots<PathTree>,
    prefixes: Prefixes<Slot>,
    exact: Exact<Slot>,
}

#[derive(Clone, Debug)]
struct PathTree {
    /// Of all its Routes.
    greatest: Lead,
    prefixes: PrefixTree,
    others: Option<Arc<Others>>,
}

/// What few trees have.
#[derive(Clone, Debug)]
struct Others {
    /// Those that know no case.
    prefixes: PrefixTree,
    /// Those that know case, and those that do not.
    exact: [ExactPaths; 2],
    patterns: Stacked<Slot>,
    /// Of the Routes with patterns.
    greatest: Lead,
}

#[derive(Clone, Debug)]
struct ExactPaths {
    scope: Scope,
    texts: usize,
}

/// What is looked for, and the best that was found so far.
pub(super) struct Search<'t, 'r> {
    path: &'r [u8],
    head: &'r RequestHead<'r>,
    draw: Draw,
    host: &'r MappingSelector,
    best: Option<&'t Candidate>,
}

impl PathIndex {
    /// Looks in `tree` for a Route that is tried before the best one so far.
    #[inline]
    pub(super) fn improve<'t>(&'t self, tree: Tree, search: &mut Search<'t, '_>) {
        let Some(tree) = self.trees.get(tree as usize) else {
            return;
        };
        if !search.may_gain(tree.greatest) {
            return;
        }
        self.improve_by_prefixes(tree, &tree.prefixes, search);
        if let Some(others) = &tree.others {
            self.improve_by_others(tree, others, search);
        }
    }

    /// All Routes, in no order.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        let trees = self
            .trees
            .iter()
            .filter_map(|(_, tree)| tree.others.as_ref());
        let by_patterns = trees.flat_map(|others| others.patterns.values());
        let slots = self
            .prefixes
            .values()
            .chain(self.exact.values())
            .chain(by_patterns);
        slots.flat_map(|slot| slot.iter().map(|candidate| &candidate.route))
    }

    #[inline]
    fn improve_by_prefixes<'t>(
        &'t self,
        tree: &PathTree,
        prefixes: &PrefixTree,
        search: &mut Search<'t, '_>,
    ) {
        for part in prefixes.parts() {
            if search.may_gain(tree.greatest.limited_to(part.longest())) {
                self.improve_by_part(tree.greatest, part, search);
            }
        }
    }

    #[inline]
    fn improve_by_part<'t>(&'t self, greatest: Lead, part: Part<'_>, search: &mut Search<'t, '_>) {
        let mut next = self.prefixes.longest(part, search.path);
        while let Some(entry) = next {
            if !search.may_gain(greatest.limited_to(entry.len())) {
                return;
            }
            search.improve_by(&entry.value);
            next = self.prefixes.above(entry);
        }
    }

    fn improve_by_others<'t>(
        &'t self,
        tree: &PathTree,
        others: &'t Others,
        search: &mut Search<'t, '_>,
    ) {
        self.improve_by_prefixes(tree, &others.prefixes, search);
        let path = search.path;
        for exact in others.exact.iter().filter(|exact| exact.texts > 0) {
            if search.may_gain(tree.greatest.limited_to(path.len())) {
                let slot = self.exact.find(exact.scope, path);
                slot.into_iter().for_each(|slot| search.improve_by(slot));
            }
        }
        if !others.patterns.is_empty() && search.may_gain(others.greatest) {
            others.patterns.candidates(path, |pattern, slot| {
                if search.may_gain_by(slot) && pattern.matches(path) {
                    search.improve_by(slot);
                }
            });
        }
    }
}

impl PathTree {
    fn new(number: Tree) -> Self {
        Self {
            greatest: Lead::default(),
            prefixes: PrefixTree::new(number * 2, Case::Sensitive),
            others: None,
        }
    }
}

impl Others {
    fn new(number: Tree) -> Self {
        let exact = |number, case| ExactPaths {
            scope: Scope { number, case },
            texts: 0,
        };
        Self {
            prefixes: PrefixTree::new(number * 2 + 1, Case::Insensitive),
            exact: [
                exact(number * 2, Case::Sensitive),
                exact(number * 2 + 1, Case::Insensitive),
            ],
            patterns: Stacked::default(),
            greatest: Lead::default(),
        }
    }

    fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
            && self.exact.iter().all(|exact| exact.texts == 0)
            && self.patterns.is_empty()
    }
}

impl<'t, 'r> Search<'t, 'r> {
    pub(super) fn new(head: &'r RequestHead<'r>, draw: Draw, host: &'r MappingSelector) -> Self {
        Self {
            path: head.path.as_bytes(),
            head,
            draw,
            host,
            best: None,
        }
    }

    pub(super) fn found(self) -> Option<&'t Arc<Route>> {
        Some(&self.best?.route)
    }

    /// Whether a Route with this lead at most may be tried before the best one.
    #[inline]
    fn may_gain(&self, greatest: Lead) -> bool {
        self.best.is_none_or(|best| greatest >= best.lead)
    }

    #[inline]
    fn may_gain_by(&self, slot: &Slot) -> bool {
        let first = slot.iter().next();
        first.is_some_and(|first| self.may_gain(first.lead))
    }

    #[inline]
    fn improve_by(&mut self, slot: &'t Slot) {
        for candidate in slot.iter() {
            if self.best.is_some_and(|best| !candidate.is_before(best)) {
                return;
            }
            let takes = candidate.share.admits(self.draw)
                && candidate.is_of(self.host)
                && (!candidate.is_conditional || candidate.route.accepts(self.head));
            if takes {
                self.best = Some(candidate);
                return;
            }
        }
    }
}
