//! The page as a whole: well-formed for any names, and Envoy's where it says it is.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod exposition;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use exposition::Page;
use nuncio_telemetry::{
    ActiveRequest, BuildInfo, Bytes, Certificate, Closed, ClusterStats, ConnectFailure, Ending,
    ListenerStats, Outcome, Overflow, Protocol, Reconfiguration, RequestRecord, Resolution,
    RetryCause, RetryRefused, ShadowRecord, Side, Telemetry, Transport,
};

fn telemetry() -> Arc<Telemetry> {
    Telemetry::new(BuildInfo {
        version: "1.2.3".into(),
        commit: "9e5580abcdef".into(),
        ambassador_id: "default".into(),
        cluster_id: "b0a8".into(),
        single_namespace: false,
    })
}

fn text(telemetry: &Telemetry) -> String {
    let mut out = Vec::new();
    telemetry.render(&mut out);
    String::from_utf8(out).unwrap()
}

fn page(telemetry: &Telemetry) -> Page {
    Page::parse(&text(telemetry))
}

fn listener(telemetry: &Telemetry) -> Arc<ListenerStats> {
    telemetry.listener(
        "0.0.0.0:8080".parse().unwrap(),
        &telemetry.http("ingress_http"),
    )
}

/// A request answered by the cluster of that name.
fn serve(telemetry: &Telemetry, listener: &Arc<ListenerStats>, cluster: &str, status: u16) {
    let cluster = telemetry.cluster(cluster);
    let request = listener.request_started(Protocol::Http1);
    drop(cluster.assigned());
    answered(request, &cluster, status);
}

fn answered(request: ActiveRequest, cluster: &ClusterStats, status: u16) {
    let outcome = Outcome::Upstream {
        status,
        ending: Ending::Complete,
    };
    let record = RequestRecord {
        request,
        cluster: Some(cluster),
        outcome,
        duration: Duration::from_millis(7),
        upstream_time: Some(Duration::from_millis(5)),
        bytes: Bytes {
            downstream_received: 100,
            upstream_sent: 100,
            ..Bytes::default()
        },
        retried: false,
        mapping: None,
        trace: None,
    };
    record.record();
}

/// What few clusters ever see.
fn trouble(cluster: &Arc<ClusterStats>) {
    cluster.protocol_error();
    cluster.overflowed(Overflow::Requests);
    cluster.pending_cancelled();
    cluster.backed_up(7).drained();
    cluster.tls_established();
    cluster.tls_failed();
    cluster.outlier_detected();
    drop(cluster.ejected());
    let shadow = Outcome::Upstream {
        status: 200,
        ending: Ending::Complete,
    };
    ShadowRecord {
        cluster,
        outcome: shadow,
        upstream_time: None,
        upstream_received: 0,
        upstream_sent: 0,
    }
    .record();
}

/// Everything that makes a series appear.
fn everything_happened() -> Arc<Telemetry> {
    let telemetry = telemetry();
    let listener = listener(&telemetry);
    let cluster = telemetry.cluster("httpbin");
    let took = Duration::from_millis(2);
    serve(&telemetry, &listener, "httpbin", 200);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let pending = cluster.pending();
        cluster.connected(protocol, took);
        drop(cluster.assigned());
        cluster.connect_failed(ConnectFailure::Timeout, protocol, took);
        pending.failed();
    }
    for by in [Side::Local, Side::Remote] {
        cluster.connection_closed(
            Closed {
                by,
                with_active_request: true,
            },
            took,
        );
    }
    cluster.connection_idled_out();
    cluster.stream_reset();
    trouble(&cluster);
    cluster.retried(RetryCause::Response(503));
    cluster.retry_refused(RetryRefused::LimitExceeded);
    for how in [
        Resolution::Changed { endpoints: 1 },
        Resolution::Unchanged,
        Resolution::Empty,
        Resolution::Failed,
    ] {
        cluster.resolved(how);
    }
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_505_020);
    let certificate = Certificate {
        name: "tls".into(),
        not_after: expires,
    };
    listener.set_certificates(vec![certificate.clone(), certificate]);
    drop(listener.accepted(Transport::Tls));
    drop(listener.carried(&telemetry.tcp("ingress_tcp_5432")));
    telemetry
}

#[test]
fn every_envoy_family_has_envoys_type_and_labels() {
    let fixture = include_str!("fixtures/envoy_families.txt");
    let theirs: BTreeMap<&str, &str> = fixture
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let page = page(&everything_happened());
    let labels = page.label_names();
    let mut seen = 0;
    for family in page
        .order
        .iter()
        .filter(|family| family.starts_with("envoy_"))
    {
        let ours = format!("{} {}", page.types[family], labels[&**family]);
        assert_eq!(Some(&ours.trim_end()), theirs.get(&**family), "{family}");
        seen += 1;
    }
    assert!(seen > 100, "{seen} families");
}

/// Of the families that are read, and of their neighbours, those that nothing can move; Envoy has
/// most of them only where the feature is configured.
const ABSENT: [(&str, &str); 12] = [
    (
        "envoy_cluster_health_check_",
        "Ambassador configures no active health checks",
    ),
    ("envoy_http_ext_authz_", "no AuthService is asked"),
    ("envoy_cluster_ext_authz_", "no AuthService is asked"),
    ("envoy_cluster_ratelimit_", "no RateLimitService is asked"),
    (
        "envoy_listener_ssl_fail_verify_san",
        "names of clients are not verified",
    ),
    (
        "envoy_listener_ssl_fail_verify_cert_hash",
        "certificates are verified by their authorities",
    ),
    ("envoy_listener_ssl_versions", "no board reads it"),
    (
        "envoy_cluster_external_upstream_rq",
        "all responses but the internal ones: a twentieth of the page for a difference",
    ),
    (
        "envoy_cluster_ssl_fail_verify_",
        "certificates of upstreams are not verified without a TLSContext",
    ),
    (
        "envoy_cluster_upstream_rq_retry_backoff_ratelimited",
        "Ambassador cannot configure it, and Envoy has it for each cluster",
    ),
    (
        "envoy_cluster_upstream_cx_max_requests",
        "Ambassador cannot configure it, and Envoy has it for each cluster",
    ),
    (
        "envoy_cluster_upstream_cx_rx_bytes_buffered",
        "what is not passed on is left in the system's buffer",
    ),
];

fn is_absent(family: &str) -> bool {
    let mut absent = ABSENT.iter();
    absent.any(|(prefix, _)| family.starts_with(prefix))
}

#[test]
fn every_family_that_is_read_and_every_neighbour_is_there_but_what_cannot_move() {
    let page = page(&everything_happened());
    let must = include_str!("fixtures/must_families.txt").lines();
    for family in must.chain(include_str!("fixtures/should_families.txt").lines()) {
        let is_there = page.types.contains_key(family);
        assert_eq!(is_there, !is_absent(family), "{family}");
    }
}

#[test]
fn what_a_board_reads_is_there_at_zero_before_any_traffic() {
    // As in Envoy: by code, by duration, and endpoints before the name was looked up.
    let later = [
        "envoy_cluster_upstream_rq",
        "envoy_cluster_upstream_rq_time",
        "envoy_cluster_membership_degraded",
        "envoy_cluster_membership_excluded",
        "envoy_cluster_membership_healthy",
        "envoy_cluster_membership_total",
        "envoy_listener_ssl_certificate_expiration_unix_time_seconds",
    ];
    let telemetry = telemetry();
    drop((listener(&telemetry), telemetry.cluster("httpbin")));
    drop(telemetry.tcp("ingress_tcp_5432"));
    let page = page(&telemetry);
    for family in include_str!("fixtures/must_families.txt").lines() {
        let absent = later.contains(&family) || family.starts_with("envoy_cluster_health_check_");
        assert_eq!(page.types.contains_key(family), !absent, "{family}");
    }
    assert!(page.envoy_counters().iter().all(|(series, &value)| {
        value == 0.0 || series.starts_with("envoy_cluster_manager_cluster_added")
    }));
}

#[test]
fn families_come_in_the_order_of_envoys_page() {
    let theirs: Vec<_> = include_str!("fixtures/envoy_families.txt")
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let page = page(&everything_happened());
    let ours = page.order.iter().map(|family| &**family);
    let places: Vec<_> = ours
        .filter_map(|family| theirs.iter().position(|one| *one == family))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn envoy_families_come_by_type_and_have_no_help() {
    let page = page(&everything_happened());
    let ours = |family: &&String| family.starts_with("envoy_");
    let types: Vec<_> = page
        .order
        .iter()
        .filter(ours)
        .map(|f| page.types[f].clone())
        .collect();
    assert!(types.is_sorted(), "counter, gauge, histogram");
    assert!(!page.help.iter().any(|family| family.starts_with("envoy_")));
}

#[test]
fn our_own_families_have_help_and_proper_names() {
    let page = page(&everything_happened());
    for family in page
        .order
        .iter()
        .filter(|family| !family.starts_with("envoy_"))
    {
        assert!(page.help.contains(family), "{family}");
        let is_counter = page.types[family] == "counter";
        assert_eq!(family.ends_with("_total"), is_counter, "{family}");
    }
}

#[test]
fn series_are_written_as_envoy_writes_them() {
    let text = text(&everything_happened());
    for line in [
        "envoy_server_live{} 1\n",
        "envoy_server_days_until_first_cert_expiring{} 4294967295\n",
        "envoy_server_version{} 10376576\n",
        "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"httpbin\"} 2\n",
        "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"httpbin\",le=\"5\"} 1\n",
        "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"httpbin\",le=\"+Inf\"} 1\n",
        "envoy_cluster_upstream_rq_time_sum{envoy_cluster_name=\"httpbin\"} 5\n",
        "envoy_listener_http_downstream_rq_xx{envoy_response_code_class=\"2\",\
         envoy_http_conn_manager_prefix=\"ingress_http\",\
         envoy_listener_address=\"0.0.0.0_8080\"} 1\n",
        "envoy_listener_ssl_certificate_expiration_unix_time_seconds{envoy_tls_certificate=\"tls\",\
         envoy_listener_address=\"0.0.0.0_8080\"} 1795505020\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn diagd_and_our_own_numbers_tell_of_the_last_reconfiguration() {
    let telemetry = telemetry();
    telemetry.control().published(&Reconfiguration {
        generation: 4,
        fetch: Duration::from_millis(1),
        parse: Duration::from_millis(2),
        compile: Duration::from_micros(700),
        publish: Duration::from_nanos(5),
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250),
        errors: 2,
        warnings: 3,
    });
    let text = text(&telemetry);
    for line in [
        "ambassador_diagnostics_info{version=\"1.2.3\",ambassador_id=\"default\",\
         cluster_id=\"b0a8\",single_namespace=\"False\"} 1\n",
        "ambassador_reconfiguration_time_seconds 0.003700005\n",
        "ambassador_aconf_time_seconds 0.002\n",
        "ambassador_diagnostics_errors 2\n",
        "ambassador_log_level{level=\"debug\"} 0\n",
        "nuncio_build_info{version=\"1.2.3\",commit=\"9e5580abcdef\"} 1\n",
        "nuncio_config_generation 4\n",
        "nuncio_config_diagnostics{severity=\"warning\"} 3\n",
        "nuncio_config_last_publish_timestamp_seconds 1700000000.25\n",
        "nuncio_config_compile_seconds_bucket{le=\"0.001\"} 1\n",
        "nuncio_config_compile_seconds_sum 0.0007\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn hostile_cluster_names_make_neither_broken_nor_double_series() {
    let telemetry = telemetry();
    let names = [
        "a\"} 1\nevil{x=\"",
        "a\\",
        "a\\\"",
        "ü,=",
        "nul\0",
        "nul_",
        "",
    ];
    for name in names {
        drop(telemetry.cluster(name));
    }
    let page = page(&telemetry);
    let found: BTreeSet<&str> = page
        .samples
        .iter()
        .filter(|sample| sample.family == "envoy_cluster_upstream_rq_total")
        .map(|sample| &*sample.labels[0].1)
        .collect();
    assert_eq!(
        found,
        BTreeSet::from(["", "a\"} 1\nevil{x=\"", "a\\", "a\\\"", "nul_", "ü,="])
    );
}

#[test]
fn one_name_is_one_handle() {
    let telemetry = telemetry();
    assert!(Arc::ptr_eq(
        &telemetry.cluster("foo"),
        &telemetry.cluster("foo")
    ));
    assert!(Arc::ptr_eq(
        &telemetry.http("ingress_http"),
        &telemetry.http("ingress_http")
    ));
    assert!(Arc::ptr_eq(&listener(&telemetry), &listener(&telemetry)));
}

/// The configuration changes by these clusters.
fn change(telemetry: &Telemetry, arrived: &[&str], departed: &[&str]) {
    let handles =
        |names: &[&str]| -> Vec<_> { names.iter().map(|name| telemetry.cluster(*name)).collect() };
    let (arrived, departed) = (handles(arrived), handles(departed));
    telemetry.clusters_changed(
        arrived.iter().map(Arc::as_ref),
        departed.iter().map(Arc::as_ref),
    );
}

#[test]
fn a_cluster_that_is_removed_leaves_the_page_and_goes_on_counting_when_it_is_back() {
    let telemetry = telemetry();
    let listener = listener(&telemetry);
    let series = "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"foo\"}";
    let mut seen = Vec::new();
    for (arrived, departed) in [
        (&["foo", "foo", "bar"][..], &[][..]),
        (&[], &["foo", "foo"]),
        (&["foo"], &["bar"]),
    ] {
        serve(&telemetry, &listener, "foo", 200);
        change(&telemetry, arrived, departed);
        let page = page(&telemetry);
        let active = page
            .value("envoy_cluster_manager_active_clusters{}")
            .unwrap();
        seen.push((page.value(series), active));
    }
    assert_eq!(seen, [(Some(1.0), 3.0), (None, 1.0), (Some(3.0), 1.0)]);
}

#[test]
fn what_a_forgotten_handle_counted_is_not_forgotten() {
    let telemetry = telemetry();
    let listener = listener(&telemetry);
    change(&telemetry, &["foo", "bar"], &[]);
    serve(&telemetry, &listener, "foo", 200);
    serve(&telemetry, &listener, "foo", 503);
    let before = page(&telemetry);
    let in_use = telemetry.cluster("foo");
    change(&telemetry, &[], &["foo"]);
    assert_eq!(telemetry.let_go_of_clusters(), 1);
    drop(in_use);
    assert_eq!(telemetry.let_go_of_clusters(), 0);
    assert!(telemetry.known_cluster("foo").is_none());
    change(&telemetry, &["foo"], &[]);
    let after = page(&telemetry);
    let of_foo = |page: &Page| -> Vec<_> {
        let samples = page.samples.iter();
        let ours = samples.filter(|sample| sample.labels.iter().any(|label| label.1 == "foo"));
        ours.map(|sample| (sample.series.clone(), sample.value))
            .collect()
    };
    assert!(of_foo(&before).len() > 50);
    assert_eq!(of_foo(&before), of_foo(&after));
}

#[test]
fn a_cluster_that_counted_nothing_leaves_nothing() {
    let telemetry = telemetry();
    change(&telemetry, &["foo"], &[]);
    change(&telemetry, &[], &["foo"]);
    assert_eq!(telemetry.let_go_of_clusters(), 0);
    assert!(telemetry.known_cluster("foo").is_none());
    let added = "envoy_cluster_manager_cluster_added{}";
    let removed = "envoy_cluster_manager_cluster_removed{}";
    change(&telemetry, &["foo"], &[]);
    let page = page(&telemetry);
    assert_eq!(
        (page.value(added), page.value(removed)),
        (Some(2.0), Some(1.0))
    );
}

#[test]
fn counts_from_many_threads_are_exact() {
    let telemetry = telemetry();
    let listener = listener(&telemetry);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for status in [200, 200, 404, 503].into_iter().cycle().take(1000) {
                    serve(&telemetry, &listener, "httpbin", status);
                }
            });
        }
    });
    let page = page(&telemetry);
    let value = |series: &str| page.value(series).unwrap();
    let labels = "envoy_cluster_name=\"httpbin\"";
    assert_eq!(
        value(&format!("envoy_cluster_upstream_rq_total{{{labels}}}")),
        4000.0
    );
    assert_eq!(
        value(&format!("envoy_cluster_upstream_rq_time_count{{{labels}}}")),
        4000.0
    );
    let of_code = format!("envoy_cluster_upstream_rq{{envoy_response_code=\"200\",{labels}}}");
    assert_eq!(value(&of_code), 2000.0);
}

/// Needs Prometheus' own linter; without it there is nothing to ask.
#[test]
fn promtool_finds_nothing_wrong_with_our_own_families() {
    let lint = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut lint) = lint else { return };
    lint.stdin
        .take()
        .unwrap()
        .write_all(text(&everything_happened()).as_bytes())
        .unwrap();
    let output = lint.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    println!("{said}");
    let about_ours: Vec<&str> = said.lines().filter(|l| !l.starts_with("envoy_")).collect();
    assert_eq!(about_ours, [] as [&str; 0]);
}

/// Prints what a page of a thousand clusters costs: `cargo test --release -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_page_of_a_thousand_clusters() {
    let telemetry = telemetry();
    let listener = listener(&telemetry);
    let names: Vec<String> = (0..1000)
        .map(|number| format!("service_{number:04}"))
        .collect();
    names
        .iter()
        .for_each(|name| telemetry.cluster(name.as_str()).endpoints_changed(1));
    let mut out = Vec::new();
    for state in ["idle", "after three responses each"] {
        let mut best = Duration::MAX;
        for _ in 0..20 {
            out.clear();
            let start = std::time::Instant::now();
            telemetry.render(&mut out);
            best = best.min(start.elapsed());
        }
        let series = Page::parse(std::str::from_utf8(&out).unwrap())
            .samples
            .len();
        println!("{state}: {best:?}, {} bytes, {series} series", out.len());
        for name in names.iter().cycle().take(3000) {
            serve(&telemetry, &listener, name, 200);
        }
    }
    for threads in [1, 2, 4] {
        let start = std::time::Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..500_000).for_each(|_| busy(&telemetry, &listener)));
            }
        });
        println!(
            "{threads} threads: {:?} a request",
            start.elapsed() / 500_000
        );
    }
}

/// All that a proxied request tells, without looking up its cluster.
fn busy(telemetry: &Telemetry, listener: &Arc<ListenerStats>) {
    thread_local! {
        static CLUSTER: std::cell::OnceCell<Arc<ClusterStats>> = const { std::cell::OnceCell::new() };
    }
    CLUSTER.with(|cluster| {
        let cluster = cluster.get_or_init(|| telemetry.cluster("service_0000"));
        let request = listener.request_started(Protocol::Http1);
        drop(cluster.assigned());
        answered(request, cluster, 200);
    });
}

#[test]
fn configuration_that_does_not_come_or_is_not_right_is_told_as_envoys_streams_would() {
    let telemetry = telemetry();
    let feed = telemetry.control().feed("services");
    feed.set_connected(false);
    feed.set_connected(true);
    feed.set_connected(false);
    feed.set_connected(false);
    telemetry.control().found_invalid(2);
    let page = page(&telemetry);
    for manager in ["cluster_manager_cds", "listener_manager_lds"] {
        let value = |what: &str| page.value(&format!("envoy_{manager}_update_{what}{{}}"));
        assert_eq!(
            (value("failure"), value("rejected")),
            (Some(1.0), Some(2.0))
        );
    }
}

#[test]
fn where_bytes_are_carried_there_is_nothing_of_http() {
    let telemetry = telemetry();
    let http = telemetry.unexpected_http("ingress_tcp_5432");
    let listener = telemetry.listener("0.0.0.0:5432".parse().unwrap(), &http);
    let tcp = telemetry.tcp("ingress_tcp_5432");
    let connection = listener.carried(&tcp);
    tcp.transferred(3, 5);
    tcp.idled_out();
    let open = text(&telemetry);
    drop(connection);
    let closed = text(&telemetry);
    for (page, line) in [
        (
            &open,
            "envoy_tcp_downstream_cx_total{envoy_tcp_prefix=\"ingress_tcp_5432\"} 1\n",
        ),
        (
            &open,
            "envoy_tcp_downstream_cx_rx_bytes_total{envoy_tcp_prefix=\"ingress_tcp_5432\"} 3\n",
        ),
        (
            &open,
            "envoy_tcp_downstream_cx_tx_bytes_total{envoy_tcp_prefix=\"ingress_tcp_5432\"} 5\n",
        ),
        (
            &open,
            "envoy_tcp_idle_timeout{envoy_tcp_prefix=\"ingress_tcp_5432\"} 1\n",
        ),
        (
            &open,
            "envoy_listener_downstream_cx_active{envoy_listener_address=\"0.0.0.0_5432\"} 1\n",
        ),
        (
            &closed,
            "envoy_listener_downstream_cx_active{envoy_listener_address=\"0.0.0.0_5432\"} 0\n",
        ),
    ] {
        assert!(page.contains(line), "{line}");
    }
    assert!(!open.contains("envoy_http_conn_manager_prefix"));
    drop(listener.accepted(Transport::Plain));
    assert!(text(&telemetry).contains("envoy_http_conn_manager_prefix=\"ingress_tcp_5432\""));
}
