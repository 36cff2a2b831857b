//! Requests side by side on an HTTP/2 connection.
//!
//! Invariant: whatever the gateway ends, it ends with GOAWAY, which says why.

mod frames_due;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::Connection as H2Connection;
use nuncio_guard::{Fault, FrameFault, FrameTerms};
use nuncio_telemetry::Flood;
use pingora_core::BError;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession, default_h2_options, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use tokio::task;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{ClientWire, Connection};
use crate::exchange::{self, Afterwards};
use frames_due::{FramesDue, Overdue};

/// What the codec counts of a head beyond its bytes: 32 for each field (RFC 9113 section 6.5.2), and what
/// heads are not measured by elsewhere. It is not to refuse what was found to be sound.
const MAX_HEAD_EXTRA: u32 = 4 * 1024;

/// Malformed streams after which the connection is given up. Those that the codec resets it counts for as
/// long as the connection lives; a client with so many that were no flood is asked for another connection
/// before that. Those that are refused before they are served are counted in the time in which a client's
/// resets are.
const MAX_LOCAL_RESETS: usize = 1000;
const WORN_BY_RESETS: u32 = 500;
const MAX_REJECTED: u32 = 32;

/// Streams that a client has reset before we have seen that they are there.
const MAX_PENDING_RESETS: usize = 20;

/// What is kept of small parts of bodies that nobody has read, as the codec counts it: 256 for each. A
/// stream's window of messages of nine bytes is kept; the codec's own measure is a quarter of that.
const DATA_FRAMES: usize = 2 * 1024 * 1024;

/// How long it is tried to tell a client why it is given up.
const LINGER: Duration = Duration::from_secs(1);

/// What accepting a stream came to.
#[expect(
    clippy::large_enum_variant,
    reason = "as with the codec's own: an allocation for each stream would cost more"
)]
enum Accepted {
    Codec(Result<Option<H2Accept>, BError>),
    Overdue(Overdue),
    /// Nothing for as long as a client may say nothing, or it is asked to end.
    Nothing,
    Leaving,
}

/// Streams that were refused before they were served, of late.
#[derive(Debug)]
struct Rejected {
    within: Duration,
    since: Instant,
    streams: u32,
}

impl Rejected {
    fn new(within: Duration) -> Self {
        Self {
            within,
            since: Instant::now(),
            streams: 0,
        }
    }

    /// Counts one; returns whether it may be.
    fn one_more(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) > self.within {
            (self.since, self.streams) = (now, 0);
        }
        self.streams += 1;
        self.streams <= MAX_REJECTED
    }
}

/// Serves requests until either side ends the connection, which has to begin until `deadline`.
pub(super) async fn run(connection: &Rc<Connection>, mut wire: Box<ClientWire>, deadline: Instant) {
    let notes = wire.screen_frames(terms(connection));
    let due = FramesDue::new(notes, connection.limits().header_timeout);
    match timeout_at(deadline, handshake(wire, Some(options(connection)))).await {
        Ok(Ok(h2)) => accept(connection, h2, due).await,
        Ok(Err(error)) => tracing::debug!(%error, "no HTTP/2 connection"),
        Err(_) => connection.listener().http().head_late(),
    }
}

/// What frames have to keep to.
fn terms(connection: &Connection) -> FrameTerms {
    let limits = connection.limits();
    let rules = connection.rules();
    FrameTerms {
        max_head_bytes: rules.live().settings().connections.max_head_bytes,
        max_fields: limits.max_fields,
        max_resets: limits.http2.max_resets,
        resets_within: limits.http2.resets_within,
    }
}

fn options(connection: &Connection) -> H2Options {
    let mut options = default_h2_options();
    let rules = connection.rules();
    let limits = connection.limits().http2;
    let allowed = rules.live().settings().connections.max_head_bytes;
    let list = u32::try_from(allowed).unwrap_or(u32::MAX);
    options
        .max_header_list_size(list.saturating_add(MAX_HEAD_EXTRA))
        .max_concurrent_streams(
            rules
                .listener()
                .http2_max_streams
                .unwrap_or(limits.max_streams),
        )
        .initial_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_send_buffer_size(limits.max_send_buffer)
        .max_local_error_reset_streams(Some(MAX_LOCAL_RESETS))
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .data_frame_budget(DATA_FRAMES);
    options
}

async fn accept(
    connection: &Rc<Connection>,
    mut h2: H2Connection<Stream, Bytes>,
    mut due: FramesDue,
) {
    let digest = Arc::new(Digest {
        ssl_digest: None,
        timing_digest: Vec::new(),
        proxy_digest: None,
        socket_digest: None,
    });
    connection.will_say_goodbye();
    let http = connection.listener().http();
    let mut rejected = Rejected::new(connection.limits().http2.resets_within);
    let mut asked_to_leave = false;
    loop {
        let is_over = connection.is_leaving() || due.rejections() >= WORN_BY_RESETS;
        if is_over && !asked_to_leave {
            // GOAWAY: streams under way, and those opened before the client knows, are served.
            h2.graceful_shutdown();
            asked_to_leave = true;
            http.drain_begun();
            http.goaway_sent();
        }
        let next = HttpSession::from_h2_conn(&mut h2, Arc::clone(&digest));
        let accepted = tokio::select! {
            biased;
            next = connection.while_idle(next) => next.map_or(Accepted::Nothing, Accepted::Codec),
            overdue = due.overdue() => Accepted::Overdue(overdue),
            () = connection.leaving(), if !asked_to_leave => Accepted::Leaving,
        };
        count_oversized(connection, due.take_oversized());
        match accepted {
            Accepted::Codec(Ok(Some(H2Accept::Session(session)))) => serve(connection, session),
            Accepted::Codec(Ok(Some(H2Accept::Rejected))) => {
                if rejected.one_more(Instant::now()) {
                    continue;
                }
                return end(connection, h2, Reason::ENHANCE_YOUR_CALM).await;
            }
            // The first one names no last stream (RFC 9113 section 6.8).
            Accepted::Codec(Ok(None)) if asked_to_leave => return http.goaway_sent(),
            Accepted::Codec(Err(error)) if is_told(&error) => return http.goaway_sent(),
            Accepted::Codec(Ok(None) | Err(_)) => return,
            Accepted::Overdue(overdue) => {
                count(connection, overdue);
                return end(connection, h2, reason(overdue)).await;
            }
            // Streams under way keep the connection, however quiet it is.
            Accepted::Nothing if connection.is_busy() => {}
            Accepted::Nothing => return end(connection, h2, Reason::NO_ERROR).await,
            Accepted::Leaving => {}
        }
    }
}

/// Whether the client was told by GOAWAY what it did wrong.
fn is_told(error: &BError) -> bool {
    let cause = error.cause.as_ref();
    let cause = cause.and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|error| error.is_go_away() && error.is_library())
}

/// Says GOAWAY, and closes the connection with all that is under way on it.
async fn end(connection: &Connection, mut h2: H2Connection<Stream, Bytes>, reason: Reason) {
    connection.listener().http().goaway_sent();
    h2.abrupt_shutdown(reason);
    // A client that does not read is not waited for.
    drop(timeout(LINGER, poll_fn(|cx| h2.poll_closed(cx))).await);
}

fn count_oversized(connection: &Connection, heads: u32) {
    if heads > 0 {
        connection.listener().http().heads_too_large(heads);
        let label = Fault::HeadTooLarge.label();
        (0..heads).for_each(|_| connection.worker().refused().request(label));
    }
}

fn count(connection: &Connection, overdue: Overdue) {
    let label = match overdue {
        Overdue::Fault(fault) => fault.label(),
        Overdue::Late => Fault::HeadLate.label(),
    };
    connection.worker().refused().request(label);
    let flood = match overdue {
        Overdue::Fault(FrameFault::EmptyFrames | FrameFault::Continuations) => Flood::EmptyFrames,
        Overdue::Fault(FrameFault::Priorities) => Flood::Priorities,
        Overdue::Fault(FrameFault::WindowUpdates) => Flood::WindowUpdates,
        Overdue::Fault(FrameFault::Control) => Flood::Control,
        Overdue::Fault(FrameFault::Resets) => Flood::Resets,
        Overdue::Fault(
            FrameFault::Protocol
            | FrameFault::FrameSize
            | FrameFault::FlowControl
            | FrameFault::StreamClosed
            | FrameFault::Compression,
        ) => return,
        Overdue::Late => return connection.listener().http().head_late(),
    };
    connection.listener().http().flooded(flood);
}

fn reason(overdue: Overdue) -> Reason {
    match overdue {
        Overdue::Fault(fault) => fault.code().into(),
        Overdue::Late => Reason::ENHANCE_YOUR_CALM,
    }
}

/// Serves one stream beside the others.
fn serve(connection: &Rc<Connection>, session: HttpSession) {
    let connection = Rc::clone(connection);
    let busy = connection.busy();
    // A task's future is moved half a dozen times before it has its place, and this one is large.
    task::spawn_local(Box::pin(async move {
        let mut session = ServerSession::new_http2(session);
        session.set_write_timeout(Some(connection.limits().stream_idle_timeout));
        match exchange::serve(&connection, &mut session).await {
            // A stream that cannot be finished is reset when dropped.
            Afterwards::Finish => drop(session.finish().await),
            Afterwards::Abort => drop(session),
        }
        drop(busy);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_streams_are_counted_in_their_time() {
        let within = Duration::from_secs(30);
        let mut rejected = Rejected::new(within);
        let now = rejected.since;
        assert!((0..MAX_REJECTED).all(|_| rejected.one_more(now)));
        assert!(!rejected.one_more(now + within));
        assert!(rejected.one_more(now + 2 * within));
    }
}
