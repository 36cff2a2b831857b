//! Adds Routes to a [`PathIndex`], and removes them.
//!
//! Invariant: Routes of one path, kind and case share a slot, and a slot is gone with its last one;
//! each tree knows the greatest lead among its Routes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nuncio_config::{Case, PathMatch};

use super::super::candidate::{Candidate, Lead, Slot};
use super::super::hosts::Tree;
use super::super::places::Places;
use super::super::prefixes::{Planting, Texts};
use super::super::stacked::Roll;
use super::{Others, PathIndex, PathTree};
use crate::Route;

/// What only those need who change a [`PathIndex`].
#[derive(Debug, Default)]
pub(in super::super) struct PathLedger {
    texts: Texts,
    exact: Places,
    rolls: HashMap<Tree, Roll>,
    /// How many Routes there are of each tree and lead, with patterns and without.
    leads: BTreeMap<(Tree, bool, Lead), u32>,
}

/// A Route to be added or removed.
#[derive(Clone, Copy)]
enum Change<'r> {
    Add(&'r Arc<Route>),
    Remove(&'r Route),
}

impl PathIndex {
    /// Adds a Route to a tree, which comes to be with its first.
    pub(in super::super) fn add(
        &mut self,
        ledger: &mut PathLedger,
        tree: Tree,
        route: &Arc<Route>,
    ) {
        if self.trees.get(tree as usize).is_none() {
            self.trees.set(tree as usize, Some(PathTree::new(tree)));
        }
        ledger.count(tree, route, |count| count + 1);
        self.change(ledger, tree, Change::Add(route));
    }

    /// Removes a Route from a tree.
    pub(in super::super) fn remove(&mut self, ledger: &mut PathLedger, tree: Tree, route: &Route) {
        ledger.count(tree, route, |count| count - 1);
        self.change(ledger, tree, Change::Remove(route));
    }

    /// Puts a Route in the place of one that is filed alike.
    pub(in super::super) fn replace(
        &mut self,
        ledger: &mut PathLedger,
        tree: Tree,
        route: &Arc<Route>,
    ) {
        self.change(ledger, tree, Change::Add(route));
    }

    /// Removes a tree that has no Routes.
    pub(in super::super) fn fell(&mut self, tree: Tree) {
        self.trees.set(tree as usize, None);
    }

    /// Makes searching as fast as it can be, after many changes.
    pub(in super::super) fn join(&mut self, ledger: &mut PathLedger) {
        for (tree, roll) in &mut ledger.rolls {
            let tree = self.trees.get_mut(*tree as usize);
            if let Some(others) = tree.and_then(|tree| tree.others.as_mut()) {
                Arc::make_mut(others).patterns.join(roll);
            }
        }
    }

    fn change(&mut self, ledger: &mut PathLedger, number: Tree, change: Change<'_>) {
        let Some(tree) = self.trees.get_mut(number as usize) else {
            return;
        };
        let (route, texts) = (change.route(), &mut ledger.texts);
        let prefixes = &mut self.prefixes;
        match (&route.path, route.case) {
            (PathMatch::Prefix(text), Case::Sensitive) => {
                let tree = &mut tree.prefixes;
                let planting = Planting {
                    prefixes,
                    texts,
                    tree,
                };
                change.apply_to_prefix(planting, text.as_str().as_bytes());
            }
            (PathMatch::Prefix(text), Case::Insensitive) => {
                let tree = &mut tree.others_mut(number).prefixes;
                let planting = Planting {
                    prefixes,
                    texts,
                    tree,
                };
                change.apply_to_prefix(planting, &lower_case(text.as_str()));
            }
            (PathMatch::Exact(text), case) => {
                let [sensitive, insensitive] = &mut tree.others_mut(number).exact;
                let (paths, text) = match case {
                    Case::Sensitive => (sensitive, text.as_str().as_bytes().into()),
                    Case::Insensitive => (insensitive, lower_case(text.as_str())),
                };
                let before = self.exact.find(paths.scope, &text);
                let after = change.applied(before);
                paths.texts -= usize::from(before.is_some());
                paths.texts += usize::from(after.is_some());
                self.exact
                    .set(&mut ledger.exact, (paths.scope, &text), after);
            }
            (PathMatch::Regex(pattern), _) => {
                let patterns = &mut tree.others_mut(number).patterns;
                let roll = ledger.rolls.entry(number).or_default();
                let slot = change.applied(patterns.value(roll, pattern));
                patterns.set(roll, pattern, slot);
                if patterns.is_empty() {
                    ledger.rolls.remove(&number);
                }
            }
        }
        tree.note(ledger.greatest(number));
    }
}

impl PathTree {
    fn others_mut(&mut self, number: Tree) -> &mut Others {
        let others = self
            .others
            .get_or_insert_with(|| Arc::new(Others::new(number)));
        Arc::make_mut(others)
    }

    /// Takes note of the greatest leads, without patterns and with.
    fn note(&mut self, [plain, patterns]: [Lead; 2]) {
        self.greatest = plain.max(patterns);
        if self.others.as_ref().is_some_and(|others| others.is_empty()) {
            self.others = None;
        }
        if let Some(others) = self
            .others
            .as_mut()
            .filter(|others| others.greatest != patterns)
        {
            Arc::make_mut(others).greatest = patterns;
        }
    }
}

impl PathLedger {
    fn count(&mut self, tree: Tree, route: &Route, count: impl Fn(u32) -> u32) {
        let is_pattern = matches!(route.path, PathMatch::Regex(_));
        let key = (tree, is_pattern, Lead::of(&route.order));
        let routes = self.leads.entry(key).or_default();
        *routes = count(*routes);
        if *routes == 0 {
            self.leads.remove(&key);
        }
    }

    fn greatest(&self, tree: Tree) -> [Lead; 2] {
        [false, true].map(|is_pattern| {
            let all = (tree, is_pattern, Lead::LEAST)..=(tree, is_pattern, Lead::GREATEST);
            let last = self.leads.range(all).next_back();
            last.map_or(Lead::LEAST, |((_, _, lead), _)| *lead)
        })
    }
}

impl Change<'_> {
    fn route(&self) -> &Route {
        match self {
            Self::Add(route) => route,
            Self::Remove(route) => route,
        }
    }

    fn apply_to_prefix(self, mut planting: Planting<'_, Slot>, text: &[u8]) {
        let slot = self.applied(planting.value(text));
        planting.set(text, slot);
    }

    fn applied(self, slot: Option<&Slot>) -> Option<Slot> {
        match self {
            Self::Add(route) => Slot::with(slot, Candidate::new(route)),
            Self::Remove(route) => Slot::without(slot, &route.order),
        }
    }
}

fn lower_case(text: &str) -> Cow<'_, [u8]> {
    text.to_ascii_lowercase().into_bytes().into()
}
