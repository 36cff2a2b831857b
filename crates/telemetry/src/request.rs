//! One finished request, and the only place that counts it.
//!
//! Invariant: every number Envoy moves at the end of a request is moved here, from the [`Outcome`]
//! alone; what happens before (accepting, connecting, retrying) is told to the handles as it
//! happens.
//! Deliberately absent: deciding anything about a request. By the time it is recorded, it is over.

mod outcome;

use std::time::Duration;

use crate::cluster::ClusterStats;
use crate::http::HttpStats;
use crate::listener::ActiveRequest;
use crate::mapping::{Ended, Mapped};
use crate::trace::TraceId;
use crate::value::COUNTS;
pub use outcome::{Ending, Outcome, Reset};

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

/// One finished request; the source of the page and of statsd.
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
    /// Its part in the Mapping whose Route took it; `None` when none did.
    pub mapping: Option<Mapped<'a>>,
    /// The trace that a collector can be asked for; `None` when the request was not sampled.
    pub trace: Option<TraceId>,
}

impl RequestRecord<'_> {
    /// Counts the request.
    pub fn record(self) {
        if COUNTS {
            self.count();
        }
        self.request.finished();
    }

    fn count(&self) {
        self.count_downstream();
        if let Some(cluster) = self.cluster {
            self.count_upstream(cluster);
        }
        if let Some(mapping) = &self.mapping {
            mapping.record(Ended {
                status: self.request.status_told().or(self.outcome.status()),
                took: self.outcome.is_whole().then_some(self.duration),
                timed_out: self.outcome.is_out_of_time(),
                trace: self.trace,
            });
        }
    }

    fn count_downstream(&self) {
        let (listener, http) = (self.request.listener(), self.request.listener().http());
        if let Some(status) = self.request.status_told().or(self.outcome.status()) {
            http.responded(status);
            listener.responded(status);
        }
        // A request whose body turned out malformed was routed before.
        if self.outcome.reached_router() || self.cluster.is_some() && self.outcome.is_malformed() {
            http.count.rq_total.inc();
        }
        self.outcome.count_downstream(http);
        self.count_resets(http);
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

    /// Envoy resets a request that its answer came too early for once that is sent, and counts what
    /// it resets itself as reset by the client too.
    fn count_resets(&self, http: &HttpStats) {
        let malformed = self.outcome.is_malformed();
        let reset = self.outcome.is_reset();
        if malformed {
            http.count.downstream_cx_protocol_error.inc();
        }
        if malformed || self.request.is_answered_early() {
            http.count.downstream_rq_response_before_rq_complete.inc();
        }
        if reset {
            http.count.downstream_rq_tx_reset.inc();
        }
        if malformed || reset || self.outcome.is_left_by_client() || self.request.is_unfinished() {
            http.count.downstream_rq_rx_reset.inc();
        }
    }

    fn count_upstream(&self, cluster: &ClusterStats) {
        if let Some(status) = self.outcome.status_of_cluster() {
            cluster.responded(status);
            if self.retried && status < 500 {
                cluster.count.trouble().upstream_rq_retry_success.inc();
            }
        }
        self.outcome.count_upstream(cluster, self.upstream_time);
        cluster.transferred(self.bytes.upstream_received, self.bytes.upstream_sent);
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
        cluster.transferred(self.upstream_received, self.upstream_sent);
    }
}
