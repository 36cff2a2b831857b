//! Makes connections to endpoints.
//!
//! Invariant: a connection is counted, and counts against its cluster's limit, from when it is made
//! until it is dropped, wherever that happens.
//!
//! Deliberately absent: when one is to be made.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use nuncio_guard::{AnswerTerms, ChunkLimits};
use nuncio_routing::Cluster;
use nuncio_telemetry::{Closed, ClusterStats, Protocol, Side};
use nuncio_tls::server_name;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::debug;

use super::breakers::Permit;
use super::endpoint::Endpoint;
use super::http2::Connections;
use super::originate::{Originated, Target};
use super::pool::Pools;
use super::{Upstream, keepalive};
use crate::carrier::Carrier;
use crate::limits::Limits;
use crate::wire::{Traffic, Wire, Writes};

/// A connection to an upstream, as pooled.
pub(crate) type UpstreamWire = Wire<Place>;

/// Makes and keeps the upstream connections of one worker.
pub(crate) struct Connector {
    /// What answers have to keep to.
    pub(super) answers: AnswerTerms,
    pub(super) pools: RefCell<Pools>,
    pub(super) http2: RefCell<Connections>,
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
    pub(super) fn new(
        upstream: &Upstream,
        (traffic, since): (Arc<Traffic>, Instant),
        permit: Permit,
    ) -> Self {
        Self {
            stats: Arc::clone(&upstream.stats),
            traffic,
            since,
            leased: Arc::default(),
            _permit: permit,
        }
    }

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
    /// There is nothing to make TLS with: told to the counters here. No endpoint was asked.
    NoCredentials,
}

impl Connector {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            answers: AnswerTerms {
                max_head_bytes: limits.upstream.max_head_bytes,
                max_fields: limits.upstream.max_fields,
                max_interim: limits.upstream.max_interim,
                chunks: ChunkLimits {
                    line: limits.max_chunk_line,
                    extensions: limits.max_chunk_extensions,
                },
            },
            pools: RefCell::default(),
            http2: RefCell::default(),
        }
    }

    /// Makes a connection for requests, as one of those there may be.
    pub(super) async fn connect(
        &self,
        upstream: &Arc<Upstream>,
        target: Target<'_>,
        permit: Permit,
    ) -> Result<UpstreamWire, ConnectFailure> {
        let protocol = protocol(&upstream.cluster);
        let (carrier, since) = establish(upstream, target, Some(protocol)).await?;
        let place = |traffic| Place::new(upstream, (traffic, since), permit);
        let writes = match protocol {
            Protocol::Http1 => Writes::Return,
            // The connection has a task of its own, which waits for it.
            Protocol::Http2 => Writes::Wait,
        };
        Ok(Wire::new(carrier, writes, place))
    }
}

/// Makes a connection, counted as one of `protocol` if it has one; says since when there is one.
pub(super) async fn establish(
    upstream: &Upstream,
    Target {
        address,
        originated,
    }: Target<'_>,
    protocol: Option<Protocol>,
) -> Result<(Carrier, Instant), ConnectFailure> {
    let started = Instant::now();
    let connecting = async {
        match originated {
            Some(originated) => connect_tls(upstream, originated, address).await,
            None => connect_tcp(upstream, address)
                .await
                .map(|tcp| Carrier::Tcp(tcp.into())),
        }
    };
    let outcome = match timeout(upstream.cluster.connect_timeout, connecting).await {
        Ok(outcome) => outcome.map_err(|error| ConnectFailure::Failed(error.kind())),
        Err(_) => Err(ConnectFailure::TimedOut),
    };
    let took = started.elapsed();
    let carrier = outcome.inspect_err(|failure| {
        debug!(cluster = %upstream.cluster.name, %address, ?failure, "no connection");
        let why = failure.kind();
        upstream.stats.connect_failed(why, protocol, took);
    })?;
    upstream.stats.connected(protocol, took);
    Ok((carrier, started))
}

impl ConnectFailure {
    /// Tells the endpoint, unless the failure is the cluster's own.
    pub(super) fn tell(self, endpoint: &Endpoint) {
        match self {
            Self::Failed(_) | Self::TimedOut | Self::NotHttp2 => endpoint.failed(),
            Self::Overflow | Self::NoCredentials => {}
        }
    }

    fn kind(&self) -> nuncio_telemetry::ConnectFailure {
        match self {
            Self::Failed(_) | Self::NotHttp2 | Self::Overflow | Self::NoCredentials => {
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

/// Has the handshake begin once there is a connection.
async fn connect_tls(
    upstream: &Upstream,
    originated: &Originated,
    address: SocketAddr,
) -> io::Result<Carrier> {
    let name = server_name(&originated.origination, address.ip()).map_err(io::Error::other)?;
    let tcp = connect_tcp(upstream, address).await?;
    let connector = TlsConnector::from(Arc::clone(&originated.config));
    let tls = connector.connect(name, tcp).await.inspect_err(|error| {
        debug!(cluster = %upstream.cluster.name, %address, %error, "no TLS to the upstream");
        upstream.stats.tls_failed();
    })?;
    upstream.stats.tls_established();
    Ok(Carrier::Originated(Box::new(tls)))
}

async fn connect_tcp(upstream: &Upstream, address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    if let Some(keepalive) = &upstream.cluster.keepalive {
        SockRef::from(&tcp).set_tcp_keepalive(&keepalive::of_socket(keepalive))?;
    }
    Ok(tcp)
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
        let upstream = Upstream::new(Arc::new(cluster), stats, &discovered, None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connected = connect_tcp(&upstream, listener.local_addr().unwrap()).await;
        let tcp = connected.unwrap();
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
