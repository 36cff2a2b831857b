//! Names to addresses, in the background.
//!
//! Invariant: an answer stays in use until the next one; a failing resolver takes an address away
//! only when it has failed for [`STALE`].
//!
//! Deliberately absent: the C library's resolver, which a static binary does not have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use nuncio_config::{DnsType, ServiceHost};
use nuncio_routing::{Cluster, Families};
use nuncio_telemetry::{ClusterStats, DnsFailure, DnsStats, Resolution as Resolved};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::background::Background;
use super::endpoints::{Endpoints, Replaced};

/// Resolves the names of clusters, on the runtime it was made on.
#[derive(Clone, Debug)]
pub struct Resolver {
    v4: Arc<TokioResolver>,
    v6: Arc<TokioResolver>,
    /// IPv6, and IPv4 where there is none.
    either: Arc<TokioResolver>,
    asking: Arc<Asking>,
    runtime: Handle,
}

/// What all names share.
#[derive(Debug)]
struct Asking {
    /// How many may be asked for at the same time.
    places: Semaphore,
    stats: Arc<DnsStats>,
}

/// The system's resolver configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the resolver configuration")]
pub struct ResolveError(#[source] NetError);

/// Nothing is asked more often, whatever the TTL.
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// An answer is not believed for longer, whatever its TTL.
const MAX_REFRESH: Duration = Duration::from_secs(300);

/// Envoy's `dns_refresh_rate`: how often a name is asked for whose TTL is not respected.
const REFRESH: Duration = Duration::from_secs(5);

/// Questions under way at the same time: thousands of clusters that come at once shall not look
/// like an attack to the name server.
const MAX_LOOK_UPS: usize = 128;

/// How long the last addresses outlive a name that cannot be resolved.
const STALE: Duration = Duration::from_secs(300);

impl Resolver {
    /// Resolves as `/etc/resolv.conf` and `/etc/hosts` say. Tasks run on the current runtime.
    ///
    /// # Errors
    ///
    /// When the configuration exists and cannot be used.
    pub fn from_system() -> Result<Self, ResolveError> {
        Self::new(TokioResolver::builder_tokio)
    }

    /// Asks this name server and no other. Tasks run on the current runtime.
    ///
    /// # Errors
    ///
    /// When the system has nothing left to make a resolver with.
    pub fn from_name_server(address: SocketAddr) -> Result<Self, ResolveError> {
        let mut udp = ConnectionConfig::udp();
        udp.port = address.port();
        let server = NameServerConfig::new(address.ip(), true, vec![udp]);
        let config = ResolverConfig::from_name_servers(vec![server]);
        let provider = TokioRuntimeProvider::default;
        Self::new(|| {
            Ok(TokioResolver::builder_with_config(
                config.clone(),
                provider(),
            ))
        })
    }

    fn new(
        ask: impl Fn() -> Result<ResolverBuilder<TokioRuntimeProvider>, NetError>,
    ) -> Result<Self, ResolveError> {
        let by = |strategy| {
            let mut builder = ask().map_err(ResolveError)?;
            let options = builder.options_mut();
            options.ip_strategy = strategy;
            // Each name is asked for by one task, when it is time.
            options.cache_size = 0;
            builder.build().map(Arc::new).map_err(ResolveError)
        };
        Ok(Self {
            v4: by(LookupIpStrategy::Ipv4Only)?,
            v6: by(LookupIpStrategy::Ipv6Only)?,
            either: by(LookupIpStrategy::Ipv6thenIpv4)?,
            asking: Arc::new(Asking {
                places: Semaphore::new(MAX_LOOK_UPS),
                stats: Arc::default(),
            }),
            runtime: Handle::current(),
        })
    }

    /// Starts keeping `endpoints` at the addresses of the cluster's name.
    pub(super) fn keep_current(
        &self,
        cluster: &Arc<Cluster>,
        endpoints: &Arc<Endpoints>,
        stats: &Arc<ClusterStats>,
    ) -> Background {
        let dns = match cluster.families {
            Families::V4 => &self.v4,
            Families::V6 => &self.v6,
            Families::Both => &self.either,
        };
        self.asking.stats.name_added();
        let watch = NameWatch {
            dns: Arc::clone(dns),
            asking: Arc::clone(&self.asking),
            cluster: Arc::clone(cluster),
            endpoints: Arc::clone(endpoints),
            stats: Arc::clone(stats),
        };
        self.run(watch.run())
    }

    /// What is asked of name servers.
    pub(crate) fn stats(&self) -> &Arc<DnsStats> {
        &self.asking.stats
    }

    /// Runs what belongs to a cluster.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) -> Background {
        self.runtime.spawn(work).into()
    }
}

struct NameWatch {
    dns: Arc<TokioResolver>,
    asking: Arc<Asking>,
    cluster: Arc<Cluster>,
    endpoints: Arc<Endpoints>,
    stats: Arc<ClusterStats>,
}

impl NameWatch {
    async fn run(self) {
        if self.name() == "localhost" {
            // RFC 6761 section 6.3: never asked of DNS.
            self.replace(vec![loopback(self.cluster.families)]);
            return;
        }
        let mut failing_since = None;
        let mut pause = MIN_REFRESH;
        loop {
            match self.look_up().await {
                Some(until) => {
                    failing_since = None;
                    pause = self.pause(until.saturating_duration_since(Instant::now()));
                }
                None => {
                    self.failed(failing_since.get_or_insert_with(Instant::now).elapsed());
                    pause = (pause * 2).clamp(MIN_REFRESH, REFRESH);
                }
            }
            sleep(pause).await;
        }
    }

    /// How long an answer is taken for true that says so of itself for `ttl`.
    fn pause(&self, ttl: Duration) -> Duration {
        match self.cluster.respect_dns_ttl {
            true => ttl.clamp(MIN_REFRESH, MAX_REFRESH),
            false => REFRESH,
        }
    }

    /// One look-up; says until when its answer holds.
    async fn look_up(&self) -> Option<Instant> {
        // Never closed.
        let _place = self.asking.places.acquire().await.ok()?;
        // Boxed, or every name would hold the room for it between its look-ups.
        match Box::pin(self.dns.lookup_ip(self.name())).await {
            Ok(answer) => {
                self.asking.stats.resolved();
                self.replace(answer.iter().collect());
                Some(answer.valid_until())
            }
            Err(error) => {
                debug!(name = self.name(), %error, "cannot resolve");
                self.asking.stats.failed(cause(&error));
                self.stats.resolved(Resolved::Failed);
                None
            }
        }
    }

    fn replace(&self, mut addresses: Vec<IpAddr>) {
        let before = self.endpoints.count();
        if self.is_logical() {
            addresses.truncate(1);
        }
        let addresses = addresses.into_iter();
        let port = self.cluster.port;
        let replaced = self
            .endpoints
            .replace(addresses.map(|ip| SocketAddr::new(ip, port)).collect());
        self.stats.resolved(match replaced {
            // The one endpoint has moved: it is the same one for all that.
            Replaced::Changed(1) if self.is_logical() && before == 1 => Resolved::Unchanged,
            Replaced::Changed(endpoints) => Resolved::Changed { endpoints },
            Replaced::Unchanged => Resolved::Unchanged,
        });
        self.endpoints.tell_health(&self.stats);
    }

    fn name(&self) -> &str {
        match &self.cluster.host {
            ServiceHost::Name(name) => name,
            // Resolves to nothing; nobody asks for it.
            ServiceHost::Ip(_) => "",
        }
    }

    fn is_logical(&self) -> bool {
        self.cluster.dns_type == DnsType::Logical
    }

    fn failed(&self, since: Duration) {
        if !self.endpoints.is_resolved() {
            warn!(
                name = self.name(),
                "cannot resolve: requests to it are answered with 503"
            );
            self.endpoints.replace(Vec::new());
        } else if since > STALE && self.endpoints.replace(Vec::new()) == Replaced::Changed(0) {
            warn!(
                name = self.name(),
                "not resolved for too long: its addresses are dropped"
            );
            self.stats.endpoints_changed(0);
        }
    }
}

impl Drop for NameWatch {
    fn drop(&mut self) {
        self.asking.stats.name_left();
    }
}

/// Whose fault it is, for the counters.
fn cause(error: &NetError) -> DnsFailure {
    match error {
        error if error.is_nx_domain() => DnsFailure::NoName,
        error if error.is_no_records_found() => DnsFailure::NoAddress,
        NetError::Dns(_) => DnsFailure::Refused,
        NetError::Timeout => DnsFailure::Timeout,
        NetError::Io(_) | NetError::NoConnections => DnsFailure::Connection,
        _ => DnsFailure::Other,
    }
}

/// The loopback address of a family; of both the one that Envoy would take.
fn loopback(families: Families) -> IpAddr {
    let has_v6 = || UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    match families {
        Families::V4 => Ipv4Addr::LOCALHOST.into(),
        Families::V6 => Ipv6Addr::LOCALHOST.into(),
        Families::Both if has_v6() => Ipv6Addr::LOCALHOST.into(),
        Families::Both => Ipv4Addr::LOCALHOST.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::tests::cluster;
    use nuncio_telemetry::{BuildInfo, Telemetry};

    fn watch(adjust: impl FnOnce(&mut Cluster)) -> (NameWatch, Arc<Telemetry>) {
        let mut cluster = cluster();
        cluster.host = ServiceHost::Name("a.example".into());
        adjust(&mut cluster);
        let telemetry = Telemetry::new(BuildInfo::default());
        let resolver = Resolver::from_system().unwrap();
        let watch = NameWatch {
            dns: resolver.v4,
            asking: resolver.asking,
            endpoints: Endpoints::pending(&cluster, None),
            cluster: Arc::new(cluster),
            stats: telemetry.cluster("c"),
        };
        (watch, telemetry)
    }

    fn ip(n: u8) -> IpAddr {
        [10, 0, 0, n].into()
    }

    #[tokio::test]
    async fn names_are_asked_for_every_five_seconds_whatever_their_ttl() {
        let (watch, _telemetry) = watch(|_| {});
        for ttl in [0, 1, 60, 86_400].map(Duration::from_secs) {
            assert_eq!(watch.pause(ttl), Duration::from_secs(5));
        }
    }

    #[tokio::test]
    async fn a_ttl_is_respected_within_reason() {
        let (watch, _telemetry) = watch(|cluster| cluster.respect_dns_ttl = true);
        for (ttl, pause) in [(0, 1), (1, 1), (60, 60), (86_400, 300)] {
            let ttl = Duration::from_secs(ttl);
            assert_eq!(watch.pause(ttl), Duration::from_secs(pause));
        }
    }

    #[tokio::test]
    async fn every_address_is_an_endpoint() {
        let (watch, telemetry) = watch(|_| {});
        watch.replace(vec![ip(1), ip(2)]);
        watch.replace(vec![ip(2), ip(1)]);
        watch.replace(vec![ip(2)]);
        assert_eq!(watch.endpoints.count(), 1);
        assert_eq!(telemetry.cluster("c").summary().endpoints_total, 1);
    }

    #[tokio::test]
    async fn a_logical_name_is_one_endpoint_at_the_first_address() {
        let (watch, telemetry) = watch(|cluster| cluster.dns_type = DnsType::Logical);
        watch.replace(vec![ip(2), ip(1)]);
        assert!(watch.endpoints.contains((ip(2), 1).into()));
        watch.replace(vec![ip(1), ip(2)]);
        assert!(watch.endpoints.contains((ip(1), 1).into()));
        assert_eq!(watch.endpoints.count(), 1);
        let mut page = Vec::new();
        telemetry.render(&mut page);
        let changes = "envoy_cluster_membership_change{envoy_cluster_name=\"c\"} 1\n";
        assert!(String::from_utf8(page).unwrap().contains(changes));
    }

    #[test]
    fn localhost_has_an_address_of_each_family() {
        assert!(loopback(Families::V4).is_ipv4());
        assert!(loopback(Families::V6).is_ipv6());
        assert!(loopback(Families::Both).is_loopback());
    }
}
