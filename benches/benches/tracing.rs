//! What tracing costs a request on its way: finding its trace, deciding, and telling the upstream.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark is a program, not an interface"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_routing::compile;
use nuncio_tracing::{SpanId, Tracer};

const ID: &[u8] = b"4bf92f35-0000-4000-8000-000000000000";

fn tracer(keys: &str) -> Tracer {
    let object = Arc::new(ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: "s".into(),
    });
    let text =
        format!("{{apiVersion: ambassador/v2, kind: TracingService, name: t, service: a, {keys}}}");
    let identity = Identity::default();
    let parsed = parse_annotation(&text, &Origin::api(object), &identity);
    let snapshot = compile(&parsed.resources, parsed.diagnostics, &identity, 1);
    Tracer::new(snapshot.settings.tracing.as_ref().unwrap(), |_| None)
}

/// What an ordinary request has, and the trace it comes with.
fn headers(trace: &[(&'static str, &'static str)]) -> HeaderMap {
    let ordinary = [
        ("host", "a.example"),
        ("user-agent", "curl/8"),
        ("accept", "*/*"),
        ("x-forwarded-for", "10.0.0.1"),
    ];
    let all = ordinary.iter().chain(trace);
    all.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    })
    .collect()
}

fn trace(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trace");
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    for (name, keys, fields) in [
        (
            "zipkin/new",
            "driver: zipkin, sampling: {random: 0}",
            &[][..],
        ),
        (
            "opentelemetry/new",
            "driver: opentelemetry, sampling: {random: 0}",
            &[][..],
        ),
        (
            "opentelemetry/continued",
            "driver: opentelemetry",
            &[("traceparent", parent)][..],
        ),
        (
            "datadog/new",
            "driver: datadog, sampling: {random: 0}",
            &[][..],
        ),
    ] {
        let (tracer, headers) = (tracer(keys), headers(fields));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let begun = tracer.begin(black_box(&headers), ID);
                let parent = Some(begun.trace.span);
                begun.trace.inject(
                    tracer.propagation(),
                    SpanId::random(),
                    parent,
                    |_, value| {
                        black_box(value);
                    },
                );
            });
        });
    }
    group.finish();
}

criterion_group!(benches, trace);
criterion_main!(benches);
