//! A connection to a collector: HTTP/1.1, or HTTP/2 for gRPC.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nuncio_config::ServiceHost;
use nuncio_routing::{Collector, SpanFormat};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::Destination;

/// An open connection.
pub(super) struct Connection {
    sender: Sender,
    /// Carries what is sent.
    carrying: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// For connecting to all addresses, of the time that a message has.
const TIME: Duration = Duration::from_secs(3);

impl Connection {
    pub(super) async fn open(destination: &Destination) -> io::Result<Self> {
        let stream = connect(&destination.collector).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        match destination.format {
            SpanFormat::OtlpGrpc => {
                let executor = TokioExecutor::new();
                let handshake = http2::handshake(executor, stream).await;
                let (sender, connection) = handshake.map_err(io::Error::other)?;
                Ok(Self {
                    sender: Sender::Http2(sender),
                    // Who sends hears of its end.
                    carrying: tokio::spawn(async { drop(connection.await) }),
                })
            }
            SpanFormat::ZipkinJson
            | SpanFormat::ZipkinProto
            | SpanFormat::OtlpHttp
            | SpanFormat::Datadog => {
                let handshake = http1::handshake(stream).await;
                let (sender, connection) = handshake.map_err(io::Error::other)?;
                Ok(Self {
                    sender: Sender::Http1(sender),
                    carrying: tokio::spawn(async { drop(connection.await) }),
                })
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Whichever of its addresses takes the connection first, in their order.
async fn connect(collector: &Collector) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match &collector.host {
        ServiceHost::Ip(address) => vec![(*address, collector.port).into()],
        ServiceHost::Name(name) => lookup_host((&**name, collector.port)).await?.collect(),
    };
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let end = Instant::now() + TIME;
    for address in addresses {
        // What one does not need is for those after it.
        let share = end.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(refused)) => failure = refused,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}
