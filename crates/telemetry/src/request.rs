//! One finished request, and the only place that counts it.
//!
//! Invariant: every number Envoy moves at the end of a request is moved here, from the [`Outcome`]
//! alone; what happens before (accepting, connecting, retrying) is told to the handles as it
//! happens.
//! Deliberately absent: deciding anything about a request. By the time it is recorded, it is over.

use std::time::Duration;

use crate::cluster::ClusterStats;
use crate::listener::ActiveRequest;

/// The HTTP version of one side of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Plain,
    /// TLS.
    Tls,
}

/// Which end closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The gateway.
    Local,
    /// The client, or the upstream.
    Remote,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Who closed it.
    pub by: Side,
    /// Whether a request was still in flight on it.
    pub with_active_request: bool,
}

/// Wire bytes of one request, as far as the proxy knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// From the client.
    pub downstream_received: u64,
    /// To the client.
    pub downstream_sent: u64,
    /// From the upstream.
    pub upstream_received: u64,
    /// To the upstream.
    pub upstream_sent: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream's response head was passed on.
    Upstream {
        /// The upstream's status.
        status: u16,
        /// What became of the rest of the response.
        ending: Ending,
    },
    /// The client went away before any response head: no status, hence no `rq_xx` and no
    /// `rq_completed`.
    ClientLeft,
    /// 404: no route matches.
    NoRoute,
    /// 503: the route names a cluster that does not exist.
    NoCluster,
    /// The request could not be parsed or its head is too large (400, 431); it never reached
    /// routing.
    Malformed {
        /// The status sent.
        status: u16,
    },
    /// A request that HTTP allows and the gateway does not serve (an upgrade, an old version, a
    /// body that stalled); it never reached routing, or nothing of it reached the upstream.
    Refused {
        /// The status sent.
        status: u16,
    },
    /// A route answered by itself: a redirect, a fixed response, a probe.
    Direct {
        /// The status sent.
        status: u16,
    },
    /// A filter answered instead of the upstream (external authorization, rate limit). Envoy
    /// charges the response to the route's cluster although the request never reached the router.
    Filter {
        /// The status sent.
        status: u16,
    },
    /// 413: more of a request's body than may be held; it never reached the router.
    TooLarge,
    /// 408 or 504: nothing moved for too long before a response head. Envoy's connection manager
    /// answers, so the cluster hears nothing of it.
    IdleTimeout {
        /// The status sent.
        status: u16,
    },
    /// 503: no connection could be made; each attempt was told to [`ClusterStats::connect_failed`].
    ConnectFailed,
    /// 503: the cluster has no endpoint to try.
    NoHealthyHost,
    /// 503: a limit of the cluster was reached; told to [`ClusterStats::overflowed`] as well.
    Overflow,
    /// 504: the route's timeout passed before a response head.
    RouteTimeout,
    /// 504: the last attempt's own timeout passed; each was told to
    /// [`ClusterStats::attempt_timed_out`].
    AttemptTimeout,
    /// 503: the upstream gave up before a response head.
    UpstreamReset(Reset),
    /// 502: the upstream answered something that is not HTTP.
    UpstreamMalformed,
}

/// What became of a response after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of it went to the client.
    Complete,
    /// The client went away first.
    ClientLeft,
    /// The upstream broke off, so we reset the client's stream.
    UpstreamReset(Reset),
    /// The route's timeout passed, so we reset both.
    RouteTimeout,
    /// Nothing moved for too long, so we reset both.
    IdleTimeout,
}

/// How an upstream gave up on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The connection ended; Envoy counts this on the connection only.
    Connection,
    /// The HTTP/2 stream was reset.
    Stream,
}

/// One finished request; the source of the page and of statsd, and of the access log to come.
#[derive(Debug)]
pub struct RequestRecord<'a> {
    /// The request, from [`ListenerStats::request_started`](crate::ListenerStats::request_started).
    pub request: ActiveRequest,
    /// Where it was routed to; `None` when it was not.
    pub cluster: Option<&'a ClusterStats>,
    /// How it ended.
    pub outcome: Outcome,
    /// From the first byte of the request to the end of the response.
    pub duration: Duration,
    /// From the end of the request to the end of the upstream's response, waiting and retries
    /// included. Counted only for complete upstream responses.
    pub upstream_time: Option<Duration>,
    /// What went over the wire.
    pub bytes: Bytes,
    /// Whether it was sent more than once.
    pub retried: bool,
}

impl RequestRecord<'_> {
    /// Counts the request.
    pub fn record(self) {
        self.count_downstream();
        if let Some(cluster) = self.cluster {
            self.count_upstream(cluster);
        }
        self.request.finished();
    }

    fn count_downstream(&self) {
        let (listener, http) = (self.request.listener(), self.request.listener().http());
        if let Some(status) = self.request.status_told().or(self.outcome.status()) {
            http.responded(status);
            listener.responded(status);
        }
        if self.outcome.reached_router() {
            http.count.rq_total.inc();
        }
        match self.outcome {
            Outcome::NoRoute => http.count.no_route.inc(),
            Outcome::NoCluster => http.count.no_cluster.inc(),
            Outcome::Direct { .. } => http.count.rq_direct_response.inc(),
            Outcome::Malformed { .. } => http.malformed(),
            Outcome::ClientLeft
            | Outcome::Upstream {
                ending: Ending::ClientLeft,
                ..
            } => {
                http.count.downstream_rq_rx_reset.inc();
            }
            Outcome::Upstream {
                ending: Ending::UpstreamReset(_) | Ending::RouteTimeout,
                ..
            } => {
                http.count.downstream_rq_tx_reset.inc();
            }
            Outcome::Upstream {
                ending: Ending::IdleTimeout,
                ..
            } => {
                http.count.downstream_rq_idle_timeout.inc();
                http.count.downstream_rq_tx_reset.inc();
            }
            Outcome::IdleTimeout { .. } => http.count.downstream_rq_idle_timeout.inc(),
            Outcome::TooLarge => http.count.downstream_rq_too_large.inc(),
            Outcome::Upstream {
                ending: Ending::Complete,
                ..
            }
            | Outcome::Refused { .. }
            | Outcome::Filter { .. }
            | Outcome::ConnectFailed
            | Outcome::NoHealthyHost
            | Outcome::Overflow
            | Outcome::RouteTimeout
            | Outcome::AttemptTimeout
            | Outcome::UpstreamReset(_)
            | Outcome::UpstreamMalformed => {}
        }
        if self.outcome.is_whole() {
            http.request_took(self.duration);
        }
        http.count
            .downstream_cx_rx_bytes_total
            .add(self.bytes.downstream_received);
        http.count
            .downstream_cx_tx_bytes_total
            .add(self.bytes.downstream_sent);
    }

    fn count_upstream(&self, cluster: &ClusterStats) {
        if let Some(status) = self.outcome.status_of_cluster() {
            cluster.responded(status);
            if self.retried && status < 500 {
                cluster.count.upstream_rq_retry_success.inc();
            }
        }
        self.outcome.count_upstream(cluster, self.upstream_time);
        cluster
            .count
            .upstream_cx_rx_bytes_total
            .add(self.bytes.upstream_received);
        cluster
            .count
            .upstream_cx_tx_bytes_total
            .add(self.bytes.upstream_sent);
    }
}

/// One finished request of the gateway itself, the copy of a client's. Only its cluster counts it.
#[derive(Debug)]
pub struct ShadowRecord<'a> {
    /// Where it went.
    pub cluster: &'a ClusterStats,
    /// How it ended.
    pub outcome: Outcome,
    /// As [`RequestRecord::upstream_time`].
    pub upstream_time: Option<Duration>,
    /// Bytes from the upstream.
    pub upstream_received: u64,
    /// Bytes to the upstream.
    pub upstream_sent: u64,
}

impl ShadowRecord<'_> {
    /// Counts the request.
    pub fn record(self) {
        let cluster = self.cluster;
        if let Some(status) = self.outcome.status_of_cluster() {
            cluster.responded_to_gateway(status);
        }
        self.outcome.count_upstream(cluster, self.upstream_time);
        let count = &cluster.count;
        count.upstream_cx_rx_bytes_total.add(self.upstream_received);
        count.upstream_cx_tx_bytes_total.add(self.upstream_sent);
    }
}

impl Outcome {
    fn count_upstream(self, cluster: &ClusterStats, upstream_time: Option<Duration>) {
        match self {
            Self::NoHealthyHost => cluster.no_healthy_host(),
            Self::RouteTimeout
            | Self::Upstream {
                ending: Ending::RouteTimeout,
                ..
            } => cluster.count.upstream_rq_timeout.inc(),
            Self::UpstreamReset(Reset::Stream)
            | Self::Upstream {
                ending: Ending::UpstreamReset(Reset::Stream),
                ..
            } => {
                cluster.count.upstream_rq_rx_reset.inc();
            }
            Self::Upstream {
                ending: Ending::Complete,
                ..
            } => {
                if let Some(took) = upstream_time {
                    cluster.request_took(took);
                }
            }
            Self::Upstream { .. }
            | Self::ClientLeft
            | Self::NoRoute
            | Self::NoCluster
            | Self::Malformed { .. }
            | Self::Refused { .. }
            | Self::Direct { .. }
            | Self::Filter { .. }
            | Self::TooLarge
            | Self::IdleTimeout { .. }
            | Self::ConnectFailed
            | Self::Overflow
            | Self::AttemptTimeout
            | Self::UpstreamReset(Reset::Connection)
            | Self::UpstreamMalformed => {}
        }
    }

    /// The status the client was sent, if it was sent one.
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Upstream { status, .. }
            | Self::Malformed { status }
            | Self::Refused { status }
            | Self::Direct { status }
            | Self::IdleTimeout { status }
            | Self::Filter { status } => Some(status),
            Self::TooLarge => Some(413),
            Self::ClientLeft => None,
            Self::NoRoute => Some(404),
            Self::NoCluster
            | Self::ConnectFailed
            | Self::NoHealthyHost
            | Self::Overflow
            | Self::UpstreamReset(_) => Some(503),
            Self::UpstreamMalformed => Some(502),
            Self::RouteTimeout | Self::AttemptTimeout => Some(504),
        }
    }

    /// The status that Envoy charges to the cluster: its router's, not the connection manager's.
    fn status_of_cluster(self) -> Option<u16> {
        match self {
            Self::TooLarge | Self::IdleTimeout { .. } => None,
            _ => self.status(),
        }
    }

    /// Envoy's router counts what gets as far as itself.
    fn reached_router(self) -> bool {
        !matches!(
            self,
            Self::Malformed { .. } | Self::Refused { .. } | Self::Filter { .. } | Self::TooLarge
        )
    }

    /// Whether a whole response went to the client; only then does Envoy time the request.
    fn is_whole(self) -> bool {
        !matches!(
            self,
            Self::ClientLeft
                | Self::Upstream {
                    ending: Ending::ClientLeft
                        | Ending::UpstreamReset(_)
                        | Ending::RouteTimeout
                        | Ending::IdleTimeout,
                    ..
                }
        )
    }
}
