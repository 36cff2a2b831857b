//! Chooses the Route for a request.
//!
//! The host selects a few path trees, one for each distinct host pattern that fits; in each tree the
//! path leads to the longest prefix it begins with, and from there to the shorter ones, and the
//! Routes at these are the candidates. They are tried longest prefix first, and the search is over
//! as soon as nothing further up, or in the next tree, can stand before what was found. Exact paths
//! are looked up as a whole, and regular expressions are filed by how they begin.
//!
//! No step allocates or locks, or depends on the number of Routes; only Routes that share host and
//! path, and differ in method, headers, query or weight, are tried one after the other.
//!
//! All indexes consist of small pieces that clones share. A change copies the few pieces that it
//! touches, so it costs what changes, and so does keeping the tables before it.
//!
//! Invariant: [`RouteTable::find_selected`] returns the first Route, in [`Order`](crate::Order), that
//! the Host [has](crate::SelectedBy::has) and that [matches](Route::matches): what a linear scan would.
//! A clone is a snapshot.
//!
//! Deliberately absent: a list of all Routes in order, which finding one does not need.

mod candidate;
mod dictionary;
mod exact;
mod hosts;
mod ledger;
mod lengths;
mod paths;
mod patterns;
mod places;
mod prefixes;
mod stacked;

use std::fmt;
use std::sync::Arc;

use crate::path::readings;
use crate::{Draw, MappingSelector, RequestHead, Route};
use hosts::HostIndex;
pub(crate) use hosts::MAX_HOST_LEN;
use ledger::Ledger;
use paths::{PathIndex, Search};

/// All Routes, filed so that one is found.
///
/// A clone costs next to nothing and is a snapshot. It leaves behind the books that are kept of a
/// table to change it: the first change of a clone files all its Routes anew, so it is the original
/// that is to be changed.
#[derive(Default)]
pub struct RouteTable {
    index: Arc<Index>,
    ledger: Option<Box<Ledger>>,
}

#[derive(Clone, Debug, Default)]
struct Index {
    hosts: HostIndex,
    paths: PathIndex,
    len: usize,
}

impl RouteTable {
    /// The Route that takes the request, if its Host selects no Mappings; `None` = 404.
    pub fn find(&self, head: &RequestHead<'_>, draw: Draw) -> Option<&Arc<Route>> {
        self.find_selected(head, draw, &MappingSelector::Any)
    }

    /// The Route of a Host that takes the request; `None` = 404.
    pub fn find_selected(
        &self,
        head: &RequestHead<'_>,
        draw: Draw,
        host: &MappingSelector,
    ) -> Option<&Arc<Route>> {
        let Index { hosts, paths, .. } = &*self.index;
        let mut search = Search::new(head, draw, host);
        hosts.visit(head.host, |tree| paths.improve(tree, &mut search));
        search.found()
    }

    /// Whether the request, which `found` takes, is another Route's for a server that reads paths more
    /// loosely than we do: where `//`, escaped slashes, or parameters of segments lead elsewhere. What is
    /// kept from clients by a Mapping for a prefix could be had by the way of another. What has a Route
    /// for any path is kept from nobody.
    pub fn is_ambiguous(
        &self,
        head: &RequestHead<'_>,
        (draw, host): (Draw, &MappingSelector),
        found: &Route,
    ) -> bool {
        readings(head.path).any(|path| {
            let read = RequestHead {
                path: &path,
                ..*head
            };
            let other = self.find_selected(&read, draw, host);
            other.is_some_and(|other| other.order != found.order && !other.takes_any_path())
        })
    }

    /// Adds a Route; one with the same [`Route::order`] makes room for it.
    pub fn insert(&mut self, route: Arc<Route>) {
        self.extend([route]);
    }

    /// Removes the Route with the same [`Route::order`], if there is one.
    pub fn remove(&mut self, route: &Route) {
        let (index, ledger) = self.books();
        ledger.remove(index, &route.order);
        if ledger.is_spacious(index.len) {
            *self = self.iter().cloned().collect();
        }
    }

    /// All Routes in the order in which they are tried; sorted anew with each call.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Route>> {
        let mut routes: Vec<_> = self.index.paths.routes().collect();
        routes.sort_unstable_by(|a, b| a.order.cmp(&b.order));
        routes.into_iter()
    }

    /// All Routes, in no order that means anything.
    pub fn in_any_order(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.index.paths.routes()
    }

    /// How many Routes there are, the built-in ones included.
    pub fn len(&self) -> usize {
        self.index.len
    }

    /// Whether there is no Route at all.
    pub fn is_empty(&self) -> bool {
        self.index.len == 0
    }

    /// What is to be changed.
    fn books(&mut self) -> (&mut Index, &mut Ledger) {
        if self.ledger.is_none() && !self.is_empty() {
            *self = self.iter().cloned().collect();
        }
        let ledger = self.ledger.get_or_insert_default();
        (Arc::make_mut(&mut self.index), ledger)
    }
}

impl Extend<Arc<Route>> for RouteTable {
    /// Adds Routes; many together are found faster than if they came one by one.
    fn extend<I: IntoIterator<Item = Arc<Route>>>(&mut self, routes: I) {
        let before = self.len();
        let (index, ledger) = self.books();
        for route in routes {
            ledger.insert(index, &route);
        }
        if index.len > 2 * before {
            ledger.join(index);
        }
    }
}

impl FromIterator<Arc<Route>> for RouteTable {
    fn from_iter<I: IntoIterator<Item = Arc<Route>>>(routes: I) -> Self {
        let mut table = Self::default();
        table.extend(routes);
        table
    }
}

impl Clone for RouteTable {
    fn clone(&self) -> Self {
        Self {
            index: Arc::clone(&self.index),
            ledger: None,
        }
    }
}

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for RouteTable {
    /// The indexes follow from the Routes.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}
