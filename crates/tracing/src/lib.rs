//! Traces of requests: who a request's trace is found to be, which requests are sampled, what their
//! spans say, and how spans get to a collector.
//!
//! A request begins with [`Tracer::begin`], which reads the trace it belongs to from its headers, or
//! begins one, and decides whether it is sampled as Envoy does. Each attempt is told its own span by
//! [`Trace::inject`]. Spans of sampled requests are collected by each worker ([`Spans`]) and handed by
//! the batch to the [`Exporter`], a task of the control path that alone waits for collectors.
//!
//! Invariants:
//! - Whatever headers say, reading them neither fails nor panics: what is malformed is as good as
//!   absent, and the request begins a trace of its own.
//! - Whoever hands spans over waits for nothing; what is on its way is bounded, and what is lost is
//!   counted.
//!
//! Deliberately absent: requests. Whoever serves them says what a span is to say.

mod export;
mod id;
mod propagation;
mod queue;
mod sampling;
mod span;
mod trace;
mod tracer;

pub use export::{Destination, Exporter};
pub use id::SpanId;
pub use propagation::named_trace;
pub use queue::{SpanSender, Spans, Waiting, channel};
pub use span::{Span, SpanKind, SpanTime, Tags, Text};
pub use trace::Trace;
pub use tracer::{Begun, Tracer};
