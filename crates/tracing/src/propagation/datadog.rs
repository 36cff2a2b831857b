//! Datadog's headers: `x-datadog-*`. Ids are decimal and have 64 bits; the upper half of a trace's
//! stands in `x-datadog-tags`.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_telemetry::TraceId;

use super::{Incoming, Outgoing, Write, only, value};
use crate::SpanId;
use crate::id::{from_decimal, from_hex, push_hex};

const TRACE_ID: HeaderName = HeaderName::from_static("x-datadog-trace-id");
const PARENT_ID: HeaderName = HeaderName::from_static("x-datadog-parent-id");
const PRIORITY: HeaderName = HeaderName::from_static("x-datadog-sampling-priority");
const ORIGIN: HeaderName = HeaderName::from_static("x-datadog-origin");
const TAGS: HeaderName = HeaderName::from_static("x-datadog-tags");

/// The tag with the upper half of a trace's id.
const UPPER: &[u8] = b"_dd.p.tid=";

pub(super) fn extract(headers: &HeaderMap) -> Incoming {
    let number = |name: HeaderName| only(headers, &name).and_then(from_decimal);
    let lower = number(TRACE_ID).filter(|lower| *lower > 0);
    let trace = lower.and_then(|lower| {
        let upper = upper(only(headers, &TAGS).unwrap_or_default()).unwrap_or(0);
        TraceId::new(u128::from(upper) << 64 | u128::from(lower))
    });
    let span = number(PARENT_ID).and_then(SpanId::new);
    Incoming {
        span: trace.zip(span),
        sampled: only(headers, &PRIORITY).and_then(is_kept),
    }
}

/// What a user decided counts as what a tracer did: -1 and 0 drop, 1 and 2 keep.
fn is_kept(priority: &[u8]) -> Option<bool> {
    match priority {
        b"1" | b"2" => Some(true),
        b"0" | b"-1" => Some(false),
        _ => None,
    }
}

fn upper(tags: &[u8]) -> Option<u64> {
    let mut tags = tags.split(|byte| *byte == b',');
    let digits = tags.find_map(|tag| tag.strip_prefix(UPPER))?;
    let bits = from_hex(digits).filter(|_| digits.len() == 16)?;
    u64::try_from(bits).ok()
}

pub(super) fn inject(outgoing: &Outgoing, write: &mut Write<'_>) {
    let trace = outgoing.trace.bits();
    // The lower half.
    let lower = u64::try_from(trace & u128::from(u64::MAX)).unwrap_or(0);
    write(TRACE_ID, Some(HeaderValue::from(lower)));
    write(PARENT_ID, Some(HeaderValue::from(outgoing.span.bits())));
    let companions = outgoing.companions;
    // A user's decision (2, -1) says more than that it is kept or dropped.
    if companions.priority != Some(outgoing.sampled) {
        write(PRIORITY, Some(super::flag(outgoing.sampled)));
    }
    if companions.datadog {
        // Its tags are where the upper half was found, if there is one.
        return;
    }
    write(ORIGIN, None);
    let upper = (trace >> 64 != 0).then(|| {
        let mut text = BytesMut::with_capacity(26);
        text.extend_from_slice(UPPER);
        push_hex(trace >> 64, 16, &mut text);
        value(text)
    });
    write(TAGS, upper.flatten());
}
