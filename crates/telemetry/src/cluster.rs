//! What one cluster counts: everything between the gateway and an upstream.
//!
//! Invariant: events are told in the order they happen, one call each; the numbers each moves are
//! Envoy's.
//! Deliberately absent: choosing endpoints, limits and retries. This only hears of them.

mod connections;
mod counts;
mod event;
mod guards;
mod totals;
mod uses;

use std::sync::Arc;
use std::time::Duration;

use crate::family::{Scope, Stat};
use crate::guard::OVERFLOW;
use crate::names;
use crate::series::Series;
use crate::statsd::Timers;
pub(crate) use counts::ClusterCounts;
pub use event::{
    Breaker, ClusterSummary, ConnectFailure, Overflow, Resolution, RetryCause, RetryRefused,
};
pub use guards::{Backlog, Ejection, PendingRequest, UpstreamRequest};
pub(crate) use totals::Totals;
pub(crate) use uses::Uses;

/// The numbers of one cluster name (`envoy_cluster_name`); clusters that share the name share them.
#[derive(Debug)]
pub struct ClusterStats {
    pub(crate) count: ClusterCounts,
    series: Series,
}

impl ClusterStats {
    /// Goes on from what is left of the last cluster of this name.
    pub(crate) fn new(name: &Arc<str>, left: Option<&Totals>, timers: &Arc<Timers>) -> Self {
        let id = left.map_or_else(|| timers.next_id(), Totals::id);
        let stats = Self {
            count: ClusterCounts::default(),
            series: Series::of_cluster(timers, name, id),
        };
        if let Some(left) = left {
            left.go_on(&stats);
        }
        stats
    }

    /// What several clusters are shown as.
    pub(crate) fn overflow(timers: &Arc<Timers>) -> Self {
        Self::new(&OVERFLOW.into(), None, timers)
    }

    /// The `envoy_cluster_name`.
    pub fn name(&self) -> &str {
        self.shared_name()
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        self.series.names().cluster()
    }

    /// A request was given a connection: this is when Envoy counts it as sent, each attempt anew.
    /// Dropping the result ends the attempt.
    pub fn assigned(self: &Arc<Self>) -> UpstreamRequest {
        self.count.traffic().upstream_rq_total.inc();
        self.count.traffic().upstream_rq_active.inc();
        UpstreamRequest(Arc::clone(self))
    }

    /// There was no connection ready for a request: it waits for one, to be made or to come free.
    /// Dropping the result ends the waiting.
    pub fn pending(self: &Arc<Self>) -> PendingRequest {
        self.count.traffic().upstream_rq_pending_total.inc();
        self.count.traffic().upstream_rq_pending_active.inc();
        PendingRequest(Arc::clone(self))
    }

    /// A limit was reached.
    pub fn overflowed(&self, what: Overflow) {
        match what {
            Overflow::Connections => self.count.trouble().upstream_cx_overflow.inc(),
            Overflow::Pending => self.count.trouble().upstream_rq_pending_overflow.inc(),
            Overflow::Requests => {
                self.count.trouble().upstream_rq_active_overflow.inc();
                // The only counter there was of either limit while Ambassador's boards were made.
                self.count.trouble().upstream_rq_pending_overflow.inc();
            }
        }
    }

    /// As many as may are there of what this breaker of the default priority counts.
    pub fn breaker_opened(&self, breaker: Breaker) {
        self.count.breaker(breaker).inc();
    }

    /// There may be more again.
    pub fn breaker_closed(&self, breaker: Breaker) {
        self.count.breaker(breaker).dec();
    }

    /// An attempt's own timeout passed.
    pub fn attempt_timed_out(&self) {
        self.count.trouble().upstream_rq_per_try_timeout.inc();
    }

    /// We reset an HTTP/2 stream towards the upstream.
    pub fn stream_reset(&self) {
        self.count.trouble().upstream_rq_tx_reset.inc();
    }

    /// A request is about to be sent again.
    pub fn retried(&self, cause: RetryCause) {
        self.count.trouble().upstream_rq_retry.inc();
        self.count
            .trouble()
            .upstream_rq_retry_backoff_exponential
            .inc();
        if let RetryCause::Response(status) = cause {
            self.count.trouble().retry_upstream_rq_completed.inc();
            self.count.trouble().retry_upstream_rq_xx.count(status);
            self.count.trouble().retry_upstream_rq.count(status);
        }
    }

    /// A request that could be sent again is not.
    pub fn retry_refused(&self, why: RetryRefused) {
        match why {
            RetryRefused::LimitExceeded => {
                self.count.trouble().upstream_rq_retry_limit_exceeded.inc();
            }
            RetryRefused::Overflow => self.count.trouble().upstream_rq_retry_overflow.inc(),
        }
    }

    /// A request was too large to be kept: it will not be sent again.
    pub fn retry_abandoned(&self) {
        self.count.trouble().retry_or_shadow_abandoned.inc();
    }

    /// A request was given up while it waited for a connection.
    pub fn pending_cancelled(&self) {
        self.count.trouble().upstream_rq_cancelled.inc();
    }

    /// A look-up of the cluster's name ended.
    pub fn resolved(&self, how: Resolution) {
        self.count.update_attempt.inc();
        match how {
            Resolution::Changed { endpoints } => {
                self.count.update_success.inc();
                self.endpoints_changed(endpoints);
            }
            Resolution::Unchanged => {
                self.count.update_success.inc();
                self.count.update_no_rebuild.inc();
            }
            Resolution::Empty => {
                self.count.update_success.inc();
                self.count.update_empty.inc();
                self.count.show_membership();
            }
            Resolution::Failed => {
                self.count.update_failure.inc();
                self.count.show_membership();
            }
        }
    }

    /// A cluster of this name had endpoints before, and nothing else ever happened to it.
    pub(crate) fn had_endpoints_once(&self) {
        self.count.membership_change.raise_to(1);
    }

    /// The endpoints changed without a look-up, as for a cluster given by address.
    pub fn endpoints_changed(&self, endpoints: usize) {
        let endpoints = u64::try_from(endpoints).unwrap_or(u64::MAX);
        self.count.membership_change.inc();
        self.count.set_membership(endpoints);
    }

    /// So many endpoints are fit to use; told after any change of the endpoints where it is not all.
    pub fn health_changed(&self, healthy: usize) {
        let healthy = u64::try_from(healthy).unwrap_or(u64::MAX);
        self.count.membership_healthy.set(healthy);
    }

    /// A request is balanced among all endpoints, because so few are fit.
    pub fn panicked(&self) {
        self.count.trouble().lb_healthy_panic.inc();
    }

    /// An endpoint failed as often in a row as it may.
    pub fn outlier_detected(&self) {
        self.count
            .trouble()
            .ejections_detected_consecutive_5xx
            .inc();
    }

    /// It is left out for that, until the result is dropped.
    pub fn ejected(self: &Arc<Self>) -> Ejection {
        self.count.trouble().ejections_enforced.inc();
        self.count.trouble().ejections_active.inc();
        Ejection(Arc::clone(self))
    }

    /// It is not left out, because too many are.
    pub fn ejection_refused(&self) {
        self.count.trouble().ejections_overflow.inc();
    }

    /// What Ambassador's diagnostics page shows.
    pub fn summary(&self) -> ClusterSummary {
        ClusterSummary {
            endpoints_healthy: self.count.membership_healthy.value(),
            endpoints_total: self.count.membership_total.value(),
            update_attempts: self.count.update_attempt.value(),
            update_successes: self.count.update_success.value(),
            responses: self.count.of_traffic(|t| &t.upstream_rq_completed).value(),
            responses_4xx: self.count.of_traffic(|t| &t.upstream_rq_xx).class(4),
            responses_5xx: self.count.of_traffic(|t| &t.upstream_rq_xx).class(5),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.series.uses.are_any()
    }

    /// Whether the configuration that runs has it, and not only the one that is about to.
    pub(crate) fn has_arrived(&self) -> bool {
        self.series.uses.have_arrived()
    }

    pub(crate) fn uses(&self) -> &Uses {
        &self.series.uses
    }

    pub(crate) fn responded(&self, status: u16) {
        self.count.traffic().upstream_rq_completed.inc();
        self.count.traffic().upstream_rq_xx.count(status);
        self.count.traffic().upstream_rq.count(status);
    }

    /// As [`Self::responded`], to a request of the gateway itself.
    pub(crate) fn responded_to_gateway(&self, status: u16) {
        self.responded(status);
        self.count.trouble().internal_upstream_rq_completed.inc();
        self.count.trouble().internal_upstream_rq_xx.count(status);
        self.count.trouble().internal_upstream_rq.count(status);
    }

    pub(crate) fn request_took(&self, took: Duration) {
        self.series.time(
            &self.count.traffic().upstream_rq_time,
            names::UPSTREAM_RQ_TIME,
            took,
        );
    }

    /// There is no endpoint to send something to. Envoy counts the panic too: with no healthy host it
    /// looks among the unhealthy ones.
    pub fn no_healthy_host(&self) {
        self.count.trouble().upstream_cx_none_healthy.inc();
        self.count.trouble().lb_healthy_panic.inc();
    }
}

impl Scope for ClusterStats {
    const FAMILY: &'static str = "envoy_cluster_";
    const STATS: &'static [Stat<Self>] = names::CLUSTER;

    fn series(&self) -> &Series {
        &self.series
    }
}
