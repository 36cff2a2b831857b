//! What a cluster counts.

use super::{UPSTREAM_CX_CONNECT_MS, UPSTREAM_CX_LENGTH_MS, UPSTREAM_RQ_TIME};
use crate::cluster::ClusterStats;
use crate::family::{
    Stat, classes, codes, counter, final_classes, flag, gauge, histogram, once_used, zero_counter,
    zero_gauge,
};

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
    once_used(counter("ssl.connection_error", |s| {
        s.count.of_trouble(|t| &t.ssl_connection_error)
    })),
    once_used(counter("ssl.handshake", |s| {
        s.count.of_traffic(|t| &t.ssl_handshake)
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
    once_used(counter("upstream_cx_protocol_error", |s| {
        s.count.of_trouble(|t| &t.upstream_cx_protocol_error)
    })),
    counter("upstream_cx_rx_bytes_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_rx_bytes_total)
    }),
    counter("upstream_cx_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_total)
    }),
    counter("upstream_cx_tx_bytes_total", |s| {
        s.count.of_traffic(|t| &t.upstream_cx_tx_bytes_total)
    }),
    counter("upstream_flow_control_backed_up_total", |s| {
        s.count.of_trouble(|t| &t.flow_control_backed_up)
    }),
    counter("upstream_flow_control_drained_total", |s| {
        s.count.of_trouble(|t| &t.flow_control_drained)
    }),
    counter("upstream_flow_control_paused_reading_total", |s| {
        s.count.of_trouble(|t| &t.flow_control_paused_reading)
    }),
    counter("upstream_flow_control_resumed_reading_total", |s| {
        s.count.of_trouble(|t| &t.flow_control_resumed_reading)
    }),
    codes("upstream_rq", |s| s.count.of_traffic(|t| &t.upstream_rq)),
    once_used(counter("upstream_rq_active_overflow", |s| {
        s.count.of_trouble(|t| &t.upstream_rq_active_overflow)
    })),
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
    // Ambassador gives no endpoint a weight.
    once_used(flag("max_host_weight", |s| &s.count.membership_total)),
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
    // Received bytes are passed on or left in the system's buffer.
    once_used(gauge("upstream_cx_tx_bytes_buffered", |s| {
        s.count.of_trouble(|t| &t.upstream_cx_tx_bytes_buffered)
    })),
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
