//! The clusters of a Snapshot.
//!
//! Invariant: a cluster keeps its [`ClusterIndex`] while it is part of the configuration, so that a
//! Route that has not changed need not be touched because another one has.

use std::sync::Arc;

use crate::{Cluster, ClusterIndex, Slots};

/// Where Routes forward to. Names are unique.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    pub(crate) slots: Slots<Arc<Cluster>>,
}

impl Clusters {
    /// The cluster at a place.
    pub fn get(&self, index: ClusterIndex) -> Option<&Arc<Cluster>> {
        self.slots.get(index.as_usize())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All clusters sorted by name; sorted anew with each call.
    pub fn by_name(&self) -> Vec<&Arc<Cluster>> {
        let mut clusters: Vec<_> = self.slots.iter().map(|(_, cluster)| cluster).collect();
        clusters.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        clusters
    }

    /// The clusters by place, as [`ClusterIndex::as_usize`] counts them.
    pub fn slots(&self) -> &Slots<Arc<Cluster>> {
        &self.slots
    }
}
