//! Builds a [`PathIndex`].
//!
//! Invariant: Routes of one text and kind share a slot, in which they are sorted by rank.

use std::borrow::Cow;
use std::num::NonZeroU32;

use nuncio_config::{Case, PathMatch, Pattern};

use super::super::dictionary::{Scope, position};
use super::super::patterns::PatternSet;
use super::super::prefixes::Root;
use super::{Candidate, Exact, NOTHING, Others, PathIndex, PathTree, Patterns, Slot};
use crate::Route;

/// A Route and its rank.
pub(in super::super) type Ranked<'r> = (&'r Route, u32);

impl PathIndex {
    /// Builds one tree for each list of Routes.
    pub(in super::super) fn build<'r>(trees: impl Iterator<Item = Vec<Ranked<'r>>>) -> Self {
        let mut paths = Self::default();
        // The first position means that there are none.
        paths.others.push(Box::default());
        for routes in trees {
            let tree = paths.plant(&routes);
            paths.trees.push(tree);
        }
        paths
    }

    fn plant(&mut self, routes: &[Ranked<'_>]) -> PathTree {
        let lowest_rank = routes.iter().map(|(_, rank)| *rank).min();
        let prefixes = prefixes(routes, Case::Sensitive);
        let has_others = prefixes.len() < routes.len();
        PathTree {
            lowest_rank: lowest_rank.unwrap_or(NOTHING),
            prefixes: self.plant_prefixes(prefixes, Case::Sensitive),
            others: has_others.then(|| Box::new(self.plant_others(routes))),
        }
    }

    fn plant_others(&mut self, routes: &[Ranked<'_>]) -> Others {
        let cases = [Case::Sensitive, Case::Insensitive];
        Others {
            prefixes: self.plant_prefixes(prefixes(routes, Case::Insensitive), Case::Insensitive),
            exact: cases.map(|case| self.plant_exact(exact(routes, case), case)),
            patterns: self.plant_patterns(patterns(routes)),
        }
    }

    fn plant_prefixes(&mut self, mut routes: Vec<Filed<'_>>, case: Case) -> Root {
        routes.sort_unstable_by(Filed::by_text);
        let same: Vec<_> = same(&routes).collect();
        let texts: Vec<_> = same.iter().map(|(text, _)| *text).collect();
        let Self {
            prefixes, others, ..
        } = self;
        prefixes.plant(&texts, case, |nth, above| {
            let routes = same.get(nth).map_or(&[][..], |(_, routes)| *routes);
            let mut slot = slot(routes.iter().map(|filed| filed.candidate), others);
            if let Some(above) = above {
                slot.lowest_rank = slot.lowest_rank.min(above.lowest_rank);
            }
            slot
        })
    }

    fn plant_exact(&mut self, mut routes: Vec<Filed<'_>>, case: Case) -> Option<Exact> {
        let longest = routes.iter().map(|filed| filed.text.len()).max()?;
        routes.sort_unstable_by(Filed::by_text);
        let number = position(self.trees.len() * 2) + u32::from(case == Case::Insensitive);
        let scope = Scope { number, case };
        for (text, routes) in same(&routes) {
            let slot = slot(routes.iter().map(|filed| filed.candidate), &mut self.others);
            let stored = self.exact.store(scope, text);
            self.exact.enter(scope, (stored, text.len()), slot);
        }
        Some(Exact { scope, longest })
    }

    fn plant_patterns(&mut self, mut routes: Vec<(&Pattern, Candidate)>) -> Option<Patterns> {
        let lowest_rank = routes.iter().map(|(_, candidate)| candidate.rank).min()?;
        routes.sort_unstable_by_key(|(pattern, candidate)| (*pattern, candidate.rank));
        let same = routes.chunk_by(|(a, _), (b, _)| a == b);
        let mut numbered = Vec::new();
        let mut slots = Vec::new();
        for (same, number) in same.zip(0..) {
            if let Some((pattern, _)) = same.first() {
                let candidates = same.iter().map(|(_, candidate)| *candidate);
                slots.push(slot(candidates, &mut self.others));
                numbered.push(((*pattern).clone(), number));
            }
        }
        Some(Patterns {
            set: PatternSet::build(numbered),
            slots: slots.into(),
            lowest_rank,
        })
    }
}

/// A slot of at least one candidate.
fn slot(mut sorted: impl Iterator<Item = Candidate>, others: &mut Vec<Box<[Candidate]>>) -> Slot {
    let first = sorted.next().unwrap_or_default();
    let further: Box<[_]> = sorted.collect();
    let at = position(others.len());
    let has_others = !further.is_empty();
    if has_others {
        others.push(further);
    }
    Slot {
        first,
        others: NonZeroU32::new(at).filter(|_| has_others),
        lowest_rank: first.rank,
    }
}

impl Candidate {
    fn of((route, rank): &Ranked<'_>) -> Self {
        Self {
            rank: *rank,
            share: route.share,
            is_conditional: route.is_conditional(),
        }
    }
}

/// A Route under the text by which it is found.
struct Filed<'r> {
    text: Cow<'r, [u8]>,
    candidate: Candidate,
}

impl<'r> Filed<'r> {
    fn new(text: &'r str, ranked: &Ranked<'_>) -> Self {
        let text = match ranked.0.case {
            Case::Sensitive => Cow::Borrowed(text.as_bytes()),
            Case::Insensitive => Cow::Owned(text.to_ascii_lowercase().into_bytes()),
        };
        let candidate = Candidate::of(ranked);
        Self { text, candidate }
    }

    fn by_text(a: &Self, b: &Self) -> std::cmp::Ordering {
        (&a.text, a.candidate.rank).cmp(&(&b.text, b.candidate.rank))
    }
}

/// Each text once, with what is filed under it.
fn same<'f>(sorted: &'f [Filed<'_>]) -> impl Iterator<Item = (&'f [u8], &'f [Filed<'f>])> {
    let same = sorted.chunk_by(|a, b| a.text == b.text);
    same.filter_map(|same| Some((&*same.first()?.text, same)))
}

fn prefixes<'r>(routes: &[Ranked<'r>], case: Case) -> Vec<Filed<'r>> {
    let of_case = routes.iter().filter(|(route, _)| route.case == case);
    let prefixes = of_case.filter_map(|ranked| match &ranked.0.path {
        PathMatch::Prefix(prefix) => Some(Filed::new(prefix.as_str(), ranked)),
        PathMatch::Exact(_) | PathMatch::Regex(_) => None,
    });
    prefixes.collect()
}

fn exact<'r>(routes: &[Ranked<'r>], case: Case) -> Vec<Filed<'r>> {
    let of_case = routes.iter().filter(|(route, _)| route.case == case);
    let exact = of_case.filter_map(|ranked| match &ranked.0.path {
        PathMatch::Exact(path) => Some(Filed::new(path.as_str(), ranked)),
        PathMatch::Prefix(_) | PathMatch::Regex(_) => None,
    });
    exact.collect()
}

fn patterns<'r>(routes: &[Ranked<'r>]) -> Vec<(&'r Pattern, Candidate)> {
    let patterns = routes.iter().filter_map(|ranked| match &ranked.0.path {
        PathMatch::Regex(pattern) => Some((pattern, Candidate::of(ranked))),
        PathMatch::Prefix(_) | PathMatch::Exact(_) => None,
    });
    patterns.collect()
}
