//! Where requests go: clusters with their endpoints, and connections to them.
//!
//! Invariant: a request never looks up a name. Endpoints are addresses, swapped in the background;
//! only the first request to a cluster that was never resolved waits for them.
//!
//! Deliberately absent: which request goes to which cluster.

mod connect;
mod endpoints;
mod http2;
mod pool;
mod resolve;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use nuncio_config::ServiceHost;
use nuncio_routing::Cluster;
use nuncio_telemetry::ClusterStats;

pub(crate) use connect::{ConnectFailure, Connector, Lease, Reuse};
use endpoints::Endpoints;
use resolve::Resolution;
pub use resolve::{ResolveError, Resolver};
pub(crate) use session::UpstreamSession;

/// A cluster as the proxy runs it: carried over from snapshot to snapshot while its
/// [`Cluster`] stays the same, so that its connections, endpoints and counters do too.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) stats: Arc<ClusterStats>,
    /// Tells connections of this cluster from those of any other there ever was.
    id: u64,
    endpoints: Arc<Endpoints>,
    next: AtomicUsize,
    /// Keeps the endpoints current; ends with the cluster.
    _resolution: Option<Resolution>,
}

impl Upstream {
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        stats: Arc<ClusterStats>,
        resolver: &Resolver,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let endpoints = Endpoints::pending();
        let resolution = match &cluster.host {
            ServiceHost::Ip(ip) => {
                endpoints.replace(vec![SocketAddr::new(*ip, cluster.port)]);
                stats.endpoints_changed(1);
                None
            }
            ServiceHost::Name(name) => {
                Some(resolver.keep_current(name, cluster.port, &endpoints, &stats))
            }
        };
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self {
            cluster,
            stats,
            id,
            endpoints,
            next: AtomicUsize::new(0),
            _resolution: resolution,
        }
    }

    /// The next endpoint in turn; `None` when there is none.
    ///
    /// Waits, at most for `patience`, only until the cluster has been resolved for the first time.
    pub(crate) async fn endpoint(&self, patience: Duration) -> Option<SocketAddr> {
        self.endpoints.resolved(patience).await;
        self.endpoints
            .pick(self.next.fetch_add(1, Ordering::Relaxed))
    }
}
