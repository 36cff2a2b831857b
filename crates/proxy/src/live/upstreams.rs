//! The clusters that run, from one snapshot to the next.
//!
//! Invariant: a cluster that is in both snapshots keeps its [`Upstream`], wherever its place is.
//! Only places that differ are looked at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use nuncio_routing::{Cluster, Slots, Snapshot};
use nuncio_telemetry::{ClusterLabel, Telemetry};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Live, mappings};
use crate::upstream::{Background, Discovered, Originators, Upstream};

/// Starts clusters, and lets go of them.
#[derive(Debug)]
pub(super) struct Upstreams {
    telemetry: Arc<Telemetry>,
    discovered: Arc<Discovered>,
    originators: Originators,
    retired: Arc<Retired>,
    /// Told when a configuration has left.
    left: Arc<Notify>,
    _letting_go: Background,
}

/// Configurations out of force that requests or workers may still have.
type Retired = Mutex<Vec<Arc<Live>>>;

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
pub(super) const LOOK: Duration = Duration::from_secs(1);

impl Upstreams {
    /// `live` is what is in force.
    pub(super) fn new(
        telemetry: Arc<Telemetry>,
        (discovered, originators): (&Arc<Discovered>, Originators),
        live: &Arc<ArcSwap<Live>>,
    ) -> Self {
        let left = Arc::new(Notify::new());
        let retired = Arc::default();
        let letting_go = let_go(Arc::clone(live), Arc::clone(&retired), Arc::clone(&left));
        Self {
            _letting_go: discovered.resolver().run(letting_go),
            telemetry,
            discovered: Arc::clone(discovered),
            originators,
            retired,
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
        let (mut arrived, mut modified) = (Vec::new(), 0);
        for (place, cluster) in difference.into {
            let known = departed.get(&*cluster.name);
            let moved = known.is_some_and(|upstream| upstream.cluster == *cluster);
            modified += usize::from(known.is_some() && !moved);
            let upstream = match moved.then(|| departed.remove(&*cluster.name)).flatten() {
                Some(upstream) => Arc::clone(upstream),
                None => self.start(cluster),
            };
            if !moved {
                arrived.push(Arc::clone(&upstream.stats));
            }
            upstreams.set(place, Some(upstream));
        }
        self.telemetry.server().clusters_modified(modified);
        self.telemetry.clusters_changed(
            arrived.iter().map(Arc::as_ref),
            departed.values().map(|upstream| &*upstream.stats),
        );
        upstreams
    }

    /// Takes a configuration that is out of force, so that no worker has to free what it alone had.
    pub(super) fn retire(&self, live: Arc<Live>) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(live);
        drop(retired);
        free(&self.retired);
        self.left.notify_one();
    }

    fn start(&self, cluster: &Arc<Cluster>) -> Arc<Upstream> {
        let name = match self.telemetry.cluster_label() {
            ClusterLabel::StatsName => Arc::clone(&cluster.stats_name),
            ClusterLabel::Name => (&*cluster.name).into(),
        };
        let stats = self.telemetry.cluster(name);
        let originator = self.originators.of(cluster);
        let upstream = Upstream::new(Arc::clone(cluster), stats, &self.discovered, originator);
        Arc::new(upstream)
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

/// Frees what has left, once nobody has it any more.
async fn let_go(live: Arc<ArcSwap<Live>>, retired: Arc<Retired>, left: Arc<Notify>) {
    loop {
        left.notified().await;
        let mut are_left = true;
        while are_left {
            sleep(LOOK).await;
            let configurations = free(&retired);
            let live = live.load_full();
            mappings::hand_over(&live);
            let clusters = live.telemetry.let_go_of_clusters();
            are_left = configurations + clusters > 0 || mappings::are_left(&live);
        }
    }
}

/// Gives how many are still in use.
fn free(retired: &Retired) -> usize {
    let mut retired = retired.lock().unwrap_or_else(PoisonError::into_inner);
    let unused: Vec<_> = retired
        .extract_if(.., |live| Arc::strong_count(live) == 1)
        .collect();
    if retired.is_empty() {
        *retired = Vec::new();
    }
    let in_use = retired.len();
    drop((retired, unused));
    in_use
}
