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
//! follows.

mod traffic;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::iter;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::carrier::Carrier;
use crate::head_bytes::lower_names;
pub(crate) use traffic::Traffic;

/// A connection. `P` is what lives and ends with it, such as its place in the counters.
#[derive(Debug)]
pub(crate) struct Wire<P> {
    carrier: Carrier,
    /// Bytes looked at and put back; read before the socket.
    unread: Bytes,
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

    /// Reads until `expected` has arrived or differs; everything read stays readable.
    ///
    /// `Ok(true)` when the connection begins with `expected`. The end of the stream is a
    /// difference.
    pub(crate) async fn begins_with(&mut self, expected: &[u8]) -> io::Result<bool> {
        let mut seen = match self.unread.is_empty() {
            true => BytesMut::with_capacity(CORK_LIMIT),
            false => BytesMut::from(mem::take(&mut self.unread)),
        };
        let begins = loop {
            let n = seen.len().min(expected.len());
            if seen.iter().zip(expected).any(|(a, b)| a != b) {
                break false;
            }
            if n == expected.len() {
                break true;
            }
            if self.read_buf(&mut seen).await? == 0 {
                break false;
            }
        };
        self.unread = seen.freeze();
        Ok(begins)
    }

    /// Whether the idle connection is still usable: open, and with nothing to read.
    ///
    /// RFC 9112 section 9.5: a server may close an idle connection at any time; bytes nobody
    /// asked for would be taken for the next answer.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.unread.is_empty() && self.held.is_empty() && !self.unflushed && self.carrier.is_quiet()
    }

    fn poll_send_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let n = ready!(Pin::new(&mut self.carrier).poll_write(cx, &self.held))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent(n);
            self.held.advance(n);
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.carrier).poll_flush(cx))?;
            self.unflushed = false;
        }
        self.traffic.set_backlog(0);
        Poll::Ready(Ok(()))
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
        while !self.held.is_empty() {
            let mut all = [IoSlice::new(&[]); MAX_SLICES];
            for (slot, slice) in all
                .iter_mut()
                .zip(iter::once(&IoSlice::new(&self.held)).chain(slices))
            {
                *slot = *slice;
            }
            let n = ready!(Pin::new(&mut self.carrier).poll_write_vectored(cx, &all))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent(n);
            let from_held = n.min(self.held.len());
            self.held.advance(from_held);
            if n > from_held {
                return Poll::Ready(Ok(n - from_held));
            }
        }
        let n = ready!(Pin::new(&mut self.carrier).poll_write_vectored(cx, slices))?;
        self.sent(n);
        Poll::Ready(Ok(n))
    }

    fn sent(&mut self, bytes: usize) {
        self.traffic.sent(bytes);
        self.unflushed |= self.carrier.holds_back();
    }
}

impl<P: Place> AsyncRead for Wire<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.unread.is_empty() {
            let n = this.unread.len().min(buf.remaining());
            buf.put_slice(&this.unread.split_to(n));
            this.corked = true;
            return Poll::Ready(Ok(()));
        }
        let (before, asked) = (buf.filled().len(), buf.remaining());
        match Pin::new(&mut this.carrier).poll_read(cx, buf) {
            Poll::Ready(done) => {
                this.traffic.read(&done, buf.filled().len() - before, asked);
                this.corked = true;
                Poll::Ready(done)
            }
            Poll::Pending => {
                // An error here shows again on the next write.
                if let Poll::Ready(Err(error)) = this.poll_send_held(cx) {
                    return Poll::Ready(Err(error));
                }
                Poll::Pending
            }
        }
    }
}

impl<P: Place> AsyncWrite for Wire<P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let is_head = this.traffic.is_head_expected();
        let may_wait = this.corked && this.held.is_empty() && bytes.len() <= CORK_LIMIT;
        if is_head || may_wait {
            this.corked = false;
            let start = this.held.len();
            this.held.extend_from_slice(bytes);
            if is_head {
                this.traffic.expect_head(false);
                lower_names(&mut this.held, start);
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        this.poll_send_or_keep(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send_or_keep(cx, slices)
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

#[async_trait]
impl<P: Place> Shutdown for Wire<P> {
    async fn shutdown(&mut self) {
        // The peer may be gone already; nothing is owed to it then.
        drop(AsyncWriteExt::shutdown(self).await);
    }
}

impl<P: Place> UniqueID for Wire<P> {
    fn id(&self) -> UniqueIDType {
        self.carrier.id()
    }
}

impl<P: Place> Ssl for Wire<P> {}

impl<P: Place> Peek for Wire<P> {}

// The gateway keeps its own clock, addresses and counters for each connection, so the codecs'
// digests stay empty.
impl<P: Place> GetTimingDigest for Wire<P> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<P: Place> GetProxyDigest for Wire<P> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl<P: Place> GetSocketDigest for Wire<P> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
