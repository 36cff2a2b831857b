//! The snapshot in force, with the clusters as they run.
//!
//! Invariant: swapped as one value by one atomic store, so that no request sees routes of one
//! snapshot and clusters of another. A request keeps the value it began with.
//!
//! Deliberately absent: compiling. Snapshots come ready made.

mod mappings;
mod upstreams;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use nuncio_config::Format;
use nuncio_routing::{
    ClusterIndex, Clusters, MappingId, Route, RouteTable, ServicePort, Settings, Slots, Snapshot,
};
use nuncio_telemetry::{MappingStats, Telemetry};

use crate::error_pages::ErrorPages;
use crate::exchange::LogPlan;
use crate::upstream::{Discovered, Resolver, Upstream};
use upstreams::Upstreams;

/// What requests are served by.
#[derive(Debug)]
pub(crate) struct Live {
    snapshot: Arc<Snapshot>,
    /// Each at the place that its cluster has in [`Snapshot::clusters`].
    upstreams: Slots<Arc<Upstream>>,
    error_pages: Arc<ErrorPages>,
    log_plan: Arc<LogPlan>,
    telemetry: Arc<Telemetry>,
}

impl Live {
    pub(crate) fn routes(&self) -> &RouteTable {
        &self.snapshot.routes
    }

    /// Whether a source of configuration has been read. Before, nothing can be said to be absent.
    pub(crate) fn is_configured(&self) -> bool {
        self.snapshot.generation > 0
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.snapshot.settings
    }

    /// Whether Routes look at what the gateway says of where a request comes from.
    pub(crate) fn watches_forwarding(&self) -> bool {
        self.snapshot.demands.forwarding
    }

    /// What lines of the access log look like.
    pub(crate) fn log_plan(&self) -> &LogPlan {
        &self.log_plan
    }

    /// The text of a file that an error is answered with; `None` when it cannot be read.
    pub(crate) fn error_page(&self, name: &str) -> Option<&Format> {
        self.error_pages.get(name)
    }

    /// Where the Mapping of a Route counts; looked up by the first request only.
    pub(crate) fn mapping_stats<'r>(&self, route: &'r Route) -> Option<&'r MappingStats> {
        let MappingId { namespace, name } = &*route.mapping;
        let find = || self.telemetry.mapping(namespace, name);
        route.attachment.get_or_attach(find)
    }

    pub(crate) fn upstream(&self, index: ClusterIndex) -> Option<&Arc<Upstream>> {
        self.upstreams.get(index.as_usize())
    }
}

/// Takes snapshots into force.
#[derive(Debug)]
pub struct Switch {
    live: Arc<ArcSwap<Live>>,
    upstreams: Upstreams,
    discovered: Arc<Discovered>,
    /// One at a time: two snapshots installed at once could both carry over the same clusters.
    installing: Mutex<()>,
}

impl Switch {
    /// Starts with `snapshot`; its generation is 0 when no source has been read yet, and requests
    /// without a route are then answered with 503.
    pub fn new(snapshot: Arc<Snapshot>, telemetry: Arc<Telemetry>, resolver: Resolver) -> Self {
        let nothing = Live {
            snapshot: Arc::new(Snapshot {
                clusters: Clusters::default(),
                ..Snapshot::clone(&snapshot)
            }),
            upstreams: Slots::default(),
            error_pages: Arc::default(),
            log_plan: LogPlan::of(&snapshot.settings.access_log),
            telemetry: Arc::clone(&telemetry),
        };
        telemetry.count_dns(resolver.stats());
        let discovered = Discovered::new(resolver);
        let live = Arc::new(ArcSwap::from_pointee(nothing));
        let switch = Self {
            upstreams: Upstreams::new(telemetry, Arc::clone(&discovered), &live),
            live,
            discovered,
            installing: Mutex::default(),
        };
        switch.install(snapshot);
        switch
    }

    /// Serves requests by `snapshot` from now on; those under way end by the one they began with.
    ///
    /// Clusters that are the same as before keep their connections, endpoints and counters. Costs
    /// what differs from the snapshot before.
    pub fn install(&self, snapshot: Arc<Snapshot>) {
        let _installing = self
            .installing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.discovered.want(&snapshot.demands.endpoints);
        let before = self.live.load_full();
        let upstreams = self.upstreams.next(&before, &snapshot);
        let error_pages = ErrorPages::next(&before.error_pages, &snapshot.demands.error_pages);
        let log_plan = match before.snapshot.settings == snapshot.settings {
            true => Arc::clone(&before.log_plan),
            false => LogPlan::of(&snapshot.settings.access_log),
        };
        let live = Arc::new(Live {
            snapshot,
            upstreams,
            error_pages,
            log_plan,
            telemetry: Arc::clone(&before.telemetry),
        });
        self.upstreams.retire(self.live.swap(live));
    }

    /// Takes the ready endpoints of a Service's port into use, at once and without a snapshot, in
    /// every cluster that is told its endpoints. `None` when they cannot be known any more: then the
    /// cluster's name is resolved, or the port forgotten if no cluster of the snapshot has it.
    pub fn set_endpoints(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        self.discovered.set(of, addresses);
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.live.load().snapshot)
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Whether `live` is still in force.
    pub(crate) fn is_current(&self, live: &Arc<Live>) -> bool {
        Arc::ptr_eq(&self.live.load(), live)
    }
}

#[cfg(test)]
mod tests;
