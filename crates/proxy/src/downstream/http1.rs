//! Requests one after the other on an HTTP/1.1 connection.

use std::time::Duration;

use pingora_core::BError;
use pingora_core::ErrorType;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::time::timeout;

use super::connection::{Connection, IDLE_TIMEOUT};
use crate::exchange::{self, Afterwards};

/// How long a client may go on sending a body nobody wants before the connection is cut: cut at
/// once, it might never see the answer (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(1);

/// How long a client may take to accept a piece of a response, and Envoy's stream idle timeout.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);

/// Serves requests until either side ends the connection.
pub(super) async fn run(connection: &Connection, stream: Stream) {
    let mut next = Some(stream);
    while let Some(stream) = next {
        next = serve_one(connection, stream).await;
    }
}

/// Serves one request; returns the stream if there may be another.
async fn serve_one(connection: &Connection, stream: Stream) -> Option<Stream> {
    let mut session = ServerSession::new_http1(stream);
    session.set_keepalive(Some(IDLE_TIMEOUT.as_secs()));
    session.set_write_timeout(Some(WRITE_TIMEOUT));
    match session.read_request().await {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => {
            refuse(connection, &mut session, &error).await;
            return None;
        }
    }
    let busy = connection.busy();
    if connection.worker().is_leaving() {
        session.set_keepalive(None);
    }
    let afterwards = exchange::serve(connection, &mut session).await;
    let stream = match afterwards {
        Afterwards::Finish => finish(session).await,
        Afterwards::Abort => None,
    };
    drop(busy);
    stream
}

async fn finish(mut session: ServerSession) -> Option<Stream> {
    if session.get_keepalive().is_none() && !session.is_body_done() {
        // Whatever comes is discarded; the client has its answer or is out of time.
        drop(timeout(LINGER, session.drain_request_body()).await);
    }
    let (stream, _) = session.finish().await.ok()??.into_parts();
    Some(stream)
}

/// Tells a client that speaks no HTTP so, unless it has left.
async fn refuse(connection: &Connection, session: &mut ServerSession, error: &BError) {
    tracing::debug!(%error, "cannot read the request");
    let has_left = matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::ReadTimedout
    );
    if !has_left {
        exchange::refuse_malformed(connection, session).await;
    }
}
