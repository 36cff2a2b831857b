//! Collects the clusters that Mappings ask for, each once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{DnsType, Mapping, Qualified, ServiceHost};

use super::{Balance, Cluster, ClusterIndex, Families, Limits, name};

/// The clusters asked for so far, numbered in the order of asking.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    numbers: HashMap<Identity, ClusterIndex>,
}

impl Roster {
    /// The number of a Mapping's cluster, to be looked up in the [`Positions`] once all are known.
    /// The namespace is the Mapping's.
    pub(crate) fn ask(
        &mut self,
        mapping: &Mapping,
        qualified: Qualified,
        namespace: &str,
    ) -> ClusterIndex {
        let next = ClusterIndex::new(self.numbers.len());
        *self
            .numbers
            .entry(Identity::new(mapping, qualified, namespace))
            .or_insert(next)
    }

    /// All clusters sorted by name, and where each number has ended up.
    pub(crate) fn finish(self) -> (Arc<[Arc<Cluster>]>, Positions) {
        let mut identities: Vec<_> = self.numbers.into_iter().collect();
        identities.sort_unstable();
        let same_name = |a: &(Identity, _), b: &(Identity, _)| a.0.full_name == b.0.full_name;
        let mut clusters: Vec<_> = identities
            .chunk_by(same_name)
            .flat_map(|colliding| colliding.iter().enumerate())
            .map(|(nth, (identity, number))| (Arc::new(identity.cluster(nth)), *number))
            .collect();
        clusters.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));

        let mut positions = vec![ClusterIndex::new(0); clusters.len()];
        for (position, (_, number)) in clusters.iter().enumerate() {
            if let Some(place) = positions.get_mut(number.as_usize()) {
                *place = ClusterIndex::new(position);
            }
        }
        (
            clusters.into_iter().map(|(cluster, _)| cluster).collect(),
            Positions(positions),
        )
    }
}

/// Where the clusters of a [`Roster`] have ended up, by number.
#[derive(Debug)]
pub(crate) struct Positions(Vec<ClusterIndex>);

impl Positions {
    pub(crate) fn of(&self, number: ClusterIndex) -> ClusterIndex {
        self.0.get(number.as_usize()).copied().unwrap_or(number)
    }
}

/// What makes a cluster a different one. Ordered, so that names do not depend on the input's order.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Identity {
    full_name: String,
    stats_name: Box<str>,
    host: ServiceHost,
    port: u16,
    tls: bool,
    tls_context: Option<Box<str>>,
}

impl Identity {
    fn new(mapping: &Mapping, qualified: Qualified, namespace: &str) -> Self {
        let service = &mapping.service;
        let host_rewrite = mapping
            .host_rewrite
            .as_ref()
            .and_then(|value| value.to_str().ok());
        Self {
            full_name: name::full(service, &qualified, host_rewrite, namespace),
            stats_name: name::stats(&qualified),
            host: qualified.host,
            port: service.port,
            tls: service.tls,
            tls_context: service.tls_context.clone(),
        }
    }

    fn cluster(&self, nth: usize) -> Cluster {
        Cluster {
            name: name::unique(&self.full_name, nth),
            stats_name: self.stats_name.clone(),
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            tls_context: self.tls_context.clone(),
            connect_timeout: CONNECT_TIMEOUT,
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
}

/// Emissary's default for `connect_timeout_ms`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
