//! Makes connections to endpoints.
//!
//! Invariant: a connection is counted, and counts against its cluster's limit, from when it is made
//! until it is dropped, wherever that happens.
//!
//! Deliberately absent: when one is to be made.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use nuncio_routing::Cluster;
use nuncio_telemetry::{Closed, ClusterStats, Protocol, Side};
use pingora_core::connectors::TransportConnector;
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{BError, ErrorType};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::breakers::Permit;
use super::endpoint::Endpoint;
use super::http2::Connections;
use super::pool::Pools;
use super::{Upstream, keepalive};
use crate::carrier::Carrier;
use crate::wire::{Traffic, Wire, Writes};

/// A connection to an upstream, as pooled.
pub(crate) type UpstreamWire = Wire<Place>;

/// Makes and keeps the upstream connections of one worker.
pub(crate) struct Connector {
    pub(super) pools: RefCell<Pools>,
    pub(super) http2: RefCell<Connections>,
    /// Made for the first cluster that needs it; `None` if the system has no certificate
    /// authorities, without which Pingora makes none.
    tls: OnceCell<Option<TransportConnector>>,
}

/// A connection's place in the counters and among those there may be; it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    stats: Arc<ClusterStats>,
    traffic: Arc<Traffic>,
    since: Instant,
    /// Whether a request has it, as opposed to the pool.
    leased: Arc<AtomicBool>,
    _permit: Permit,
}

impl Place {
    /// For whoever gives the connection to several requests.
    pub(super) fn leased(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.leased)
    }

    /// Whether a request has the connection from now on.
    pub(super) fn set_leased(&self, leased: bool) {
        self.leased.store(leased, Relaxed);
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

impl Connector {
    pub(crate) fn new() -> Self {
        Self {
            pools: RefCell::default(),
            http2: RefCell::default(),
            tls: OnceCell::new(),
        }
    }

    /// Makes a connection, as one of those there may be.
    pub(super) async fn connect(
        &self,
        upstream: &Arc<Upstream>,
        address: SocketAddr,
        permit: Permit,
    ) -> Result<UpstreamWire, ConnectFailure> {
        let started = Instant::now();
        let connecting = async {
            match &upstream.cluster.tls {
                Some(_origination) => self.connect_tls(upstream, address).await,
                None => connect_plain(upstream, address).await,
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
        peer.options.tcp_keepalive = upstream
            .cluster
            .keepalive
            .as_deref()
            .map(keepalive::of_pingora);
        let Some(tls) = self.tls.get_or_init(tls_connector) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let stream: Stream = tls
            .new_stream(&peer)
            .await
            .inspect_err(|error| {
                if is_handshakes(error) {
                    upstream.stats.tls_failed();
                }
            })
            .map_err(io::Error::other)?;
        upstream.stats.tls_established();
        Ok(Carrier::Tls(stream))
    }
}

impl ConnectFailure {
    /// Tells the endpoint, unless the failure is the cluster's own.
    pub(super) fn tell(self, endpoint: &Endpoint) {
        match self {
            Self::Failed(_) | Self::TimedOut | Self::NotHttp2 => endpoint.failed(),
            Self::Overflow => {}
        }
    }

    fn kind(&self) -> nuncio_telemetry::ConnectFailure {
        match self {
            Self::Failed(_) | Self::NotHttp2 | Self::Overflow => {
                nuncio_telemetry::ConnectFailure::Refused
            }
            Self::TimedOut => nuncio_telemetry::ConnectFailure::Timeout,
        }
    }
}

/// Whether there was a connection to shake hands over.
fn is_handshakes(error: &BError) -> bool {
    matches!(
        error.etype(),
        ErrorType::TLSHandshakeFailure
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::InvalidCert
            | ErrorType::HandshakeError
    )
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
    if let Some(keepalive) = &upstream.cluster.keepalive {
        SockRef::from(&tcp).set_tcp_keepalive(&keepalive::of_socket(keepalive))?;
    }
    Ok(Carrier::Tcp(tcp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::tests::cluster;
    use crate::upstream::{Discovered, Resolver};
    use nuncio_config::Keepalive;
    use nuncio_telemetry::{BuildInfo, Telemetry};
    use std::time::Duration;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_connection_is_probed_as_its_mapping_says() {
        let mut cluster = cluster();
        cluster.keepalive = Some(Box::new(Keepalive {
            time: Some(100),
            interval: Some(10),
            probes: Some(3),
        }));
        let stats = Telemetry::new(BuildInfo::default()).cluster("c");
        let discovered = Discovered::new(Resolver::from_system().unwrap());
        let upstream = Upstream::new(Arc::new(cluster), stats, &discovered);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connected = connect_plain(&upstream, listener.local_addr().unwrap()).await;
        let Carrier::Tcp(tcp) = connected.unwrap() else {
            panic!("a TCP connection")
        };
        let socket = SockRef::from(&tcp);
        assert!(socket.keepalive().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(100)
        );
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(10)
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    }
}
