//! A connection to an endpoint, new or idle, for one request.
//!
//! Invariant: whoever takes a connection gives it back by [`Connector::give_back`], which keeps it
//! only when both directions of the exchange ended where the message framing said they would.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use nuncio_routing::Cluster;
use nuncio_telemetry::{Assigned, Closed, ClusterStats, Protocol, Side, UpstreamRequest};
use pingora_core::connectors::TransportConnector;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::upstreams::peer::HttpPeer;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::pool::{Pool, PoolKey};
use super::session::UpstreamSession;
use super::{Upstream, http2};
use crate::carrier::Carrier;
use crate::wire::{Traffic, Wire, Writes};

/// A connection to an upstream, as pooled.
pub(super) type UpstreamWire = Wire<Place>;

/// Makes and keeps the upstream connections of one worker.
pub(crate) struct Connector {
    pool: RefCell<Pool>,
    pub(super) http2: http2::Connections,
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
    pub(super) key: PoolKey,
    pub(super) owner: Arc<Upstream>,
    pub(super) _assigned: UpstreamRequest,
}

/// A connection's place in the counters; it leaves when dropped.
#[derive(Debug)]
pub(super) struct Place {
    stats: Arc<ClusterStats>,
    traffic: Arc<Traffic>,
    since: Instant,
    /// Whether a request has it, as opposed to the pool.
    leased: Arc<AtomicBool>,
}

impl Place {
    pub(super) fn leased(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.leased)
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
            pool: RefCell::default(),
            http2: http2::Connections::default(),
            tls: OnceCell::new(),
        }
    }

    /// A connection of `upstream` to `address`.
    pub(crate) async fn lease(
        &self,
        upstream: &Arc<Upstream>,
        address: SocketAddr,
        reuse: Reuse,
    ) -> Result<Lease, ConnectFailure> {
        let key = PoolKey {
            upstream: upstream.id,
            address,
        };
        if upstream.cluster.http2 {
            return self.lease_stream(upstream, key, reuse).await;
        }
        let idle = match reuse {
            Reuse::Allowed => self.pool.borrow_mut().take(key),
            Reuse::Refused => None,
        };
        let reused = idle.is_some();
        let (wire, assigned) = match idle {
            Some(wire) => (wire, upstream.stats.assigned(Assigned::Reused)),
            None => self.connect(upstream, address).await?,
        };
        wire.place().leased.store(true, Relaxed);
        let traffic = wire.traffic();
        let session = UpstreamSession::Http1(Box::new(HttpSession::new(Box::new(wire))));
        let owner = Arc::clone(upstream);
        Ok(Lease {
            session,
            reused,
            traffic,
            key,
            owner,
            _assigned: assigned,
        })
    }

    pub(super) async fn connect(
        &self,
        upstream: &Arc<Upstream>,
        address: SocketAddr,
    ) -> Result<(UpstreamWire, UpstreamRequest), ConnectFailure> {
        let started = Instant::now();
        let connecting = async {
            match upstream.cluster.tls {
                true => self.connect_tls(upstream, address).await,
                false => connect_plain(address).await,
            }
        };
        let outcome = match timeout(upstream.cluster.connect_timeout, connecting).await {
            Ok(outcome) => outcome.map_err(|error| ConnectFailure::Failed(error.kind())),
            Err(_) => Err(ConnectFailure::TimedOut),
        };
        let took = started.elapsed();
        let protocol = protocol(&upstream.cluster);
        match outcome {
            Ok(carrier) => {
                let how = Assigned::New {
                    protocol,
                    connect_time: took,
                };
                let assigned = upstream.stats.assigned(how);
                let place = |traffic| Place {
                    stats: Arc::clone(&upstream.stats),
                    traffic,
                    since: started,
                    leased: Arc::new(AtomicBool::new(true)),
                };
                let writes = match protocol {
                    Protocol::Http1 => Writes::Return,
                    // The connection has a task of its own, which waits for it.
                    Protocol::Http2 => Writes::Wait,
                };
                Ok((Wire::new(carrier, writes, place), assigned))
            }
            Err(failure) => {
                debug!(cluster = %upstream.cluster.name, %address, ?failure, "no connection");
                upstream
                    .stats
                    .connect_failed(failure.kind(), protocol, took);
                Err(failure)
            }
        }
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
            key,
            owner,
            ..
        } = lease;
        if !request_sent {
            return;
        }
        // A stream is over with its request; its connection stays where it is.
        let UpstreamSession::Http1(mut session) = session else {
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
        if let Ok(wire) = stream.into_any().downcast::<UpstreamWire>() {
            self.pool.borrow_mut().put(key, &owner, *wire);
        }
    }

    /// Closes idle connections that are of no more use.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.pool.borrow_mut().sweep(now);
        self.http2.sweep(now);
    }
}

impl ConnectFailure {
    fn kind(&self) -> nuncio_telemetry::ConnectFailure {
        match self {
            Self::Failed(_) | Self::NotHttp2 => nuncio_telemetry::ConnectFailure::Refused,
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

async fn connect_plain(address: SocketAddr) -> io::Result<Carrier> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    Ok(Carrier::Tcp(tcp))
}
