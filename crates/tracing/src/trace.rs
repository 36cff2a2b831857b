//! The trace that one request belongs to.

use http::{HeaderName, HeaderValue};
use nuncio_config::Propagation;
use nuncio_telemetry::TraceId;

use crate::SpanId;
use crate::propagation::{self, Companions, Outgoing};

/// The trace of one request, and the gateway's span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub id: TraceId,
    /// The gateway's span.
    pub span: SpanId,
    /// The span that the request was sent by, if it came with one.
    pub parent: Option<SpanId>,
    /// Whether its spans go to the collector.
    pub sampled: bool,
    pub(crate) companions: Companions,
}

impl Trace {
    /// Tells an attempt that this is its span, and whose part that is: `write` takes fields and their
    /// values, and takes those without a value away.
    pub fn inject(
        &self,
        ways: &[Propagation],
        span: SpanId,
        parent: Option<SpanId>,
        mut write: impl FnMut(HeaderName, Option<HeaderValue>),
    ) {
        let outgoing = Outgoing {
            trace: self.id,
            span,
            parent,
            sampled: self.sampled,
            companions: self.companions,
        };
        propagation::inject(ways, &outgoing, &mut write);
    }
}
