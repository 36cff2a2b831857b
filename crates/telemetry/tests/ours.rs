//! Our own families in OpenMetrics and in protobuf.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nuncio_telemetry::{
    BuildInfo, Bytes, Ending, Mapped, Outcome, Page, Protocol, RequestRecord, Telemetry, TraceId,
};

/// A Mapping that had a request of each of these durations, all of one trace.
fn served(took_ms: &[u64]) -> Arc<Telemetry> {
    let telemetry = Telemetry::new(BuildInfo::default());
    let address = "0.0.0.0:8080".parse().unwrap();
    let listener = telemetry.listener(address, &telemetry.http("ingress_http"));
    let mapping = telemetry.mapping("default", "a\"b");
    for took in took_ms {
        RequestRecord {
            request: listener.request_started(Protocol::Http1),
            cluster: None,
            outcome: Outcome::Upstream {
                status: 200,
                ending: Ending::Complete,
            },
            duration: Duration::from_millis(*took),
            upstream_time: None,
            bytes: Bytes::default(),
            retried: false,
            mapping: Some(Mapped {
                stats: &mapping,
                retries: 1,
            }),
            trace: TraceId::new(0xabc),
        }
        .record();
    }
    telemetry
}

fn whole(telemetry: &Telemetry, mut page: Page) -> Vec<u8> {
    let mut whole = Vec::new();
    while page.write(telemetry, &mut whole) {}
    whole
}

fn openmetrics(telemetry: &Telemetry) -> String {
    String::from_utf8(whole(telemetry, telemetry.openmetrics())).unwrap()
}

#[test]
fn openmetrics_has_units_totals_and_an_end() {
    let page = openmetrics(&served(&[3]));
    assert!(page.ends_with("\n# EOF\n"));
    let duration = "nuncio_mapping_request_duration_seconds";
    for line in [
        format!("# TYPE {duration} histogram"),
        format!("# UNIT {duration} seconds"),
        "# TYPE nuncio_mapping_requests counter".to_owned(),
    ] {
        assert!(page.lines().any(|one| one == line), "{line}");
    }
    let labels = "mapping_namespace=\"default\",mapping=\"a\\\"b\"";
    let retries = format!("nuncio_mapping_retries_total{{{labels}}} 1\n");
    let bucket = format!("{duration}_bucket{{{labels},le=\"1.0\"}} 1\n");
    assert!(page.contains(&retries) && page.contains(&bucket));
    assert!(!page.contains("envoy_") && !page.contains("ambassador_"));
}

#[test]
fn a_bucket_has_the_trace_of_a_request_in_it() {
    let page = openmetrics(&served(&[3, 30]));
    let examples: Vec<_> = page.lines().filter(|line| line.contains(" # {")).collect();
    assert_eq!(examples.len(), 2, "{examples:#?}");
    let trace = " # {trace_id=\"00000000000000000000000000000abc\"} ";
    assert!(
        examples[0].contains("le=\"0.005\"") && examples[0].contains(&format!("{trace}0.003 "))
    );
    assert!(examples[1].contains("le=\"0.1\"") && examples[1].contains(&format!("{trace}0.03 ")));
}

#[test]
fn every_form_has_the_same_families() {
    let telemetry = served(&[3]);
    let mut text = Vec::new();
    telemetry.render(&mut text);
    let text = String::from_utf8(text).unwrap();
    let ours = |line: &str| line.starts_with("nuncio_") || line.starts_with("process_");
    let named = |page: &str| -> BTreeSet<String> {
        let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names = types.filter(|line| ours(line));
        let names = names.map(|line| line.split(' ').next().unwrap().replace("_total", ""));
        names.collect()
    };
    assert_eq!(named(&text), named(&openmetrics(&telemetry)));
    let protobuf = whole(&telemetry, telemetry.protobuf());
    for name in named(&text) {
        let is_there = protobuf
            .windows(name.len())
            .any(|window| window == name.as_bytes());
        assert!(is_there, "{name}");
    }
}
