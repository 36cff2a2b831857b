//! What limits and endpoints that are left out move.

use nuncio_telemetry::{Breaker, Outcome, Overflow, Resolution};

use crate::scene::{LOCAL, PENDING_ACTIVE, Scene, answered, assigned_new, of_cluster, recorded};

#[test]
fn eight_requests_against_a_limit_of_three() {
    let moves = Scene::with("cb").moves(|scene| {
        for _ in 0..2 {
            scene.request_with(answered(200), LOCAL, |s| assigned_new(&s.cluster));
        }
        scene.request_with(answered(200), LOCAL, |s| {
            let pending = s.cluster.pending();
            s.cluster.overflowed(Overflow::Connections);
            assert_eq!(s.value(PENDING_ACTIVE), 1.0);
            drop(pending);
            drop(s.cluster.assigned());
        });
        for _ in 0..5 {
            scene.request_with(Outcome::Overflow, LOCAL, |s| {
                s.cluster.overflowed(Overflow::Pending);
            });
        }
    });
    let scenario = "circuit breaker: 8 concurrent, max_conn 2 pending 1 rq 3";
    assert_eq!(moves, recorded(scenario));
}

#[test]
fn an_open_breaker_is_a_one_however_many_clusters_share_the_name() {
    let scene = Scene::with("cb");
    for (breaker, name) in [
        (Breaker::Connections, "cx_open"),
        (Breaker::Pending, "rq_pending_open"),
        (Breaker::Requests, "rq_open"),
        (Breaker::Retries, "rq_retry_open"),
    ] {
        let series =
            format!("envoy_cluster_circuit_breakers_default_{name}{{envoy_cluster_name=\"cb\"}}");
        assert_eq!(scene.value(&series), 0.0);
        scene.cluster.breaker_opened(breaker);
        scene.cluster.breaker_opened(breaker);
        assert_eq!(scene.value(&series), 1.0, "{name}");
        scene.cluster.breaker_closed(breaker);
        assert_eq!(scene.value(&series), 1.0, "{name}");
        scene.cluster.breaker_closed(breaker);
        assert_eq!(scene.value(&series), 0.0, "{name}");
    }
}

#[test]
fn three_500s_in_a_row_put_a_lone_endpoint_out() {
    let scene = Scene::with("od");
    scene.cluster.endpoints_changed(1);
    let mut ejection = None;
    let moves = scene.moves(|scene| {
        for n in 0..3 {
            scene.request_with(answered(500), LOCAL, |s| match n {
                0 => assigned_new(&s.cluster),
                _ => drop(s.cluster.assigned()),
            });
        }
        scene.cluster.outlier_detected();
        ejection = Some(scene.cluster.ejected());
        scene.cluster.health_changed(0);
    });
    assert_eq!(
        of_cluster(&moves),
        [
            ("outlier_detection_ejections_consecutive_5xx", 1.0),
            ("outlier_detection_ejections_detected_consecutive_5xx", 1.0),
            ("outlier_detection_ejections_enforced_consecutive_5xx", 1.0),
            ("outlier_detection_ejections_enforced_total", 1.0),
            ("outlier_detection_ejections_total", 1.0),
            ("upstream_cx_http1_total", 1.0),
            ("upstream_cx_total", 1.0),
            ("upstream_rq", 3.0),
            ("upstream_rq_completed", 3.0),
            ("upstream_rq_pending_total", 1.0),
            ("upstream_rq_total", 3.0),
            ("upstream_rq_xx", 3.0),
        ]
    );
    let od = |name: &str| {
        scene.value(&format!(
            "envoy_cluster_{name}{{envoy_cluster_name=\"od\"}}"
        ))
    };
    assert_eq!(od("outlier_detection_ejections_active"), 1.0);
    assert_eq!(
        (od("membership_healthy"), od("membership_total")),
        (0.0, 1.0)
    );
    scene.cluster.resolved(Resolution::Failed);
    assert_eq!(od("membership_healthy"), 0.0);
    scene.cluster.panicked();
    assert_eq!(od("lb_healthy_panic"), 1.0);
    drop(ejection);
    assert_eq!(od("outlier_detection_ejections_active"), 0.0);
}

#[test]
fn an_endpoint_too_many_is_not_put_out() {
    let moves = Scene::with("od").moves(|scene| {
        scene.cluster.outlier_detected();
        scene.cluster.ejection_refused();
    });
    assert_eq!(
        of_cluster(&moves),
        [
            ("outlier_detection_ejections_detected_consecutive_5xx", 1.0),
            ("outlier_detection_ejections_overflow", 1.0),
        ]
    );
}
