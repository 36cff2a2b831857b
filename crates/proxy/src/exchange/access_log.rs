//! The line of the access log that every exchange ends with.
//!
//! Invariant: nothing is remembered, formatted or allocated for it while the log is off; nothing is
//! waited for while it is on.
//!
//! Deliberately absent: the file; see [`nuncio_telemetry::AccessLog`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::HOST;
use nuncio_config::{AccessLogFormat, AccessLogOptions};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;

use super::course::Course;
use super::facts::{Clock, Facts, ResponseFacts, UpstreamFacts};
use super::format::{self, Unknown};
use super::json::{self, Types};
use super::{Account, words};

/// What the configuration says of the log.
#[derive(Debug)]
pub(crate) struct LogPlan {
    path: Arc<str>,
    format: AccessLogFormat,
}

/// What is known of an exchange that counters do not ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Particulars {
    /// The endpoint of the last attempt.
    pub(super) upstream: Option<SocketAddr>,
    pub(super) attempts: u32,
    /// Whether there would have been another attempt, but for their number.
    pub(super) is_exhausted: bool,
    pub(super) request_end: Option<Instant>,
    /// When the client was sent the head of the upstream's answer.
    pub(super) response_start: Option<Instant>,
    /// The text of the gateway's own answer.
    pub(super) text: &'static str,
}

/// Ambassador's, from 0.21 to Emissary 4.
const DEFAULT_FORMAT: &str = concat!(
    "ACCESS [%START_TIME%] ",
    "\"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" ",
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" ",
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n",
);

/// Ambassador's: standard output.
const DEFAULT_PATH: &str = "/dev/fd/1";

impl LogPlan {
    pub(crate) fn of(options: &AccessLogOptions) -> Arc<Self> {
        let default = || AccessLogFormat::Text(DEFAULT_FORMAT.parse().unwrap_or_default());
        Arc::new(Self {
            path: options.path.as_deref().unwrap_or(DEFAULT_PATH).into(),
            format: options.format.clone().unwrap_or_else(default),
        })
    }

    fn write(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        match &self.format {
            AccessLogFormat::Text(format) => format::write(format, facts, Unknown::Dash, out),
            AccessLogFormat::Json { fields, typed } => {
                let types = if *typed { Types::Kept } else { Types::Strings };
                json::write(fields, facts, types, out);
            }
        }
        if out.last() != Some(&b'\n') {
            out.push(b'\n');
        }
    }
}

/// Logs the exchange whose head `session` has read, if the log is on.
pub(super) fn log(course: &Course<'_>, session: &ServerSession, account: &Account<'_>) {
    let Some(log) = course.connection.worker().log() else {
        return;
    };
    let facts = facts(course, session, account);
    let plan = course.live.log_plan();
    log.add(&plan.path, |out| plan.write(&facts, out));
}

/// All that is known of an exchange that is over.
pub(super) fn facts<'f>(
    course: &'f Course<'_>,
    session: &'f ServerSession,
    account: &Account<'f>,
) -> Facts<'f> {
    let received = session.req_header();
    let mut facts = course.facts(received);
    if facts.request.host.is_empty() {
        facts.request.host = host(received);
    }
    facts.request.body_bytes = session.body_bytes_read() as u64;
    ended(&mut facts, session, account);
    facts
}

/// Logs what was sent instead of a request, if the log is on.
pub(super) fn log_malformed(course: &Course<'_>, session: &ServerSession, account: &Account<'_>) {
    let Some(log) = course.connection.worker().log() else {
        return;
    };
    // Nothing is known of it: as in Envoy, its parts are shown as `-`.
    let Ok(unread) = RequestHeader::build_no_case("-", b"-", None) else {
        return;
    };
    let mut facts = course.facts(&unread);
    facts.request.path = "-";
    facts.request.host = b"-";
    ended(&mut facts, session, account);
    let plan = course.live.log_plan();
    log.add(&plan.path, |out| plan.write(&facts, out));
}

/// Adds what came of the request.
fn ended<'f>(facts: &mut Facts<'f>, session: &'f ServerSession, account: &Account<'f>) {
    let particulars = &account.particulars;
    facts.upstream = UpstreamFacts {
        cluster: account.cluster.map(nuncio_telemetry::ClusterStats::name),
        cluster_name: facts.upstream.cluster,
        address: particulars.upstream,
        local: None,
        failure: failure(particulars.text),
        attempts: particulars.attempts,
    };
    facts.response = ResponseFacts {
        status: account.told.or(account.outcome.status()),
        headers: session.response_written().map(|head| &head.headers),
        trailers: None,
        flags: flags(account),
        details: words::details(account.outcome),
        local_body: particulars.text.as_bytes(),
        body_bytes: session.body_bytes_sent() as u64,
    };
    let started = facts.clock.started.at();
    let since = |at: Instant| at.saturating_duration_since(started);
    facts.clock = Clock {
        request_end: particulars.request_end.map(since),
        response_start: particulars.response_start.map(since),
        ..facts.clock
    };
}

/// Envoy adds the flag of retries that were used up to that of the last attempt, if that has one.
fn flags(account: &Account<'_>) -> &'static str {
    match words::flags(account.outcome) {
        flags if !account.particulars.is_exhausted => flags,
        "" => "URX",
        "UF" => "UF,URX",
        "UC" => "UC,URX",
        "UR" => "UR,URX",
        "UT" => "UT,URX",
        "UPE" => "URX,UPE",
        flags => flags,
    }
}

/// What a text of the gateway says of the transport.
fn failure(text: &'static str) -> Option<&'static str> {
    if text.is_empty() {
        return None;
    }
    let (_, reason) = text.split_once("transport failure reason: ")?;
    Some(reason)
}

/// As sent; a request that was refused may have none.
pub(super) fn host(received: &RequestHeader) -> &[u8] {
    let authority = received
        .uri
        .authority()
        .map(|name| name.as_str().as_bytes());
    let field = || received.headers.get(HOST).map(http::HeaderValue::as_bytes);
    authority.or_else(field).unwrap_or(b"-")
}
