//! Bytes from one end to the other.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffers::Buffers;

/// One direction.
#[derive(Debug)]
pub(super) struct Direction {
    /// What came before there was a conduit.
    first: Bytes,
    /// What was read and is not written yet.
    held: Option<Held>,
    unflushed: bool,
    state: State,
    read: u64,
    written: u64,
}

#[derive(Debug)]
struct Held {
    buffer: Box<[u8]>,
    unwritten: Range<usize>,
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
pub(super) enum Broke {
    Source,
    Sink,
}

/// How much is moved before others have their turn.
const TURN: usize = 1024 * 1024;

impl Direction {
    pub(super) fn starting_with(first: Bytes) -> Self {
        Self {
            read: first.len() as u64,
            first,
            held: None,
            unflushed: false,
            state: State::Moving,
            written: 0,
        }
    }

    /// Bytes read and written since the last call.
    pub(super) fn take_moved(&mut self) -> (u64, u64) {
        let moved = (self.read, self.written);
        (self.read, self.written) = (0, 0);
        moved
    }

    /// Ready when the source is done and the sink knows.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (source, sink): (
            &mut (impl AsyncRead + Unpin),
            &mut (impl AsyncWrite + Unpin),
        ),
        buffers: &Buffers,
    ) -> Poll<Result<(), Broke>> {
        let mut turn = TURN;
        loop {
            if !self.first.is_empty() || self.held.is_some() {
                ready!(self.poll_write(cx, sink, buffers))?;
                continue;
            }
            match self.state {
                State::Moving if turn == 0 => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                State::Moving => match self.poll_read(cx, source, buffers)? {
                    Poll::Ready(read) => turn = turn.saturating_sub(read),
                    Poll::Pending => return self.poll_flush(cx, sink),
                },
                State::Ending => {
                    ready!(Pin::new(&mut *sink).poll_shutdown(cx)).map_err(|_| Broke::Sink)?;
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Reads what is there, as far as the buffer holds it.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        buffers: &Buffers,
    ) -> Poll<Result<usize, Broke>> {
        let mut buffer = buffers.take();
        let mut filled = 0;
        let ended = loop {
            let room = buffer.get_mut(filled..).unwrap_or_default();
            if room.is_empty() {
                break Poll::Pending;
            }
            let mut room = ReadBuf::new(room);
            match Pin::new(&mut *source).poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) if !room.filled().is_empty() => filled += room.filled().len(),
                ended => break ended,
            }
        };
        match ended {
            // One that leaves without a farewell of TLS has left: what came of it is whole or not for
            // the other end to say, as in Envoy.
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                buffers.give_back(buffer);
                return Poll::Ready(Err(Broke::Source));
            }
            Poll::Ready(_) => self.state = State::Ending,
            Poll::Pending => {}
        }
        if filled == 0 {
            buffers.give_back(buffer);
            return ended.map(|_| Ok(0));
        }
        self.read += filled as u64;
        self.held = Some(Held {
            buffer,
            unwritten: 0..filled,
        });
        Poll::Ready(Ok(filled))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
        buffers: &Buffers,
    ) -> Poll<Result<(), Broke>> {
        let n = match ready!(Pin::new(sink).poll_write(cx, self.unwritten())) {
            Ok(n) if n > 0 => n,
            Ok(_) | Err(_) => return Poll::Ready(Err(Broke::Sink)),
        };
        self.written += n as u64;
        self.unflushed = true;
        if !self.first.is_empty() {
            self.first.advance(n);
        } else if let Some(held) = &mut self.held {
            held.unwritten.start += n;
            if held.unwritten.is_empty()
                && let Some(held) = self.held.take()
            {
                buffers.give_back(held.buffer);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn unwritten(&self) -> &[u8] {
        match &self.held {
            Some(held) if self.first.is_empty() => {
                held.buffer.get(held.unwritten.clone()).unwrap_or_default()
            }
            Some(_) | None => &self.first,
        }
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
