//! A TCP connection of which something has been read already.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use pingora_core::protocols::UniqueIDType;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Socket;

/// Gives what was read again before anything else.
#[derive(Debug)]
pub(crate) struct Prelude {
    begun: Bytes,
    tcp: Socket,
    /// What was read from it, as long as it may be taken back.
    read: Option<BytesMut>,
}

impl Prelude {
    pub(crate) fn new(begun: Bytes, tcp: TcpStream) -> Self {
        Self {
            begun,
            tcp: tcp.into(),
            read: None,
        }
    }

    /// One that can be taken back to where it is now.
    pub(crate) fn rewindable(begun: Bytes, tcp: TcpStream) -> Self {
        Self {
            read: Some(BytesMut::new()),
            ..Self::new(begun, tcp)
        }
    }

    /// From now on it need not be possible to take it back.
    pub(crate) fn settle(&mut self) {
        self.read = None;
    }

    /// The connection, and what came by it before, if it can be taken back.
    pub(crate) fn rewind(self) -> Option<(Bytes, Socket)> {
        let mut read = self.read?;
        read.extend_from_slice(&self.begun);
        Some((read.freeze(), self.tcp))
    }

    pub(super) fn tcp(&self) -> &Socket {
        &self.tcp
    }

    pub(super) fn id(&self) -> UniqueIDType {
        super::id(&self.tcp)
    }

    pub(super) fn rest(&mut self) {
        self.tcp.rest();
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let n = self.begun.len().min(buf.remaining());
        buf.put_slice(&self.begun.split_to(n));
        if self.begun.is_empty() {
            // Lets go of the memory: the connection may last.
            self.begun = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Prelude {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = self.poll_next(cx, buf);
        if let Some(read) = &mut self.read {
            read.extend_from_slice(buf.filled().get(before..).unwrap_or_default());
        }
        polled
    }
}

impl AsyncWrite for Prelude {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
