//! Writes spans as collectors read them.

mod datadog;
mod message_pack;
mod otlp;
mod zipkin;

use bytes::Bytes;
use nuncio_routing::SpanFormat;

use super::Destination;
use crate::span::Span;

/// What a collector is sent.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) content_type: &'static str,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Message {
    fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            content_type,
            fields: Vec::new(),
            body: body.into(),
        }
    }
}

/// Spans, as their collector reads them.
pub(super) fn message(destination: &Destination, spans: &[Span]) -> Message {
    let service = &*destination.service_name;
    match destination.format {
        SpanFormat::ZipkinJson => Message::new("application/json", zipkin::json(service, spans)),
        SpanFormat::ZipkinProto => {
            Message::new("application/x-protobuf", zipkin::proto(service, spans))
        }
        SpanFormat::OtlpGrpc => Message::new("application/grpc", otlp::request(service, spans)),
        SpanFormat::OtlpHttp => {
            Message::new("application/x-protobuf", otlp::request(service, spans))
        }
        SpanFormat::Datadog => datadog::message(service, spans),
    }
}

/// Microseconds, of which there are fewer than 2^64 for longer than there are clocks.
fn microseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
