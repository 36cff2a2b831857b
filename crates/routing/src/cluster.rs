//! Where requests go: one upstream service with its own connections.
//!
//! Invariant: two Clusters that compare equal may share connections, health and counters, so an
//! unchanged Cluster survives a change of configuration.
//! Deliberately absent: endpoints, which change more often than configuration does.

mod discovery;
mod name;
mod roster;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{DnsType, Keepalive, OutlierDetection, Priority, ServiceHost};

use crate::Origination;
pub use discovery::{Discovery, ServicePort};
pub(crate) use name::{NameParts, stats as stats_name};
pub(crate) use roster::Roster;

/// One upstream. Ordered by name first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cluster {
    /// Emissary's name for it, e.g. `cluster_httpbin_default`; at most 60 characters.
    pub name: Box<str>,
    /// Envoy's `alt_stat_name`, e.g. `httpbin`. Several clusters may share one; whoever counts
    /// shares the text.
    pub stats_name: Arc<str>,
    /// What to resolve, or the address.
    pub host: ServiceHost,
    /// The port.
    pub port: u16,
    /// Where its endpoints come from.
    pub discovery: Discovery,
    /// By which TLS its connections are made; `None` = they are plain.
    pub tls: Option<Arc<Origination>>,
    /// Time for a TCP connection to come about.
    pub connect_timeout: Duration,
    /// Whether connections speak HTTP/2 (`grpc`).
    pub http2: bool,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// How long a connection may be idle. `None` = as long as the proxy thinks fit; zero = for ever.
    pub idle_timeout: Option<Duration>,
    /// How old a connection may become; `None` = any age.
    pub max_connection_lifetime: Option<Duration>,
    /// TCP keepalive; `None` = off.
    pub keepalive: Option<Box<Keepalive>>,
    /// How a name becomes endpoints.
    pub dns_type: DnsType,
    /// Whether the TTL of answers says when to ask again; else every 5 s.
    pub respect_dns_ttl: bool,
    /// Which addresses are asked for.
    pub families: Families,
    /// Limits of requests with default priority.
    pub limits: Limits,
    /// Limits of requests with high priority.
    pub limits_high: Limits,
    /// When an endpoint that fails is left out; `None` = never.
    pub outlier_detection: Option<Box<OutlierDetection>>,
}

impl Hash for Cluster {
    /// Clusters with one name are rare, and the rest costs more to hash than to compare.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Cluster {
    /// The limits of requests with this priority.
    pub fn limits(&self, priority: Priority) -> &Limits {
        match priority {
            Priority::Default => &self.limits,
            Priority::High => &self.limits_high,
        }
    }
}

/// How an endpoint is chosen. What the hashing kinds hash is said by each Route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// The less busy of two random ones.
    LeastRequest,
    /// Consistent hashing on a ring.
    RingHash,
    /// Consistent hashing by a Maglev table.
    Maglev,
}

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Families {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
    /// IPv6, and IPv4 when there is none (Envoy's `AUTO`).
    Both,
}

/// A cluster's circuit breakers for one priority: the most there may be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limits {
    /// Connections.
    pub max_connections: u32,
    /// Requests waiting for a connection.
    pub max_pending_requests: u32,
    /// Requests under way.
    pub max_requests: u32,
    /// Retries under way.
    pub max_retries: u32,
}

impl Default for Limits {
    /// Envoy's.
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_pending_requests: 1024,
            max_requests: 1024,
            max_retries: 3,
        }
    }
}

/// A Cluster's position in [`Snapshot::clusters`](crate::Snapshot::clusters); means nothing in
/// another Snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterIndex(u32);

impl ClusterIndex {
    /// Saturates: that many clusters would not fit into memory.
    pub(crate) fn new(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The position as an index.
    pub fn as_usize(self) -> usize {
        self.0 as usize
    }
}
