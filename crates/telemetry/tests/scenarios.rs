//! What each event moves: the events of a scenario are told, and the difference of our page is
//! compared with that of a real Envoy 1.40 (`fixtures/envoy_scenarios.txt`: all its counters of
//! connection manager, listener and cluster, but for families no board reads), or, where none was
//! recorded, with the measured table.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod exposition;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exposition::Page;
use nuncio_telemetry::{
    Breaker, BuildInfo, Bytes, Closed, ClusterStats, ConnectFailure, DownstreamConnection, Ending,
    ListenerStats, Outcome, Overflow, Protocol, RequestRecord, Reset, Resolution, RetryCause,
    RetryRefused, ServerState, ShadowRecord, Side, Telemetry, Transport,
};

const LOCAL: Closed = Closed {
    by: Side::Local,
    with_active_request: false,
};
const REMOTE: Closed = Closed {
    by: Side::Remote,
    with_active_request: false,
};
const LOCAL_ACTIVE: Closed = Closed {
    by: Side::Local,
    with_active_request: true,
};
const REMOTE_ACTIVE: Closed = Closed {
    by: Side::Remote,
    with_active_request: true,
};
const TOOK: Duration = Duration::from_millis(3);

/// A request that a connection had to be made for.
fn assigned_new(cluster: &Arc<ClusterStats>) {
    let pending = cluster.pending();
    cluster.connected(Protocol::Http1, Duration::from_millis(1));
    drop(pending);
    drop(cluster.assigned());
}

/// A connection that could not be made, and the request that waited for it.
fn refused(cluster: &Arc<ClusterStats>, why: ConnectFailure) {
    let pending = cluster.pending();
    cluster.connect_failed(why, Protocol::Http1, TOOK);
    pending.failed();
}

/// A gateway with one listener and one cluster, as the recorded Envoy had.
struct Scene {
    telemetry: Arc<Telemetry>,
    listener: Arc<ListenerStats>,
    cluster: Arc<ClusterStats>,
}

impl Scene {
    fn with(cluster: &str) -> Self {
        Self::on("127.0.0.1:18080", "ingress_http", cluster)
    }

    fn on(address: &str, prefix: &str, cluster: &str) -> Self {
        let telemetry = Telemetry::new(BuildInfo::default());
        let http = telemetry.http(prefix);
        let listener = telemetry.listener(address.parse().unwrap(), &http);
        let cluster = telemetry.cluster(cluster);
        Self {
            telemetry,
            listener,
            cluster,
        }
    }

    fn page(&self) -> Page {
        let mut out = Vec::new();
        self.telemetry.render(&mut out);
        Page::parse(std::str::from_utf8(&out).unwrap())
    }

    fn value(&self, series: &str) -> f64 {
        self.page()
            .value(series)
            .unwrap_or_else(|| panic!("{series} is on the page"))
    }

    /// By how much each counter moves while `events` happen.
    fn moves(&self, events: impl FnOnce(&Self)) -> BTreeMap<String, f64> {
        let before = self.page().envoy_counters();
        events(self);
        let after = self.page().envoy_counters();
        let moved = |(series, value): (String, f64)| {
            let by = value - before.get(&series).copied().unwrap_or(0.0);
            (by != 0.0).then_some((series, by))
        };
        after.into_iter().filter_map(moved).collect()
    }

    /// A connection with one request on it.
    fn request(&self, outcome: Outcome, closed: Closed) {
        self.request_with(outcome, closed, |_| {});
    }

    fn request_with(&self, outcome: Outcome, closed: Closed, upstream: impl FnOnce(&Self)) {
        let mut connection = self.listener.accepted(Transport::Plain);
        connection.speaks(Protocol::Http1);
        let request = self.listener.request_started(Protocol::Http1);
        upstream(self);
        RequestRecord {
            cluster: self.routed(outcome),
            ..record(request, outcome)
        }
        .record();
        connection.closed(closed);
    }

    fn routed(&self, outcome: Outcome) -> Option<&ClusterStats> {
        let nowhere = matches!(
            outcome,
            Outcome::NoRoute
                | Outcome::NoCluster
                | Outcome::Malformed { .. }
                | Outcome::Direct { .. }
        );
        (!nowhere).then_some(&*self.cluster)
    }
}

fn record<'a>(request: nuncio_telemetry::ActiveRequest, outcome: Outcome) -> RequestRecord<'a> {
    RequestRecord {
        request,
        cluster: None,
        outcome,
        duration: TOOK,
        upstream_time: Some(TOOK),
        bytes: Bytes::default(),
        retried: false,
    }
}

fn answered(status: u16) -> Outcome {
    Outcome::Upstream {
        status,
        ending: Ending::Complete,
    }
}

/// What a real Envoy's counters did in the scenario.
fn recorded(scenario: &str) -> BTreeMap<String, f64> {
    let text = include_str!("fixtures/envoy_scenarios.txt");
    let (_, section) = text
        .split_once(&format!("### {scenario}\n"))
        .expect("a known scenario");
    let section = section.split("### ").next().unwrap();
    let pair = |line: &str| {
        let (by, series) = line.split_once(' ').unwrap();
        (series.to_owned(), by.parse().unwrap())
    };
    section.lines().map(pair).collect()
}

#[test]
fn a_response_of_the_upstream() {
    let scene = Scene::with("httpbin");
    let moves = scene.moves(|scene| {
        scene.request_with(answered(200), LOCAL, |s| {
            drop(s.cluster.assigned());
        });
    });
    assert_eq!(moves, recorded("200 GET"));
    for count in [
        "envoy_cluster_upstream_rq_time_count{envoy_cluster_name=\"httpbin\"}",
        "envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix=\"ingress_http\"}",
        "envoy_listener_downstream_cx_length_ms_count{envoy_listener_address=\"127.0.0.1_18080\"}",
    ] {
        assert_eq!(scene.value(count), 1.0, "{count}");
    }
}

#[test]
fn a_404_of_the_upstream() {
    let moves = Scene::with("httpbin").moves(|scene| {
        scene.request_with(answered(404), LOCAL, |s| {
            drop(s.cluster.assigned());
        });
    });
    assert_eq!(moves, recorded("404 from upstream"));
}

#[test]
fn no_route() {
    let moves = Scene::with("httpbin").moves(|scene| scene.request(Outcome::NoRoute, REMOTE));
    assert_eq!(moves, recorded("404 no route"));
}

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
                s.cluster.overflowed(Overflow::Requests);
            });
        }
    });
    let scenario = "circuit breaker: 8 concurrent, max_conn 2 pending 1 rq 3";
    assert_eq!(moves, recorded(scenario));
}

const PENDING_ACTIVE: &str = "envoy_cluster_upstream_rq_pending_active{envoy_cluster_name=\"cb\"}";

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

#[test]
fn a_client_that_leaves_first_gets_no_status() {
    let scene = Scene::with("httpbin");
    let moves = scene.moves(|scene| {
        scene.request_with(Outcome::ClientLeft, REMOTE_ACTIVE, |s| {
            assigned_new(&s.cluster);
            s.cluster.connection_closed(LOCAL_ACTIVE, TOOK);
        });
    });
    assert_eq!(moves, recorded("client disconnects before response"));
    let timed =
        "envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix=\"ingress_http\"}";
    assert_eq!(scene.value(timed), 0.0);
}

#[test]
fn a_malformed_request_never_reaches_the_router() {
    for (status, scenario) in [
        (400, "bad HTTP/1 request line"),
        (431, "header too large (431)"),
    ] {
        let moves = Scene::with("httpbin")
            .moves(|scene| scene.request(Outcome::Malformed { status }, REMOTE));
        assert_eq!(moves, recorded(scenario));
    }
}

#[test]
fn plain_text_on_a_tls_port() {
    let scene = Scene::on("127.0.0.1:18443", "ingress_https", "httpbin");
    let moves = scene.moves(|scene| {
        let connection = scene.listener.accepted(Transport::Tls);
        connection.tls_failed();
        connection.closed(REMOTE);
    });
    assert_eq!(moves, recorded("plain HTTP to TLS port"));
}

#[test]
fn a_request_over_tls() {
    for (protocol, closed, scenario) in [
        (Protocol::Http1, LOCAL, "https GET (h1)"),
        (Protocol::Http2, REMOTE, "https GET h2 (curl)"),
    ] {
        let moves = Scene::on("127.0.0.1:18443", "ingress_https", "httpbin").moves(|scene| {
            let mut connection = scene.listener.accepted(Transport::Tls);
            connection.tls_established();
            connection.speaks(protocol);
            let request = scene.listener.request_started(protocol);
            match protocol {
                Protocol::Http1 => assigned_new(&scene.cluster),
                Protocol::Http2 => drop(scene.cluster.assigned()),
            }
            let record = record(request, answered(200));
            RequestRecord {
                cluster: Some(&scene.cluster),
                ..record
            }
            .record();
            connection.closed(closed);
        });
        assert_eq!(moves, recorded(scenario));
    }
}

#[test]
fn a_redirect_is_a_direct_response() {
    let direct = Outcome::Direct { status: 301 };
    let moves = Scene::with("httpbin").moves(|scene| scene.request(direct, LOCAL));
    assert_eq!(moves, recorded("redirect"));
}

#[test]
fn a_filter_that_answers_is_charged_to_the_cluster() {
    let denied = Outcome::Filter { status: 401 };
    let moves = Scene::with("httpbin").moves(|scene| scene.request(denied, LOCAL));
    assert_eq!(moves, recorded("ext_authz deny"));
}

#[test]
fn a_route_to_a_missing_cluster() {
    let moves = Scene::with("httpbin").moves(|scene| scene.request(Outcome::NoCluster, LOCAL));
    assert_eq!(
        moves["envoy_http_no_cluster{envoy_http_conn_manager_prefix=\"ingress_http\"}"],
        1.0
    );
    assert_eq!(
        moves["envoy_http_rq_total{envoy_http_conn_manager_prefix=\"ingress_http\"}"],
        1.0
    );
    assert_eq!(of_cluster(&moves), [] as [(&str, f64); 0]);
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
fn a_response_that_breaks_off_keeps_its_status() {
    let ending = Ending::UpstreamReset(Reset::Stream);
    let outcome = Outcome::Upstream {
        status: 200,
        ending,
    };
    let moves = Scene::with("h2").moves(|scene| scene.request(outcome, LOCAL));
    assert_eq!(
        of_cluster(&moves),
        [
            ("upstream_rq", 1.0),
            ("upstream_rq_completed", 1.0),
            ("upstream_rq_rx_reset", 1.0),
            ("upstream_rq_xx", 1.0),
        ]
    );
    let reset =
        "envoy_http_downstream_rq_tx_reset{envoy_http_conn_manager_prefix=\"ingress_http\"}";
    assert_eq!(moves[reset], 1.0);
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
fn an_error_that_a_grpc_client_is_told_in_a_200_is_the_clusters_error_all_the_same() {
    let scene = Scene::with("httpbin");
    let mut request = scene.listener.request_started(Protocol::Http2);
    request.told(200);
    RequestRecord {
        request,
        cluster: Some(&scene.cluster),
        outcome: Outcome::NoHealthyHost,
        duration: Duration::ZERO,
        upstream_time: None,
        bytes: Bytes::default(),
        retried: false,
    }
    .record();
    let downstream = "envoy_http_downstream_rq_xx{envoy_response_code_class=\"2\",envoy_http_conn_manager_prefix=\"ingress_http\"}";
    let upstream = "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"5\",envoy_cluster_name=\"httpbin\"}";
    assert_eq!(
        [downstream, upstream].map(|series| scene.value(series)),
        [1.0, 1.0]
    );
}

#[test]
fn open_connections_are_counted_by_codec_and_for_the_server() {
    let scene = Scene::with("httpbin");
    let series = [
        "envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix=\"ingress_http\"}",
        "envoy_http_downstream_cx_http2_active{envoy_http_conn_manager_prefix=\"ingress_http\"}",
        "envoy_listener_downstream_cx_active{envoy_listener_address=\"127.0.0.1_18080\"}",
        "envoy_server_total_connections{}",
    ];
    let mut connection: DownstreamConnection = scene.listener.accepted(Transport::Plain);
    connection.speaks(Protocol::Http2);
    assert_eq!(series.map(|series| scene.value(series)), [1.0; 4]);
    drop(connection);
    assert_eq!(series.map(|series| scene.value(series)), [0.0; 4]);
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
fn the_server_is_live_until_it_drains() {
    let scene = Scene::with("httpbin");
    let mut states = Vec::new();
    for state in [
        ServerState::Initializing,
        ServerState::Live,
        ServerState::Draining,
    ] {
        scene.telemetry.server().set_state(state);
        states.push((
            scene.value("envoy_server_live{}"),
            scene.value("envoy_server_state{}"),
        ));
    }
    assert_eq!(states, [(1.0, 3.0), (1.0, 0.0), (0.0, 1.0)]);
}

/// Counters of clusters, without prefix and labels.
fn of_cluster(moves: &BTreeMap<String, f64>) -> Vec<(&str, f64)> {
    let mut found: Vec<(&str, f64)> = moves
        .iter()
        .filter_map(|(series, by)| Some((series.strip_prefix("envoy_cluster_")?, *by)))
        .filter_map(|(series, by)| Some((series.split_once('{')?.0, by)))
        .collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    found
}

fn of_http<'m>(moves: &'m BTreeMap<String, f64>) -> Vec<(&'m str, f64)> {
    let rest = |(series, by): (&'m String, &f64)| {
        let name = series.strip_prefix("envoy_http_")?.split('{').next()?;
        let is_request = !name.starts_with("downstream_cx_");
        is_request.then_some((name, *by))
    };
    moves.iter().filter_map(rest).collect()
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
            ("downstream_rq_total", 1.0),
            ("downstream_rq_tx_reset", 1.0),
            ("downstream_rq_xx", 1.0),
            ("rq_total", 1.0),
        ]
    );
}

#[test]
fn silence_is_the_connection_managers_and_not_the_clusters() {
    let scene = Scene::with("httpbin");
    let before_head = Outcome::IdleTimeout { status: 504 };
    let moves = scene.moves(|scene| scene.request(before_head, LOCAL));
    assert_eq!(of_cluster(&moves), [] as [(&str, f64); 0]);
    assert_eq!(
        of_http(&moves),
        [
            ("downstream_rq_completed", 1.0),
            ("downstream_rq_http1_total", 1.0),
            ("downstream_rq_idle_timeout", 1.0),
            ("downstream_rq_total", 1.0),
            ("downstream_rq_xx", 1.0),
            ("rq_total", 1.0),
        ]
    );
    let ending = Ending::IdleTimeout;
    let after_head = Outcome::Upstream {
        status: 200,
        ending,
    };
    let moves = scene.moves(|scene| scene.request(after_head, LOCAL));
    for counter in ["downstream_rq_idle_timeout", "downstream_rq_tx_reset"] {
        assert!(of_http(&moves).contains(&(counter, 1.0)), "{counter}");
    }
}

#[test]
fn a_body_too_large_to_be_held_never_reaches_the_router() {
    let moves = Scene::with("httpbin").moves(|scene| scene.request(Outcome::TooLarge, LOCAL));
    assert_eq!(of_cluster(&moves), [] as [(&str, f64); 0]);
    assert_eq!(
        of_http(&moves),
        [
            ("downstream_rq_completed", 1.0),
            ("downstream_rq_http1_total", 1.0),
            ("downstream_rq_too_large", 1.0),
            ("downstream_rq_total", 1.0),
            ("downstream_rq_xx", 1.0),
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
