//! Where requests go: one upstream service with its own connections.
//!
//! Invariant: two Clusters that compare equal may share connections, health and counters, so an
//! unchanged Cluster survives a change of configuration.
//! Deliberately absent: endpoints, which change more often than configuration does.

mod name;
mod roster;

use std::time::Duration;

use nuncio_config::ServiceHost;

pub(crate) use roster::Roster;

/// One upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Emissary's name for it, e.g. `cluster_httpbin_default`; at most 60 characters.
    pub name: Box<str>,
    /// Envoy's `alt_stat_name`, e.g. `httpbin`. Several clusters may share one.
    pub stats_name: Box<str>,
    /// What to resolve, or the address.
    pub host: ServiceHost,
    /// The port.
    pub port: u16,
    /// Whether connections use TLS.
    pub tls: bool,
    /// The TLSContext to use; `None` = TLS without certificate and verification.
    pub tls_context: Option<Box<str>>,
    /// Time for a TCP connection to come about.
    pub connect_timeout: Duration,
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
