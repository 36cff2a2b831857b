//! The numbers of a cluster.
//!
//! Invariant: of a cluster that nothing was sent to there is little: what requests move takes memory
//! with the first of them, and what goes wrong with the first failure. Looking takes none.

use std::ptr;
use std::sync::OnceLock;

use super::event::Breaker;
use crate::histogram::Histogram;
use crate::status::{Classes, Codes};
use crate::value::{Counter, Gauge};

/// What is known of every cluster, and the way to the rest.
#[derive(Debug, Default)]
pub(crate) struct ClusterCounts {
    traffic: OnceLock<Box<Traffic>>,
    pub(crate) membership_change: Counter,
    pub(crate) membership_total: Gauge,
    pub(crate) membership_healthy: Gauge,
    pub(crate) update_attempt: Counter,
    pub(crate) update_success: Counter,
    pub(crate) update_failure: Counter,
    pub(crate) update_empty: Counter,
    pub(crate) update_no_rebuild: Counter,
}

/// What requests and connections move that end well. Laid out by moment, as `HttpCounts`.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct Traffic {
    pub(crate) upstream_rq_completed: Counter,
    pub(crate) upstream_rq_xx: Classes,
    pub(crate) upstream_rq_total: Counter,
    pub(crate) upstream_rq_active: Gauge,
    pub(crate) upstream_cx_rx_bytes_total: Counter,
    pub(crate) upstream_cx_tx_bytes_total: Counter,
    pub(crate) upstream_rq_time: Histogram,
    pub(crate) upstream_rq: Codes,

    pub(crate) upstream_rq_pending_total: Counter,
    pub(crate) upstream_rq_pending_active: Gauge,

    pub(crate) upstream_cx_total: Counter,
    pub(crate) upstream_cx_active: Gauge,
    pub(crate) upstream_cx_http1_total: Counter,
    pub(crate) upstream_cx_http2_total: Counter,
    pub(crate) upstream_cx_idle_timeout: Counter,
    pub(crate) upstream_cx_destroy: Counter,
    pub(crate) upstream_cx_destroy_local: Counter,
    pub(crate) upstream_cx_destroy_remote: Counter,
    pub(crate) ssl_handshake: Counter,
    pub(crate) upstream_cx_connect_ms: Histogram,
    pub(crate) upstream_cx_length_ms: Histogram,

    trouble: OnceLock<Box<Trouble>>,
}

/// What moves when something goes wrong, and what few clusters have.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) upstream_rq_pending_overflow: Counter,
    pub(crate) upstream_rq_pending_failure_eject: Counter,
    pub(crate) upstream_rq_timeout: Counter,
    pub(crate) upstream_rq_per_try_timeout: Counter,
    pub(crate) upstream_rq_rx_reset: Counter,
    pub(crate) upstream_rq_tx_reset: Counter,
    pub(crate) upstream_rq_retry: Counter,
    pub(crate) upstream_rq_retry_backoff_exponential: Counter,
    pub(crate) upstream_rq_retry_limit_exceeded: Counter,
    pub(crate) upstream_rq_retry_overflow: Counter,
    pub(crate) upstream_rq_retry_success: Counter,
    pub(crate) retry_upstream_rq_completed: Counter,
    pub(crate) retry_upstream_rq_xx: Classes,
    pub(crate) retry_upstream_rq: Codes,
    pub(crate) retry_or_shadow_abandoned: Counter,
    pub(crate) upstream_rq_cancelled: Counter,
    pub(crate) upstream_rq_active_overflow: Counter,
    pub(crate) internal_upstream_rq_completed: Counter,
    pub(crate) internal_upstream_rq_xx: Classes,
    pub(crate) internal_upstream_rq: Codes,

    pub(crate) upstream_cx_connect_fail: Counter,
    pub(crate) upstream_cx_connect_timeout: Counter,
    pub(crate) upstream_cx_none_healthy: Counter,
    pub(crate) upstream_cx_overflow: Counter,
    pub(crate) upstream_cx_destroy_local_with_active_rq: Counter,
    pub(crate) upstream_cx_destroy_remote_with_active_rq: Counter,
    pub(crate) upstream_cx_destroy_with_active_rq: Counter,
    pub(crate) upstream_cx_protocol_error: Counter,
    pub(crate) ssl_connection_error: Counter,

    /// The upstream does not take the request as fast as it comes.
    pub(crate) flow_control_backed_up: Counter,
    pub(crate) flow_control_drained: Counter,
    pub(crate) upstream_cx_tx_bytes_buffered: Gauge,
    /// The client does not take the response as fast as it comes.
    pub(crate) flow_control_paused_reading: Counter,
    pub(crate) flow_control_resumed_reading: Counter,

    /// Clusters of this name that have as many connections as they may; likewise those below.
    pub(crate) cx_open: Gauge,
    pub(crate) rq_pending_open: Gauge,
    pub(crate) rq_open: Gauge,
    pub(crate) rq_retry_open: Gauge,

    pub(crate) ejections_active: Gauge,
    pub(crate) ejections_detected_consecutive_5xx: Counter,
    /// Under four names: of all kinds of ejection there is one.
    pub(crate) ejections_enforced: Counter,
    pub(crate) ejections_overflow: Counter,
    pub(crate) lb_healthy_panic: Counter,
}

/// A number that can be shown before there is any.
pub(crate) trait Unmoved: 'static {
    /// One that nothing ever moves.
    fn unmoved() -> &'static Self;
}

impl ClusterCounts {
    /// To be moved.
    pub(crate) fn traffic(&self) -> &Traffic {
        self.traffic.get_or_init(Box::default)
    }

    /// To be moved.
    pub(crate) fn trouble(&self) -> &Trouble {
        self.traffic().trouble.get_or_init(Box::default)
    }

    /// Whether there is traffic, and whether there is trouble.
    pub(super) fn has_moved(&self) -> (bool, bool) {
        let traffic = self.traffic.get();
        let trouble = traffic.and_then(|traffic| traffic.trouble.get());
        (traffic.is_some(), trouble.is_some())
    }

    /// To be looked at.
    pub(crate) fn of_traffic<N: Unmoved>(&self, number: fn(&Traffic) -> &N) -> &N {
        match self.traffic.get() {
            Some(moved) => number(moved),
            None => N::unmoved(),
        }
    }

    /// To be looked at.
    pub(crate) fn of_trouble<N: Unmoved>(&self, number: fn(&Trouble) -> &N) -> &N {
        let traffic = self.traffic.get();
        match traffic.and_then(|traffic| traffic.trouble.get()) {
            Some(moved) => number(moved),
            None => N::unmoved(),
        }
    }

    /// How many endpoints there are of a kind that there are none of: known once any are.
    pub(crate) fn no_members(&self) -> &Gauge {
        match self.membership_total.is_used() {
            true => &NO_MEMBERS,
            false => &NOT_KNOWN,
        }
    }

    /// Whether every cluster has this gauge, which hence nobody may set.
    pub(crate) fn is_shared(gauge: &Gauge) -> bool {
        let shared = [&NO_MEMBERS, &NOT_KNOWN, Gauge::unmoved()];
        shared.iter().any(|&one| ptr::eq(one, gauge))
    }

    /// So many endpoints are there, all of them fit.
    pub(super) fn set_membership(&self, endpoints: u64) {
        self.membership_total.set(endpoints);
        self.membership_healthy.set(endpoints);
    }

    /// Envoy serves no cluster before its first answer, and alerts fire on `membership_healthy ==
    /// 0`: these gauges appear with the first answer, or the first failure to get one.
    pub(super) fn show_membership(&self) {
        if !self.membership_total.is_used() {
            self.set_membership(0);
        }
    }

    pub(super) fn breaker(&self, breaker: Breaker) -> &Gauge {
        let trouble = self.trouble();
        match breaker {
            Breaker::Connections => &trouble.cx_open,
            Breaker::Pending => &trouble.rq_pending_open,
            Breaker::Requests => &trouble.rq_open,
            Breaker::Retries => &trouble.rq_retry_open,
        }
    }
}

static NO_MEMBERS: Gauge = Gauge::of_nothing();
static NOT_KNOWN: Gauge = Gauge::new();

impl Unmoved for Counter {
    fn unmoved() -> &'static Self {
        static UNMOVED: Counter = Counter::new();
        &UNMOVED
    }
}

impl Unmoved for Gauge {
    fn unmoved() -> &'static Self {
        static UNMOVED: Gauge = Gauge::new();
        &UNMOVED
    }
}

impl Unmoved for Histogram {
    fn unmoved() -> &'static Self {
        static UNMOVED: Histogram = Histogram::new();
        &UNMOVED
    }
}

impl Unmoved for Classes {
    fn unmoved() -> &'static Self {
        static UNMOVED: Classes = Classes::new();
        &UNMOVED
    }
}

impl Unmoved for Codes {
    fn unmoved() -> &'static Self {
        static UNMOVED: Codes = Codes::new();
        &UNMOVED
    }
}
