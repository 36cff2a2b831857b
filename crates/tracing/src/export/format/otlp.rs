//! OTLP (<https://opentelemetry.io/docs/specs/otlp/>): `ExportTraceServiceRequest`, of which what the
//! gateway has to say is written.

use prost::{Message, Oneof};

use super::nanoseconds;
use crate::span::{Span, SpanKind};

/// `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) resource_spans: Vec<ResourceSpans>,
}

/// `opentelemetry.proto.trace.v1.ResourceSpans`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(super) scope_spans: Vec<ScopeSpans>,
}

/// `opentelemetry.proto.resource.v1.Resource`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
}

/// `opentelemetry.proto.trace.v1.ScopeSpans`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) spans: Vec<OtlpSpan>,
}

/// `opentelemetry.proto.common.v1.InstrumentationScope`
#[derive(Clone, PartialEq, Message)]
pub(super) struct InstrumentationScope {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

/// `opentelemetry.proto.common.v1.KeyValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<AnyValue>,
}

/// `opentelemetry.proto.common.v1.AnyValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyValue {
    #[prost(oneof = "Value", tags = "1")]
    pub(super) value: Option<Value>,
}

/// Envoy says everything as text.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(string, tag = "1")]
    StringValue(String),
}

/// `opentelemetry.proto.trace.v1.Span`
#[derive(Clone, PartialEq, Message)]
pub(super) struct OtlpSpan {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(super) name: String,
    #[prost(int32, tag = "6")]
    pub(super) kind: i32,
    #[prost(fixed64, tag = "7")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    pub(super) end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    pub(super) status: Option<Status>,
    /// The trace's flags: these spans are sampled.
    #[prost(fixed32, tag = "16")]
    pub(super) flags: u32,
}

/// `opentelemetry.proto.trace.v1.Status`
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = "3")]
    pub(super) code: i32,
}

const STATUS_ERROR: i32 = 2;
const SAMPLED: u32 = 1;

/// All spans, of one resource.
pub(super) fn request(service: &str, spans: &[Span]) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            attribute("service.name", service),
            attribute("telemetry.sdk.language", "rust"),
            attribute("telemetry.sdk.name", "nuncio"),
            attribute("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ],
    };
    let scope = InstrumentationScope {
        name: "nuncio".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: spans.iter().map(otlp_span).collect(),
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
        }],
    };
    request.encode_to_vec()
}

fn otlp_span(span: &Span) -> OtlpSpan {
    let bytes = |id: u64| id.to_be_bytes().to_vec();
    let error = span.is_error.then_some(("error", "true"));
    let tags = span.tags.iter().chain(error);
    let code = span.is_error.then_some(STATUS_ERROR);
    OtlpSpan {
        trace_id: span.trace.to_bytes().to_vec(),
        span_id: bytes(span.id.bits()),
        parent_span_id: span.parent.map(|id| bytes(id.bits())).unwrap_or_default(),
        name: span.name.as_str().to_owned(),
        kind: match span.kind {
            SpanKind::Server => 2,
            SpanKind::Client => 3,
        },
        start_time_unix_nano: nanoseconds(span.time.start),
        end_time_unix_nano: nanoseconds(span.time.start + span.time.lasted),
        attributes: tags.map(|(key, value)| attribute(key, value)).collect(),
        status: Some(Status {
            code: code.unwrap_or_default(),
        }),
        flags: SAMPLED,
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
    }
}
