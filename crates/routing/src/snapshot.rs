//! Everything the proxy runs, as one immutable value.

use std::sync::Arc;

use nuncio_config::Diagnostic;

use crate::{Cluster, ClusterIndex, RouteTable, Settings};

/// The result of one compilation, published as a whole: a half-applied change cannot be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Counts compilations; given by whoever compiles.
    pub generation: u64,
    /// Finds the Route of a request.
    pub routes: RouteTable,
    /// Where Routes forward to, sorted by name; names are unique.
    pub clusters: Arc<[Arc<Cluster>]>,
    /// All that is wrong with the resources, sorted by location.
    pub diagnostics: Arc<[Diagnostic]>,
    /// What holds for the gateway as a whole.
    pub settings: Arc<Settings>,
}

impl Snapshot {
    /// The cluster a Route of this Snapshot forwards to; `None` only for another Snapshot's index.
    pub fn cluster(&self, index: ClusterIndex) -> Option<&Arc<Cluster>> {
        self.clusters.get(index.as_usize())
    }
}
