//! What requests and connections of clients move.

use std::time::Duration;

use nuncio_telemetry::{
    Bytes, DownstreamConnection, Ending, Handshake, HandshakeFailure, Outcome, Protocol,
    RequestRecord, Reset, ServerState, Transport,
};

use crate::scene::{
    LOCAL, LOCAL_ACTIVE, REMOTE, REMOTE_ACTIVE, Scene, TOOK, answered, assigned_new, of_cluster,
    of_http, record, recorded,
};

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
        connection.tls_failed(HandshakeFailure::Protocol);
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
            connection.tls_established(Handshake::default());
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
        mapping: None,
        trace: None,
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
