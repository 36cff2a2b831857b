//! A connection to an endpoint, new or idle, for one request.
//!
//! Invariant: whoever takes a connection gives it back by [`Connector::give_back`], which keeps it
//! only when both directions of the exchange ended where the message framing said they would.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use nuncio_config::Priority;
use nuncio_routing::Cluster;
use nuncio_telemetry::{Breaker, Closed, ClusterStats, Overflow, Protocol, Side, UpstreamRequest};
use pingora_core::connectors::TransportConnector;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::upstreams::peer::HttpPeer;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::Upstream;
use super::breakers::{Admission, Permit};
use super::endpoint::Endpoint;
use super::http2;
use super::keepalive;
use super::pool::{Pool, PoolKey, Pools, Seat};
use super::session::UpstreamSession;
use crate::carrier::Carrier;
use crate::wire::{Traffic, Wire, Writes};

/// A connection to an upstream, as pooled.
pub(super) type UpstreamWire = Wire<Place>;

/// Makes and keeps the upstream connections of one worker.
pub(crate) struct Connector {
    pools: RefCell<Pools>,
    http2: RefCell<http2::Connections>,
    /// Made for the first cluster that needs it; `None` if the system has no certificate
    /// authorities, without which Pingora makes none.
    tls: OnceCell<Option<TransportConnector>>,
}

/// A connection in the hands of one request.
pub(crate) struct Lease {
    pub(crate) session: UpstreamSession,
    /// Whether it served a request before, so that it may have been closed meanwhile.
    pub(crate) reused: bool,
    /// What goes over it.
    pub(crate) traffic: Arc<Traffic>,
    admission: Admission,
    /// Of a connection that it has to itself.
    seat: Option<Seat>,
    _assigned: UpstreamRequest,
}

/// A connection that no request has yet.
struct Connection {
    wire: UpstreamWire,
    seat: Seat,
    reused: bool,
}

/// How a request gets on that has no connection.
enum Next {
    /// By one that came free.
    Ready(UpstreamWire, Seat),
    /// By a new one.
    Connect(Permit, Seat),
}

/// Whose connection is wanted.
#[derive(Clone, Copy)]
struct Order<'a> {
    upstream: &'a Arc<Upstream>,
    pool: &'a Rc<Pool>,
    reuse: Reuse,
    priority: Priority,
}

/// A connection's place in the counters and among those there may be; it leaves when dropped.
#[derive(Debug)]
pub(super) struct Place {
    stats: Arc<ClusterStats>,
    traffic: Arc<Traffic>,
    since: Instant,
    /// Whether a request has it, as opposed to the pool.
    leased: Arc<AtomicBool>,
    _permit: Permit,
}

impl Place {
    pub(super) fn leased(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.leased)
    }

    /// Whether it serves no further request.
    pub(super) fn is_too_old(&self, upstream: &Upstream, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.since);
        let allowed = upstream.cluster.max_connection_lifetime;
        allowed.is_some_and(|allowed| age >= allowed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let by = if self.traffic.peer_closed() {
            Side::Remote
        } else {
            Side::Local
        };
        let closed = Closed {
            by,
            with_active_request: self.leased.load(Relaxed),
        };
        let (received, sent) = self.traffic.take();
        self.stats.transferred(received, sent);
        self.stats.connection_closed(closed, self.since.elapsed());
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConnectFailure {
    /// Refused, unreachable, or the TLS handshake failed.
    Failed(io::ErrorKind),
    /// Not established within the cluster's connect timeout.
    TimedOut,
    /// What was to speak HTTP/2 does not.
    NotHttp2,
    /// A limit of the cluster is reached: told to the counters here.
    Overflow,
}

/// Whether a lease may be an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// The best one there is.
    Allowed,
    /// A new one: an idle one has just failed.
    Refused,
}

impl Connector {
    pub(crate) fn new() -> Self {
        Self {
            pools: RefCell::default(),
            http2: RefCell::default(),
            tls: OnceCell::new(),
        }
    }

    /// A connection of `upstream` to `endpoint`; waits for one when there are as many as there may
    /// be, and fails when too many wait already.
    pub(crate) async fn lease(
        &self,
        upstream: &Arc<Upstream>,
        endpoint: &Endpoint,
        reuse: Reuse,
        priority: Priority,
    ) -> Result<Lease, ConnectFailure> {
        let key = PoolKey {
            upstream: upstream.id,
            address: upstream.pooled_as(endpoint.address()),
            priority,
        };
        if upstream.cluster.http2 {
            let order = http2::Order {
                upstream,
                address: endpoint.address(),
                priority,
            };
            return self.lease_stream(key, order, reuse).await;
        }
        let pool = self.pools.borrow_mut().of(key, upstream);
        let ready = match reuse {
            Reuse::Allowed => pool.take(upstream),
            Reuse::Refused => None,
        };
        let connection = match ready {
            Some((wire, seat)) => Connection::ready(wire, seat),
            None => {
                let order = Order {
                    upstream,
                    pool: &pool,
                    reuse,
                    priority,
                };
                self.pending(order, endpoint.address()).await?
            }
        };
        connection.lease(upstream, priority)
    }

    /// A stream of a connection that speaks HTTP/2.
    async fn lease_stream(
        &self,
        key: PoolKey,
        order: http2::Order<'_>,
        reuse: Reuse,
    ) -> Result<Lease, ConnectFailure> {
        let upstream = order.upstream;
        let connections = self.http2.borrow_mut().of(key, upstream);
        let ready = match reuse {
            Reuse::Allowed => connections.take(upstream),
            Reuse::Refused => None,
        };
        let reused = ready.is_some();
        let session = match ready {
            Some(session) => session,
            None => {
                let permit = upstream.breakers.permit(order.priority, Breaker::Pending);
                let Some(_permit) = permit else {
                    return Err(overflowed(upstream));
                };
                let pending = upstream.stats.pending();
                match connections.wait(self, order, reuse).await {
                    Ok(session) => session,
                    Err(failure) => {
                        pending.failed();
                        return Err(failure);
                    }
                }
            }
        };
        let Some(admission) = Admission::to(upstream, order.priority) else {
            return Err(overflowed(upstream));
        };
        Ok(Lease {
            reused,
            traffic: session.traffic(),
            session: UpstreamSession::Http2(Box::new(session)),
            admission,
            seat: None,
            _assigned: upstream.stats.assigned(),
        })
    }

    /// Waits for a connection, new or come free.
    async fn pending(
        &self,
        order: Order<'_>,
        address: SocketAddr,
    ) -> Result<Connection, ConnectFailure> {
        let upstream = order.upstream;
        let permit = upstream.breakers.permit(order.priority, Breaker::Pending);
        let Some(_permit) = permit else {
            return Err(overflowed(upstream));
        };
        let pending = upstream.stats.pending();
        let connection = match order.next().await {
            Ok(Next::Ready(wire, seat)) => Ok(Connection::ready(wire, seat)),
            Ok(Next::Connect(permit, seat)) => {
                let made = self.connect(upstream, address, permit).await;
                made.map(|wire| Connection::new(wire, seat))
                    .inspect_err(|failure| order.pool.failed(*failure))
            }
            Err(failure) => Err(failure),
        };
        if connection.is_err() {
            pending.failed();
        }
        connection
    }

    pub(super) async fn connect(
        &self,
        upstream: &Arc<Upstream>,
        address: SocketAddr,
        permit: Permit,
    ) -> Result<UpstreamWire, ConnectFailure> {
        let started = Instant::now();
        let connecting = async {
            match upstream.cluster.tls {
                true => self.connect_tls(upstream, address).await,
                false => connect_plain(upstream, address).await,
            }
        };
        let outcome = match timeout(upstream.cluster.connect_timeout, connecting).await {
            Ok(outcome) => outcome.map_err(|error| ConnectFailure::Failed(error.kind())),
            Err(_) => Err(ConnectFailure::TimedOut),
        };
        let took = started.elapsed();
        let protocol = protocol(&upstream.cluster);
        let carrier = outcome.inspect_err(|failure| {
            debug!(cluster = %upstream.cluster.name, %address, ?failure, "no connection");
            let why = failure.kind();
            upstream.stats.connect_failed(why, protocol, took);
        })?;
        upstream.stats.connected(protocol, took);
        let place = |traffic| Place {
            stats: Arc::clone(&upstream.stats),
            traffic,
            since: started,
            leased: Arc::default(),
            _permit: permit,
        };
        let writes = match protocol {
            Protocol::Http1 => Writes::Return,
            // The connection has a task of its own, which waits for it.
            Protocol::Http2 => Writes::Wait,
        };
        Ok(Wire::new(carrier, writes, place))
    }

    /// TLS without a context: no certificate is verified and no name is sent, as in Ambassador.
    async fn connect_tls(&self, upstream: &Upstream, address: SocketAddr) -> io::Result<Carrier> {
        // An address in the place of a name: TLS cannot send one (RFC 6066 section 3).
        let mut peer = HttpPeer::new(address, true, address.ip().to_string());
        peer.options.verify_cert = false;
        peer.options.verify_hostname = false;
        if upstream.cluster.http2 {
            peer.options.alpn = ALPN::H2;
        }
        peer.options.connection_timeout = Some(upstream.cluster.connect_timeout);
        peer.options.tcp_keepalive = upstream.cluster.keepalive.map(keepalive::of_pingora);
        let Some(tls) = self.tls.get_or_init(tls_connector) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let stream: Stream = tls.new_stream(&peer).await.map_err(io::Error::other)?;
        Ok(Carrier::Tls(stream))
    }

    /// Keeps the connection for the next request, if it can serve one.
    ///
    /// `request_sent`: whether all of the request went out.
    pub(crate) async fn give_back(&self, lease: Lease, request_sent: bool) {
        let Lease {
            session,
            admission,
            seat,
            ..
        } = lease;
        if !request_sent {
            return;
        }
        // A stream is over with its request; its connection stays where it is.
        let (UpstreamSession::Http1(mut session), Some(seat)) = (session, seat) else {
            return;
        };
        // The exchange is over, whether or not the connection stays.
        if let Some(wire) = session.stream().as_any().downcast_ref::<UpstreamWire>() {
            wire.place().leased.store(false, Relaxed);
        }
        session.respect_keepalive();
        let Some(stream) = session.reuse().await else {
            return;
        };
        // Every lease holds the wire it was made with.
        let Ok(wire) = stream.into_any().downcast::<UpstreamWire>() else {
            return;
        };
        if !wire
            .place()
            .is_too_old(admission.upstream(), Instant::now())
        {
            seat.keep(*wire);
        }
    }

    /// Closes idle connections that are of no more use.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.pools.borrow_mut().sweep(now);
        self.http2.borrow_mut().sweep(now);
    }
}

impl Order<'_> {
    /// Waits until there is a connection, or there may be another one.
    async fn next(self) -> Result<Next, ConnectFailure> {
        let refused = Cell::new(false);
        let queued = self.pool.queue();
        queued
            .until(|is_next| {
                let next = self.try_next(is_next);
                if next.is_none() && !refused.replace(true) {
                    self.upstream.stats.overflowed(Overflow::Connections);
                }
                next
            })
            .await
    }

    fn try_next(self, is_next: bool) -> Option<Next> {
        let Self { upstream, pool, .. } = self;
        match self.reuse {
            Reuse::Allowed if is_next => {
                if let Some((wire, seat)) = pool.take_next(upstream) {
                    return Some(Next::Ready(wire, seat));
                }
            }
            Reuse::Allowed => {}
            // A limit that is reached by idle connections is none.
            Reuse::Refused => pool.close_oldest(),
        }
        let what = Breaker::Connections;
        let permit = match upstream.breakers.permit(self.priority, what) {
            Some(permit) => permit,
            // Nothing would ever come free: as in Envoy, each worker may have one connection to
            // each endpoint whatever the limit.
            None if pool.is_empty() => upstream.breakers.permit_anyway(self.priority, what),
            None => return None,
        };
        Some(Next::Connect(permit, pool.seat()))
    }
}

impl Connection {
    fn new(wire: UpstreamWire, seat: Seat) -> Self {
        Self {
            wire,
            seat,
            reused: false,
        }
    }

    fn ready(wire: UpstreamWire, seat: Seat) -> Self {
        Self {
            wire,
            seat,
            reused: true,
        }
    }

    /// Gives it to a request, unless too many are under way: then it waits for the next.
    fn lease(self, upstream: &Arc<Upstream>, priority: Priority) -> Result<Lease, ConnectFailure> {
        let Self { wire, seat, reused } = self;
        let Some(admission) = Admission::to(upstream, priority) else {
            seat.keep(wire);
            return Err(overflowed(upstream));
        };
        wire.place().leased.store(true, Relaxed);
        Ok(Lease {
            reused,
            traffic: wire.traffic(),
            session: UpstreamSession::Http1(Box::new(HttpSession::new(Box::new(wire)))),
            admission,
            seat: Some(seat),
            _assigned: upstream.stats.assigned(),
        })
    }
}

fn overflowed(upstream: &Upstream) -> ConnectFailure {
    upstream.stats.overflowed(Overflow::Requests);
    ConnectFailure::Overflow
}

impl ConnectFailure {
    fn kind(&self) -> nuncio_telemetry::ConnectFailure {
        match self {
            Self::Failed(_) | Self::NotHttp2 | Self::Overflow => {
                nuncio_telemetry::ConnectFailure::Refused
            }
            Self::TimedOut => nuncio_telemetry::ConnectFailure::Timeout,
        }
    }
}

fn protocol(cluster: &Cluster) -> Protocol {
    if cluster.http2 {
        Protocol::Http2
    } else {
        Protocol::Http1
    }
}

/// Pingora panics where there is no file of certificate authorities; that must cost the requests
/// that need TLS and no others.
fn tls_connector() -> Option<TransportConnector> {
    let connector = catch_unwind(|| TransportConnector::new(None)).ok();
    if connector.is_none() {
        warn!("no TLS to upstreams: the system's certificate authorities cannot be read");
    }
    connector
}

async fn connect_plain(upstream: &Upstream, address: SocketAddr) -> io::Result<Carrier> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    if let Some(keepalive) = upstream.cluster.keepalive {
        SockRef::from(&tcp).set_tcp_keepalive(&keepalive::of_socket(keepalive))?;
    }
    Ok(Carrier::Tcp(tcp))
}
