//! Where a connection leads, by how it begins.
//!
//! Invariant: TCPMappings with a name go before Hosts, and one without a name has what nobody else has,
//! TLS and all, as with the filter chains of Envoy. Where nothing is told by a client's first words, they
//! are not waited for: it may be the server that speaks first.

use std::rc::Rc;
use std::sync::Arc;

use nuncio_routing::{Listener, TcpRoute, TerminationIndex};
use nuncio_telemetry::{DownstreamConnection, ListenerStats, Transport};

use super::carried::Carried;
use super::door::Rules;

/// Where it leads.
pub(super) enum Destination {
    /// To the Routes; by TLS that is terminated so, if it has any.
    Http(Option<TerminationIndex>),
    /// To the clusters of a TCPMapping.
    Tcp(Carried),
}

impl Destination {
    /// Of a connection without TLS; `None` if nobody serves it.
    pub(super) fn in_clear(rules: &Rc<Rules>) -> Option<Self> {
        let listener = rules.listener();
        match listener.tcp.any() {
            Some(route) => Some(Self::carried(rules, route)),
            None => listener.stack.http.then_some(Self::Http(None)),
        }
    }

    /// Of one with TLS, whose client asks for that name; `None` if nobody serves it. As with Envoy, one
    /// that asks for nobody gets what is for everybody.
    pub(super) fn of(rules: &Rc<Rules>, sni: Option<&str>) -> Option<Self> {
        let listener = rules.listener();
        let route = match sni {
            Some(name) => listener.tcp.find(name),
            None => listener.tcp.any(),
        };
        if let Some(route) = route.filter(|route| route.termination.is_some()) {
            return Some(Self::carried(rules, route));
        }
        let termination = match sni {
            Some(name) => listener.terminations.find(name),
            None => listener.terminations.any(),
        };
        match (termination, route) {
            (Some(index), _) => Some(Self::Http(Some(*index))),
            (None, Some(route)) => Some(Self::carried(rules, route)),
            (None, None) => None,
        }
    }

    /// How its TLS is terminated; `None` = it is not.
    pub(super) fn termination(&self) -> Option<TerminationIndex> {
        match self {
            Self::Http(termination) => *termination,
            Self::Tcp(carried) => carried.route().termination,
        }
    }

    /// A connection that leads there, as it is counted.
    pub(super) fn place(
        &self,
        stats: &Arc<ListenerStats>,
        transport: Transport,
    ) -> DownstreamConnection {
        match self {
            Self::Http(_) => stats.accepted(transport),
            Self::Tcp(carried) => stats.carried(carried.counted()),
        }
    }

    fn carried(rules: &Rc<Rules>, route: &Arc<TcpRoute>) -> Self {
        Self::Tcp(Carried::new(rules, route))
    }
}

/// Whether anything has to be read to know where a connection leads.
pub(super) fn is_awaited(listener: &Listener) -> bool {
    listener.stack.proxy || is_told_by_hello(listener)
}

/// Whether that depends on TLS.
pub(super) fn is_told_by_hello(listener: &Listener) -> bool {
    let is_everything_carried = !listener.tcp.has_names()
        && listener.terminations.is_empty()
        && listener.tcp.any().is_some();
    listener.stack.tls && !is_everything_carried
}
