//! Every name this crate puts on the page or on the wire, by scope and in the order of the page.
//!
//! Names are Envoy's, with dots. Shown from the start is what a known dashboard, alert or tool
//! reads; the rest of a cluster appears once it happens, because there may be thousands of
//! clusters.
//!
//! Deliberately absent, compared to Envoy: the `external.` copy of every response to a client, and
//! families no board reads.

mod cluster;
mod http;
mod refused;

use crate::family::{
    Stat, classes, counter, gauge, histogram, once_used, zero_counter, zero_gauge,
};
use crate::listener::{ListenerHttp, ListenerStats};
use crate::server::ServerStats;
use crate::tcp::TcpStats;
pub(crate) use cluster::CLUSTER;
pub(crate) use http::HTTP;
pub use refused::REFUSAL_REASONS;

pub(crate) const DOWNSTREAM_RQ_TIME: &str = "downstream_rq_time";
pub(crate) const DOWNSTREAM_CX_LENGTH_MS: &str = "downstream_cx_length_ms";
pub(crate) const UPSTREAM_RQ_TIME: &str = "upstream_rq_time";
pub(crate) const UPSTREAM_CX_CONNECT_MS: &str = "upstream_cx_connect_ms";
pub(crate) const UPSTREAM_CX_LENGTH_MS: &str = "upstream_cx_length_ms";
pub(crate) const LISTENER_CERTIFICATE: &str = "ssl.certificate.expiration_unix_time_seconds";

/// `envoy_listener_*{envoy_listener_address}`, `envoy.listener.<address>.*`
pub(crate) const LISTENER: &[Stat<ListenerStats>] = &[
    counter("downstream_cx_destroy", |s| &s.count.downstream_cx_destroy),
    counter("downstream_cx_overflow", |s| {
        &s.count.downstream_cx_overflow
    }),
    once_used(counter("downstream_cx_overload_reject", |s| {
        &s.count.downstream_cx_overload_reject
    })),
    once_used(counter("downstream_cx_proxy_proto_error", |s| {
        &s.count.downstream_cx_proxy_proto_error
    })),
    counter("downstream_cx_total", |s| &s.count.downstream_cx_total),
    counter("downstream_global_cx_overflow", |s| {
        &s.count.downstream_global_cx_overflow
    }),
    counter("ssl.connection_error", |s| &s.count.ssl_connection_error),
    counter("ssl.fail_verify_error", |s| &s.count.ssl_fail_verify_error),
    counter("ssl.fail_verify_no_cert", |s| {
        &s.count.ssl_fail_verify_no_cert
    }),
    counter("ssl.handshake", |s| &s.count.ssl_handshake),
    counter("ssl.no_certificate", |s| &s.count.ssl_no_certificate),
    counter("ssl.session_reused", |s| &s.count.ssl_session_reused),
    gauge("downstream_cx_active", |s| &s.count.downstream_cx_active),
    histogram(DOWNSTREAM_CX_LENGTH_MS, |s| {
        &s.count.downstream_cx_length_ms
    }),
];

/// `envoy_listener_http_*`, labelled with both, `envoy.listener.<address>.http.<prefix>.*`
pub(crate) const LISTENER_HTTP: &[Stat<ListenerHttp>] = &[
    counter("downstream_rq_completed", |s| &s.downstream_rq_completed),
    classes("downstream_rq_xx", |s| &s.downstream_rq_xx),
];

/// `envoy_tcp_*{envoy_tcp_prefix}`, `envoy.tcp.<prefix>.*`
pub(crate) const TCP: &[Stat<TcpStats>] = &[
    counter("downstream_cx_drain_close", |s| {
        &s.count.downstream_cx_drain_close
    }),
    counter("downstream_cx_no_route", |s| {
        &s.count.downstream_cx_no_route
    }),
    counter("downstream_cx_rx_bytes_total", |s| {
        &s.count.downstream_cx_rx_bytes_total
    }),
    counter("downstream_cx_total", |s| &s.count.downstream_cx_total),
    counter("downstream_cx_tx_bytes_total", |s| {
        &s.count.downstream_cx_tx_bytes_total
    }),
    counter("idle_timeout", |s| &s.count.idle_timeout),
];

/// `envoy_*` without labels, `envoy.*`
pub(crate) const SERVER: &[Stat<ServerStats>] = &[
    counter("cluster_manager.cds.update_failure", |s| {
        &s.count.update_failure
    }),
    counter("cluster_manager.cds.update_rejected", |s| {
        &s.count.update_rejected
    }),
    counter("cluster_manager.cds.update_success", |s| {
        &s.count.update_success
    }),
    counter("cluster_manager.cluster_added", |s| &s.count.cluster_added),
    counter("cluster_manager.cluster_modified", |s| {
        &s.count.cluster_modified
    }),
    counter("cluster_manager.cluster_removed", |s| {
        &s.count.cluster_removed
    }),
    counter("http2.goaway_sent", |s| &s.count.http2_goaway_sent),
    counter("http2.header_overflow", |s| &s.count.http2_header_overflow),
    counter("http2.inbound_empty_frames_flood", |s| {
        &s.count.http2_inbound_empty_frames_flood
    }),
    counter("http2.inbound_priority_frames_flood", |s| {
        &s.count.http2_inbound_priority_frames_flood
    }),
    counter("http2.inbound_window_update_frames_flood", |s| {
        &s.count.http2_inbound_window_update_frames_flood
    }),
    counter("http2.outbound_control_flood", |s| {
        &s.count.http2_outbound_control_flood
    }),
    // What a client does not take is bounded by not reading from it.
    zero_counter("http2.outbound_flood"),
    counter("http2.rx_reset", |s| &s.count.http2_rx_reset),
    counter("http2.tx_reset", |s| &s.count.http2_tx_reset),
    counter("listener_manager.lds.update_failure", |s| {
        &s.count.update_failure
    }),
    counter("listener_manager.lds.update_rejected", |s| {
        &s.count.update_rejected
    }),
    counter("listener_manager.lds.update_success", |s| {
        &s.count.update_success
    }),
    counter("listener_manager.listener_added", |s| {
        &s.count.listener_added
    }),
    counter("listener_manager.listener_create_failure", |s| {
        &s.count.listener_create_failure
    }),
    counter("listener_manager.listener_create_success", |s| {
        &s.count.listener_create_success
    }),
    // What is spoken on an address changes without another listener.
    zero_counter("listener_manager.listener_modified"),
    counter("listener_manager.listener_removed", |s| {
        &s.count.listener_removed
    }),
    gauge("cluster_manager.active_clusters", |s| {
        &s.count.active_clusters
    }),
    gauge("cluster_manager.warming_clusters", |s| {
        &s.count.warming_clusters
    }),
    gauge("http2.streams_active", |s| &s.count.http2_streams_active),
    gauge("listener_manager.total_listeners_active", |s| {
        &s.count.listeners_active
    }),
    gauge("listener_manager.total_listeners_draining", |s| {
        &s.count.listeners_draining
    }),
    gauge("listener_manager.total_listeners_warming", |s| {
        &s.count.listeners_warming
    }),
    once_used(gauge(
        "overload.envoy.overload_actions.shrink_heap.active",
        |s| &s.resources.closes_idle,
    )),
    once_used(gauge(
        "overload.envoy.overload_actions.stop_accepting_connections.active",
        |s| &s.resources.refuses_connections,
    )),
    once_used(gauge(
        "overload.envoy.overload_actions.stop_accepting_requests.active",
        |s| &s.resources.sheds_requests,
    )),
    once_used(gauge(
        "overload.envoy.resource_monitors.fixed_heap.pressure",
        |s| &s.resources.memory_pressure,
    )),
    gauge("server.concurrency", |s| &s.count.concurrency),
    gauge("server.days_until_first_cert_expiring", |s| {
        &s.count.days_until_first_cert_expiring
    }),
    zero_gauge("server.hot_restart_epoch"),
    gauge("server.live", |s| &s.count.live),
    once_used(gauge("server.memory_allocated", |s| {
        &s.count.memory_allocated
    })),
    once_used(gauge("server.memory_heap_size", |s| {
        &s.count.memory_heap_size
    })),
    once_used(gauge("server.memory_physical_size", |s| {
        &s.count.memory_physical_size
    })),
    zero_gauge("server.parent_connections"),
    gauge("server.state", |s| &s.count.state),
    gauge("server.total_connections", |s| &s.count.total_connections),
    gauge("server.uptime", |s| &s.count.uptime),
    gauge("server.version", |s| &s.count.version),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterStats;
    use crate::family::{Scope, Value};
    use crate::http::HttpStats;

    /// Neighbours of one type are in the order of their names, and no name is there twice.
    fn is_sorted<S: Scope>() -> bool {
        let rank = |stat: &Stat<S>| match stat.value {
            Value::Counter(_) | Value::Classes(_) | Value::Codes(_) | Value::ZeroCounter => 0,
            Value::Gauge(_) | Value::Flag(_) | Value::ZeroGauge => 1,
            Value::Histogram(_) => 2,
        };
        S::STATS.is_sorted_by(|a, b| (rank(a), a.name) < (rank(b), b.name))
    }

    #[test]
    fn tables_are_sorted_by_type_and_name() {
        assert!(is_sorted::<ClusterStats>());
        assert!(is_sorted::<HttpStats>());
        assert!(is_sorted::<ListenerStats>());
        assert!(is_sorted::<ListenerHttp>());
        assert!(is_sorted::<ServerStats>());
        assert!(is_sorted::<TcpStats>());
    }
}
