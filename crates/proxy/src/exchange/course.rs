//! What is known and decided of one request, until it is over.
//!
//! Invariant: filled in once, in the order in which requests are served: who sent it, its Route, how
//! it goes on. Whatever is made for the request later, a second attempt's head or a line of a log,
//! is made from here and so agrees with what was made before.
//!
//! Deliberately absent: the request's head itself, which the session holds.

use std::time::{Duration, Instant};

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Version};
use nuncio_routing::{Action, HeaderCase, Listener, Route, Settings};
use nuncio_tracing::Trace;
use pingora_core::Result;
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_http::RequestHeader;

use super::facts::{Clock, ConnectionFacts, Facts, RequestFacts, ResponseFacts, UpstreamFacts};
use super::forwarding::{Forwarding, Scheme};
use super::upstream_head::Outbound;
use crate::downstream::{Connection, Rules};
use crate::live::Live;
use crate::upstream::Affinity;

/// One request on its way.
pub(super) struct Course<'a> {
    pub(super) connection: &'a Connection,
    /// The configuration it is served by.
    pub(super) live: &'a Live,
    /// What of it is served where the connection came in.
    pub(super) listener: &'a Listener,
    pub(super) started: Instant,
    /// How long it took, once it is over.
    pub(super) lasted: Option<Duration>,
    pub(super) forwarding: Forwarding,
    /// The trace it belongs to; `None` while nothing is traced.
    pub(super) trace: Option<Trace>,
    /// Whether the client's connection ends with this request, by its own will or because no other
    /// is served on it.
    pub(super) client_leaves: bool,
    /// Whether the name of a field has one, so that it may be taken for another.
    pub(super) has_underscores: bool,
    /// `None` while there is none, and when none matches.
    pub(super) route: Option<&'a Route>,
    pub(super) outbound: Outbound,
    /// The page of another origin that may read the response.
    pub(super) origin: Option<HeaderValue>,
    /// What it is balanced by.
    pub(super) affinity: Affinity,
}

impl<'a> Course<'a> {
    /// Of a request that nothing was read of.
    pub(super) fn new(connection: &'a Connection, rules: &'a Rules, started: Instant) -> Self {
        Self {
            connection,
            live: rules.live(),
            listener: rules.listener(),
            started,
            lasted: None,
            forwarding: Forwarding::unread(connection.peer(), Scheme::of(connection)),
            trace: None,
            client_leaves: false,
            has_underscores: false,
            route: None,
            outbound: Outbound::default(),
            origin: None,
            affinity: Affinity::default(),
        }
    }

    pub(super) fn settings(&self) -> &'a Settings {
        self.live.settings()
    }

    /// Sends the client what begins its response.
    ///
    /// # Errors
    ///
    /// When the client does not take it.
    pub(super) async fn begin_response(
        &self,
        session: &mut ServerSession,
        tasks: Vec<HttpTask>,
    ) -> Result<bool> {
        if ends_with_connection(session, tasks.first()) {
            session.set_keepalive(None);
        }
        let traffic = self.connection.traffic();
        traffic.expect_head(!session.is_http2() && self.spells_in_lower_case());
        let sent = session.response_duplex_vec(tasks).await;
        traffic.expect_head(false);
        sent
    }

    /// Whether names of HTTP/1 headers are spelled as Envoy spells them.
    pub(super) fn spells_in_lower_case(&self) -> bool {
        self.settings().connections.header_case == HeaderCase::Lower
    }

    /// What can be said before anything was answered.
    pub(super) fn facts<'f>(&'f self, received: &'f RequestHeader) -> Facts<'f> {
        let outbound = &self.outbound;
        let came = received.uri.path_and_query();
        let came = came.map_or("", http::uri::PathAndQuery::as_str);
        let host = outbound.host.as_ref().map(HeaderValue::as_bytes);
        Facts {
            request: RequestFacts {
                method: &received.method,
                path: outbound.path.as_deref().unwrap_or(came),
                original_path: outbound.original_path(),
                host: host.unwrap_or_default(),
                version: received.version,
                headers: &received.headers,
                forwarding: &self.forwarding,
                body_bytes: 0,
            },
            connection: ConnectionFacts {
                id: self.connection.id(),
                client: self.forwarding.client,
                peer: self.connection.peer(),
                local: self.connection.local(),
            },
            route: self.route.map(|route| &*route.mapping.name),
            upstream: UpstreamFacts {
                cluster: self.cluster_name(),
                ..UpstreamFacts::default()
            },
            response: ResponseFacts::default(),
            clock: Clock {
                end: self.lasted,
                ..Clock::started(self.started)
            },
            trace: self.trace,
        }
    }

    pub(super) fn cluster_name(&self) -> Option<&'a str> {
        match &self.route?.action {
            Action::Forward(to) => Some(&self.live.upstream(to.cluster)?.cluster.name),
            Action::Redirect(_) | Action::Probe(_) => None,
        }
    }
}

/// Whether only the end of the connection ends the response: to a client that does not know chunks.
/// The codec finds out too late to say so.
fn ends_with_connection(session: &ServerSession, first: Option<&HttpTask>) -> bool {
    session.req_header().version == Version::HTTP_10
        && matches!(first, Some(HttpTask::Header(head, _))
            if !head.headers.contains_key(CONTENT_LENGTH))
}
