//! An upgraded connection: bytes, both ways, until both ends are done.
//!
//! Invariant: nothing that goes through is looked at, and what either side sent together with its
//! head comes first. An end that closes its direction leaves the other open.
//!
//! Deliberately absent: the route's timeout, which ends with the upgrade as in Envoy; only silence
//! ends a tunnel.

use std::future::{Future, poll_fn};
use std::io::Cursor;
use std::mem;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use pingora_core::Result as PingoraResult;
use pingora_core::protocols::http::{HttpTask, ServerSession};

use crate::conduit::{self, Begun, Buffers, Ended};
use crate::downstream::ClientWire;
use crate::upstream::{UpstreamSession, UpstreamWire};

/// Both connections, after their last HTTP message.
pub(super) struct Tunnel {
    client: ClientWire,
    upstream: UpstreamWire,
    /// What came from the client behind its request.
    from_client: Bytes,
    /// What came from the upstream behind its answer.
    from_upstream: Bytes,
}

impl Tunnel {
    /// Takes the connections out of the exchange: `session`, where a `101` was sent, keeps its
    /// request's head and nothing else. `None` if either is no connection of HTTP/1.
    pub(super) async fn dig(
        session: &mut ServerSession,
        upstream: &mut UpstreamSession,
    ) -> Option<Self> {
        let from_client = what_came(session.read_request_body()).await.flatten();
        let from_upstream = match what_came(upstream.read_response_task()).await {
            Some(HttpTask::UpgradedBody(bytes, _)) => bytes,
            _ => None,
        };
        Some(Self {
            client: take_wire(session).await?,
            upstream: upstream.take_wire()?,
            from_client: from_client.unwrap_or_default(),
            from_upstream: from_upstream.unwrap_or_default(),
        })
    }

    /// Carries bytes both ways; gives up after `patience` without any.
    pub(super) async fn run(mut self, buffers: &Buffers, patience: Option<Duration>) -> Ended {
        self.upstream.wait_when_full();
        let begun = Begun {
            by_client: self.from_client,
            by_upstream: self.from_upstream,
        };
        let ends = (&mut self.client, &mut self.upstream);
        // Both connections count what goes over them.
        conduit::carry(ends, begun, (buffers, patience), |_| ()).await
    }
}

/// What reading gives without waiting: what was read before, together with the head. An end or an
/// error shows again on the connection itself.
async fn what_came<T>(reading: impl Future<Output = PingoraResult<T>>) -> Option<T> {
    let mut reading = pin!(reading);
    poll_fn(|cx| match reading.as_mut().poll(cx) {
        Poll::Ready(Ok(read)) => Poll::Ready(Some(read)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// The client's connection. What is left in its place has read the same head, for whoever wants to
/// know of the request, and is at the end of its connection.
async fn take_wire(session: &mut ServerSession) -> Option<ClientWire> {
    let bytes = session.as_http1()?.get_headers_raw_bytes().to_vec();
    let mut read = ServerSession::new_http1(Box::new(Cursor::new(bytes)));
    read.read_request().await.ok()?;
    read.set_keepalive(None);
    *read.req_header_mut() = session.req_header().clone();
    let ServerSession::H1(session) = mem::replace(session, read) else {
        return None;
    };
    let wire = session.into_inner().into_any().downcast();
    let mut wire: ClientWire = *wire.ok()?;
    wire.unscreen();
    Some(wire)
}
