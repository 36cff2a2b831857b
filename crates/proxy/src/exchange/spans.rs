//! The spans of one request: the gateway's own, and one of each attempt.
//!
//! Names, kinds and tags are those of Envoy (`HttpTracerUtility`) as Emissary configures it: the
//! gateway is a client (`egress`), and each attempt is a child span of its router.
//!
//! Invariant: nothing is remembered or allocated for spans of a request that is not sampled; nothing
//! is waited for where it is.
//!
//! Deliberately absent: whether a request is sampled, and where spans go; see [`nuncio_tracing`].

mod tags;

use std::net::SocketAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue};
use nuncio_config::TracingDriver;
use nuncio_routing::HeaderCase;
use nuncio_tracing::{Span, SpanId, SpanKind, SpanTime, Text, Trace, Tracer};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;

use super::Account;
use super::access_log;
use super::course::Course;
use super::failure::Stage;
use super::relay::Relayed;
use super::words;

/// One attempt at a sampled request.
#[derive(Debug)]
pub(super) struct AttemptSpan {
    id: SpanId,
    started: Instant,
    ended: Instant,
    endpoint: Option<SocketAddr>,
    /// `None` when there was no answer.
    status: Option<u16>,
    flags: &'static str,
}

/// An attempt that is under way.
#[derive(Debug)]
pub(super) struct Attempting {
    id: SpanId,
    started: Instant,
}

impl Attempting {
    /// The attempt is over.
    pub(super) fn ended(self, relayed: &Relayed, endpoint: Option<SocketAddr>) -> AttemptSpan {
        let (status, flags) = match relayed {
            Relayed::Complete { status, .. }
            | Relayed::Broken { status, .. }
            | Relayed::Discarded { status, .. } => (Some(*status), ""),
            Relayed::Failed(failure) => {
                let stage = Stage {
                    is_complete: true,
                    is_retry: false,
                };
                (None, words::flags(failure.outcome(stage)))
            }
        };
        AttemptSpan {
            id: self.id,
            started: self.started,
            ended: Instant::now(),
            endpoint,
            status,
            flags,
        }
    }
}

/// Tells an attempt whose it is. `Some` when it is to have a span.
pub(super) fn begin_attempt(course: &Course<'_>, head: &mut RequestHeader) -> Option<Attempting> {
    let (tracer, trace) = (course.live.tracer()?, course.trace?);
    let id = SpanId::random();
    inject(course, (tracer, trace), (id, Some(trace.span)), head);
    trace.sampled.then(|| Attempting {
        id,
        started: Instant::now(),
    })
}

/// Tells a request that has no span of its own whose it is.
pub(super) fn mark(course: &Course<'_>, head: &mut RequestHeader) {
    if let (Some(tracer), Some(trace)) = (course.live.tracer(), course.trace) {
        inject(course, (tracer, trace), (trace.span, trace.parent), head);
    }
}

fn inject(
    course: &Course<'_>,
    (tracer, trace): (&Tracer, Trace),
    (span, parent): (SpanId, Option<SpanId>),
    head: &mut RequestHeader,
) {
    let case = &course.settings().connections.header_case;
    let ways = tracer.propagation();
    trace.inject(ways, span, parent, |name, value| match value {
        // A head has room for fields that were checked.
        Some(value) => drop(set(head, case, name, value)),
        None => drop(head.remove_header(&name)),
    });
}

fn set(
    head: &mut RequestHeader,
    case: &HeaderCase,
    name: HeaderName,
    value: HeaderValue,
) -> pingora_core::Result<()> {
    match case {
        // Pingora spells names in title case where spellings are kept at all.
        HeaderCase::Lower | HeaderCase::Proper => head.insert_header(name, value),
        HeaderCase::Overrides(_) => head.insert_header(name.as_str().to_owned(), value),
    }
}

/// Tells the spans of a request that is over.
pub(super) fn tell(course: &Course<'_>, session: &ServerSession, account: &Account<'_>) {
    let (Some(tracer), Some(trace)) = (course.live.tracer(), course.trace) else {
        return;
    };
    if !trace.sampled {
        return;
    }
    let told = Told {
        course,
        tracer,
        trace,
        account,
        clock: Clock::now(),
    };
    let attempts = account.attempts.iter().enumerate();
    let attempts = attempts.map(|(nth, attempt)| told.attempt(nth, attempt, session));
    let spans = attempts.chain([told.gateway(session)]);
    let worker = course.connection.worker();
    worker.spans().add(tracer.destination(), spans);
}

/// One request's spans, being told.
struct Told<'t, 'a> {
    course: &'t Course<'a>,
    tracer: &'t Tracer,
    trace: Trace,
    account: &'t Account<'a>,
    clock: Clock,
}

impl Told<'_, '_> {
    fn gateway(&self, session: &ServerSession) -> Span {
        let received = session.req_header();
        let facts = access_log::facts(self.course, session, self.account);
        let host = String::from_utf8_lossy(access_log::host(received));
        let name = match self.tracer.driver() {
            TracingDriver::Zipkin => host.into_owned(),
            TracingDriver::OpenTelemetry | TracingDriver::Datadog => format!("egress {host}"),
        };
        let status = facts.response.status;
        let mut tags = tags::of_gateway(&facts, received);
        self.tracer.tag(&received.headers, &mut tags);
        Span {
            trace: self.trace.id,
            id: self.trace.span,
            parent: self.trace.parent,
            name: Text::of_bytes(name.as_bytes()),
            kind: SpanKind::Client,
            time: self.clock.between(self.course.started, self.clock.at),
            is_error: is_error(status),
            tags,
        }
    }

    fn attempt(&self, nth: usize, attempt: &AttemptSpan, session: &ServerSession) -> Span {
        let cluster = self.account.cluster;
        let stats_name = cluster.map_or("", nuncio_telemetry::ClusterStats::name);
        let name = (self.course.cluster_name().unwrap_or_default(), stats_name);
        let received = session.req_header();
        let mut tags = tags::of_attempt(nth, attempt, name, received.version);
        self.tracer.tag(&received.headers, &mut tags);
        Span {
            trace: self.trace.id,
            id: attempt.id,
            parent: Some(self.trace.span),
            name: format!("router {stats_name} egress").into(),
            kind: SpanKind::Client,
            time: self.clock.between(attempt.started, attempt.ended),
            is_error: is_error(attempt.status),
            tags,
        }
    }
}

/// No answer is as bad as a bad one.
fn is_error(status: Option<u16>) -> bool {
    status.is_none_or(|status| status >= 500)
}

/// One moment, by the clock that never jumps and by the wall's.
#[derive(Clone, Copy)]
struct Clock {
    at: Instant,
    since_1970: std::time::Duration,
}

impl Clock {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            since_1970: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    fn between(self, start: Instant, end: Instant) -> SpanTime {
        let ago = self.at.saturating_duration_since(start);
        SpanTime {
            start: self.since_1970.saturating_sub(ago),
            lasted: end.saturating_duration_since(start),
        }
    }
}
