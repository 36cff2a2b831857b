//! Zipkin v2 (<https://zipkin.io/zipkin-api/>): JSON, and `zipkin.proto3.ListOfSpans`.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::{Map, Value, json};

use super::microseconds;
use crate::span::{Span, SpanKind};

/// A list of spans.
pub(super) fn json(service: &str, spans: &[Span]) -> Vec<u8> {
    let spans: Value = spans.iter().map(|span| json_span(service, span)).collect();
    spans.to_string().into_bytes()
}

fn json_span(service: &str, span: &Span) -> Value {
    let kind = match span.kind {
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
    };
    let tags = tags(span).map(|(name, value)| (name.to_owned(), Value::from(value)));
    let mut written = json!({
        "traceId": trace_text(span),
        "id": format!("{:016x}", span.id.bits()),
        "name": span.name.as_str(),
        "kind": kind,
        "timestamp": microseconds(span.time.start),
        "duration": lasted(span),
        "localEndpoint": {"serviceName": service},
        "tags": tags.collect::<Map<_, _>>(),
    });
    if let (Some(parent), Some(fields)) = (span.parent, written.as_object_mut()) {
        let parent = format!("{:016x}", parent.bits());
        fields.insert("parentId".to_owned(), parent.into());
    }
    written
}

/// 16 digits are a trace of 64 bits.
fn trace_text(span: &Span) -> String {
    match span.trace.bits() >> 64 {
        0 => format!("{:016x}", span.trace.bits()),
        _ => span.trace.to_string(),
    }
}

/// Zero would mean that it is not known.
fn lasted(span: &Span) -> u64 {
    microseconds(span.time.lasted).max(1)
}

fn tags(span: &Span) -> impl Iterator<Item = (&str, &str)> {
    let error = span.is_error.then_some(("error", "true"));
    span.tags.iter().chain(error)
}

/// `ListOfSpans`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListOfSpans {
    #[prost(message, repeated, tag = "1")]
    pub(super) spans: Vec<ProtoSpan>,
}

/// `Span`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProtoSpan {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) parent_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) id: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub(super) kind: u32,
    #[prost(string, tag = "5")]
    pub(super) name: String,
    #[prost(fixed64, tag = "6")]
    pub(super) timestamp: u64,
    #[prost(uint64, tag = "7")]
    pub(super) duration: u64,
    #[prost(message, optional, tag = "8")]
    pub(super) local_endpoint: Option<Endpoint>,
    #[prost(btree_map = "string, string", tag = "11")]
    pub(super) tags: BTreeMap<String, String>,
}

/// `Endpoint`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Endpoint {
    #[prost(string, tag = "1")]
    pub(super) service_name: String,
}

/// A list of spans.
pub(super) fn proto(service: &str, spans: &[Span]) -> Vec<u8> {
    let spans = spans.iter().map(|span| proto_span(service, span));
    let spans = spans.collect();
    ListOfSpans { spans }.encode_to_vec()
}

fn proto_span(service: &str, span: &Span) -> ProtoSpan {
    let trace = span.trace.to_bytes();
    let narrow = trace.get(8..).filter(|_| span.trace.bits() >> 64 == 0);
    let parent = span
        .parent
        .map(|parent| parent.bits().to_be_bytes().to_vec());
    ProtoSpan {
        trace_id: narrow.unwrap_or(&trace).to_vec(),
        parent_id: parent.unwrap_or_default(),
        id: span.id.bits().to_be_bytes().to_vec(),
        kind: match span.kind {
            SpanKind::Client => 1,
            SpanKind::Server => 2,
        },
        name: span.name.as_str().to_owned(),
        timestamp: microseconds(span.time.start),
        duration: lasted(span),
        local_endpoint: Some(Endpoint {
            service_name: service.to_owned(),
        }),
        tags: tags(span)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}
