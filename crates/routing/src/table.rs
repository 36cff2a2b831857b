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
//! Deliberately absent: partial rebuilding; the indexes are built anew when they are first asked after
//! a change.

mod dictionary;
mod hosts;
mod paths;
mod patterns;
mod prefixes;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use nuncio_config::HostMatch;

use crate::{Draw, Order, RequestHead, Route};
use hosts::HostIndex;
pub(crate) use hosts::MAX_HOST_LEN;
use paths::{Best, PathIndex, Search};

/// All Routes, and the indexes that find one. A clone is a snapshot: it shares what neither changes.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    routes: Arc<BTreeMap<Order, Arc<Route>>>,
    index: Arc<OnceLock<Index>>,
}

#[derive(Debug)]
struct Index {
    /// In precedence order.
    routes: Vec<Arc<Route>>,
    hosts: HostIndex,
    paths: PathIndex,
}

impl RouteTable {
    /// The Route that takes the request; `None` = 404.
    pub fn find(&self, head: &RequestHead<'_>, draw: Draw) -> Option<&Arc<Route>> {
        let index = self.index();
        let mut search = Search {
            path: head.path.as_bytes(),
            draw,
            accepts: |rank| index.route(rank).is_some_and(|route| route.accepts(head)),
            best: Best::default(),
        };
        let improve = |tree| index.paths.improve(tree, &mut search);
        index.hosts.visit(head.host, improve);
        index.route(search.best.rank()?)
    }

    /// Adds a Route; one with the same [`Route::order`] is replaced.
    pub fn insert(&mut self, route: Arc<Route>) {
        Arc::make_mut(&mut self.routes).insert(route.order.clone(), route);
        self.index = Arc::default();
    }

    /// Takes a Route away, if there is one with its [`Route::order`].
    pub fn remove(&mut self, route: &Route) {
        Arc::make_mut(&mut self.routes).remove(&route.order);
        self.index = Arc::default();
    }

    /// All Routes in the order in which they are tried.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// How many Routes there are, the built-in ones included.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no Route at all.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.routes))
    }
}

impl FromIterator<Arc<Route>> for RouteTable {
    fn from_iter<I: IntoIterator<Item = Arc<Route>>>(routes: I) -> Self {
        let by_order = routes.into_iter().map(|route| (route.order.clone(), route));
        let table = Self {
            routes: Arc::new(by_order.collect()),
            index: Arc::default(),
        };
        table.index();
        table
    }
}

impl Index {
    fn of(routes: &BTreeMap<Order, Arc<Route>>) -> Self {
        let mut trees = BTreeMap::<&HostMatch, Vec<_>>::new();
        for (route, rank) in routes.values().zip(0..) {
            trees.entry(&route.host).or_default().push((&**route, rank));
        }
        Self {
            routes: routes.values().map(Arc::clone).collect(),
            hosts: HostIndex::build(trees.keys().copied()),
            paths: PathIndex::build(trees.into_values()),
        }
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
