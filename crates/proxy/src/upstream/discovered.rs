//! Endpoints that the control path tells, and names to resolve where it tells none.
//!
//! Invariant: a cluster has the endpoints that were told last of its Service's port, from when it is
//! made. What is told is in use when [`Discovered::set`] returns, and no DNS answer replaces it.
//! Requests look at none of this but while their cluster has no endpoints yet.
//! Deliberately absent: which endpoints are ready.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use nuncio_config::ServiceHost;
use nuncio_routing::{Cluster, Discovery, Families, ServicePort};
use nuncio_telemetry::{ClusterStats, Resolution};

use super::Resolver;
use super::background::Background;
use super::endpoints::{Endpoints, Replaced};
use super::pool::give_back_room;

/// What is told of each Service's port that clusters are wanted for.
#[derive(Debug)]
pub(crate) struct Discovered {
    resolver: Resolver,
    known: Mutex<Known>,
}

/// A cluster that is told its endpoints.
#[derive(Debug)]
pub(super) struct Follower {
    of: ServicePort,
    cluster: Arc<Cluster>,
    endpoints: Arc<Endpoints>,
    stats: Arc<ClusterStats>,
    discovered: Arc<Discovered>,
    /// The resolution of the cluster's name, while nothing is told.
    resolution: Mutex<Option<Background>>,
}

#[derive(Debug, Default)]
struct Known {
    wanted: Arc<BTreeSet<ServicePort>>,
    ports: HashMap<ServicePort, Port>,
}

/// One port, and who follows it.
#[derive(Debug, Default)]
struct Port {
    told: Told,
    followers: Vec<Weak<Follower>>,
}

#[derive(Clone, Debug, Default)]
enum Told {
    /// Nothing, so far.
    #[default]
    Nothing,
    /// These are its endpoints.
    Addresses(Arc<[SocketAddr]>),
    /// They cannot be known.
    Unknowable,
}

/// How long a request waits to be told endpoints before the cluster's name is resolved instead.
/// Telling takes milliseconds, unless the API server is away.
const GRACE: Duration = Duration::from_secs(1);

impl Discovered {
    /// Resolves by `resolver` the names of clusters that are told nothing.
    pub(crate) fn new(resolver: Resolver) -> Arc<Self> {
        Arc::new(Self {
            resolver,
            known: Mutex::default(),
        })
    }

    /// What resolves the names of clusters, and runs what belongs to them.
    pub(crate) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// The ports that clusters are in force for; the others may be forgotten.
    pub(crate) fn want(&self, wanted: &Arc<BTreeSet<ServicePort>>) {
        self.known().wanted = Arc::clone(wanted);
    }

    /// Takes the endpoints of a port in place of those before, in all its clusters. `None` when they
    /// cannot be known any more: then names are resolved.
    pub(crate) fn set(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        // Dropped after the lock, which the last owner of a follower takes.
        let mut followers = Vec::new();
        let mut known = self.known();
        if addresses.is_none() && !known.wanted.contains(of) {
            drop(known.ports.remove(of));
            give_back_room(&mut known.ports);
            return;
        }
        let port = known.ports.entry(of.clone()).or_default();
        port.told = addresses.map_or(Told::Unknowable, |told| Told::Addresses(told.into()));
        followers.extend(port.followers.iter().filter_map(Weak::upgrade));
        for follower in &followers {
            follower.hear(&port.told);
        }
        drop(known);
    }

    /// Keeps `endpoints` as they are told from now on; `None` where `cluster` is not told any.
    pub(super) fn follow(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        endpoints: &Arc<Endpoints>,
        stats: &Arc<ClusterStats>,
    ) -> Option<Arc<Follower>> {
        let Discovery::Endpoints(of) = &cluster.discovery else {
            return None;
        };
        let follower = Arc::new(Follower {
            of: ServicePort::clone(of),
            cluster: Arc::clone(cluster),
            endpoints: Arc::clone(endpoints),
            stats: Arc::clone(stats),
            discovered: Arc::clone(self),
            resolution: Mutex::default(),
        });
        let mut known = self.known();
        let port = known.ports.entry(ServicePort::clone(of)).or_default();
        port.followers.push(Arc::downgrade(&follower));
        follower.hear(&port.told);
        drop(known);
        Some(follower)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unfollow(&self, follower: &Follower) {
        let mut known = self.known();
        let Some(port) = known.ports.get_mut(&follower.of) else {
            return;
        };
        port.followers.retain(|one| one.strong_count() > 0);
        let told = matches!(port.told, Told::Addresses(_));
        // What was told stays until it is withdrawn: the cluster may be made anew.
        if port.followers.is_empty() && !told {
            known.ports.remove(&follower.of);
            give_back_room(&mut known.ports);
        }
    }
}

impl Follower {
    /// Waits for the first endpoints, at most for `patience`.
    pub(super) async fn resolved(&self, patience: Duration) {
        let grace = patience.min(GRACE);
        self.endpoints.resolved(grace).await;
        if !self.endpoints.is_resolved() {
            self.resolve_unless(Endpoints::is_resolved);
            self.endpoints.resolved(patience - grace).await;
        }
    }

    fn hear(&self, told: &Told) {
        match told {
            Told::Nothing => {}
            Told::Addresses(addresses) => self.take(addresses),
            Told::Unknowable => self.resolve_unless(|_endpoints| false),
        }
    }

    fn take(&self, addresses: &[SocketAddr]) {
        let addresses = of_family(addresses, self.cluster.families);
        // Held meanwhile, lest a request that waits begins to resolve again.
        let mut resolution = self.resolution();
        drop(resolution.take());
        let told = self.endpoints.tell(addresses);
        drop(resolution);
        self.stats.resolved(match told {
            Replaced::Changed(endpoints) => Resolution::Changed { endpoints },
            Replaced::Unchanged => Resolution::Unchanged,
        });
        self.endpoints.tell_health(&self.stats);
    }

    /// Begins to resolve the cluster's name, unless that is under way or needless. The endpoints
    /// known stay until there is an answer.
    fn resolve_unless(&self, is_needless: impl FnOnce(&Endpoints) -> bool) {
        let mut resolution = self.resolution();
        if resolution.is_some() || is_needless(&self.endpoints) {
            return;
        }
        self.endpoints.resolve();
        let (cluster, endpoints, stats) = (&self.cluster, &self.endpoints, &self.stats);
        match &cluster.host {
            ServiceHost::Name(_) => {
                let resolver = &self.discovered.resolver;
                *resolution = Some(resolver.keep_current(cluster, endpoints, stats));
            }
            ServiceHost::Ip(ip) => {
                endpoints.replace(vec![SocketAddr::new(*ip, cluster.port)]);
            }
        }
    }

    fn resolution(&self) -> MutexGuard<'_, Option<Background>> {
        let resolution = self.resolution.lock();
        resolution.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.discovered.unfollow(self);
    }
}

/// The addresses of the family a cluster asks for, or all where there is none of it. A Pod of a
/// dual-stack cluster has an address of each, and is one endpoint for all that.
fn of_family(addresses: &[SocketAddr], families: Families) -> Vec<SocketAddr> {
    let is_preferred = |address: &&SocketAddr| match families {
        Families::V4 => address.is_ipv4(),
        Families::V6 | Families::Both => address.is_ipv6(),
    };
    match addresses.iter().any(|address| is_preferred(&address)) {
        true => addresses.iter().filter(is_preferred).copied().collect(),
        false => addresses.to_vec(),
    }
}

#[cfg(test)]
mod tests;
