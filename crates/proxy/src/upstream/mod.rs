//! Where requests go: clusters with their endpoints, and connections to them.
//!
//! Invariant: a request never looks up a name. Endpoints are addresses, swapped in the background;
//! only the first request to a cluster that was never resolved waits for them.
//!
//! Deliberately absent: which request goes to which cluster.

mod affinity;
mod background;
mod balance;
mod breakers;
mod carriage;
mod connect;
mod discovered;
mod endpoint;
mod endpoints;
mod http1;
mod http2;
mod keepalive;
mod lease;
mod originate;
mod outliers;
mod pool;
mod resolve;
mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nuncio_config::{DnsType, Priority, ServiceHost};
use nuncio_routing::Cluster;
use nuncio_telemetry::{Breaker, ClusterStats};

pub(crate) use affinity::Affinity;
pub(crate) use background::Background;
use breakers::Breakers;
pub(crate) use breakers::Permit;
pub(crate) use carriage::{Carriage, Counted};
pub(crate) use connect::{ConnectFailure, Connector, UpstreamWire};
pub(crate) use discovered::Discovered;
use discovered::Follower;
pub(crate) use endpoint::{Endpoint, Pick};
use endpoints::Endpoints;
pub(crate) use lease::{Lease, Reuse};
pub(crate) use originate::Originators;
use originate::{Originated, Originator};
use outliers::Detector;
pub use resolve::{ResolveError, Resolver};
pub(crate) use session::UpstreamSession;
use tracing::debug;

/// A cluster as the proxy runs it: carried over from snapshot to snapshot while its
/// [`Cluster`] stays the same, so that its connections, endpoints and counters do too.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) stats: Arc<ClusterStats>,
    /// Tells connections of this cluster from those of any other there ever was.
    id: u64,
    endpoints: Arc<Endpoints>,
    /// `None` = without TLS.
    originator: Option<Arc<Originator>>,
    /// Made for the first request.
    breakers: OnceLock<Arc<Breakers>>,
    /// Where the control path tells the endpoints.
    follower: Option<Arc<Follower>>,
    /// Keeps the endpoints current.
    _resolution: Option<Background>,
    /// Leaves out those that fail.
    _detection: Option<Background>,
}

impl Upstream {
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        stats: Arc<ClusterStats>,
        discovered: &Arc<Discovered>,
        originator: Option<Arc<Originator>>,
    ) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let (detector, watch) = cluster
            .outlier_detection
            .as_deref()
            .map(|settings| Detector::new(*settings, &stats))
            .unzip();
        let endpoints = Endpoints::pending(&cluster, watch);
        let resolver = discovered.resolver();
        let follower = discovered.follow(&cluster, &endpoints, &stats);
        let resolution = match &cluster.host {
            _ if follower.is_some() => None,
            ServiceHost::Ip(ip) => {
                endpoints.replace(vec![SocketAddr::new(*ip, cluster.port)]);
                stats.endpoints_changed(1);
                None
            }
            ServiceHost::Name(_) => Some(resolver.keep_current(&cluster, &endpoints, &stats)),
        };
        let detection = detector.map(|detector| resolver.run(detector.run(Arc::clone(&endpoints))));
        Self {
            breakers: OnceLock::new(),
            cluster,
            stats,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            endpoints,
            originator,
            follower,
            _resolution: resolution,
            _detection: detection,
        }
    }

    /// An endpoint for one attempt; `None` when there is none.
    ///
    /// Waits, at most for `patience`, only until the cluster has been resolved for the first time.
    pub(crate) async fn endpoint(&self, patience: Duration, pick: &Pick) -> Option<Endpoint> {
        match &self.follower {
            Some(follower) => follower.resolved(patience).await,
            None => self.endpoints.resolved(patience).await,
        }
        let picked = self.endpoints.pick(pick)?;
        if picked.panicking {
            self.stats.panicked();
        }
        Some(picked.endpoint)
    }

    /// Whether there is an endpoint that has not been tried.
    pub(crate) fn has_untried(&self, pick: &Pick) -> bool {
        let next = self.endpoints.pick(pick);
        next.is_some_and(|next| !pick.tried.contains(&next.endpoint.address()))
    }

    /// Lets a request be sent again, unless as many retries as may are under way; then the caller
    /// tells the counters. The retry counts as under way until the result is dropped.
    pub(crate) fn admit_retry(&self, priority: Priority) -> Option<Permit> {
        self.breakers().permit(priority, Breaker::Retries)
    }

    fn breakers(&self) -> &Arc<Breakers> {
        let make = || Arc::new(Breakers::new(&self.cluster, &self.stats));
        self.breakers.get_or_init(make)
    }

    /// What its connections are made with as its credentials are now; `None` without TLS.
    fn originated(&self) -> Result<Option<Arc<Originated>>, ConnectFailure> {
        let originated = self.originator.as_ref().map(|it| it.originated());
        originated.transpose().map_err(|error| {
            debug!(cluster = %self.cluster.name, %error, "nothing to connect with");
            self.stats.tls_failed();
            ConnectFailure::NoCredentials
        })
    }

    /// Whether its connections are still made with what has this serial.
    fn is_originated_by(&self, serial: u64) -> bool {
        let now = self.originator.as_ref().map(|it| it.originated());
        now.is_none_or(|now| now.is_ok_and(|now| now.serial == serial))
    }

    /// Whose connections those to `address` are: where a name is one endpoint, those to all its
    /// addresses are alike.
    fn pooled_as(&self, address: SocketAddr) -> SocketAddr {
        match self.endpoint_is_name() {
            true => (Ipv4Addr::UNSPECIFIED, self.cluster.port).into(),
            false => address,
        }
    }

    /// Whether connections pooled under this address may still be wanted.
    fn keeps_connections_to(&self, address: SocketAddr) -> bool {
        self.endpoint_is_name() || self.endpoints.contains(address)
    }

    /// Whether a name is one endpoint, whatever its addresses; never where endpoints are told.
    fn endpoint_is_name(&self) -> bool {
        self.cluster.dns_type == DnsType::Logical && self.follower.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio_routing::{Balance, Families, Limits};
    use nuncio_telemetry::{BuildInfo, Telemetry};

    /// A cluster with one endpoint that nobody listens on, and no options.
    pub(super) fn cluster() -> Cluster {
        Cluster {
            name: "cluster_c".into(),
            stats_name: "c".into(),
            host: ServiceHost::Ip(Ipv4Addr::LOCALHOST.into()),
            port: 1,
            discovery: nuncio_routing::Discovery::default(),
            tls: None,
            connect_timeout: Duration::from_secs(3),
            http2: false,
            balance: Balance::default(),
            idle_timeout: None,
            max_connection_lifetime: None,
            keepalive: None,
            dns_type: DnsType::default(),
            respect_dns_ttl: false,
            families: Families::default(),
            limits: Limits::default(),
            limits_high: Limits::default(),
            outlier_detection: None,
        }
    }

    fn upstream(cluster: Cluster, telemetry: &Telemetry) -> Upstream {
        let stats = telemetry.cluster("c");
        let discovered = Discovered::new(Resolver::from_system().unwrap());
        Upstream::new(Arc::new(cluster), stats, &discovered, None)
    }

    #[tokio::test]
    async fn thousands_of_clusters_without_options_are_small() {
        let telemetry = Telemetry::new(BuildInfo::default());
        let discovered = Discovered::new(Resolver::from_system().unwrap());
        let (cluster, stats) = (Arc::new(cluster()), telemetry.cluster("c"));
        let make = || Upstream::new(Arc::clone(&cluster), Arc::clone(&stats), &discovered, None);
        // A thread's first look at what is shared makes a place for itself.
        let mut made = vec![make()];
        made.reserve(1);
        let allocated = allocation_counter::measure(|| made.push(make()));
        let all = usize::try_from(allocated.bytes_current).unwrap() + size_of::<Upstream>();
        assert!(all <= 240, "{all} bytes");
    }

    #[tokio::test]
    async fn choosing_an_endpoint_allocates_nothing() {
        let telemetry = Telemetry::new(BuildInfo::default());
        for balance in [
            Balance::RoundRobin,
            Balance::LeastRequest,
            Balance::RingHash,
            Balance::Maglev,
        ] {
            let upstream = upstream(
                Cluster {
                    balance,
                    ..cluster()
                },
                &telemetry,
            );
            let addresses = (1..=5).map(|n| SocketAddr::from(([10, 0, 0, n], 80)));
            upstream.endpoints.replace(addresses.collect());
            let choose = |hash| {
                let tried = Vec::new();
                drop(upstream.endpoints.pick(&Pick { hash, tried }));
            };
            // A thread's first look at what is shared makes a place for itself.
            choose(None);
            let allocated = allocation_counter::measure(|| {
                (0..100).for_each(|hash| choose(Some(hash)));
                choose(None);
            });
            assert_eq!(allocated.count_total, 0, "{balance:?}");
        }
    }
}
