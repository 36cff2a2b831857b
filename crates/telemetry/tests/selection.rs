//! Pages of a part of the numbers, and pages in pieces.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod exposition;

use std::sync::Arc;
use std::time::Duration;

use exposition::Page;
use nuncio_telemetry::{
    BuildInfo, Bytes, Ending, Filter, Mapped, Outcome, Protocol, RequestRecord, Selection,
    Telemetry,
};

/// Two clusters, of which one had a request.
fn telemetry() -> Arc<Telemetry> {
    let telemetry = Telemetry::new(BuildInfo::default());
    let http = telemetry.http("ingress_http");
    let listener = telemetry.listener("0.0.0.0:8080".parse().unwrap(), &http);
    let (busy, _idle) = (telemetry.cluster("busy"), telemetry.cluster("idle"));
    let request = listener.request_started(Protocol::Http1);
    drop(busy.assigned());
    RequestRecord {
        cluster: Some(&busy),
        request,
        outcome: Outcome::Upstream {
            status: 200,
            ending: Ending::Complete,
        },
        duration: Duration::from_millis(7),
        upstream_time: Some(Duration::from_millis(5)),
        bytes: Bytes::default(),
        retried: false,
        mapping: None,
        trace: None,
    }
    .record();
    telemetry
}

fn page(telemetry: &Telemetry, selection: Selection) -> Page {
    let mut out = Vec::new();
    let mut page = telemetry.page(selection);
    while page.write(telemetry, &mut out) {}
    Page::parse(std::str::from_utf8(&out).unwrap())
}

fn series(page: &Page) -> Vec<&str> {
    page.samples.iter().map(|s| &*s.series).collect()
}

/// The page, and in how many pieces it came, none of which is large.
fn in_pieces(telemetry: &Telemetry, mut page: nuncio_telemetry::Page) -> (Vec<u8>, usize) {
    let (mut whole, mut piece, mut pieces) = (Vec::new(), Vec::new(), 0);
    loop {
        let is_more = page.write(telemetry, &mut piece);
        assert!(piece.len() < 256 * 1024, "{}", piece.len());
        whole.append(&mut piece);
        pieces += 1;
        if !is_more {
            return (whole, pieces);
        }
    }
}

/// So many Mappings, each of which had a request.
fn with_mappings(number: usize) -> Arc<Telemetry> {
    let telemetry = telemetry();
    let http = telemetry.http("ingress_http");
    let listener = telemetry.listener("0.0.0.0:8080".parse().unwrap(), &http);
    for number in 0..number {
        let mapping = telemetry.mapping("default", &format!("mapping-{number:05}"));
        RequestRecord {
            cluster: None,
            request: listener.request_started(Protocol::Http1),
            outcome: Outcome::Upstream {
                status: 200,
                ending: Ending::Complete,
            },
            duration: Duration::from_millis(7),
            upstream_time: None,
            bytes: Bytes::default(),
            retried: false,
            mapping: Some(Mapped {
                stats: &mapping,
                retries: 0,
            }),
            trace: None,
        }
        .record();
    }
    telemetry
}

#[test]
fn what_never_moved_is_not_on_a_page_of_what_did() {
    let telemetry = telemetry();
    let used = Selection {
        used_only: true,
        ..Selection::default()
    };
    let page = page(&telemetry, used);
    let of = |part: &str| series(&page).iter().filter(|s| s.contains(part)).count();
    assert_eq!(of("\"idle\""), 0);
    assert!(of("\"busy\"") > 10);
    assert_eq!(
        of("_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"busy\"}"),
        1
    );
    assert_eq!(of("envoy_cluster_upstream_rq_timeout"), 0);
    assert_eq!(of("envoy_response_code_class=\"5\""), 0);
    assert!(page.types.contains_key("nuncio_build_info"));
}

#[test]
fn a_filter_looks_for_envoys_own_names() {
    let telemetry = telemetry();
    let fitting = |pattern: &str| {
        let selection = Selection {
            filter: Some(Filter::new(pattern).unwrap()),
            ..Selection::default()
        };
        let page = page(&telemetry, selection);
        series(&page)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        fitting(r"^cluster\.busy\.upstream_rq_(200|2xx|total)$"),
        [
            "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"busy\"}",
            "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"busy\"}",
            "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"busy\"}",
        ]
    );
    assert_eq!(fitting("^server.live$"), ["envoy_server_live{}"]);
    assert_eq!(
        fitting("^ambassador_log_level$"),
        ["ambassador_log_level{level=\"debug\"}"]
    );
    assert_eq!(fitting("rq_time$").len(), 44);
}

#[test]
fn buckets_of_connections_to_clusters_are_told_when_asked_for() {
    let telemetry = telemetry();
    telemetry
        .cluster("busy")
        .connected(Protocol::Http1, Duration::from_millis(2));
    let buckets = |all_buckets| {
        let page = page(
            &telemetry,
            Selection {
                all_buckets,
                ..Selection::default()
            },
        );
        let of = |part: &str| series(&page).iter().filter(|s| s.contains(part)).count();
        [
            "connect_ms_bucket",
            "connect_ms_sum",
            "connect_ms_count",
            "upstream_rq_time_bucket",
        ]
        .map(of)
    };
    assert_eq!(buckets(false), [1, 1, 1, 20]);
    assert_eq!(buckets(true), [20, 1, 1, 20]);
}

#[test]
fn a_large_page_comes_in_small_pieces_that_make_up_the_whole() {
    let telemetry = telemetry();
    for number in 0..3_000 {
        telemetry
            .cluster(format!("service_{number:04}"))
            .endpoints_changed(1);
    }
    let (whole, pieces) = in_pieces(&telemetry, telemetry.page(Selection::default()));
    assert!(pieces > 50, "{pieces}");
    let page = Page::parse(std::str::from_utf8(&whole).unwrap());
    let of = |family: &str| {
        series(&page)
            .iter()
            .filter(|s| s.starts_with(family))
            .count()
    };
    assert_eq!(of("envoy_cluster_membership_total{"), 3_000);
    assert_eq!(of("envoy_cluster_upstream_rq_timeout{"), 3_002);
}

#[test]
fn a_filtered_page_of_many_mappings_comes_in_small_pieces() {
    let telemetry = with_mappings(3_000);
    let of = |pattern: &str| {
        let selection = Selection {
            filter: Some(Filter::new(pattern).unwrap()),
            ..Selection::default()
        };
        let (whole, pieces) = in_pieces(&telemetry, telemetry.page(selection));
        let page = Page::parse(std::str::from_utf8(&whole).unwrap());
        (page.samples.len(), pieces)
    };
    let (samples, pieces) = of("^nuncio_mapping_requests_total$");
    assert_eq!(samples, 3_000 * 4);
    assert!(pieces > 3_000 / 64, "{pieces}");
    let (samples, _) = of("^nuncio_mapping_request_duration_seconds$");
    assert_eq!(samples, 3_000 * 12);
    assert_eq!(of("^server.live$").0, 1);
}

#[test]
fn our_own_pages_of_many_mappings_come_in_small_pieces() {
    let telemetry = with_mappings(3_000);
    let (openmetrics, pieces) = in_pieces(&telemetry, telemetry.openmetrics());
    let text = String::from_utf8(openmetrics).unwrap();
    assert!(pieces > 20, "{pieces}");
    assert_eq!(text.matches("# EOF\n").count(), 1);
    assert_eq!(
        text.matches("nuncio_mapping_requests_total{").count(),
        3_000 * 4
    );
    let announced = "# TYPE nuncio_mapping_requests counter\n";
    assert_eq!(text.matches(announced).count(), 1);

    let (protobuf, pieces) = in_pieces(&telemetry, telemetry.protobuf());
    assert!(pieces > 3_000 / 64, "{pieces}");
    let families = families(&protobuf);
    assert_eq!(
        families
            .iter()
            .filter(|name| *name == "nuncio_mapping_requests_total")
            .count(),
        1
    );
    assert_eq!(families.last().unwrap(), "nuncio_mapping_timeouts_total");
}

/// The names of delimited messages that each begin with their name.
fn families(mut messages: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while !messages.is_empty() {
        let length = varint(&mut messages);
        let (message, rest) = messages.split_at(length);
        let mut field = message.strip_prefix(&[0x0a]).unwrap();
        let length = varint(&mut field);
        names.push(String::from_utf8(field[..length].to_vec()).unwrap());
        messages = rest;
    }
    names
}

fn varint(bytes: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}
