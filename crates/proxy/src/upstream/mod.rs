//! Where requests go: clusters with their endpoints, and connections to them.
//!
//! Invariant: a request never looks up a name. Endpoints are addresses, swapped in the background;
//! only the first request to a cluster that was never resolved waits for them.
//!
//! Deliberately absent: which request goes to which cluster.

mod breakers;
mod connect;
mod endpoint;
mod endpoints;
mod http2;
mod keepalive;
mod pool;
mod resolve;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use nuncio_config::{Priority, ServiceHost};
use nuncio_routing::Cluster;
use nuncio_telemetry::{Breaker, ClusterStats};

use breakers::Breakers;
pub(crate) use breakers::Permit;
pub(crate) use connect::{ConnectFailure, Connector, Lease, Reuse};
pub(crate) use endpoint::{Endpoint, Pick};
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
    breakers: Arc<Breakers>,
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
            breakers: Arc::new(Breakers::new(&cluster, &stats)),
            cluster,
            stats,
            id,
            endpoints,
            next: AtomicUsize::new(0),
            _resolution: resolution,
        }
    }

    /// An endpoint for one attempt; `None` when there is none.
    ///
    /// Waits, at most for `patience`, only until the cluster has been resolved for the first time.
    pub(crate) async fn endpoint(&self, patience: Duration, pick: &Pick) -> Option<Endpoint> {
        self.endpoints.resolved(patience).await;
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.endpoints.pick(turn, pick).map(Endpoint::untracked)
    }

    /// Lets a request be sent again, unless as many retries as may are under way; then the caller
    /// tells the counters. The retry counts as under way until the result is dropped.
    pub(crate) fn admit_retry(&self, priority: Priority) -> Option<Permit> {
        self.breakers.permit(priority, Breaker::Retries)
    }

    /// Whose connections those to `address` are.
    fn pooled_as(&self, address: SocketAddr) -> SocketAddr {
        address
    }

    /// Whether connections to this address may still be wanted.
    fn keeps_connections_to(&self, address: SocketAddr) -> bool {
        self.endpoints.contains(address)
    }
}
