//! The clusters that run, from one snapshot to the next.
//!
//! Invariant: a cluster that is in both snapshots keeps its [`Upstream`], wherever its place is.
//! Only places that differ are looked at.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nuncio_routing::{Cluster, Slots, Snapshot};
use nuncio_telemetry::Telemetry;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Live;
use crate::upstream::{Background, Discovered, Upstream};

/// Starts clusters, and lets go of them.
#[derive(Debug)]
pub(super) struct Upstreams {
    telemetry: Arc<Telemetry>,
    discovered: Arc<Discovered>,
    /// Told when clusters have left.
    left: Arc<Notify>,
    _letting_go: Background,
}

/// What becomes of the clusters whose places differ.
#[derive(Default)]
struct Difference<'a> {
    /// No longer where they were.
    out: Vec<(usize, &'a Arc<Upstream>)>,
    /// Not there before.
    into: Vec<(usize, &'a Arc<Cluster>)>,
}

/// How often it is looked whether anybody still has a cluster that has left. Workers let go of a
/// configuration that is out of force as often.
const LOOK: Duration = Duration::from_secs(1);

impl Upstreams {
    pub(super) fn new(telemetry: Arc<Telemetry>, discovered: &Arc<Discovered>) -> Self {
        let left = Arc::new(Notify::new());
        let letting_go = let_go(Arc::clone(&telemetry), Arc::clone(&left));
        Self {
            _letting_go: discovered.resolver().run(letting_go),
            telemetry,
            discovered: Arc::clone(discovered),
            left,
        }
    }

    /// The clusters of `snapshot`, at their places.
    pub(super) fn next(&self, before: &Live, snapshot: &Snapshot) -> Slots<Arc<Upstream>> {
        let difference = Difference::between(before, snapshot);
        let mut upstreams = before.upstreams.clone();
        let mut departed: HashMap<&str, &Arc<Upstream>> = HashMap::new();
        for (place, upstream) in difference.out {
            upstreams.set(place, None);
            departed.insert(&upstream.cluster.name, upstream);
        }
        let mut arrived = Vec::new();
        for (place, cluster) in difference.into {
            let known = departed.get(&*cluster.name);
            let moved = known.is_some_and(|upstream| upstream.cluster == *cluster);
            let upstream = match moved.then(|| departed.remove(&*cluster.name)).flatten() {
                Some(upstream) => Arc::clone(upstream),
                None => self.start(cluster),
            };
            if !moved {
                arrived.push(Arc::clone(&upstream.stats));
            }
            upstreams.set(place, Some(upstream));
        }
        self.telemetry.clusters_changed(
            arrived.iter().map(Arc::as_ref),
            departed.values().map(|upstream| &*upstream.stats),
        );
        if !departed.is_empty() {
            self.left.notify_one();
        }
        upstreams
    }

    fn start(&self, cluster: &Arc<Cluster>) -> Arc<Upstream> {
        let stats = self.telemetry.cluster(&cluster.stats_name);
        Arc::new(Upstream::new(Arc::clone(cluster), stats, &self.discovered))
    }
}

impl<'a> Difference<'a> {
    fn between(before: &'a Live, snapshot: &'a Snapshot) -> Self {
        let (then, now) = (before.snapshot.clusters.slots(), snapshot.clusters.slots());
        let mut difference = Self::default();
        for place in now.unshared(then) {
            let (upstream, cluster) = (before.upstreams.get(place), now.get(place));
            if upstream.map(|upstream| &upstream.cluster) == cluster {
                continue;
            }
            difference.out.extend(upstream.map(|one| (place, one)));
            difference.into.extend(cluster.map(|one| (place, one)));
        }
        difference
    }
}

/// Makes room in the telemetry for what has left, once nobody has it any more.
async fn let_go(telemetry: Arc<Telemetry>, left: Arc<Notify>) {
    loop {
        left.notified().await;
        sleep(LOOK).await;
        while telemetry.let_go_of_clusters() > 0 {
            sleep(LOOK).await;
        }
    }
}
