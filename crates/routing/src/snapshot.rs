//! Everything the proxy runs, as one immutable value.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{
    Action, Cluster, ClusterIndex, Clusters, Demands, Diagnostics, Listening, Route, RouteTable,
    Settings,
};

/// The result of one compilation, published as a whole: a half-applied change cannot be seen.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Counts compilations; given by whoever compiles.
    pub generation: u64,
    /// Finds the Route of a request.
    pub routes: RouteTable,
    /// Where Routes forward to.
    pub clusters: Clusters,
    /// All that is wrong with the resources, sorted by location.
    pub diagnostics: Diagnostics,
    /// What holds for the gateway as a whole.
    pub settings: Arc<Settings>,
    /// What is listened on, and who is served there.
    pub listening: Arc<Listening>,
    /// What has to be at hand before it can be served.
    pub demands: Arc<Demands>,
}

impl Snapshot {
    /// The cluster a Route of this Snapshot forwards to; `None` only for another Snapshot's index.
    pub fn cluster(&self, index: ClusterIndex) -> Option<&Arc<Cluster>> {
        self.clusters.get(index)
    }
}

impl PartialEq for Snapshot {
    /// Whether both mean the same, wherever their clusters are placed.
    fn eq(&self, other: &Self) -> bool {
        self.generation == other.generation
            && self.settings == other.settings
            && self.demands == other.demands
            && self.diagnostics == other.diagnostics
            && self.clusters.by_name() == other.clusters.by_name()
            && self.routes.len() == other.routes.len()
            && self.placed().eq(other.placed())
            && self.placed_listening() == other.placed_listening()
    }
}

impl Snapshot {
    /// The Routes, with the positions that clusters have by name.
    fn placed(&self) -> impl Iterator<Item = Route> {
        let positions = self.positions();
        let placed = self.routes.iter().map(|route| {
            let mut route = Route::clone(route);
            if let Action::Forward(forward) = &mut route.action {
                let shadow = forward.shadow.iter_mut().map(|shadow| &mut shadow.cluster);
                for index in shadow.chain([&mut forward.cluster]) {
                    *index = self.position(*index, &positions);
                }
            }
            route
        });
        placed.collect::<Vec<_>>().into_iter()
    }

    fn placed_listening(&self) -> Listening {
        let positions = self.positions();
        let place = |index| self.position(index, &positions);
        self.listening.placed(place)
    }

    fn positions(&self) -> HashMap<&str, usize> {
        let by_name = self.clusters.by_name().into_iter().enumerate();
        let positions = by_name.map(|(position, cluster)| (&*cluster.name, position));
        positions.collect()
    }

    fn position(&self, index: ClusterIndex, positions: &HashMap<&str, usize>) -> ClusterIndex {
        let name = self.cluster(index).map(|cluster| &*cluster.name);
        let position = name.and_then(|name| positions.get(name));
        ClusterIndex::new(position.copied().unwrap_or(usize::MAX))
    }
}
