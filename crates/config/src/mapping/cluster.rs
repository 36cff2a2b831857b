//! How a Mapping wants its upstream to be connected to, balanced and limited.
//!
//! Invariant: `None` means that the Mapping does not say: the Module's value holds, else Emissary's
//! default.

use std::time::Duration;

use http::HeaderName;

use crate::Usual;

/// What a Mapping says about its cluster. Field names are Ambassador's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterOptions {
    /// HTTP/2 to the upstream.
    pub grpc: bool,
    /// `resolver`: which resolver finds the endpoints.
    pub resolver: Option<Box<str>>,
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Makes an upstream of its own of the same service.
    pub cluster_tag: Option<Box<str>>,
    /// `stats_name` (`v3StatsName` in v2): name of the cluster in statistics.
    pub stats_name: Option<Box<str>>,
    /// How names become endpoints.
    pub dns_type: Option<DnsType>,
    /// Whether the TTL of DNS answers says when to ask again.
    pub respect_dns_ttl: Option<bool>,
    /// Whether IPv4 addresses are asked for.
    pub enable_ipv4: Option<bool>,
    /// Whether IPv6 addresses are asked for.
    pub enable_ipv6: Option<bool>,
    /// `connect_timeout_ms`
    pub connect_timeout: Option<Duration>,
    /// `cluster_idle_timeout_ms`; zero = never.
    pub cluster_idle_timeout: Option<Duration>,
    /// `cluster_max_connection_lifetime_ms`; zero = no limit.
    pub cluster_max_connection_lifetime: Option<Duration>,
    /// TCP keepalive of upstream connections.
    pub keepalive: Option<Keepalive>,
    /// Limits by priority.
    pub circuit_breakers: Option<Box<[CircuitBreaker]>>,
    /// v0: the name of a `kind: CircuitBreaker`.
    pub circuit_breaker: Option<Box<str>>,
    /// v0: the name of a `kind: OutlierDetection`.
    pub outlier_detection: Option<Box<str>>,
}

impl Usual for ClusterOptions {
    const USUAL: &'static Self = &Self {
        grpc: false,
        resolver: None,
        load_balancer: None,
        cluster_tag: None,
        stats_name: None,
        dns_type: None,
        respect_dns_ttl: None,
        enable_ipv4: None,
        enable_ipv6: None,
        connect_timeout: None,
        cluster_idle_timeout: None,
        cluster_max_connection_lifetime: None,
        keepalive: None,
        circuit_breakers: None,
        circuit_breaker: None,
        outlier_detection: None,
    };
}

/// `load_balancer`
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoadBalancer {
    /// In turn.
    RoundRobin,
    /// The less busy of two random ones.
    LeastRequest,
    /// Consistent hashing on a ring.
    RingHash(HashOn),
    /// Consistent hashing by a Maglev table.
    Maglev(HashOn),
}

/// What is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashOn {
    /// `header: name`; a request without it is balanced at random. (Names order by their text.)
    Header(Box<str>),
    /// `cookie: {name, path, ttl}`: made by the gateway when missing and `ttl` is set.
    Cookie {
        /// The cookie's name.
        name: Box<str>,
        /// Its `Path`.
        path: Option<Box<str>>,
        /// Its life; `None` = the gateway makes none, zero = until the browser is closed.
        ttl: Option<Duration>,
    },
    /// `source_ip: true`: the client's address as trusted.
    SourceIp,
}

impl HashOn {
    /// The header hashed, if it is one.
    pub fn header(&self) -> Option<HeaderName> {
        match self {
            Self::Header(name) => HeaderName::from_bytes(name.as_bytes()).ok(),
            Self::Cookie { .. } | Self::SourceIp => None,
        }
    }
}

/// `dns_type`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DnsType {
    /// Every address of an answer is an endpoint.
    #[default]
    Strict,
    /// There is one endpoint: the first address of the last answer. Connections to earlier ones stay.
    Logical,
}

/// `keepalive`: `None` = the system's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keepalive {
    /// `time` or `idle_time`, in s: silence before the first probe.
    pub time: Option<u32>,
    /// `interval`, in s, between probes.
    pub interval: Option<u32>,
    /// `probes` without an answer that end the connection.
    pub probes: Option<u32>,
}

/// One of `circuit_breakers`: limits of one priority; `None` = Envoy's 1024, 1024, 1024 and 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CircuitBreaker {
    /// Whose limits these are; `None` counts as the default priority.
    pub priority: Option<Priority>,
    /// Connections open at a time.
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection.
    pub max_pending_requests: Option<u32>,
    /// Requests under way.
    pub max_requests: Option<u32>,
    /// Retries under way.
    pub max_retries: Option<u32>,
}

/// `priority`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// `default`
    #[default]
    Default,
    /// `high`
    High,
}

/// v0 `kind: OutlierDetection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutlierDetection {
    /// Answers of 500 and above in a row after which an endpoint is left out.
    pub consecutive_5xx: u32,
    /// `max_ejection`: percent of the endpoints that may be left out at a time.
    pub max_ejection_percent: u8,
    /// `interval_ms`: how often endpoints are let in again.
    pub interval: Duration,
}
