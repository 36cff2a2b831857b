//! Every name this crate puts on the page or on the wire, by scope and in the order of the page.
//!
//! Names are Envoy's, with dots. Shown from the start is what a known dashboard, alert or tool
//! reads; the rest of a cluster appears once it happens, because there may be thousands of
//! clusters.
//!
//! Deliberately absent, compared to Envoy: the `external.` copy of every response to a client, and
//! families no board reads.

use crate::cluster::ClusterStats;
use crate::family::{
    Stat, classes, codes, counter, final_classes, flag, gauge, histogram, once_used, zero_counter,
    zero_gauge,
};
use crate::http::HttpStats;
use crate::listener::{ListenerHttp, ListenerStats};
use crate::server::ServerStats;

pub(crate) const DOWNSTREAM_RQ_TIME: &str = "downstream_rq_time";
pub(crate) const DOWNSTREAM_CX_LENGTH_MS: &str = "downstream_cx_length_ms";
pub(crate) const UPSTREAM_RQ_TIME: &str = "upstream_rq_time";
pub(crate) const UPSTREAM_CX_CONNECT_MS: &str = "upstream_cx_connect_ms";
pub(crate) const UPSTREAM_CX_LENGTH_MS: &str = "upstream_cx_length_ms";
/// On the wire `ssl.certificate.<name>.expiration_unix_time_seconds`.
pub(crate) const LISTENER_CERTIFICATE: &str = "ssl.certificate_expiration_unix_time_seconds";

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
    counter("downstream_cx_idle_timeout", |s| {
        &s.count.downstream_cx_idle_timeout
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
    counter("downstream_rq_completed", |s| {
        &s.count.downstream_rq_completed
    }),
    counter("downstream_rq_http1_total", |s| {
        &s.count.downstream_rq_http1_total
    }),
    counter("downstream_rq_http2_total", |s| {
        &s.count.downstream_rq_http2_total
    }),
    counter("downstream_rq_idle_timeout", |s| {
        &s.count.downstream_rq_idle_timeout
    }),
    counter("downstream_rq_response_before_rq_complete", |s| {
        &s.count.downstream_rq_response_before_rq_complete
    }),
    counter("downstream_rq_rx_reset", |s| {
        &s.count.downstream_rq_rx_reset
    }),
    zero_counter("downstream_rq_timeout"),
    counter("downstream_rq_too_large", |s| {
        &s.count.downstream_rq_too_large
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
    counter("rq_total", |s| &s.count.rq_total),
    gauge("downstream_cx_active", |s| &s.count.downstream_cx_active),
    gauge("downstream_cx_http1_active", |s| {
        &s.count.downstream_cx_http1_active
    }),
    gauge("downstream_cx_http2_active", |s| {
        &s.count.downstream_cx_http2_active
    }),
    gauge("downstream_cx_ssl_active", |s| {
        &s.count.downstream_cx_ssl_active
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

/// `envoy_listener_*{envoy_listener_address}`, `envoy.listener.<address>.*`
pub(crate) const LISTENER: &[Stat<ListenerStats>] = &[
    counter("downstream_cx_destroy", |s| &s.count.downstream_cx_destroy),
    counter("downstream_cx_overflow", |s| {
        &s.count.downstream_cx_overflow
    }),
    counter("downstream_cx_total", |s| &s.count.downstream_cx_total),
    counter("downstream_global_cx_overflow", |s| {
        &s.count.downstream_global_cx_overflow
    }),
    counter("ssl.connection_error", |s| &s.count.ssl_connection_error),
    counter("ssl.handshake", |s| &s.count.ssl_handshake),
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

/// `envoy_cluster_*{envoy_cluster_name}`, `envoy.cluster.<name>.*`
pub(crate) const CLUSTER: &[Stat<ClusterStats>] = &[
    codes("internal.upstream_rq", |s| {
        s.count.of_trouble(|t| &t.internal_upstream_rq)
    }),
    once_used(counter("internal.upstream_rq_completed", |s| {
        s.count.of_trouble(|t| &t.internal_upstream_rq_completed)
    })),
    once_used(classes("internal.upstream_rq_xx", |s| {
        s.count.of_trouble(|t| &t.internal_upstream_rq_xx)
    })),
    counter("lb_healthy_panic", |s| {
        s.count.of_trouble(|t| &t.lb_healthy_panic)
    }),
    counter("membership_change", |s| &s.count.membership_change),
    once_used(counter(
        "outlier_detection.ejections_consecutive_5xx",
        |s| s.count.of_trouble(|t| &t.ejections_enforced),
    )),
    once_used(counter(
        "outlier_detection.ejections_detected_consecutive_5xx",
        |s| {
            s.count
                .of_trouble(|t| &t.ejections_detected_consecutive_5xx)
        },
    )),
    once_used(counter(
        "outlier_detection.ejections_enforced_consecutive_5xx",
        |s| s.count.of_trouble(|t| &t.ejections_enforced),
    )),
    counter("outlier_detection.ejections_enforced_total", |s| {
        s.count.of_trouble(|t| &t.ejections_enforced)
    }),
    counter("outlier_detection.ejections_overflow", |s| {
        s.count.of_trouble(|t| &t.ejections_overflow)
    }),
    once_used(counter("outlier_detection.ejections_total", |s| {
        s.count.of_trouble(|t| &t.ejections_enforced)
    })),
    codes("retry.upstream_rq", |s| {
        s.count.of_trouble(|t| &t.retry_upstream_rq)
    }),
    once_used(counter("retry.upstream_rq_completed", |s| {
        s.count.of_trouble(|t| &t.retry_upstream_rq_completed)
    })),
    once_used(classes("retry.upstream_rq_xx", |s| {
        s.count.of_trouble(|t| &t.retry_upstream_rq_xx)
    })),
    once_used(counter("retry_or_shadow_abandoned", |s| {
        s.count.of_trouble(|t| &t.retry_or_shadow_abandoned)
    })),
    once_used(counter("update_attempt", |s| &s.count.update_attempt)),
    once_used(counter("update_empty", |s| &s.count.update_empty)),
    once_used(counter("update_failure", |s| &s.count.update_failure)),
    once_used(counter("update_no_rebuild", |s| &s.count.update_no_rebuild)),
    once_used(counter("update_success", |s| &s.count.update_success)),
    counter("upstream_cx_connect_fail", |s| {
        s.count.of_trouble(|t| &t.upstream_cx_connect_fail)
    }),
    counter("upstream_cx_connect_timeout", |s| {
        s.count.of_trouble(|t| &t.upstream_cx_connect_timeout)
    }),
    counter("upstream_cx_destroy", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_destroy)
    }),
    once_used(counter("upstream_cx_destroy_local", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_destroy_local)
    })),
    counter("upstream_cx_destroy_local_with_active_rq", |s| {
        s.count
            .of_trouble(|t| &t.upstream_cx_destroy_local_with_active_rq)
    }),
    once_used(counter("upstream_cx_destroy_remote", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_destroy_remote)
    })),
    once_used(counter("upstream_cx_destroy_remote_with_active_rq", |s| {
        s.count
            .of_trouble(|t| &t.upstream_cx_destroy_remote_with_active_rq)
    })),
    once_used(counter("upstream_cx_destroy_with_active_rq", |s| {
        s.count
            .of_trouble(|t| &t.upstream_cx_destroy_with_active_rq)
    })),
    once_used(counter("upstream_cx_http1_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_http1_total)
    })),
    once_used(counter("upstream_cx_http2_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_http2_total)
    })),
    once_used(counter("upstream_cx_idle_timeout", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_idle_timeout)
    })),
    counter("upstream_cx_none_healthy", |s| {
        s.count.of_trouble(|t| &t.upstream_cx_none_healthy)
    }),
    counter("upstream_cx_overflow", |s| {
        s.count.of_trouble(|t| &t.upstream_cx_overflow)
    }),
    counter("upstream_cx_rx_bytes_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_rx_bytes_total)
    }),
    counter("upstream_cx_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_total)
    }),
    counter("upstream_cx_tx_bytes_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_tx_bytes_total)
    }),
    zero_counter("upstream_flow_control_backed_up_total"),
    zero_counter("upstream_flow_control_drained_total"),
    zero_counter("upstream_flow_control_paused_reading_total"),
    zero_counter("upstream_flow_control_resumed_reading_total"),
    codes("upstream_rq", |s| s.count.of_traffic(|t| &t.upstream_rq)),
    once_used(counter("upstream_rq_cancelled", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_cancelled)
    })),
    counter("upstream_rq_completed", |s| {
        s.count.of_traffic(|t| &t.upstream_rq_completed)
    }),
    zero_counter("upstream_rq_maintenance_mode"),
    counter("upstream_rq_pending_failure_eject", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_pending_failure_eject)
    }),
    counter("upstream_rq_pending_overflow", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_pending_overflow)
    }),
    counter("upstream_rq_pending_total", |s| {
        s.count.of_traffic(|t| &t.upstream_rq_pending_total)
    }),
    counter("upstream_rq_per_try_timeout", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_per_try_timeout)
    }),
    counter("upstream_rq_retry", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_retry)
    }),
    once_used(counter("upstream_rq_retry_backoff_exponential", |s| {
        s.count
            .of_trouble(|t| &t.upstream_rq_retry_backoff_exponential)
    })),
    once_used(counter("upstream_rq_retry_limit_exceeded", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_retry_limit_exceeded)
    })),
    counter("upstream_rq_retry_overflow", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_retry_overflow)
    }),
    counter("upstream_rq_retry_success", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_retry_success)
    }),
    counter("upstream_rq_rx_reset", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_rx_reset)
    }),
    counter("upstream_rq_timeout", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_timeout)
    }),
    counter("upstream_rq_total", |s| {
        s.count.of_traffic(|t| &t.upstream_rq_total)
    }),
    once_used(counter("upstream_rq_tx_reset", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_tx_reset)
    })),
    final_classes(classes("upstream_rq_xx", |s| {
        s.count.of_traffic(|t| &t.upstream_rq_xx)
    })),
    flag("circuit_breakers.default.cx_open", |s| {
        s.count.of_trouble(|t| &t.cx_open)
    }),
    zero_gauge("circuit_breakers.default.cx_pool_open"),
    flag("circuit_breakers.default.rq_open", |s| {
        s.count.of_trouble(|t| &t.rq_open)
    }),
    flag("circuit_breakers.default.rq_pending_open", |s| {
        s.count.of_trouble(|t| &t.rq_pending_open)
    }),
    flag("circuit_breakers.default.rq_retry_open", |s| {
        s.count.of_trouble(|t| &t.rq_retry_open)
    }),
    once_used(gauge("membership_degraded", |s| s.count.no_members())),
    once_used(gauge("membership_excluded", |s| s.count.no_members())),
    once_used(gauge("membership_healthy", |s| &s.count.membership_healthy)),
    once_used(gauge("membership_total", |s| &s.count.membership_total)),
    gauge("outlier_detection.ejections_active", |s| {
        s.count.of_trouble(|t| &t.ejections_active)
    }),
    gauge("upstream_cx_active", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_active)
    }),
    gauge("upstream_rq_active", |s| {
        s.count.of_traffic(|t| &t.upstream_rq_active)
    }),
    gauge("upstream_rq_pending_active", |s| {
        s.count.of_traffic(|t| &t.upstream_rq_pending_active)
    }),
    zero_gauge("version"),
    once_used(histogram(UPSTREAM_CX_CONNECT_MS, |s| {
        s.count.of_traffic(|t| &t.upstream_cx_connect_ms)
    })),
    once_used(histogram(UPSTREAM_CX_LENGTH_MS, |s| {
        s.count.of_traffic(|t| &t.upstream_cx_length_ms)
    })),
    once_used(histogram(UPSTREAM_RQ_TIME, |s| {
        s.count.of_traffic(|t| &t.upstream_rq_time)
    })),
];

/// `envoy_*` without labels, `envoy.*`
pub(crate) const SERVER: &[Stat<ServerStats>] = &[
    counter("cluster_manager.cds.update_success", |s| {
        &s.count.cds_update_success
    }),
    counter("cluster_manager.cluster_added", |s| &s.count.cluster_added),
    counter("cluster_manager.cluster_removed", |s| {
        &s.count.cluster_removed
    }),
    zero_counter("http2.inbound_empty_frames_flood"),
    zero_counter("http2.inbound_priority_frames_flood"),
    zero_counter("http2.inbound_window_update_frames_flood"),
    zero_counter("http2.outbound_control_flood"),
    zero_counter("http2.outbound_flood"),
    counter("listener_manager.listener_added", |s| {
        &s.count.listener_added
    }),
    counter("listener_manager.listener_create_failure", |s| {
        &s.count.listener_create_failure
    }),
    counter("listener_manager.listener_create_success", |s| {
        &s.count.listener_create_success
    }),
    gauge("cluster_manager.active_clusters", |s| {
        &s.count.active_clusters
    }),
    gauge("cluster_manager.warming_clusters", |s| {
        &s.count.warming_clusters
    }),
    gauge("listener_manager.total_listeners_active", |s| {
        &s.count.listeners_active
    }),
    gauge("listener_manager.total_listeners_draining", |s| {
        &s.count.listeners_draining
    }),
    gauge("listener_manager.total_listeners_warming", |s| {
        &s.count.listeners_warming
    }),
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
    use crate::family::{Scope, Value};

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
    }
}
