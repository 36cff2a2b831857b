//! How a request ended, and what the client was told.

use std::time::Duration;

use crate::cluster::ClusterStats;
use crate::http::HttpStats;

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
    /// 503: the gateway has no memory left for it.
    Shed,
    /// 500: serving it panicked before a response head.
    Panicked,
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

impl Outcome {
    /// What an outcome of this kind is to the connection manager, beside its status and resets.
    pub(super) fn count_downstream(self, http: &HttpStats) {
        match self {
            Self::NoRoute => http.count.no_route.inc(),
            Self::NoCluster => http.count.no_cluster.inc(),
            Self::Direct { .. } => http.count.rq_direct_response.inc(),
            Self::TooLarge => http.count.downstream_rq_too_large.inc(),
            Self::Shed => http.count.downstream_rq_overload_close.inc(),
            Self::IdleTimeout { .. }
            | Self::Upstream {
                ending: Ending::IdleTimeout,
                ..
            } => http.count.downstream_rq_idle_timeout.inc(),
            Self::Upstream { .. }
            | Self::ClientLeft
            | Self::Malformed { .. }
            | Self::Refused { .. }
            | Self::Filter { .. }
            | Self::Panicked
            | Self::ConnectFailed
            | Self::NoHealthyHost
            | Self::Overflow
            | Self::RouteTimeout
            | Self::AttemptTimeout
            | Self::UpstreamReset(_)
            | Self::UpstreamMalformed => {}
        }
    }

    pub(super) fn count_upstream(self, cluster: &ClusterStats, upstream_time: Option<Duration>) {
        match self {
            Self::NoHealthyHost => cluster.no_healthy_host(),
            Self::RouteTimeout
            | Self::Upstream {
                ending: Ending::RouteTimeout,
                ..
            } => cluster.count.trouble().upstream_rq_timeout.inc(),
            Self::UpstreamReset(Reset::Stream)
            | Self::Upstream {
                ending: Ending::UpstreamReset(Reset::Stream),
                ..
            } => {
                cluster.count.trouble().upstream_rq_rx_reset.inc();
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
            | Self::Shed
            | Self::Panicked
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
            Self::Panicked => Some(500),
            Self::Shed => Some(503),
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
    pub(super) fn status_of_cluster(self) -> Option<u16> {
        match self {
            Self::TooLarge | Self::Shed | Self::IdleTimeout { .. } | Self::Malformed { .. } => None,
            _ => self.status(),
        }
    }

    pub(super) fn is_malformed(self) -> bool {
        matches!(self, Self::Malformed { .. })
    }

    pub(super) fn is_left_by_client(self) -> bool {
        matches!(
            self,
            Self::ClientLeft
                | Self::Upstream {
                    ending: Ending::ClientLeft,
                    ..
                }
        )
    }

    /// Whether we broke off the answer.
    pub(super) fn is_reset(self) -> bool {
        match self {
            Self::Upstream { ending, .. } => match ending {
                Ending::UpstreamReset(_) | Ending::RouteTimeout | Ending::IdleTimeout => true,
                Ending::Complete | Ending::ClientLeft => false,
            },
            _ => false,
        }
    }

    /// Envoy's router counts what gets as far as itself.
    pub(super) fn reached_router(self) -> bool {
        !matches!(
            self,
            Self::Malformed { .. }
                | Self::Refused { .. }
                | Self::Filter { .. }
                | Self::TooLarge
                | Self::Shed
                | Self::Panicked
        )
    }

    /// Whether it ended because the time for it was over.
    pub(super) fn is_out_of_time(self) -> bool {
        matches!(
            self,
            Self::RouteTimeout
                | Self::AttemptTimeout
                | Self::IdleTimeout { .. }
                | Self::Upstream {
                    ending: Ending::RouteTimeout | Ending::IdleTimeout,
                    ..
                }
        )
    }

    /// Whether a whole response went to the client; only then does Envoy time the request.
    pub(super) fn is_whole(self) -> bool {
        !self.is_left_by_client() && !self.is_reset()
    }
}
