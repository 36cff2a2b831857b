//! Bytes both ways between two connections, until both ends are done.
//!
//! Invariant: nothing that goes through is looked at, and what an end does not take is not read from the
//! other. An end that closes its direction leaves the other open.
//!
//! Deliberately absent: what is counted and told of it, and how the connections came about.

mod buffers;
mod direction;

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

pub(crate) use buffers::Buffers;
use direction::{Broke, Direction};

/// Two connections, and what is on its way between them.
pub(crate) struct Conduit<'c, C, U> {
    client: &'c mut C,
    upstream: &'c mut U,
    up: Direction,
    down: Direction,
    /// Who was done first.
    first: Option<End>,
    moved: &'c Cell<Instant>,
}

/// An end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Upstream,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both ends closed their directions, this one first.
    Closed(End),
    /// This end broke off.
    Broken(End),
    /// Nothing moved for too long.
    Silent,
}

/// What came before there was a conduit, from each end.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    pub(crate) by_client: Bytes,
    pub(crate) by_upstream: Bytes,
}

/// Bytes that moved since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) from_client: u64,
    pub(crate) to_upstream: u64,
    pub(crate) from_upstream: u64,
    pub(crate) to_client: u64,
}

/// Carries bytes between `client` and `upstream`, those that have `begun` first; tells what has moved,
/// and gives up after `patience` without anything.
pub(crate) async fn carry<C, U>(
    (client, upstream): (&mut C, &mut U),
    begun: Begun,
    (buffers, patience): (&Buffers, Option<Duration>),
    mut tell: impl FnMut(Moved),
) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let moved = Cell::new(Instant::now());
    let mut conduit = Conduit {
        client,
        upstream,
        up: Direction::starting_with(begun.by_client),
        down: Direction::starting_with(begun.by_upstream),
        first: None,
        moved: &moved,
    };
    let both = poll_fn(|cx| conduit.poll(cx, buffers, &mut tell));
    tokio::select! {
        biased;
        ended = both => ended,
        () = silence(patience, &moved) => Ended::Silent,
    }
}

impl<C, U> Conduit<'_, C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &Buffers,
        tell: &mut impl FnMut(Moved),
    ) -> Poll<Ended> {
        let up = self.up.poll(cx, (self.client, self.upstream), buffers);
        let down = self.down.poll(cx, (self.upstream, self.client), buffers);
        let (from_client, to_upstream) = self.up.take_moved();
        let (from_upstream, to_client) = self.down.take_moved();
        let moved = Moved {
            from_client,
            to_upstream,
            from_upstream,
            to_client,
        };
        if moved != Moved::default() {
            self.moved.set(Instant::now());
            tell(moved);
        }
        if self.first.is_none() {
            self.first = match (up.is_ready(), down.is_ready()) {
                (true, _) => Some(End::Client),
                (false, true) => Some(End::Upstream),
                (false, false) => None,
            };
        }
        match (up, down) {
            (Poll::Ready(Err(Broke::Source)), _) | (_, Poll::Ready(Err(Broke::Sink))) => {
                Poll::Ready(Ended::Broken(End::Client))
            }
            (Poll::Ready(Err(Broke::Sink)), _) | (_, Poll::Ready(Err(Broke::Source))) => {
                Poll::Ready(Ended::Broken(End::Upstream))
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {
                Poll::Ready(Ended::Closed(self.first.unwrap_or(End::Client)))
            }
            (Poll::Pending, _) | (_, Poll::Pending) => Poll::Pending,
        }
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

#[cfg(test)]
mod tests;
