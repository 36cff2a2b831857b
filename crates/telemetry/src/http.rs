//! What one HTTP connection manager counts: everything a client can see.
//!
//! Invariant: fields are the names Envoy gives under `http.<prefix>.`; only this crate moves them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
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
    /// Whether HTTP is to be expected, so that it is shown before there is any.
    expected: AtomicBool,
    series: Series,
}

/// What an HTTP/2 client sends too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Frames that say nothing.
    EmptyFrames,
    /// Priorities of streams, or extensions that nobody asked for.
    Priorities,
    /// Windows opened by little and little.
    WindowUpdates,
    /// Frames that have to be acknowledged.
    Control,
    /// Streams that are opened to be reset.
    Resets,
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
            expected: AtomicBool::new(false),
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

    /// A request whose target is no path, such as `OPTIONS *`.
    pub fn target_refused(&self) {
        self.count.downstream_rq_non_relative_path.inc();
    }

    /// A client is not read since the upstream does not take its request.
    pub fn reading_paused(&self) {
        self.count.flow_control_paused_reading.inc();
    }

    /// It is read again.
    pub fn reading_resumed(&self) {
        self.count.flow_control_resumed_reading.inc();
    }

    /// A client does not take so many bytes of a response until the result is dropped.
    pub fn held(self: &Arc<Self>, bytes: usize) -> HeldResponse {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.count.downstream_cx_tx_bytes_buffered.add(bytes);
        HeldResponse {
            http: Arc::clone(self),
            bytes,
        }
    }

    /// The head of a request did not come in time.
    pub fn head_late(&self) {
        self.count.downstream_rq_header_timeout.inc();
    }

    /// A request was not complete in time.
    pub fn request_late(&self) {
        self.count.downstream_rq_timeout.inc();
    }

    /// A client was asked to leave, because its connection has brought as many requests as it may.
    pub fn connection_used_up(&self) {
        self.count.downstream_cx_max_requests_reached.inc();
    }

    /// A client was asked to leave, because we are draining.
    pub fn drain_begun(&self) {
        self.count.downstream_cx_drain_close.inc();
    }

    /// An HTTP/2 stream was reset before its end, by this side.
    pub fn stream_reset(&self, by: Side) {
        match by {
            Side::Local => self.count.http2_tx_reset.inc(),
            Side::Remote => self.count.http2_rx_reset.inc(),
        }
    }

    /// An HTTP/2 client was told by GOAWAY that no more streams are served.
    pub fn goaway_sent(&self) {
        self.count.http2_goaway_sent.inc();
    }

    /// An HTTP/2 client was told so because it sent too much that brings no request on.
    pub fn flooded(&self, by: Flood) {
        match by {
            Flood::EmptyFrames => self.count.http2_inbound_empty_frames_flood.inc(),
            Flood::Priorities => self.count.http2_inbound_priority_frames_flood.inc(),
            Flood::WindowUpdates => self.count.http2_inbound_window_update_frames_flood.inc(),
            Flood::Control => self.count.http2_outbound_control_flood.inc(),
            Flood::Resets => self.count.downstream_rq_too_many_premature_resets.inc(),
        }
    }

    /// So many heads of HTTP/2 were larger than is served.
    pub fn heads_too_large(&self, heads: u32) {
        self.count.http2_header_overflow.add(u64::from(heads));
    }

    /// A client that `ip_allow` or `ip_deny` lets in.
    pub fn client_admitted(&self) {
        self.count.rbac_allowed.inc();
    }

    /// A client that `ip_allow` or `ip_deny` keeps out.
    pub fn client_denied(&self) {
        self.count.rbac_denied.inc();
    }

    pub(crate) fn expect(&self) {
        self.expected.store(true, Relaxed);
    }

    /// Whether it is on the page: not where bytes are carried and nobody has ever spoken HTTP.
    pub(crate) fn is_shown(&self) -> bool {
        self.expected.load(Relaxed) || self.count.downstream_cx_total.value() > 0
    }

    pub(crate) fn request_started(&self, protocol: Protocol) {
        self.count.downstream_rq_total.inc();
        match protocol {
            Protocol::Http1 => self.count.downstream_rq_http1_total.inc(),
            Protocol::Http2 => {
                self.count.downstream_rq_http2_total.inc();
                self.count.http2_streams_active.inc();
            }
        }
        self.count.downstream_rq_active.inc();
    }

    pub(crate) fn request_ended(&self, protocol: Protocol) {
        self.count.downstream_rq_active.dec();
        if protocol == Protocol::Http2 {
            self.count.http2_streams_active.dec();
        }
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

/// A piece of a response that a client does not take yet.
#[derive(Debug)]
pub struct HeldResponse {
    http: Arc<HttpStats>,
    bytes: u32,
}

impl Drop for HeldResponse {
    fn drop(&mut self) {
        let buffered = &self.http.count.downstream_cx_tx_bytes_buffered;
        buffered.sub(self.bytes);
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
    /// Of HTTP/2, as the three below it; shown for the server as a whole.
    pub(crate) http2_streams_active: Gauge,

    pub(crate) http2_rx_reset: Counter,
    pub(crate) http2_tx_reset: Counter,
    pub(crate) http2_goaway_sent: Counter,
    pub(crate) http2_header_overflow: Counter,
    pub(crate) http2_inbound_empty_frames_flood: Counter,
    pub(crate) http2_inbound_priority_frames_flood: Counter,
    pub(crate) http2_inbound_window_update_frames_flood: Counter,
    pub(crate) http2_outbound_control_flood: Counter,
    pub(crate) downstream_rq_too_many_premature_resets: Counter,
    pub(crate) downstream_rq_rx_reset: Counter,
    pub(crate) downstream_rq_tx_reset: Counter,
    pub(crate) downstream_rq_response_before_rq_complete: Counter,
    pub(crate) downstream_rq_header_timeout: Counter,
    pub(crate) downstream_rq_idle_timeout: Counter,
    pub(crate) downstream_rq_timeout: Counter,
    pub(crate) downstream_rq_too_large: Counter,
    pub(crate) downstream_rq_non_relative_path: Counter,
    pub(crate) downstream_rq_overload_close: Counter,
    pub(crate) flow_control_paused_reading: Counter,
    pub(crate) flow_control_resumed_reading: Counter,
    pub(crate) downstream_cx_tx_bytes_buffered: Gauge,
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
    pub(crate) downstream_cx_max_requests_reached: Counter,
    pub(crate) downstream_cx_protocol_error: Counter,
    pub(crate) downstream_cx_length_ms: Histogram,
}
