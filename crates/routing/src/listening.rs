//! What is listened on, and who is served there: Listeners, Hosts and TCPMappings with every question
//! decided.
//!
//! Invariant: a request belongs to one [`VirtualHost`] of its Listener, or to none (404).
//! Deliberately absent: sockets, and which addresses the command line names.

mod host_map;
mod issuance;
mod mapping_selector;
mod selected_by;
mod treatment;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{InsecureAction, SecurityModel, Stack};

use crate::{ClusterIndex, Termination};
pub use host_map::HostMap;
pub(crate) use host_map::without_port;
pub use issuance::Issuance;
pub use mapping_selector::MappingSelector;
pub use selected_by::SelectedBy;
pub use treatment::{Approach, Treatment};

/// Everything that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What Listeners and TCPMappings ask for, by port and address, each pair once.
    pub listeners: Box<[Arc<Listener>]>,
    /// What the addresses of the command line serve; `None` where Listeners decide that.
    pub implied: Option<Implied>,
    /// All Terminations of the Listeners, each once.
    pub terminations: Box<[Arc<Termination>]>,
    /// The certificates that authorities are asked for, by the Secrets they are kept in, each once.
    pub issuances: Arc<[Issuance]>,
}

impl Default for Listening {
    /// Everything by plain HTTP.
    fn default() -> Self {
        let everything = VirtualHost {
            hostname: "*".into(),
            insecure: InsecureAction::Route,
            selector: MappingSelector::Any,
            termination: None,
        };
        let http = Listener {
            address: None,
            port: 0,
            stack: Stack::HTTP,
            security: SecurityModel::default(),
            trusted_hops: 0,
            stats_prefix: "ingress_http".into(),
            http2_max_streams: None,
            hosts: Arc::new(HostMap::of_any(Arc::new(everything))),
            terminations: Arc::default(),
            tcp: Arc::default(),
        };
        Self {
            listeners: Box::default(),
            implied: Some(Implied {
                http: Arc::new(http),
                https: None,
            }),
            terminations: Box::default(),
            issuances: Arc::default(),
        }
    }
}

/// What the addresses of the command line serve while there are no Listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Implied {
    /// Those for plain HTTP.
    pub http: Arc<Listener>,
    /// Those for HTTPS; `None` while nothing terminates TLS.
    pub https: Option<Arc<Listener>>,
}

/// A port, and who is served there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `None` = the gateway's default address.
    pub address: Option<IpAddr>,
    /// The port; 0 of an implied one.
    pub port: u16,
    /// What is spoken.
    pub stack: Stack,
    /// Which requests are secure.
    pub security: SecurityModel,
    /// How many proxies before the gateway are believed.
    pub trusted_hops: u32,
    /// Who the connection manager is in statistics, e.g. `ingress_http`.
    pub stats_prefix: Box<str>,
    /// Streams of one client at a time; `None` = as the proxy thinks fit.
    pub http2_max_streams: Option<u32>,
    /// Who is served, by the host that requests ask for.
    pub hosts: Arc<HostMap<Arc<VirtualHost>>>,
    /// How TLS is terminated, by the name that clients send; its places are those of
    /// [`Listening::terminations`].
    pub terminations: Arc<HostMap<TerminationIndex>>,
    /// Where connections are carried, by the name that clients send; `*` = without TLS.
    pub tcp: Arc<HostMap<Arc<TcpRoute>>>,
}

/// A Termination's position in [`Listening::terminations`]; means nothing in another Snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TerminationIndex(u32);

impl TerminationIndex {
    /// Saturates: that many would not fit into memory.
    pub(crate) fn new(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The position as an index.
    pub fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A name the gateway answers for: a Host, or what takes its place where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualHost {
    /// As the Host writes it.
    pub hostname: Box<str>,
    /// What becomes of requests that are not secure.
    pub insecure: InsecureAction,
    /// Which Routes are its.
    pub selector: MappingSelector,
    /// How its TLS is terminated; `None` = it has none.
    pub termination: Option<TerminationIndex>,
}

/// Where connections that are carried as they are go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpRoute {
    /// Who says so, for people.
    pub name: Box<str>,
    /// Clusters with the shares that add up to [`Self::total`].
    pub clusters: Box<[(ClusterIndex, u32)]>,
    /// Sum of the shares.
    pub total: u32,
    /// Silence in both directions that ends a connection; `None` = never.
    pub idle_timeout: Option<Duration>,
    /// How TLS is terminated before; `None` = it is not.
    pub termination: Option<TerminationIndex>,
}

impl Listening {
    /// The same, with those parts that are equal to some of `before` being the very same values.
    pub(crate) fn sharing(mut self, before: &Self) -> Self {
        if self.issuances == before.issuances {
            self.issuances = Arc::clone(&before.issuances);
        }
        let known: HashMap<&Termination, &Arc<Termination>> = before
            .terminations
            .iter()
            .map(|known| (&**known, known))
            .collect();
        for termination in &mut self.terminations {
            if let Some(known) = known.get(&**termination) {
                *termination = Arc::clone(known);
            }
        }
        for listener in &mut self.listeners {
            let known = before.listener(listener.address, listener.port);
            share(listener, known);
        }
        if let (Some(implied), Some(known)) = (&mut self.implied, &before.implied) {
            share(&mut implied.http, Some(&known.http));
            implied
                .https
                .iter_mut()
                .for_each(|https| share(https, known.https.as_ref()));
        }
        self
    }

    /// The Listener of an address and a port.
    pub fn listener(&self, address: Option<IpAddr>, port: u16) -> Option<&Arc<Listener>> {
        let wanted = (port, address);
        let key = |listener: &Arc<Listener>| (listener.port, listener.address);
        let at = self.listeners.binary_search_by_key(&wanted, key).ok()?;
        self.listeners.get(at)
    }

    /// The Termination at a place.
    pub fn termination(&self, index: TerminationIndex) -> Option<&Arc<Termination>> {
        self.terminations.get(index.as_usize())
    }

    /// The same, with other places for the clusters of its TCP routes.
    pub(crate) fn placed(&self, place: impl Fn(ClusterIndex) -> ClusterIndex) -> Self {
        let route = |route: &Arc<TcpRoute>| {
            let clusters = route.clusters.iter();
            let clusters = clusters.map(|(cluster, share)| (place(*cluster), *share));
            Arc::new(TcpRoute {
                clusters: clusters.collect(),
                ..TcpRoute::clone(route)
            })
        };
        let listener = |listener: &Arc<Listener>| {
            Arc::new(Listener {
                tcp: Arc::new(listener.tcp.map(route)),
                ..Listener::clone(listener)
            })
        };
        Self {
            listeners: self.listeners.iter().map(listener).collect(),
            ..self.clone()
        }
    }
}

fn share<T: PartialEq>(now: &mut Arc<T>, before: Option<&Arc<T>>) {
    if let Some(before) = before.filter(|before| *before == now) {
        *now = Arc::clone(before);
    }
}
