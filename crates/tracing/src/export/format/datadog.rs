//! Datadog's agent, v0.4: a list of traces, each a list of spans, as MessagePack.
//!
//! As by Envoy's driver a span's `name` is `envoy.proxy`, and what was done is its `resource`. Ids have
//! 64 bits; the upper half of a trace's is a tag.

use std::collections::BTreeMap;

use super::message_pack::Writer;
use super::{Message, nanoseconds};
use crate::span::{Span, SpanKind};

/// A span's name, which the agent's statistics are by.
const NAME: &str = "envoy.proxy";

/// The keys of a span; see [`write_span`].
const KEYS: usize = 12;

pub(super) fn message(service: &str, spans: &[Span]) -> Message {
    let mut traces: BTreeMap<u128, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace.bits()).or_default().push(span);
    }
    let mut out = Writer::default();
    out.array(traces.len());
    for spans in traces.values() {
        out.array(spans.len());
        for span in spans {
            write_span(service, span, &mut out);
        }
    }
    Message {
        fields: vec![
            ("x-datadog-trace-count", traces.len().to_string()),
            ("datadog-meta-lang", "rust".to_owned()),
            (
                "datadog-meta-tracer-version",
                env!("CARGO_PKG_VERSION").to_owned(),
            ),
        ],
        ..Message::new("application/msgpack", out.into_bytes())
    }
}

fn write_span(service: &str, span: &Span, out: &mut Writer) {
    let trace = span.trace.bits();
    let lower = u64::try_from(trace & u128::from(u64::MAX)).unwrap_or(0);
    out.map(KEYS);
    for (key, text) in [
        ("service", service),
        ("name", NAME),
        ("resource", span.name.as_str()),
        ("type", "web"),
    ] {
        out.text(key);
        out.text(text);
    }
    for (key, number) in [
        ("trace_id", lower),
        ("span_id", span.id.bits()),
        ("parent_id", span.parent.map_or(0, |parent| parent.bits())),
    ] {
        out.text(key);
        out.unsigned(number);
    }
    for (key, number) in [
        ("start", nanoseconds(span.time.start)),
        ("duration", nanoseconds(span.time.lasted)),
        ("error", span.is_error.into()),
    ] {
        out.text(key);
        out.signed(number);
    }
    write_meta(span, out);
    out.text("metrics");
    out.map(1);
    out.text("_sampling_priority_v1");
    out.float(1.0);
}

fn write_meta(span: &Span, out: &mut Writer) {
    let upper = span.trace.bits() >> 64;
    let upper = (upper != 0).then(|| format!("{upper:016x}"));
    let kind = match span.kind {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
    };
    let more = [
        Some(("span.kind", kind)),
        upper.as_deref().map(|upper| ("_dd.p.tid", upper)),
    ];
    let more = more.into_iter().flatten();
    out.text("meta");
    out.map(span.tags.iter().len() + more.clone().count());
    for (name, value) in span.tags.iter().chain(more) {
        out.text(name);
        out.text(value);
    }
}
