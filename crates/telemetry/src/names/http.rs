//! What a connection manager counts.

use super::{DOWNSTREAM_CX_LENGTH_MS, DOWNSTREAM_RQ_TIME};
use crate::family::{
    Stat, classes, counter, gauge, histogram, once_used, zero_counter, zero_gauge,
};
use crate::http::HttpStats;

/// `envoy_http_*{envoy_http_conn_manager_prefix}`, `envoy.http.<prefix>.*`
pub(crate) const HTTP: &[Stat<HttpStats>] = &[
    counter("cors.origin_invalid", |s| &s.count.cors_origin_invalid),
    counter("cors.origin_valid", |s| &s.count.cors_origin_valid),
    counter("downstream_cx_destroy", |s| &s.count.downstream_cx_destroy),
    counter("downstream_cx_destroy_active_rq", |s| {
        &s.count.downstream_cx_destroy_active_rq
    }),
    counter("downstream_cx_destroy_local", |s| {
        &s.count.downstream_cx_destroy_local
    }),
    counter("downstream_cx_destroy_local_active_rq", |s| {
        &s.count.downstream_cx_destroy_local_active_rq
    }),
    counter("downstream_cx_destroy_remote", |s| {
        &s.count.downstream_cx_destroy_remote
    }),
    counter("downstream_cx_destroy_remote_active_rq", |s| {
        &s.count.downstream_cx_destroy_remote_active_rq
    }),
    counter("downstream_cx_drain_close", |s| {
        &s.count.downstream_cx_drain_close
    }),
    counter("downstream_cx_http1_total", |s| {
        &s.count.downstream_cx_http1_total
    }),
    counter("downstream_cx_http2_total", |s| {
        &s.count.downstream_cx_http2_total
    }),
    // No HTTP/3.
    zero_counter("downstream_cx_http3_total"),
    counter("downstream_cx_idle_timeout", |s| {
        &s.count.downstream_cx_idle_timeout
    }),
    counter("downstream_cx_max_requests_reached", |s| {
        &s.count.downstream_cx_max_requests_reached
    }),
    counter("downstream_cx_protocol_error", |s| {
        &s.count.downstream_cx_protocol_error
    }),
    counter("downstream_cx_rx_bytes_total", |s| {
        &s.count.downstream_cx_rx_bytes_total
    }),
    counter("downstream_cx_ssl_total", |s| {
        &s.count.downstream_cx_ssl_total
    }),
    counter("downstream_cx_total", |s| &s.count.downstream_cx_total),
    counter("downstream_cx_tx_bytes_total", |s| {
        &s.count.downstream_cx_tx_bytes_total
    }),
    counter("downstream_cx_upgrades_total", |s| {
        &s.count.downstream_cx_upgrades_total
    }),
    counter("downstream_flow_control_paused_reading_total", |s| {
        &s.count.flow_control_paused_reading
    }),
    counter("downstream_flow_control_resumed_reading_total", |s| {
        &s.count.flow_control_resumed_reading
    }),
    counter("downstream_rq_completed", |s| {
        &s.count.downstream_rq_completed
    }),
    // Ambassador cannot set Envoy's `max_stream_duration` or overload actions.
    counter("downstream_rq_header_timeout", |s| {
        &s.count.downstream_rq_header_timeout
    }),
    counter("downstream_rq_http1_total", |s| {
        &s.count.downstream_rq_http1_total
    }),
    counter("downstream_rq_http2_total", |s| {
        &s.count.downstream_rq_http2_total
    }),
    zero_counter("downstream_rq_http3_total"),
    counter("downstream_rq_idle_timeout", |s| {
        &s.count.downstream_rq_idle_timeout
    }),
    zero_counter("downstream_rq_max_duration_reached"),
    counter("downstream_rq_non_relative_path", |s| {
        &s.count.downstream_rq_non_relative_path
    }),
    counter("downstream_rq_overload_close", |s| {
        &s.count.downstream_rq_overload_close
    }),
    counter("downstream_rq_response_before_rq_complete", |s| {
        &s.count.downstream_rq_response_before_rq_complete
    }),
    counter("downstream_rq_rx_reset", |s| {
        &s.count.downstream_rq_rx_reset
    }),
    counter("downstream_rq_timeout", |s| &s.count.downstream_rq_timeout),
    counter("downstream_rq_too_large", |s| {
        &s.count.downstream_rq_too_large
    }),
    counter("downstream_rq_too_many_premature_resets", |s| {
        &s.count.downstream_rq_too_many_premature_resets
    }),
    counter("downstream_rq_total", |s| &s.count.downstream_rq_total),
    counter("downstream_rq_tx_reset", |s| {
        &s.count.downstream_rq_tx_reset
    }),
    counter("downstream_rq_ws_on_non_ws_route", |s| {
        &s.count.downstream_rq_ws_on_non_ws_route
    }),
    classes("downstream_rq_xx", |s| &s.count.downstream_rq_xx),
    counter("no_cluster", |s| &s.count.no_cluster),
    counter("no_route", |s| &s.count.no_route),
    once_used(counter("rbac.allowed", |s| &s.count.rbac_allowed)),
    once_used(counter("rbac.denied", |s| &s.count.rbac_denied)),
    counter("rq_direct_response", |s| &s.count.rq_direct_response),
    // A redirect is a direct response, in Envoy too.
    zero_counter("rq_redirect"),
    counter("rq_total", |s| &s.count.rq_total),
    gauge("downstream_cx_active", |s| &s.count.downstream_cx_active),
    gauge("downstream_cx_http1_active", |s| {
        &s.count.downstream_cx_http1_active
    }),
    gauge("downstream_cx_http2_active", |s| {
        &s.count.downstream_cx_http2_active
    }),
    // What is not wanted yet is left in the system's buffer.
    zero_gauge("downstream_cx_rx_bytes_buffered"),
    gauge("downstream_cx_ssl_active", |s| {
        &s.count.downstream_cx_ssl_active
    }),
    gauge("downstream_cx_tx_bytes_buffered", |s| {
        &s.count.downstream_cx_tx_bytes_buffered
    }),
    gauge("downstream_cx_upgrades_active", |s| {
        &s.count.downstream_cx_upgrades_active
    }),
    gauge("downstream_rq_active", |s| &s.count.downstream_rq_active),
    histogram(DOWNSTREAM_CX_LENGTH_MS, |s| {
        &s.count.downstream_cx_length_ms
    }),
    histogram(DOWNSTREAM_RQ_TIME, |s| &s.count.downstream_rq_time),
];
