//! Requests one after the other on an HTTP/1.1 connection.

use std::time::Duration;

use bytes::BytesMut;
use pingora_core::BError;
use pingora_core::ErrorType;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::time::timeout;

use super::connection::{Busy, Connection};
use crate::exchange::{self, Afterwards, STREAM_IDLE_TIMEOUT, Unread};

/// How long a client may go on sending a body nobody wants before the connection is cut: cut at
/// once, it might never see the answer (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(1);

/// A connection on which another request may come.
struct Waiting {
    stream: Stream,
    /// How it begins, if it came with the one before (RFC 9112 section 9.3.2).
    begun: Option<BytesMut>,
}

/// What follows a request.
enum Next {
    Request(Waiting),
    End,
    /// The connection ends with this one unfinished.
    CutShort(Busy),
}

/// Serves requests until either side ends the connection; returns the one it was ended in.
pub(super) async fn run(connection: &Connection, stream: Stream) -> Option<Busy> {
    let mut next = Next::Request(Waiting {
        stream,
        begun: None,
    });
    loop {
        match next {
            Next::Request(waiting) => next = serve_one(connection, waiting).await,
            Next::End => return None,
            Next::CutShort(request) => return Some(request),
        }
    }
}

async fn serve_one(connection: &Connection, waiting: Waiting) -> Next {
    let mut session = ServerSession::new_http1(waiting.stream);
    if let Some(begun) = waiting.begun {
        session.set_pipelined_prefix(begun);
    }
    // Without a limit of the codec's own.
    session.set_keepalive(Some(0));
    session.set_read_timeout(Some(STREAM_IDLE_TIMEOUT));
    session.set_write_timeout(Some(STREAM_IDLE_TIMEOUT));
    match connection.while_idle(session.read_request()).await {
        Some(Ok(true)) => {}
        Some(Ok(false)) => return Next::End,
        None => {
            say_goodbye(connection, &mut session).await;
            return Next::End;
        }
        Some(Err(error)) => {
            refuse(connection, &mut session, &error).await;
            return Next::End;
        }
    }
    let busy = connection.busy();
    // What follows a body is taken for a request only where no body had to be parsed to find its
    // end: the codec reads an empty chunk size as the last one.
    let is_bodyless = session.is_body_empty();
    session.set_pipelining_enabled(is_bodyless);
    if connection.is_leaving() {
        session.set_keepalive(None);
        connection.listener().http().drain_begun();
    }
    match exchange::serve(connection, &mut session).await {
        Afterwards::Finish => finish(session).await.map_or(Next::End, Next::Request),
        Afterwards::Abort => Next::CutShort(busy),
    }
}

/// Closes an idle connection; without TLS that takes no words.
async fn say_goodbye(connection: &Connection, session: &mut ServerSession) {
    if connection.is_secure() {
        drop(timeout(LINGER, session.shutdown()).await);
    }
}

async fn finish(mut session: ServerSession) -> Option<Waiting> {
    if session.get_keepalive().is_none() && !session.is_body_done() {
        // Whatever comes is discarded; the client has its answer or is out of time.
        drop(timeout(LINGER, session.drain_request_body()).await);
    }
    let (stream, begun) = session.finish().await.ok()??.into_parts();
    Some(Waiting { stream, begun })
}

/// Tells a client that speaks no HTTP so, unless it has left.
async fn refuse(connection: &Connection, session: &mut ServerSession, error: &BError) {
    tracing::debug!(%error, "cannot read the request");
    let has_left = matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::ReadTimedout
    );
    if !has_left {
        exchange::refuse_unread(connection, session, unread(error)).await;
    }
}

/// What the codec could not read. It has no type for its limits (1 MiB, 256 fields), only words.
fn unread(error: &BError) -> Unread {
    let reason = error.to_string();
    let is_too_large = ["header larger than", "too many headers"]
        .iter()
        .any(|limit| reason.contains(limit));
    if is_too_large {
        Unread::TooLarge
    } else {
        Unread::Malformed
    }
}
