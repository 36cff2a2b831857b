//! What carries the bytes of a connection: TCP, or TLS over it.

mod prelude;
mod socket;

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pingora_core::protocols::UniqueIDType;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

pub(crate) use prelude::Prelude;
pub(crate) use socket::Socket;

/// An established transport connection.
#[derive(Debug)]
pub(crate) enum Carrier {
    Tcp(Socket),
    /// TLS to an upstream.
    Originated(Box<client::TlsStream<TcpStream>>),
    /// TLS of a client.
    Terminated(Box<server::TlsStream<Prelude>>),
}

impl Carrier {
    pub(crate) fn id(&self) -> UniqueIDType {
        match self {
            Self::Tcp(tcp) => id(tcp),
            Self::Originated(tls) => tls.get_ref().0.as_raw_fd(),
            Self::Terminated(tls) => tls.get_ref().0.id(),
        }
    }

    /// Ends it so that the other side cannot take what came for all that was to come.
    pub(crate) fn reset(self) {
        match &self {
            Self::Tcp(tcp) => tcp.resets(),
            // Where that fails, the other side has ended it.
            Self::Originated(tls) => drop(tls.get_ref().0.set_zero_linger()),
            Self::Terminated(tls) => tls.get_ref().0.tcp().resets(),
        }
    }

    /// Has nothing noticed of what a client sends until somebody reads or writes.
    pub(crate) fn rest(&mut self) {
        match self {
            Self::Tcp(tcp) => tcp.rest(),
            Self::Originated(_) => {}
            Self::Terminated(tls) => tls.get_mut().0.rest(),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_resting(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_resting(),
            Self::Originated(_) | Self::Terminated(_) => false,
        }
    }

    /// Whether it may hold bytes that were written, until it is flushed.
    pub(crate) fn holds_back(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Originated(tls) => tls.get_ref().1.wants_write(),
            Self::Terminated(tls) => tls.get_ref().1.wants_write(),
        }
    }

    /// Whether there is nothing to read: neither bytes, nor the end, nor an error.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut probe = [0u8; 1];
        let mut nobody = Context::from_waker(Waker::noop());
        Pin::new(self)
            .poll_read(&mut nobody, &mut ReadBuf::new(&mut probe))
            .is_pending()
    }
}

/// What the codecs know it by.
fn id(tcp: &Socket) -> UniqueIDType {
    tcp.fd().as_ref().map_or(-1, BorrowedFd::as_raw_fd)
}

impl AsyncRead for Carrier {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Originated(tls) => Pin::new(tls).poll_read(cx, buf),
            Self::Terminated(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Originated(tls) => Pin::new(tls).poll_write(cx, bytes),
            Self::Terminated(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Self::Originated(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
            Self::Terminated(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_write_vectored(),
            Self::Originated(tls) => tls.is_write_vectored(),
            Self::Terminated(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Originated(tls) => Pin::new(tls).poll_flush(cx),
            Self::Terminated(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Originated(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::Terminated(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
