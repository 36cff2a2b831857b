//! What attempts at an upstream move, from the connection to the last retry.

use nuncio_telemetry::{
    ConnectFailure, Ending, Outcome, Protocol, RequestRecord, Reset, Resolution, RetryCause,
    RetryRefused, ShadowRecord, Transport,
};

use crate::scene::{
    LOCAL, LOCAL_ACTIVE, REMOTE_ACTIVE, Scene, TOOK, answered, assigned_new, of_cluster, of_http,
    record, recorded, refused,
};

#[test]
fn a_refused_connection_is_no_upstream_request() {
    let scene = Scene::with("dead");
    let moves = scene.moves(|scene| {
        scene.request_with(Outcome::ConnectFailed, LOCAL, |s| {
            refused(&s.cluster, ConnectFailure::Refused);
        });
    });
    assert_eq!(moves, recorded("upstream refuses connection (503 UF)"));
    assert_eq!(
        scene.page().types.get("envoy_cluster_upstream_rq_time"),
        None
    );
}

#[test]
fn a_route_timeout_closes_the_connection_and_times_nothing() {
    let scene = Scene::with("httpbin");
    let moves = scene.moves(|scene| {
        scene.request_with(Outcome::RouteTimeout, LOCAL, |s| {
            drop(s.cluster.assigned());
            s.cluster.connection_closed(LOCAL_ACTIVE, TOOK);
        });
    });
    assert_eq!(moves, recorded("route timeout 0.3s (504 UT)"));
    assert_eq!(
        scene.page().types.get("envoy_cluster_upstream_rq_time"),
        None
    );
}

#[test]
fn a_retry_that_succeeds() {
    let moves = Scene::with("httpbin").moves(|scene| {
        let mut connection = scene.listener.accepted(Transport::Plain);
        connection.speaks(Protocol::Http1);
        let request = scene.listener.request_started(Protocol::Http1);
        assigned_new(&scene.cluster);
        scene.cluster.retried(RetryCause::Response(503));
        scene.cluster.connection_closed(LOCAL_ACTIVE, TOOK);
        assigned_new(&scene.cluster);
        let record = record(request, answered(200));
        RequestRecord {
            cluster: Some(&scene.cluster),
            retried: true,
            trace: None,
            ..record
        }
        .record();
        connection.closed(LOCAL);
    });
    assert_eq!(moves, recorded("retry then success (503,200)"));
}

#[test]
fn retries_that_run_out() {
    let moves = Scene::with("httpbin").moves(|scene| {
        let mut connection = scene.listener.accepted(Transport::Plain);
        connection.speaks(Protocol::Http1);
        let request = scene.listener.request_started(Protocol::Http1);
        for is_new in [false, true] {
            match is_new {
                true => assigned_new(&scene.cluster),
                false => drop(scene.cluster.assigned()),
            }
            scene.cluster.retried(RetryCause::Response(503));
            scene.cluster.connection_closed(LOCAL_ACTIVE, TOOK);
        }
        assigned_new(&scene.cluster);
        scene.cluster.retry_refused(RetryRefused::LimitExceeded);
        let record = record(request, answered(503));
        RequestRecord {
            cluster: Some(&scene.cluster),
            retried: true,
            trace: None,
            ..record
        }
        .record();
        connection.closed(LOCAL);
    });
    assert_eq!(moves, recorded("retry exhausted (2 retries)"));
}

#[test]
fn an_upstream_that_closes_before_its_response() {
    let moves = Scene::with("httpbin").moves(|scene| {
        scene.request_with(Outcome::UpstreamReset(Reset::Connection), LOCAL, |s| {
            drop(s.cluster.assigned());
            s.cluster.connection_closed(REMOTE_ACTIVE, TOOK);
        });
    });
    assert_eq!(moves, recorded("upstream closes before response (503 UC)"));
}

#[test]
fn a_connect_timeout_is_also_a_connect_failure() {
    let moves = Scene::with("slow").moves(|scene| {
        scene.request_with(Outcome::ConnectFailed, LOCAL, |s| {
            refused(&s.cluster, ConnectFailure::Timeout);
        });
    });
    assert_eq!(
        of_cluster(&moves),
        [
            ("upstream_cx_connect_fail", 1.0),
            ("upstream_cx_connect_timeout", 1.0),
            ("upstream_cx_destroy", 1.0),
            ("upstream_cx_destroy_local", 1.0),
            ("upstream_cx_http1_total", 1.0),
            ("upstream_cx_total", 1.0),
            ("upstream_rq", 1.0),
            ("upstream_rq_completed", 1.0),
            ("upstream_rq_pending_failure_eject", 1.0),
            ("upstream_rq_pending_total", 1.0),
            ("upstream_rq_xx", 1.0),
        ]
    );
}

#[test]
fn a_cluster_without_endpoints() {
    let moves = Scene::with("empty").moves(|scene| scene.request(Outcome::NoHealthyHost, LOCAL));
    assert_eq!(
        of_cluster(&moves),
        [
            ("lb_healthy_panic", 1.0),
            ("upstream_cx_none_healthy", 1.0),
            ("upstream_rq", 1.0),
            ("upstream_rq_completed", 1.0),
            ("upstream_rq_xx", 1.0),
        ]
    );
}

#[test]
fn two_attempts_that_time_out() {
    let moves = Scene::with("slow").moves(|scene| {
        scene.request_with(Outcome::AttemptTimeout, LOCAL, |s| {
            drop(s.cluster.assigned());
            s.cluster.attempt_timed_out();
            s.cluster.connection_closed(LOCAL_ACTIVE, TOOK);
            s.cluster.retried(RetryCause::Failure);
            drop(s.cluster.assigned());
            s.cluster.attempt_timed_out();
            s.cluster.connection_closed(LOCAL_ACTIVE, TOOK);
            s.cluster.retry_refused(RetryRefused::LimitExceeded);
        });
    });
    assert_eq!(
        of_cluster(&moves),
        [
            ("upstream_cx_destroy", 2.0),
            ("upstream_cx_destroy_local", 2.0),
            ("upstream_cx_destroy_local_with_active_rq", 2.0),
            ("upstream_cx_destroy_with_active_rq", 2.0),
            ("upstream_rq", 1.0),
            ("upstream_rq_completed", 1.0),
            ("upstream_rq_per_try_timeout", 2.0),
            ("upstream_rq_retry", 1.0),
            ("upstream_rq_retry_backoff_exponential", 1.0),
            ("upstream_rq_retry_limit_exceeded", 1.0),
            ("upstream_rq_total", 2.0),
            ("upstream_rq_xx", 1.0),
        ]
    );
}

#[test]
fn what_is_in_flight_is_gone_when_it_ends_however_it_ends() {
    let scene = Scene::with("httpbin");
    let active = "envoy_http_downstream_rq_active{envoy_http_conn_manager_prefix=\"ingress_http\"}";
    let upgrades =
        "envoy_http_downstream_cx_upgrades_active{envoy_http_conn_manager_prefix=\"ingress_http\"}";
    let upstream = "envoy_cluster_upstream_rq_active{envoy_cluster_name=\"httpbin\"}";
    let all = |scene: &Scene| [active, upgrades, upstream].map(|series| scene.value(series));
    let request = scene.listener.request_started(Protocol::Http1);
    let upgrade = scene.listener.http().upgrading();
    let attempt = scene.cluster.assigned();
    assert_eq!(all(&scene), [1.0, 1.0, 1.0]);
    drop((request, upgrade, attempt));
    assert_eq!(all(&scene), [0.0, 0.0, 0.0]);
    let reset =
        "envoy_http_downstream_rq_tx_reset{envoy_http_conn_manager_prefix=\"ingress_http\"}";
    assert_eq!(scene.value(reset), 1.0);
}

#[test]
fn membership_is_unknown_until_the_first_answer() {
    let scene = Scene::with("httpbin");
    let healthy = "envoy_cluster_membership_healthy{envoy_cluster_name=\"httpbin\"}";
    assert_eq!(scene.page().value(healthy), None);
    scene.cluster.resolved(Resolution::Failed);
    assert_eq!(scene.value(healthy), 0.0);
    scene.cluster.resolved(Resolution::Changed { endpoints: 2 });
    scene.cluster.resolved(Resolution::Failed);
    scene.cluster.resolved(Resolution::Unchanged);
    assert_eq!(scene.value(healthy), 2.0);
    assert_eq!(
        scene.value("envoy_cluster_update_attempt{envoy_cluster_name=\"httpbin\"}"),
        4.0
    );
    assert_eq!(
        scene.value("envoy_cluster_update_success{envoy_cluster_name=\"httpbin\"}"),
        2.0
    );
    assert_eq!(
        scene.value("envoy_cluster_membership_change{envoy_cluster_name=\"httpbin\"}"),
        1.0
    );
}

#[test]
fn a_timeout_after_the_head_is_a_timeout_and_a_reset() {
    let ending = Ending::RouteTimeout;
    let outcome = Outcome::Upstream {
        status: 200,
        ending,
    };
    let moves = Scene::with("httpbin").moves(|scene| scene.request(outcome, LOCAL));
    assert_eq!(
        of_cluster(&moves),
        [
            ("upstream_rq", 1.0),
            ("upstream_rq_completed", 1.0),
            ("upstream_rq_timeout", 1.0),
            ("upstream_rq_xx", 1.0),
        ]
    );
    assert_eq!(
        of_http(&moves),
        [
            ("downstream_rq_completed", 1.0),
            ("downstream_rq_http1_total", 1.0),
            ("downstream_rq_rx_reset", 1.0),
            ("downstream_rq_total", 1.0),
            ("downstream_rq_tx_reset", 1.0),
            ("downstream_rq_xx", 1.0),
            ("rq_total", 1.0),
        ]
    );
}

#[test]
fn a_shadow_is_a_request_of_the_gateway_itself() {
    let scene = Scene::with("mirror");
    let moves = scene.moves(|scene| {
        drop(scene.cluster.assigned());
        ShadowRecord {
            cluster: &scene.cluster,
            outcome: answered(200),
            upstream_time: Some(TOOK),
            upstream_received: 0,
            upstream_sent: 0,
        }
        .record();
    });
    assert_eq!(
        of_cluster(&moves),
        [
            ("internal_upstream_rq", 1.0),
            ("internal_upstream_rq_completed", 1.0),
            ("internal_upstream_rq_xx", 1.0),
            ("upstream_rq", 1.0),
            ("upstream_rq_completed", 1.0),
            ("upstream_rq_total", 1.0),
            ("upstream_rq_xx", 1.0),
        ]
    );
    assert_eq!(of_http(&moves), []);
    let timed = "envoy_cluster_upstream_rq_time_count{envoy_cluster_name=\"mirror\"}";
    assert_eq!(scene.value(timed), 1.0);
}

#[test]
fn what_is_given_up_is_told() {
    let moves = Scene::with("httpbin").moves(|scene| {
        scene.cluster.pending_cancelled();
        scene.cluster.retry_abandoned();
    });
    assert_eq!(
        of_cluster(&moves),
        [
            ("retry_or_shadow_abandoned", 1.0),
            ("upstream_rq_cancelled", 1.0),
        ]
    );
}
