//! Chooses the Route for a request.
//!
//! Invariant: [`RouteTable::find`] returns the first Route, in precedence order, that
//! [matches](Route::matches): what a linear scan would.
//!
//! Every Route has a rank, its position in precedence order. The host selects a few path trees, one
//! for each distinct host pattern that fits; in each tree the path leads to the longest prefix it
//! begins with, and from there to the shorter ones, and the Routes at these are the candidates. They
//! are tried longest prefix first, and the search is over as soon as nothing further up, or in the
//! next tree, can have a lower rank than what was found. Exact paths are looked up as a whole, and
//! all regular expressions of a tree are one matcher.
//!
//! No step allocates or locks, or depends on the number of Routes; only Routes that share host and
//! path, and differ in method, headers, query or weight, are tried one after the other.
//!
//! Deliberately absent: partial rebuilding.

mod dictionary;
mod hosts;
mod paths;
mod patterns;
mod prefixes;

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::HostMatch;

use crate::{Draw, RequestHead, Route};
use hosts::HostIndex;
pub(crate) use hosts::MAX_HOST_LEN;
use paths::{Best, PathIndex, Search};

/// All Routes, and the indexes that find one.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// In precedence order.
    routes: Arc<[Arc<Route>]>,
    index: Arc<Index>,
}

#[derive(Debug)]
struct Index {
    hosts: HostIndex,
    paths: PathIndex,
}

impl RouteTable {
    /// The Route that takes the request; `None` = 404.
    pub fn find(&self, head: &RequestHead<'_>, draw: Draw) -> Option<&Arc<Route>> {
        let Index { hosts, paths } = &*self.index;
        let mut search = Search {
            path: head.path.as_bytes(),
            draw,
            accepts: |rank| self.route(rank).is_some_and(|route| route.accepts(head)),
            best: Best::default(),
        };
        hosts.visit(head.host, |tree| paths.improve(tree, &mut search));
        self.route(search.best.rank()?)
    }

    /// All Routes in the order in which they are tried.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Route>> {
        self.routes.iter()
    }

    /// How many Routes there are, the built-in ones included.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no Route at all.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// A table of Routes that are in precedence order.
    pub(crate) fn new(routes: Arc<[Arc<Route>]>) -> Self {
        let mut trees = BTreeMap::<&HostMatch, Vec<_>>::new();
        for (route, rank) in routes.iter().zip(0..) {
            trees.entry(&route.host).or_default().push((&**route, rank));
        }
        let hosts = HostIndex::build(trees.keys().copied());
        let paths = PathIndex::build(trees.into_values());
        let index = Arc::new(Index { hosts, paths });
        Self { routes, index }
    }

    fn route(&self, rank: u32) -> Option<&Arc<Route>> {
        self.routes.get(rank as usize)
    }
}

impl PartialEq for RouteTable {
    /// The index follows from the Routes.
    fn eq(&self, other: &Self) -> bool {
        self.routes == other.routes
    }
}
