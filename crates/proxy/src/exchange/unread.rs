//! What was sent instead of a request, as the guard found it.
//!
//! Invariant: it is answered and counted once, and nothing of it goes anywhere.
//!
//! Deliberately absent: ending the connection, which is over with it.

use std::time::{Duration, Instant};

use nuncio_guard::Fault;
use nuncio_telemetry::{Outcome, Protocol};
use pingora_core::protocols::http::ServerSession;

use super::course::Course;
use super::reply::Reply;
use super::{Account, Afterwards, access_log};
use crate::downstream::Connection;

/// Answers what was sent instead of a request.
pub(crate) async fn refuse_unread(
    connection: &Connection,
    session: &mut ServerSession,
    fault: Fault,
) {
    let started = Instant::now();
    tracing::debug!(reason = fault.label(), peer = %connection.peer(), "no request");
    connection.worker().refused().request(fault.label());
    let request = connection.listener().request_started(Protocol::Http1);
    let rules = connection.rules();
    session.set_keepalive(None);
    let reply = reply(fault);
    let outcome = outcome(fault);
    if fault == Fault::HeadLate {
        connection.listener().http().head_late();
    }
    // A client that sends no HTTP may well not wait for an answer either.
    drop(reply.send_unread(session, rules.live().settings()).await);
    let mut course = Course::new(connection, &rules, started);
    course.lasted = Some(started.elapsed());
    let account = Account::local(outcome, Afterwards::Abort);
    access_log::log_malformed(&course, session, &account);
    account.record(connection, request, Duration::ZERO);
}

/// The answer, in the words of Envoy's codecs.
fn reply(fault: Fault) -> Reply {
    let text = match fault.status() {
        408 => "request header timeout",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => return Reply::MALFORMED,
    };
    Reply::new(fault.status(), text)
}

/// Neither a Host that is missing nor slowness is a mistake of the protocol for Envoy.
fn outcome(fault: Fault) -> Outcome {
    let status = fault.status();
    match fault {
        Fault::HostMissing | Fault::HeadLate => Outcome::Refused { status },
        _ => Outcome::Malformed { status },
    }
}
