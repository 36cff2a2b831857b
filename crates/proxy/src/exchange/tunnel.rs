//! An upgraded connection: bytes, both ways, until both ends are done.
//!
//! Invariant: nothing that goes through is looked at, and what either side sent together with its
//! head comes first. An end that closes its direction leaves the other open.
//!
//! Deliberately absent: the route's timeout, which ends with the upgrade as in Envoy; only silence
//! ends a tunnel.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::io::Cursor;
use std::mem;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use pingora_core::Result as PingoraResult;
use pingora_core::protocols::http::{HttpTask, ServerSession};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

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

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Both sides closed their directions.
    Closed,
    /// The client broke off.
    ByClient,
    /// The upstream broke off.
    ByUpstream,
    /// Nothing moved for too long.
    Silent,
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
    pub(super) async fn run(self, patience: Option<Duration>) -> Ended {
        let (mut client, mut upstream) = (self.client, self.upstream);
        upstream.wait_when_full();
        let mut up = Direction::starting_with(self.from_client);
        let mut down = Direction::starting_with(self.from_upstream);
        let moved = Cell::new(Instant::now());
        let both = poll_fn(|cx| {
            let up = up.poll(cx, &mut client, &mut upstream, &moved);
            let down = down.poll(cx, &mut upstream, &mut client, &moved);
            match (up, down) {
                (Poll::Ready(Err(Broke::Source)), _) | (_, Poll::Ready(Err(Broke::Sink))) => {
                    Poll::Ready(Ended::ByClient)
                }
                (Poll::Ready(Err(Broke::Sink)), _) | (_, Poll::Ready(Err(Broke::Source))) => {
                    Poll::Ready(Ended::ByUpstream)
                }
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(Ended::Closed),
                (Poll::Pending, _) | (_, Poll::Pending) => Poll::Pending,
            }
        });
        tokio::select! {
            ended = both => ended,
            () = silence(patience, &moved) => Ended::Silent,
        }
    }
}

/// Bytes from one end to the other.
struct Direction {
    /// What came before there was a tunnel.
    first: Bytes,
    buffer: Box<[u8]>,
    /// What of the buffer is not written yet.
    unwritten: Range<usize>,
    unflushed: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Moving,
    /// The source is done; the sink is yet to be told.
    Ending,
    Ended,
}

/// Which end of a direction broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broke {
    Source,
    Sink,
}

/// What is read at once; each direction of an idle tunnel keeps as much.
const PIECE: usize = 8 * 1024;

impl Direction {
    fn starting_with(first: Bytes) -> Self {
        Self {
            first,
            buffer: vec![0; PIECE].into(),
            unwritten: 0..0,
            unflushed: false,
            state: State::Moving,
        }
    }

    /// Ready when the source is done and the sink knows.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        moved: &Cell<Instant>,
    ) -> Poll<Result<(), Broke>> {
        loop {
            match self.state {
                State::Moving if self.is_written() => {
                    if self.poll_read(cx, source)?.is_pending() {
                        return self.poll_flush(cx, sink);
                    }
                }
                State::Moving => ready!(self.poll_write(cx, sink))?,
                State::Ending => {
                    ready!(Pin::new(&mut *sink).poll_shutdown(cx)).map_err(|_| Broke::Sink)?;
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
            moved.set(Instant::now());
        }
    }

    fn is_written(&self) -> bool {
        self.first.is_empty() && self.unwritten.is_empty()
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Poll<Result<(), Broke>> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(source).poll_read(cx, &mut buffer)).map_err(|_| Broke::Source)?;
        self.unwritten = 0..buffer.filled().len();
        if self.unwritten.is_empty() {
            self.state = State::Ending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<Result<(), Broke>> {
        let piece = match self.first.is_empty() {
            true => self.buffer.get(self.unwritten.clone()).unwrap_or_default(),
            false => &self.first,
        };
        let n = match ready!(Pin::new(sink).poll_write(cx, piece)) {
            Ok(n) if n > 0 => n,
            Ok(_) | Err(_) => return Poll::Ready(Err(Broke::Sink)),
        };
        match self.first.is_empty() {
            true => self.unwritten.start += n,
            false => self.first.advance(n),
        }
        self.unflushed = true;
        Poll::Ready(Ok(()))
    }

    /// Never ready but in error: there is more to come.
    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<Result<(), Broke>> {
        if self.unflushed {
            ready!(Pin::new(sink).poll_flush(cx)).map_err(|_| Broke::Sink)?;
            self.unflushed = false;
        }
        Poll::Pending
    }
}

/// Waits until nothing has moved for as long as that.
async fn silence(patience: Option<Duration>, moved: &Cell<Instant>) {
    let Some(patience) = patience else {
        return pending().await;
    };
    loop {
        let end = moved.get() + patience;
        if Instant::now() >= end {
            return;
        }
        sleep_until(end).await;
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
    let wire = session.into_inner().into_any().downcast().ok()?;
    Some(*wire)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_came_first_goes_first_and_the_end_goes_last() {
        let (mut near, mut source) = duplex(64);
        let (mut sink, mut far) = duplex(64);
        near.write_all(b" then more").await.unwrap();
        near.shutdown().await.unwrap();
        let mut direction = Direction::starting_with(Bytes::from_static(b"first"));
        let moved = Cell::new(Instant::now());
        let ended = poll_fn(|cx| direction.poll(cx, &mut source, &mut sink, &moved)).await;
        assert_eq!(ended, Ok(()));
        let mut all = String::new();
        far.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "first then more");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_byte() {
        let began = Instant::now();
        let moved = Cell::new(began);
        let minute = Duration::from_secs(60);
        let quiet = silence(Some(minute), &moved);
        let moves = async {
            sleep_until(began + minute / 2).await;
            moved.set(Instant::now());
        };
        tokio::join!(quiet, moves);
        assert_eq!(began.elapsed(), minute + minute / 2);
    }
}
