//! Collects the clusters that Mappings ask for, each once.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Cluster, ClusterIndex, name};
use crate::Clusters;

/// The clusters asked for so far, numbered in the order of asking.
#[derive(Debug)]
pub(crate) struct Roster {
    numbers: HashMap<Cluster, ClusterIndex>,
}

impl Roster {
    /// For so many clusters, or somewhat more.
    pub(crate) fn with_capacity(clusters: usize) -> Self {
        Self {
            numbers: HashMap::with_capacity(clusters),
        }
    }

    /// The number of a cluster, to be looked up in the [`Positions`] once all are known. Its name is
    /// the [full](name::full) one; clusters that differ in anything else are kept apart.
    pub(crate) fn ask(&mut self, cluster: Cluster) -> ClusterIndex {
        let next = ClusterIndex::new(self.numbers.len());
        *self.numbers.entry(cluster).or_insert(next)
    }

    /// All clusters sorted by name, and where each number has ended up. Their names are final, and
    /// do not depend on the order of asking.
    pub(crate) fn finish(self) -> (Clusters, Positions) {
        let mut clusters: Vec<_> = self.numbers.into_iter().collect();
        clusters.sort_unstable();
        for colliding in clusters.chunk_by_mut(|(a, _), (b, _)| a.name == b.name) {
            for (nth, (cluster, _)) in colliding.iter_mut().enumerate() {
                cluster.name = name::unique(&cluster.name, nth);
            }
        }
        clusters.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));

        let mut positions = vec![ClusterIndex::new(0); clusters.len()];
        for (position, (_, number)) in clusters.iter().enumerate() {
            if let Some(place) = positions.get_mut(number.as_usize()) {
                *place = ClusterIndex::new(position);
            }
        }
        let mut placed = Clusters::default();
        for (position, (cluster, _)) in clusters.into_iter().enumerate() {
            placed.slots.set(position, Some(Arc::new(cluster)));
        }
        (placed, Positions(positions))
    }
}

/// Where the clusters of a [`Roster`] have ended up, by number.
#[derive(Debug)]
pub(crate) struct Positions(Vec<ClusterIndex>);

impl Positions {
    pub(crate) fn of(&self, number: ClusterIndex) -> ClusterIndex {
        self.0.get(number.as_usize()).copied().unwrap_or(number)
    }
}
