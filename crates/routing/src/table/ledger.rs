//! What is kept of a table in order to change it.
//!
//! Invariant: the indexes hold the Routes of the ledger and nothing else.
//! Deliberately absent: anything that finding a Route needs.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nuncio_config::HostMatch;

use super::Index;
use super::hosts::{HostLedger, Tree};
use super::paths::PathLedger;
use super::places::Places;
use crate::{Order, Route};

/// The books of an [`Index`].
#[derive(Debug, Default)]
pub(super) struct Ledger {
    routes: BTreeSet<ByOrder>,
    /// How many Routes there have been at a time since the indexes were new.
    most: usize,
    trees: HashMap<HostMatch, Grown>,
    places: Places,
    hosts: HostLedger,
    paths: PathLedger,
}

/// The path tree of a host pattern.
#[derive(Clone, Copy, Debug)]
struct Grown {
    tree: Tree,
    routes: usize,
}

/// So much larger than needed the indexes may be.
const SPACIOUS: usize = 4;

impl Ledger {
    pub(super) fn insert(&mut self, index: &mut Index, route: &Arc<Route>) {
        let replaced = self.routes.replace(ByOrder(Arc::clone(route)));
        match replaced {
            Some(ByOrder(before)) if is_filed_alike(&before, route) => {
                if let Some(grown) = self.trees.get(&route.host) {
                    index.paths.replace(&mut self.paths, grown.tree, route);
                }
                return;
            }
            Some(ByOrder(before)) => self.unfile(index, &before),
            None => {}
        }
        let tree = self.tree(index, &route.host);
        index.paths.add(&mut self.paths, tree, route);
        index.len = self.routes.len();
        self.most = self.most.max(index.len);
    }

    pub(super) fn remove(&mut self, index: &mut Index, order: &Order) {
        if let Some(ByOrder(route)) = self.routes.take(order) {
            self.unfile(index, &route);
            index.len = self.routes.len();
        }
    }

    /// Makes searching as fast as it can be, after many changes.
    pub(super) fn join(&mut self, index: &mut Index) {
        index.hosts.join(&mut self.hosts);
        index.paths.join(&mut self.paths);
    }

    /// Whether so few Routes are left that new indexes would be much smaller.
    pub(super) fn is_spacious(&self, len: usize) -> bool {
        len * SPACIOUS <= self.most && self.most > 0
    }

    /// The tree of a host pattern, with one more Route.
    fn tree(&mut self, index: &mut Index, host: &HostMatch) -> Tree {
        if let Some(grown) = self.trees.get_mut(host) {
            grown.routes += 1;
            return grown.tree;
        }
        let tree = self.places.take();
        self.trees.insert(host.clone(), Grown { tree, routes: 1 });
        index.hosts.set(&mut self.hosts, host, Some(tree));
        tree
    }

    fn unfile(&mut self, index: &mut Index, route: &Route) {
        let Some(grown) = self.trees.get_mut(&route.host) else {
            return;
        };
        let tree = grown.tree;
        grown.routes -= 1;
        let is_last = grown.routes == 0;
        index.paths.remove(&mut self.paths, tree, route);
        if is_last {
            self.trees.remove(&route.host);
            self.places.give_back(tree);
            index.hosts.set(&mut self.hosts, &route.host, None);
            index.paths.fell(tree);
        }
    }
}

/// Whether both are found in the same way.
fn is_filed_alike(a: &Route, b: &Route) -> bool {
    (&a.host, &a.path, a.case) == (&b.host, &b.path, b.case)
}

/// A Route by its place among the others.
#[derive(Debug)]
struct ByOrder(Arc<Route>);

impl Borrow<Order> for ByOrder {
    fn borrow(&self) -> &Order {
        &self.0.order
    }
}

impl Ord for ByOrder {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.order.cmp(&other.0.order)
    }
}

impl PartialOrd for ByOrder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByOrder {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByOrder {}
