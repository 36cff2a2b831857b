//! What is listened on, and who is served there: Listeners, Hosts and TCPMappings with every question
//! decided.
//!
//! Invariant: a request belongs to one [`VirtualHost`] of its Listener, or to none (404).
//! Deliberately absent: sockets, and which addresses the command line names.

mod host_map;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{InsecureAction, SecurityModel, Stack};

use crate::{ClusterIndex, Termination};
pub use host_map::HostMap;

/// Everything that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What Listeners and TCPMappings ask for, by port and address, each pair once.
    pub listeners: Box<[Arc<Listener>]>,
    /// What the addresses of the command line serve; `None` where Listeners decide that.
    pub implied: Option<Implied>,
    /// All Terminations of the Listeners, each once.
    pub terminations: Box<[Arc<Termination>]>,
}

impl Default for Listening {
    /// Everything by plain HTTP.
    fn default() -> Self {
        let everything = VirtualHost {
            hostname: "*".into(),
            insecure: InsecureAction::Route,
            selector: None,
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
    /// Which Routes are its; `None` = all that are not another's by labels.
    pub selector: Option<SelectorIndex>,
    /// How its TLS is terminated; `None` = it has none.
    pub termination: Option<TerminationIndex>,
}

/// A selector of Mappings' labels: a bit of [`Route::selected_by`](crate::Route).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SelectorIndex(pub(crate) u32);

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
