//! The TracingService.

use nuncio_config::{Percent, Propagation, Trust};
use nuncio_routing::{Snapshot, SpanFormat, Tracing};

use crate::written::{compiled, compiled_trusting, complaints, module, tracing_service};

const ZIPKIN: &str = "driver: zipkin, service: \"zipkin:9411\"";

fn tracing(snapshot: &Snapshot) -> &Tracing {
    snapshot.settings.tracing.as_ref().unwrap()
}

fn of(keys: &str) -> Tracing {
    let snapshot = compiled([tracing_service("t", keys)]);
    assert_eq!(complaints(&snapshot), [""; 0], "{keys}");
    tracing(&snapshot).clone()
}

#[test]
fn without_a_tracing_service_nothing_is_traced() {
    assert_eq!(compiled([]).settings.tracing, None);
}

#[test]
fn what_a_driver_does_not_say_is_as_in_emissary() {
    let zipkin = of(ZIPKIN);
    assert_eq!(zipkin.format, SpanFormat::ZipkinJson);
    assert_eq!(&*zipkin.collector.path, "/api/v2/spans");
    assert_eq!(&*zipkin.collector.authority, "zipkin:9411");
    assert_eq!(&*zipkin.propagation, [Propagation::B3]);
    assert_eq!(&*zipkin.service_name, "ambassador-default");
    assert!(zipkin.wide_ids);
    assert_eq!(zipkin.sampling.random, Percent::ALL);
    let otel = of("driver: opentelemetry, service: otel");
    assert_eq!(otel.format, SpanFormat::OtlpGrpc);
    assert_eq!(&*otel.propagation, [Propagation::TraceContext]);
    assert_eq!(&*otel.service_name, "ambassador");
    let datadog = of("driver: datadog, service: \"agent:8126\"");
    assert_eq!(&*datadog.collector.path, "/v0.4/traces");
    assert_eq!(datadog.propagation.first(), Some(&Propagation::Datadog));
}

#[test]
fn the_config_says_how_spans_are_written() {
    let with = |driver: &str, config: &str| {
        of(&format!(
            "driver: {driver}, service: a, config: {{{config}}}"
        ))
    };
    let proto = with("zipkin", "collector_endpoint_version: HTTP_PROTO");
    assert_eq!(proto.format, SpanFormat::ZipkinProto);
    let http = with("opentelemetry", "collector_endpoint_version: HTTP_PROTO");
    assert_eq!(http.format, SpanFormat::OtlpHttp);
    assert_eq!(&*http.collector.path, "/v1/traces");
    let path = with("opentelemetry", "collector_endpoint: /otlp");
    assert_eq!(path.format, SpanFormat::OtlpHttp);
    assert_eq!(&*path.collector.path, "/otlp");
    let named = with(
        "zipkin",
        "collector_hostname: spans.example, service_name: edge",
    );
    assert_eq!(&*named.collector.authority, "spans.example");
    assert_eq!(&*named.service_name, "edge");
    let modes = with("zipkin", "propagation_modes: [TRACE_CONTEXT, B3]");
    let both = [Propagation::TraceContext, Propagation::B3];
    assert_eq!(*modes.propagation, both);
}

#[test]
fn the_collectors_short_name_means_the_namespace_of_its_resource() {
    let host = |more| {
        let service = tracing_service("t", ZIPKIN).namespace("b");
        let snapshot = compiled([service, module(more)]);
        tracing(&snapshot).collector.host.to_string()
    };
    assert_eq!(host("{}"), "zipkin.b");
    let of_gateway = "{use_ambassador_namespace_for_service_resolution: true}";
    assert_eq!(host(of_gateway), "zipkin");
}

#[test]
fn of_two_none_counts_and_each_names_the_other() {
    let snapshot = compiled([tracing_service("a", ZIPKIN), tracing_service("b", ZIPKIN)]);
    assert_eq!(snapshot.settings.tracing, None);
    let ignored = "ignored: exactly one TracingService is supported, and there is also";
    assert_eq!(
        complaints(&snapshot),
        [
            format!(
                "error: TracingService a: {ignored} b at Service default/web, document 2, line 1"
            ),
            format!(
                "error: TracingService b: {ignored} a at Service default/web, document 1, line 1"
            ),
        ]
    );
}

#[test]
fn untrusted_annotations_of_other_namespaces_neither_count_nor_stand_in_the_way() {
    let services = [
        tracing_service("a", ZIPKIN).namespace("shop"),
        tracing_service("b", ZIPKIN).namespace("edge"),
    ];
    let snapshot = compiled_trusting(Trust::Hardened, services);
    assert_eq!(tracing(&snapshot).collector.host.to_string(), "zipkin");
    assert_eq!(complaints(&snapshot).len(), 1);
}
