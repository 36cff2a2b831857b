//! A connection as Pingora's codecs want it: metered and corked.
//!
//! Invariant: what is written leaves at the latest when the connection is next waited on. The
//! first write after a read is held back so that a message head and the first bytes of its body
//! share one system call; any further write, a flush, or a read that has to wait sends it.
//!
//! Invariant: a write to an upstream does not wait. What the connection does not take yet is sent
//! as it is waited on for the answer: an upstream that must get rid of a part of its answer before
//! it reads on would otherwise wait for us, and we for it.
//!
//! Deliberately absent: any knowledge of HTTP, but for how heads are spelled when it is told that one
//! follows, and for what a [`Screen`] knows.

mod answers;
mod codec;
mod frames;
mod reading;
mod screen;
#[cfg(test)]
mod tests;
mod traffic;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::carrier::Carrier;
use crate::head_bytes::lower_names;
pub(crate) use frames::FrameNotes;
use reading::Guard;
pub(crate) use screen::Screen;
pub(crate) use traffic::Traffic;

/// A connection. `P` is what lives and ends with it, such as its place in the counters.
#[derive(Debug)]
pub(crate) struct Wire<P> {
    carrier: Carrier,
    /// Bytes looked at and put back; read before the socket.
    unread: Bytes,
    /// Judges what is read, if there is anything to judge.
    guard: Option<Guard>,
    /// Bytes accepted and not yet sent.
    held: BytesMut,
    /// Whether the next write may be held back.
    corked: bool,
    writes: Writes,
    /// Whether the carrier may hold bytes itself, as TLS does.
    unflushed: bool,
    traffic: Arc<Traffic>,
    place: P,
}

/// What a write does when the connection takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// It waits.
    Wait,
    /// It is kept; [`Traffic::is_backed_up`] says that no more should follow.
    Return,
}

/// What may live and end with a connection.
pub(crate) trait Place: Debug + Send + Sync + Unpin + 'static {}

impl<T: Debug + Send + Sync + Unpin + 'static> Place for T {}

/// A head larger than this is sent at once: copying it costs more than the saved call.
const CORK_LIMIT: usize = 4096;

/// How much is kept of what an upstream does not take: whatever was read in one go, and no more.
const MAX_KEPT: usize = 64 * 1024;

/// Room that is kept for the next head.
const KEPT_ROOM: usize = 2048;

/// Pieces no larger than this together are put behind what is held: a system call for several costs more than
/// copying them.
const COPIED: usize = 512;

/// What one system call takes along: the held head, and the pieces of a chunk.
const MAX_SLICES: usize = 8;

impl<P: Place> Wire<P> {
    pub(crate) fn new(
        carrier: Carrier,
        writes: Writes,
        place: impl FnOnce(Arc<Traffic>) -> P,
    ) -> Self {
        let traffic = Arc::<Traffic>::default();
        Self {
            carrier,
            unread: Bytes::new(),
            guard: None,
            held: BytesMut::new(),
            corked: true,
            writes,
            unflushed: false,
            place: place(Arc::clone(&traffic)),
            traffic,
        }
    }

    /// What goes over this connection.
    pub(crate) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    pub(crate) fn traffic_ref(&self) -> &Traffic {
        &self.traffic
    }

    /// Has these bytes, which came first, read first.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        self.traffic.read(&Ok(()), bytes.len(), bytes.len());
        self.unread = bytes;
    }

    /// From now on a write waits, whatever was said before.
    pub(crate) fn wait_when_full(&mut self) {
        self.writes = Writes::Wait;
    }

    pub(crate) fn place(&self) -> &P {
        &self.place
    }

    /// Whether the idle connection is still usable: open, and with nothing to read.
    ///
    /// RFC 9112 section 9.5: a server may close an idle connection at any time; bytes nobody
    /// asked for would be taken for the next answer.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let is_all_read = self.unread.is_empty()
            && match &self.guard {
                Some(Guard::Answers(answers)) => answers.is_all_read(),
                Some(Guard::Away) => false,
                Some(Guard::Requests(_) | Guard::Frames(_)) | None => true,
            };
        is_all_read && self.held.is_empty() && !self.unflushed && self.carrier.is_quiet()
    }

    fn poll_send_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let n = ready!(Pin::new(&mut self.carrier).poll_write(cx, &self.held))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent(n);
            self.held_went(n);
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.carrier).poll_flush(cx))?;
            self.unflushed = false;
        }
        self.traffic.set_backlog(0);
        Poll::Ready(Ok(()))
    }

    /// Holds a head, or what is small and the first since a read; else as [`Self::poll_send_or_keep`].
    fn poll_hold_or_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let is_head = self.traffic.is_head_expected();
        let may_wait = self.corked && self.held.is_empty() && bytes.len() <= CORK_LIMIT;
        if !is_head && !may_wait {
            return self.poll_send_or_keep(cx, &[IoSlice::new(bytes)]);
        }
        self.corked = false;
        let start = self.held.len();
        self.held.extend_from_slice(bytes);
        if is_head {
            self.traffic.expect_head(false);
            lower_names(&mut self.held, start);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// The codec has written so much of `slices`.
    fn wrote(&mut self, slices: &[IoSlice<'_>], written: &Poll<io::Result<usize>>) {
        if let (Some(Guard::Frames(frames)), Poll::Ready(Ok(len))) = (&mut self.guard, written) {
            frames.wrote(slices, *len);
        }
    }

    /// As [`Self::poll_send`], but keeps what would have to wait, unless that is too much.
    fn poll_send_or_keep(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = self.poll_send(cx, slices);
        if sent.is_ready() || self.writes == Writes::Wait || self.held.len() > MAX_KEPT {
            return sent;
        }
        let before = self.held.len();
        slices
            .iter()
            .for_each(|slice| self.held.extend_from_slice(slice));
        self.traffic.set_backlog(self.held.len().max(1));
        Poll::Ready(Ok(self.held.len() - before))
    }

    /// Sends what is held and then `slices`; returns how many bytes of `slices` went.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        if !self.held.is_empty() && len <= COPIED {
            return self.poll_send_copied(cx, slices, len);
        }
        while !self.held.is_empty() {
            let mut all = [IoSlice::new(&[]); MAX_SLICES];
            for (slot, slice) in all
                .iter_mut()
                .zip(iter::once(&IoSlice::new(&self.held)).chain(slices))
            {
                *slot = *slice;
            }
            let (all, _) = all.split_at(MAX_SLICES.min(1 + slices.len()));
            let n = ready!(Pin::new(&mut self.carrier).poll_write_vectored(cx, all))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent(n);
            let from_held = n.min(self.held.len());
            self.held_went(from_held);
            if n > from_held {
                return Poll::Ready(Ok(n - from_held));
            }
        }
        let n = ready!(Pin::new(&mut self.carrier).poll_write_vectored(cx, slices))?;
        self.sent(n);
        Poll::Ready(Ok(n))
    }

    /// As [`Self::poll_send`] for `slices` of `len` bytes, which are sent from behind what is held.
    fn poll_send_copied(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        len: usize,
    ) -> Poll<io::Result<usize>> {
        slices
            .iter()
            .for_each(|slice| self.held.extend_from_slice(slice));
        loop {
            let sent = Pin::new(&mut self.carrier).poll_write(cx, &self.held);
            if let Poll::Ready(Ok(n @ 1..)) = sent {
                self.sent(n);
                self.held_went(n);
                let left = self.held.len();
                if left < len || len == 0 && left == 0 {
                    self.held.clear();
                    return Poll::Ready(Ok(len - left));
                }
                continue;
            }
            self.held.truncate(self.held.len() - len);
            return match sent {
                Poll::Ready(Ok(_)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Err(_)) | Poll::Pending => sent,
            };
        }
    }

    /// So much of what is held went. The room that much of it took is given up.
    fn held_went(&mut self, bytes: usize) {
        let was_large = self.held.len() > KEPT_ROOM;
        self.held.advance(bytes);
        if was_large && self.held.len() <= KEPT_ROOM {
            self.held = BytesMut::from(&self.held[..]);
        }
    }

    fn sent(&mut self, bytes: usize) {
        self.traffic.sent(bytes);
        self.unflushed |= self.carrier.holds_back();
    }
}

impl<P: Place> AsyncWrite for Wire<P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_hold_or_send(cx, bytes);
        self.wrote(&[IoSlice::new(bytes)], &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_send_or_keep(cx, slices);
        self.wrote(slices, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unflushed = true;
        match self.poll_send_held(cx) {
            Poll::Pending if self.writes == Writes::Return => {
                // What TLS holds is not told, only that there is some.
                self.traffic.set_backlog(self.held.len().max(1));
                Poll::Ready(Ok(()))
            }
            sent => sent,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_send_held(cx) {
            // Nobody will wait for the rest of a request that is over.
            Poll::Pending if self.writes == Writes::Return => self.held.clear(),
            sent => ready!(sent)?,
        }
        Pin::new(&mut self.carrier).poll_shutdown(cx)
    }
}
