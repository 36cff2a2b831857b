//! Requests side by side on an HTTP/2 connection.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::Connection as H2Connection;
use pingora_core::BError;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession, default_h2_options, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use tokio::task;

use super::connection::Connection;
use crate::exchange::{self, Afterwards, STREAM_IDLE_TIMEOUT};

/// Streams of one client at a time, and what each and all may have under way.
const MAX_STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What is kept of a response that the client does not take.
const MAX_SEND_BUFFER: usize = 64 * 1024;

/// The largest head that fits into the list of fields that the codec takes by default.
const MAX_HEAD: u32 = 60 * 1024;

/// What a hundred fields count beyond their bytes.
const MAX_FIELDS_EXTRA: u32 = 100 * 32;

/// Malformed streams after which the connection is given up.
const MAX_REJECTED: u32 = 32;

/// Serves requests until either side ends the connection.
pub(super) async fn run(connection: &Rc<Connection>, stream: Stream) {
    match handshake(stream, Some(options(connection))).await {
        Ok(h2) => accept(connection, h2).await,
        Err(error) => tracing::debug!(%error, "no HTTP/2 connection"),
    }
}

fn options(connection: &Connection) -> H2Options {
    let mut options = default_h2_options();
    let rules = connection.rules();
    let allowed = rules.live().settings().connections.max_head_bytes;
    let list = u32::try_from(allowed).unwrap_or(u32::MAX);
    if list > MAX_HEAD {
        // RFC 9113 section 6.5.2: each field counts 32 bytes more than it has.
        options.max_header_list_size(list.saturating_add(MAX_FIELDS_EXTRA));
    }
    options
        .max_concurrent_streams(rules.listener().http2_max_streams.unwrap_or(MAX_STREAMS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_SEND_BUFFER);
    options
}

async fn accept(connection: &Rc<Connection>, mut h2: H2Connection<Stream, Bytes>) {
    let digest = Arc::new(Digest {
        ssl_digest: None,
        timing_digest: Vec::new(),
        proxy_digest: None,
        socket_digest: None,
    });
    let mut rejected = 0;
    let mut asked_to_leave = false;
    loop {
        if connection.is_leaving() && !asked_to_leave {
            // GOAWAY: streams under way, and those opened before the client knows, are served.
            h2.graceful_shutdown();
            asked_to_leave = true;
            let http = connection.listener().http();
            http.drain_begun();
            http.goaway_sent();
        }
        let next = HttpSession::from_h2_conn(&mut h2, Arc::clone(&digest));
        let accepted = tokio::select! {
            accepted = connection.while_idle(next) => accepted,
            () = connection.leaving(), if !asked_to_leave => continue,
        };
        match accepted {
            Some(Ok(Some(H2Accept::Session(session)))) => serve(connection, session),
            Some(Ok(Some(H2Accept::Rejected))) if rejected < MAX_REJECTED => rejected += 1,
            Some(Ok(_)) if asked_to_leave => {
                // The first one names no last stream (RFC 9113 section 6.8).
                return connection.listener().http().goaway_sent();
            }
            Some(Err(error)) if is_told(&error) => {
                return connection.listener().http().goaway_sent();
            }
            Some(Ok(_) | Err(_)) => return,
            // Streams under way keep the connection, however quiet it is.
            None if connection.is_busy() => {}
            None => return,
        }
    }
}

/// Whether the client was told by GOAWAY what it did wrong. Which of the floods that Envoy counts it
/// was, the codec does not say.
fn is_told(error: &BError) -> bool {
    let cause = error.cause.as_ref();
    let cause = cause.and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|error| error.is_go_away() && error.is_library())
}

/// Serves one stream beside the others.
fn serve(connection: &Rc<Connection>, session: HttpSession) {
    let connection = Rc::clone(connection);
    let busy = connection.busy();
    task::spawn_local(async move {
        let mut session = ServerSession::new_http2(session);
        session.set_write_timeout(Some(STREAM_IDLE_TIMEOUT));
        match exchange::serve(&connection, &mut session).await {
            // A stream that cannot be finished is reset when dropped.
            Afterwards::Finish => drop(session.finish().await),
            Afterwards::Abort => drop(session),
        }
        drop(busy);
    });
}
