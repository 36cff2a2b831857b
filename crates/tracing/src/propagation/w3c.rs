//! W3C Trace Context: `traceparent` and `tracestate` (<https://www.w3.org/TR/trace-context/>).
//!
//! Of `tracestate` the gateway has no part: it goes on as it came, with the trace that it belongs to.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName};
use nuncio_telemetry::TraceId;

use super::{Incoming, Outgoing, Write, only, value};
use crate::SpanId;
use crate::id::{from_hex, push_hex};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-{32 digits}-{16 digits}-{2 digits}`
const LENGTH: usize = 55;

pub(super) fn extract(headers: &HeaderMap) -> Incoming {
    let parsed = only(headers, &TRACEPARENT).and_then(parse);
    parsed.unwrap_or_default()
}

fn parse(text: &[u8]) -> Option<Incoming> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    if known.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut parts = known.split(|byte| *byte == b'-');
    let mut part = |length| parts.next().filter(|part: &&[u8]| part.len() == length);
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_readable = match from_hex(version)? {
        0 => rest.is_empty(),
        // Section 3.3: never a version; and of later ones what is known is read.
        0xff => false,
        _ => rest.is_empty() || rest.starts_with(b"-"),
    };
    let trace = TraceId::new(from_hex(trace).filter(|_| is_readable)?)?;
    let span = SpanId::new(u64::try_from(from_hex(span)?).ok()?)?;
    Some(Incoming {
        span: Some((trace, span)),
        sampled: Some(from_hex(flags)? & 1 == 1),
    })
}

pub(super) fn inject(outgoing: &Outgoing, write: &mut Write<'_>) {
    let mut text = BytesMut::with_capacity(LENGTH);
    text.extend_from_slice(b"00-");
    push_hex(outgoing.trace.bits(), 32, &mut text);
    text.extend_from_slice(b"-");
    push_hex(outgoing.span.bits().into(), 16, &mut text);
    text.extend_from_slice(if outgoing.sampled { b"-01" } else { b"-00" });
    write(TRACEPARENT, value(text));
    if !outgoing.companions.trace_context {
        write(TRACESTATE, None);
    }
}
