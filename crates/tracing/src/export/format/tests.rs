use std::time::Duration;

use nuncio_telemetry::TraceId;
use prost::Message as _;
use serde_json::{Value, json};

use super::otlp::ExportTraceServiceRequest;
use super::zipkin::ListOfSpans;
use super::{datadog, otlp, zipkin};
use crate::SpanId;
use crate::span::{Span, SpanKind, SpanTime, Tags};

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

fn span(parent: Option<u64>, is_error: bool) -> Span {
    let mut tags = Tags::default();
    tags.set("component", "proxy");
    tags.set("hostile", "\"\u{0}\n\u{1f600}".to_owned());
    Span {
        trace: TraceId::new(TRACE).unwrap(),
        id: SpanId::new(0xab).unwrap(),
        parent: parent.map(|parent| SpanId::new(parent).unwrap()),
        name: "egress a".into(),
        kind: SpanKind::Client,
        time: SpanTime {
            start: Duration::new(1_700_000_000, 1_000),
            lasted: Duration::from_nanos(1_500),
        },
        is_error,
        tags,
    }
}

#[test]
fn zipkins_json_is_version_2() {
    let spans = [span(None, false), span(Some(1), true)];
    let written: Value = serde_json::from_slice(&zipkin::json("edge", &spans)).unwrap();
    assert_eq!(
        written[1],
        json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "id": "00000000000000ab",
            "parentId": "0000000000000001",
            "name": "egress a",
            "kind": "CLIENT",
            "timestamp": 1_700_000_000_000_001_u64,
            "duration": 1,
            "localEndpoint": {"serviceName": "edge"},
            "tags": {"component": "proxy", "hostile": "\"\u{0}\n\u{1f600}", "error": "true"},
        })
    );
    assert_eq!(written[0].get("parentId"), None);
}

#[test]
fn a_trace_of_64_bits_has_half_as_many_digits() {
    let narrow = Span {
        trace: TraceId::new(0xff).unwrap(),
        ..span(None, false)
    };
    let json: Value =
        serde_json::from_slice(&zipkin::json("a", std::slice::from_ref(&narrow))).unwrap();
    assert_eq!(json[0]["traceId"], "00000000000000ff");
    let proto = ListOfSpans::decode(&*zipkin::proto("a", &[narrow])).unwrap();
    assert_eq!(proto.spans[0].trace_id.len(), 8);
}

#[test]
fn zipkins_protobuf_says_the_same() {
    let written = zipkin::proto("edge", &[span(Some(1), true)]);
    let list = ListOfSpans::decode(&*written).unwrap();
    let span = &list.spans[0];
    assert_eq!(span.trace_id, TRACE.to_be_bytes());
    assert_eq!(span.parent_id, 1_u64.to_be_bytes());
    assert_eq!((span.kind, span.duration), (1, 1));
    assert_eq!(span.local_endpoint.as_ref().unwrap().service_name, "edge");
    assert_eq!(span.tags["error"], "true");
}

#[test]
fn otlp_has_one_resource() {
    let written = otlp::request("edge", &[span(None, false), span(Some(1), true)]);
    let request = ExportTraceServiceRequest::decode(&*written).unwrap();
    let of_gateway = &request.resource_spans[0];
    let name = &of_gateway.resource.as_ref().unwrap().attributes[0];
    assert_eq!(name.key, "service.name");
    let [root, child] = &*of_gateway.scope_spans[0].spans else {
        panic!("{request:?}");
    };
    assert!(root.parent_span_id.is_empty());
    assert_eq!(child.parent_span_id, 1_u64.to_be_bytes());
    assert_eq!(child.kind, 3);
    assert_eq!(child.end_time_unix_nano - child.start_time_unix_nano, 1_500);
    assert_eq!(child.status.unwrap().code, 2);
    assert_eq!(root.status.unwrap().code, 0);
}

/// The bytes of a small MessagePack document, by hand.
#[test]
fn datadogs_message_is_a_list_of_traces() {
    let message = datadog::message("edge", &[span(Some(1), true), span(None, false)]);
    assert_eq!(message.content_type, "application/msgpack");
    assert!(
        message
            .fields
            .contains(&("x-datadog-trace-count", "1".to_owned()))
    );
    let body = &*message.body;
    // One trace of two spans of twelve keys, the first of which is `service`.
    assert_eq!(body[..5], [0xdd, 0, 0, 0, 1]);
    assert_eq!(body[5..10], [0xdd, 0, 0, 0, 2]);
    assert_eq!(body[10..15], [0xdf, 0, 0, 0, 12]);
    assert_eq!(&body[15..30], b"\xd9\x07service\xd9\x04edge");
    let has = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    assert!(has(b"\xd9\x08trace_id\xcf\xa3\xce\x92\x9d\x0e\x0e\x47\x36"));
    assert!(has(b"\xd9\x09_dd.p.tid\xd9\x104bf92f3577b34da6"));
    assert!(has(b"\xd9\x05error\xd3\0\0\0\0\0\0\0\x01"));
    assert!(has(b"\xd9\x08duration\xd3\0\0\0\0\0\0\x05\xdc"));
}
