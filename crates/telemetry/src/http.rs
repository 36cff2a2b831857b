//! What one HTTP connection manager counts: everything a client can see.
//!
//! Invariant: fields are the names Envoy gives under `http.<prefix>.`; only this crate moves them.

use std::sync::Arc;
use std::time::Duration;

use crate::family::{Scope, Stat};
use crate::histogram::Histogram;
use crate::names;
use crate::request::{Closed, Protocol, Side, Transport};
use crate::series::{Scoped, Series};
use crate::statsd::Timers;
use crate::status::Classes;
use crate::value::{Counter, Gauge};

/// The numbers of one `envoy_http_conn_manager_prefix`.
#[derive(Debug)]
pub struct HttpStats {
    pub(crate) count: HttpCounts,
    prefix: Box<str>,
    series: Series,
}

/// What Ambassador's diagnostics page shows of a connection manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpSummary {
    /// Requests received.
    pub requests: u64,
    /// Requests being served now.
    pub active_requests: u64,
    /// Responses with a 4xx status.
    pub responses_4xx: u64,
    /// Responses with a 5xx status.
    pub responses_5xx: u64,
}

impl HttpStats {
    pub(crate) fn new(prefix: &str, timers: &Arc<Timers>) -> Self {
        let labels = [("envoy_http_conn_manager_prefix", prefix)];
        let scope = Scoped {
            full: &format!("envoy.http.{prefix}."),
            bare: "envoy.http.",
        };
        let series = Series::new(timers, &labels, scope);
        Self {
            count: HttpCounts::default(),
            prefix: prefix.into(),
            series,
        }
    }

    /// The `envoy_http_conn_manager_prefix`, as `ingress_http`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What Ambassador's diagnostics page shows.
    pub fn summary(&self) -> HttpSummary {
        HttpSummary {
            requests: self.count.downstream_rq_total.value(),
            active_requests: self.count.downstream_rq_active.value(),
            responses_4xx: self.count.downstream_rq_xx.class(4),
            responses_5xx: self.count.downstream_rq_xx.class(5),
        }
    }

    /// A page of an origin that the route's CORS policy allows.
    pub fn cors_origin_valid(&self) {
        self.count.cors_origin_valid.inc();
    }

    /// A page of an origin that the route's CORS policy does not allow.
    pub fn cors_origin_invalid(&self) {
        self.count.cors_origin_invalid.inc();
    }

    /// A request is to make its connection a WebSocket, or something else that its route allows; it
    /// counts as that until the result is dropped.
    pub fn upgrading(self: &Arc<Self>) -> ActiveUpgrade {
        self.count.downstream_cx_upgrades_total.inc();
        self.count.downstream_cx_upgrades_active.inc();
        ActiveUpgrade(Arc::clone(self))
    }

    /// A request was to make its connection something that its route does not allow.
    pub fn upgrade_refused(&self) {
        self.count.downstream_rq_ws_on_non_ws_route.inc();
    }

    /// A client that `ip_allow` or `ip_deny` lets in.
    pub fn client_admitted(&self) {
        self.count.rbac_allowed.inc();
    }

    /// A client that `ip_allow` or `ip_deny` keeps out.
    pub fn client_denied(&self) {
        self.count.rbac_denied.inc();
    }

    pub(crate) fn request_started(&self, protocol: Protocol) {
        self.count.downstream_rq_total.inc();
        match protocol {
            Protocol::Http1 => self.count.downstream_rq_http1_total.inc(),
            Protocol::Http2 => self.count.downstream_rq_http2_total.inc(),
        }
        self.count.downstream_rq_active.inc();
    }

    pub(crate) fn responded(&self, status: u16) {
        self.count.downstream_rq_completed.inc();
        self.count.downstream_rq_xx.count(status);
    }

    pub(crate) fn request_took(&self, took: Duration) {
        self.series.time(
            &self.count.downstream_rq_time,
            names::DOWNSTREAM_RQ_TIME,
            took,
        );
    }

    /// As Envoy measures for a broken request line and for a head that is too large.
    pub(crate) fn malformed(&self) {
        self.count.downstream_cx_protocol_error.inc();
        self.count.downstream_rq_rx_reset.inc();
        self.count.downstream_rq_response_before_rq_complete.inc();
    }

    pub(crate) fn connection_opened(&self, transport: Transport) {
        self.count.downstream_cx_total.inc();
        self.count.downstream_cx_active.inc();
        if transport == Transport::Tls {
            self.count.downstream_cx_ssl_total.inc();
            self.count.downstream_cx_ssl_active.inc();
        }
    }

    pub(crate) fn codec_chosen(&self, protocol: Protocol) {
        let (total, active) = self.of_codec(protocol);
        total.inc();
        active.inc();
    }

    pub(crate) fn connection_closed(&self, closed: Closed, open_for: Duration) {
        self.count.downstream_cx_active.dec();
        self.count.downstream_cx_destroy.inc();
        let (any, active) = match closed.by {
            Side::Local => (
                &self.count.downstream_cx_destroy_local,
                &self.count.downstream_cx_destroy_local_active_rq,
            ),
            Side::Remote => (
                &self.count.downstream_cx_destroy_remote,
                &self.count.downstream_cx_destroy_remote_active_rq,
            ),
        };
        any.inc();
        if closed.with_active_request {
            active.inc();
            self.count.downstream_cx_destroy_active_rq.inc();
        }
        self.series.time(
            &self.count.downstream_cx_length_ms,
            names::DOWNSTREAM_CX_LENGTH_MS,
            open_for,
        );
    }

    pub(crate) fn of_codec(&self, protocol: Protocol) -> (&Counter, &Gauge) {
        match protocol {
            Protocol::Http1 => (
                &self.count.downstream_cx_http1_total,
                &self.count.downstream_cx_http1_active,
            ),
            Protocol::Http2 => (
                &self.count.downstream_cx_http2_total,
                &self.count.downstream_cx_http2_active,
            ),
        }
    }
}

impl Scope for HttpStats {
    const FAMILY: &'static str = "envoy_http_";
    const STATS: &'static [Stat<Self>] = names::HTTP;

    fn series(&self) -> &Series {
        &self.series
    }
}

/// An upgraded connection, or one that is to become so.
#[derive(Debug)]
pub struct ActiveUpgrade(Arc<HttpStats>);

impl Drop for ActiveUpgrade {
    fn drop(&mut self) {
        self.0.count.downstream_cx_upgrades_active.dec();
    }
}

/// Laid out by moment: what one core moves together at the end of a request shares cache lines, so
/// that a burst of increments costs one line transfer, and connection counts do not pull those
/// lines away.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct HttpCounts {
    pub(crate) downstream_rq_completed: Counter,
    pub(crate) downstream_rq_xx: Classes,
    pub(crate) rq_total: Counter,
    pub(crate) downstream_cx_rx_bytes_total: Counter,
    pub(crate) downstream_cx_tx_bytes_total: Counter,
    pub(crate) downstream_rq_time: Histogram,

    pub(crate) downstream_rq_total: Counter,
    pub(crate) downstream_rq_http1_total: Counter,
    pub(crate) downstream_rq_http2_total: Counter,
    pub(crate) downstream_rq_active: Gauge,

    pub(crate) downstream_rq_rx_reset: Counter,
    pub(crate) downstream_rq_tx_reset: Counter,
    pub(crate) downstream_rq_response_before_rq_complete: Counter,
    pub(crate) downstream_rq_idle_timeout: Counter,
    pub(crate) downstream_rq_too_large: Counter,
    pub(crate) no_route: Counter,
    pub(crate) no_cluster: Counter,
    pub(crate) rq_direct_response: Counter,
    pub(crate) cors_origin_valid: Counter,
    pub(crate) cors_origin_invalid: Counter,
    pub(crate) rbac_allowed: Counter,
    pub(crate) rbac_denied: Counter,

    pub(crate) downstream_cx_total: Counter,
    pub(crate) downstream_cx_active: Gauge,
    pub(crate) downstream_cx_http1_total: Counter,
    pub(crate) downstream_cx_http1_active: Gauge,
    pub(crate) downstream_cx_http2_total: Counter,
    pub(crate) downstream_cx_http2_active: Gauge,
    pub(crate) downstream_cx_ssl_total: Counter,
    pub(crate) downstream_cx_ssl_active: Gauge,
    pub(crate) downstream_rq_ws_on_non_ws_route: Counter,
    pub(crate) downstream_cx_upgrades_total: Counter,
    pub(crate) downstream_cx_upgrades_active: Gauge,
    pub(crate) downstream_cx_destroy: Counter,
    pub(crate) downstream_cx_destroy_active_rq: Counter,
    pub(crate) downstream_cx_destroy_local: Counter,
    pub(crate) downstream_cx_destroy_local_active_rq: Counter,
    pub(crate) downstream_cx_destroy_remote: Counter,
    pub(crate) downstream_cx_destroy_remote_active_rq: Counter,
    pub(crate) downstream_cx_drain_close: Counter,
    pub(crate) downstream_cx_idle_timeout: Counter,
    pub(crate) downstream_cx_protocol_error: Counter,
    pub(crate) downstream_cx_length_ms: Histogram,
}
