//! One request and its response.
//!
//! Invariant: every request ends in exactly one [`RequestRecord`], whoever answered it and however
//! it went; nothing is counted anywhere else.
//!
//! Deliberately absent: accepting connections and keeping them.

mod access_log;
mod aliases;
mod answer;
mod attempts;
mod client_certificate;
mod client_head;
mod clients;
mod cors;
mod course;
mod fact;
mod facts;
mod failure;
mod fields;
mod format;
mod forward;
mod forwarding;
mod grpc;
mod gzip;
mod head;
mod header_rules;
mod json;
mod overrides;
mod redirect;
mod relay;
mod reply;
mod request;
mod response_body;
mod retry;
mod shadow;
mod spans;
mod spelling;
mod start_time;
mod timer;
mod tunnel;
mod unread;
mod upgrade;
mod upstream_head;
mod virtual_host;
mod words;

use std::pin::pin;
use std::time::{Duration, Instant};

use nuncio_telemetry::{
    ActiveRequest, Bytes, ClusterStats, Ending, Mapped, Outcome, Protocol, RequestRecord, Side,
    TraceId,
};
use nuncio_tracing::named_trace;
use pingora_core::protocols::http::ServerSession;

use crate::confined::{Panicked, confined};
use crate::downstream::Connection;
pub(crate) use access_log::LogPlan;
use access_log::Particulars;
use course::Course;
use spans::AttemptSpan;
pub(crate) use unread::refuse_unread;

/// What becomes of the client's connection (HTTP/1) or stream (HTTP/2) afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// The response is whole: finish the message and keep the connection if both sides may.
    Finish,
    /// The response cannot be completed; the client must see that.
    Abort,
}

/// How an exchange went, as far as the counters are concerned.
struct Account<'a> {
    outcome: Outcome,
    afterwards: Afterwards,
    cluster: Option<&'a ClusterStats>,
    upstream_time: Option<Duration>,
    upstream_bytes: (u64, u64),
    retried: bool,
    mapping: Option<Mapped<'a>>,
    trace: Option<TraceId>,
    /// What the client is told, where that is not what became of the request.
    told: Option<u16>,
    timing: Timing,
    particulars: Particulars,
    /// Those of a sampled request.
    attempts: Vec<AttemptSpan>,
}

/// Whether a request was complete by the time that something was done.
#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    /// Its answer began earlier.
    answered_early: bool,
    /// It was over earlier.
    unfinished: bool,
}

impl Timing {
    /// Of a request that is not complete although it has been answered.
    const CUT_SHORT: Self = Self {
        answered_early: true,
        unfinished: true,
    };
}

impl Account<'_> {
    /// The gateway answered by itself.
    fn local(outcome: Outcome, afterwards: Afterwards) -> Self {
        Self {
            outcome,
            afterwards,
            cluster: None,
            upstream_time: None,
            upstream_bytes: (0, 0),
            retried: false,
            mapping: None,
            trace: None,
            told: None,
            timing: Timing::default(),
            particulars: Particulars::default(),
            attempts: Vec::new(),
        }
    }

    /// Counts the exchange, and the bytes that went over `connection` meanwhile.
    fn record(&self, connection: &Connection, mut request: ActiveRequest, duration: Duration) {
        if let Some(status) = self.told {
            request.told(status);
        }
        if self.timing.answered_early {
            request.answered_early();
        }
        if self.timing.unfinished {
            request.left_unfinished();
        }
        let (downstream_received, downstream_sent) = connection.traffic().take();
        let (upstream_received, upstream_sent) = self.upstream_bytes;
        RequestRecord {
            request,
            cluster: self.cluster,
            outcome: self.outcome,
            duration,
            upstream_time: self.upstream_time,
            bytes: Bytes {
                downstream_received,
                downstream_sent,
                upstream_received,
                upstream_sent,
            },
            retried: self.retried,
            mapping: self.mapping,
            trace: self.trace,
        }
        .record();
    }
}

impl Account<'_> {
    /// Who resets an HTTP/2 stream that ended so.
    fn reset_by(&self, connection: &Connection) -> Option<Side> {
        let left_by_client = matches!(
            self.outcome,
            Outcome::ClientLeft
                | Outcome::Upstream {
                    ending: Ending::ClientLeft,
                    ..
                }
        );
        match self.afterwards {
            // With its connection it has no frame of its own.
            _ if left_by_client => (!connection.traffic().peer_closed()).then_some(Side::Remote),
            Afterwards::Abort => Some(Side::Local),
            // RFC 9113 section 8.1: whoever answers early may so say that no more is wanted.
            Afterwards::Finish => self.timing.unfinished.then_some(Side::Local),
        }
    }
}

/// Serves the request whose head `session` has read.
pub(crate) async fn serve(connection: &Connection, session: &mut ServerSession) -> Afterwards {
    let started = Instant::now();
    let protocol = if session.is_http2() {
        Protocol::Http2
    } else {
        Protocol::Http1
    };
    let request = connection.listener().request_started(protocol);
    let rules = connection.rules();
    let mut course = Course::new(connection, &rules, started);
    let answered = confined(pin!(answer::answer(&mut course, session))).await;
    let mut account = match answered {
        Ok(account) => account,
        Err(Panicked) => answer::apologize(&course, session).await,
    };
    if let Some(fault) = connection.traffic().fault() {
        // Of its body: what is wrong with a head is found before this.
        connection.worker().refused().request(fault.label());
    }
    account.mapping = mapped(&course, account.particulars.attempts);
    account.trace = match course.trace {
        Some(trace) => trace.sampled.then_some(trace.id),
        // Only what is counted by Mapping has an example.
        None if account.mapping.is_some() => named_trace(&session.req_header().headers),
        None => None,
    };
    let lasted = started.elapsed();
    course.lasted = Some(lasted);
    access_log::log(&course, session, &account);
    spans::tell(&course, session, &account);
    account.record(connection, request, lasted);
    if protocol == Protocol::Http2
        && let Some(by) = account.reset_by(connection)
    {
        connection.listener().http().stream_reset(by);
    }
    account.afterwards
}

/// The exchange's part in the Mapping whose Route took it.
fn mapped<'a>(course: &Course<'a>, attempts: u32) -> Option<Mapped<'a>> {
    Some(Mapped {
        stats: course.live.mapping_stats(course.route?)?,
        retries: attempts.saturating_sub(1),
    })
}
