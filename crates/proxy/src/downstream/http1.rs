//! Requests one after the other on an HTTP/1.1 connection.

use std::time::Duration;

use nuncio_guard::{ChunkLimits, Fault, Terms};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::time::{Instant, timeout};

use super::activity::Busy;
use super::connection::{ClientWire, Connection};
use crate::exchange::{self, Afterwards};
use crate::wire::Screen;

/// How long a client may go on sending a body nobody wants before the connection is cut: cut at
/// once, it might never see the answer (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(1);

/// The largest head that the codec reads.
const MAX_HEAD: usize = 1_000_000;

/// What follows a request.
enum Next {
    /// Another one.
    Request(Box<ClientWire>),
    End,
    /// The connection ends with this one unfinished.
    CutShort(Busy),
}

/// What was read where a request was awaited.
enum Awaited {
    Request,
    /// Something else, which is to be answered.
    Fault(Fault),
    Nothing,
}

/// Serves requests until either side ends the connection, the first of which has to come until `deadline`;
/// returns the one it was ended in.
pub(super) async fn run(
    connection: &Connection,
    mut wire: Box<ClientWire>,
    deadline: Instant,
) -> Option<Busy> {
    let limits = connection.limits();
    wire.screen(Screen::new(
        terms(connection),
        limits.header_timeout,
        deadline,
    ));
    let mut left = limits.requests_of_a_connection().map(u32::from);
    loop {
        left = left.map(|left| left - 1);
        wire = match serve_one(connection, wire, left == Some(0)).await {
            Next::Request(wire) => wire,
            Next::End => return None,
            Next::CutShort(request) => return Some(request),
        };
        wire.begin(terms(connection));
    }
}

/// What requests have to keep to by what is in force.
fn terms(connection: &Connection) -> Terms {
    let limits = connection.limits();
    let rules = connection.rules();
    let settings = &rules.live().settings().connections;
    Terms {
        max_head_bytes: settings.max_head_bytes.min(MAX_HEAD),
        max_fields: limits.max_fields,
        max_url_bytes: limits.max_url_bytes,
        chunks: ChunkLimits {
            line: limits.max_chunk_line,
            extensions: limits.max_chunk_extensions,
        },
        allow_chunked_length: settings.allow_chunked_length,
    }
}

async fn serve_one(connection: &Connection, wire: Box<ClientWire>, is_last: bool) -> Next {
    let mut session = ServerSession::new_http1(wire);
    // Without a limit of the codec's own.
    session.set_keepalive(Some(0));
    let silence = connection.limits().stream_idle_timeout;
    session.set_read_timeout(Some(silence));
    session.set_write_timeout(Some(silence));
    match awaited(connection, &mut session).await {
        Awaited::Request => {}
        Awaited::Nothing => {
            say_goodbye(connection, &mut session).await;
            return Next::End;
        }
        Awaited::Fault(fault) => {
            exchange::refuse_unread(connection, &mut session, fault).await;
            linger(session).await;
            return Next::End;
        }
    }
    let busy = connection.busy();
    let http = connection.listener().http();
    if connection.is_leaving() {
        session.set_keepalive(None);
        http.drain_begun();
    } else if is_last {
        session.set_keepalive(None);
        http.connection_used_up();
    }
    match exchange::serve(connection, &mut session).await {
        Afterwards::Finish => finish(connection, session).await,
        Afterwards::Abort => Next::CutShort(busy),
    }
}

/// Waits for a head, as long as one is waited for.
async fn awaited(connection: &Connection, session: &mut ServerSession) -> Awaited {
    let mut read = connection.while_idle(session.read_request()).await;
    if connection.has_idled_out() && connection.traffic().is_in_head() {
        // It began at the last moment, and has its own time.
        connection.set_idled_out(false);
        read = Some(session.read_request().await);
    }
    match (read, connection.traffic().fault()) {
        (None, _) => Awaited::Nothing,
        (Some(_), Some(Fault::HeadLate)) if !connection.traffic().is_in_head() => {
            connection.set_idled_out(true);
            Awaited::Nothing
        }
        (Some(_), Some(fault)) => Awaited::Fault(fault),
        (Some(Ok(true)), None) => Awaited::Request,
        (Some(Ok(false)), None) => Awaited::Nothing,
        (Some(Err(error)), None) => {
            tracing::debug!(%error, "cannot read the request");
            match connection.traffic().peer_closed() {
                true => Awaited::Nothing,
                // What the codec refuses beyond the guard.
                false => Awaited::Fault(Fault::RequestLine),
            }
        }
    }
}

/// Closes an idle connection; without TLS that takes no words.
async fn say_goodbye(connection: &Connection, session: &mut ServerSession) {
    if connection.is_secure() {
        drop(timeout(LINGER, session.shutdown()).await);
    }
}

/// Has the client see its answer, and the next request come if there may be one.
async fn finish(connection: &Connection, mut session: ServerSession) -> Next {
    let is_heard = session.is_body_done() && connection.traffic().fault().is_none();
    if session.get_keepalive().is_none() && !is_heard {
        // The client has its answer or is out of time; whatever comes is discarded.
        linger(session).await;
        return Next::End;
    }
    let reusable = session.finish().await.ok().flatten();
    let stream = reusable.map(|reusable| reusable.into_parts().0);
    stream.and_then(wire_of).map_or(Next::End, Next::Request)
}

async fn linger(session: ServerSession) {
    let ServerSession::H1(session) = session else {
        return;
    };
    if let Some(mut wire) = wire_of(session.into_inner()) {
        drop(timeout(LINGER, wire.linger()).await);
    }
}

fn wire_of(stream: Stream) -> Option<Box<ClientWire>> {
    stream.into_any().downcast().ok()
}
