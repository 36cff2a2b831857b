//! B3: `x-b3-*`, or all in one `b3` (<https://github.com/openzipkin/b3-propagation>).
//!
//! Several headers are written, as by Envoy's Zipkin driver. `b3`, which those who know it read
//! first, is taken away lest it contradicts them.

use http::{HeaderMap, HeaderName};
use nuncio_telemetry::TraceId;

use super::{Incoming, Outgoing, Write, digits, flag, hex, only};
use crate::SpanId;
use crate::id::from_hex;

const SINGLE: HeaderName = HeaderName::from_static("b3");
const TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
const PARENT: HeaderName = HeaderName::from_static("x-b3-parentspanid");
const SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
const FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");

pub(super) fn extract(headers: &HeaderMap) -> Incoming {
    match only(headers, &SINGLE) {
        Some(single) => of_single(single).unwrap_or_default(),
        None => of_several(headers),
    }
}

/// `{trace}-{span}[-{sampled}[-{parent}]]`, or `{sampled}` alone.
fn of_single(text: &[u8]) -> Option<Incoming> {
    if let Some(sampled) = sampled(text) {
        let sampled = Some(sampled);
        return Some(Incoming {
            sampled,
            ..Incoming::default()
        });
    }
    let mut parts = text.split(|byte| *byte == b'-');
    let span = (trace_id(parts.next()?)?, span_id(parts.next()?)?);
    let is_sampled = match parts.next() {
        Some(text) => Some(sampled(text)?),
        None => None,
    };
    if let Some(parent) = parts.next() {
        span_id(parent)?;
    }
    parts.next().is_none().then_some(Incoming {
        span: Some(span),
        sampled: is_sampled,
    })
}

pub(super) fn of_several(headers: &HeaderMap) -> Incoming {
    let ids = (only(headers, &TRACE_ID), only(headers, &SPAN_ID));
    let span = match ids {
        (Some(trace), Some(span)) => trace_id(trace).zip(span_id(span)),
        _ => None,
    };
    // Debugging implies sampling.
    let is_debugged = only(headers, &FLAGS).is_some_and(|flags| flags == b"1");
    let said = only(headers, &SAMPLED).and_then(sampled);
    Incoming {
        span,
        sampled: if is_debugged { Some(true) } else { said },
    }
}

pub(super) fn inject(outgoing: &Outgoing, write: &mut Write<'_>) {
    let Outgoing { trace, parent, .. } = *outgoing;
    write(TRACE_ID, hex(trace.bits(), digits(trace)));
    write(SPAN_ID, hex(outgoing.span.bits().into(), 16));
    let parent = parent.and_then(|parent| hex(parent.bits().into(), 16));
    write(PARENT, parent);
    write(SAMPLED, Some(flag(outgoing.sampled)));
    write(SINGLE, None);
    if !outgoing.companions.b3 {
        write(FLAGS, None);
    }
}

fn trace_id(text: &[u8]) -> Option<TraceId> {
    let is_whole = matches!(text.len(), 16 | 32);
    TraceId::new(from_hex(text).filter(|_| is_whole)?)
}

fn span_id(text: &[u8]) -> Option<SpanId> {
    let bits = from_hex(text).filter(|_| text.len() == 16)?;
    SpanId::new(u64::try_from(bits).ok()?)
}

/// `true` and `false` are of the time before the numbers; `d` is for debugging.
fn sampled(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"d" | b"true" | b"True" => Some(true),
        b"0" | b"false" | b"False" => Some(false),
        _ => None,
    }
}
