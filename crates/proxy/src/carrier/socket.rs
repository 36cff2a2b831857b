//! A TCP connection that can be left alone for a while.
//!
//! Invariant: while it rests the runtime is told of nothing that comes by it, so that a client that sends
//! byte by byte wakes nobody. Whatever is asked of it ends the rest.
//!
//! Deliberately absent: how long it rests, which is up to whoever reads.

use std::io::{self, IoSlice};
use std::mem;
use std::net;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection.
#[derive(Debug)]
pub(crate) enum Socket {
    Awake(TcpStream),
    Resting(net::TcpStream),
    /// The runtime could not take it on or give it back.
    Lost,
}

impl Socket {
    /// Has nothing of it noticed until somebody asks.
    pub(super) fn rest(&mut self) {
        *self = match mem::replace(self, Self::Lost) {
            Self::Awake(tcp) => tcp.into_std().map_or(Self::Lost, Self::Resting),
            same @ (Self::Resting(_) | Self::Lost) => same,
        };
    }

    #[cfg(test)]
    pub(super) fn is_resting(&self) -> bool {
        matches!(self, Self::Resting(_))
    }

    /// Ends the rest.
    fn awake(&mut self) -> io::Result<&mut TcpStream> {
        if let Self::Resting(_) = self
            && let Self::Resting(tcp) = mem::replace(self, Self::Lost)
        {
            *self = Self::Awake(TcpStream::from_std(tcp)?);
        }
        match self {
            Self::Awake(tcp) => Ok(tcp),
            Self::Resting(_) | Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Its descriptor, as long as there is one.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Awake(tcp) => Some(tcp.as_fd()),
            Self::Resting(tcp) => Some(tcp.as_fd()),
            Self::Lost => None,
        }
    }

    /// Has it end with a reset once it is dropped.
    pub(super) fn resets(&self) {
        if let Some(fd) = self.fd() {
            // Where that fails, the other side has ended it.
            drop(SockRef::from(&fd).set_linger(Some(Duration::ZERO)));
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(tcp: TcpStream) -> Self {
        Self::Awake(tcp)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().awake()?).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().awake()?).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().awake()?).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().awake()?).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().awake()?).poll_shutdown(cx)
    }
}
