//! How a trace goes from one program to the next by headers.
//!
//! Invariant: what is malformed, or said twice, says nothing.

mod b3;
mod datadog;
mod w3c;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_config::Propagation;
use nuncio_telemetry::TraceId;

use crate::SpanId;
use crate::id::push_hex;

/// What a request says of the trace it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Incoming {
    /// The trace, and the span that the request was sent by.
    pub(crate) span: Option<(TraceId, SpanId)>,
    /// Whether who sent it samples it.
    pub(crate) sampled: Option<bool>,
}

/// What an attempt is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) trace: TraceId,
    /// The attempt's own.
    pub(crate) span: SpanId,
    /// Whose part it is.
    pub(crate) parent: Option<SpanId>,
    pub(crate) sampled: bool,
    pub(crate) companions: Companions,
}

/// In which ways what else a request said is of the trace that it is found to belong to, and goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Companions {
    pub(crate) b3: bool,
    pub(crate) trace_context: bool,
    pub(crate) datadog: bool,
    /// What Datadog's priority says of sampling.
    pub(crate) priority: Option<bool>,
}

/// Takes a field and its value; `None` takes the field away.
pub(crate) type Write<'w> = dyn FnMut(HeaderName, Option<HeaderValue>) + 'w;

/// What a request says, in the first of the ways in which it says anything.
pub(crate) fn extract(ways: &[Propagation], headers: &HeaderMap) -> Incoming {
    let said = ways.iter().map(|way| match way {
        Propagation::B3 => b3::extract(headers),
        Propagation::TraceContext => w3c::extract(headers),
        Propagation::Datadog => datadog::extract(headers),
    });
    let mut first = Incoming::default();
    for incoming in said {
        if incoming.span.is_some() {
            return incoming;
        }
        first.sampled = first.sampled.or(incoming.sampled);
    }
    first
}

/// The trace that a request says it belongs to, unless it says as well that it is not sampled.
pub fn named_trace(headers: &HeaderMap) -> Option<TraceId> {
    const WAYS: [Propagation; 3] = [
        Propagation::TraceContext,
        Propagation::B3,
        Propagation::Datadog,
    ];
    if !headers.keys().any(may_name_trace) {
        return None;
    }
    let incoming = extract(&WAYS, headers);
    let (trace, _) = incoming.span?;
    (incoming.sampled != Some(false)).then_some(trace)
}

/// Whether it may be a field that says something of a trace; most requests have none.
fn may_name_trace(name: &HeaderName) -> bool {
    match name.as_str().as_bytes() {
        b"b3" | b"traceparent" => true,
        [b'x', b'-', rest @ ..] => rest.starts_with(b"b3-") || rest.starts_with(b"datadog-"),
        _ => false,
    }
}

impl Companions {
    /// Of the trace that is continued; `None` when one is begun.
    pub(crate) fn of(ways: &[Propagation], headers: &HeaderMap, trace: Option<TraceId>) -> Self {
        let named = |incoming: Incoming| incoming.span.map(|(trace, _)| trace);
        let is_same = |incoming| trace.is_some() && named(incoming) == trace;
        let mut companions = Self::default();
        for way in ways {
            match way {
                Propagation::B3 => companions.b3 = is_same(b3::of_several(headers)),
                Propagation::TraceContext => {
                    companions.trace_context = is_same(w3c::extract(headers));
                }
                Propagation::Datadog => {
                    let incoming = datadog::extract(headers);
                    companions.datadog = is_same(incoming);
                    companions.priority = incoming.sampled.filter(|_| named(incoming) == trace);
                }
            }
        }
        companions
    }
}

/// Tells an attempt in each of the ways.
pub(crate) fn inject(ways: &[Propagation], outgoing: &Outgoing, write: &mut Write<'_>) {
    for way in ways {
        match way {
            Propagation::B3 => b3::inject(outgoing, write),
            Propagation::TraceContext => w3c::inject(outgoing, write),
            Propagation::Datadog => datadog::inject(outgoing, write),
        }
    }
}

/// The only value of a field.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(one), None) => Some(one.as_bytes().trim_ascii()),
        _ => None,
    }
}

fn flag(is_set: bool) -> HeaderValue {
    HeaderValue::from_static(if is_set { "1" } else { "0" })
}

/// A value that is made of ids.
fn value(text: BytesMut) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(text.freeze()).ok()
}

fn hex(number: u128, digits: u32) -> Option<HeaderValue> {
    let mut text = BytesMut::with_capacity(32);
    push_hex(number, digits, &mut text);
    value(text)
}

/// How many digits a trace is written in, where ids may have 64 bits.
fn digits(trace: TraceId) -> u32 {
    if trace.bits() >> 64 == 0 { 16 } else { 32 }
}

#[cfg(test)]
mod tests;
