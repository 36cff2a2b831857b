//! Connections of HTTP/2, and what stays open: calls of gRPC, and WebSockets.
//!
//! Invariant: a stream is alive when what it is sent last comes back.

use std::fmt;
use std::future::poll_fn;

use anyhow::{Context, ensure};
use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{Method, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// One connection of HTTP/2. Ends when dropped.
pub struct Http2 {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// A call of gRPC whose other end sends back what it gets.
#[derive(Debug)]
pub struct Call {
    to: SendStream<Bytes>,
    from: RecvStream,
}

/// A WebSocket whose other end sends back what it gets.
#[derive(Debug)]
pub struct Tunnel(TcpStream);

/// The length of a message of gRPC goes before it.
const MESSAGE: &[u8] = b"\0\0\0\0\x04ping";

impl Http2 {
    /// Connects without TLS.
    ///
    /// # Errors
    /// When nobody takes the connection.
    pub async fn connect(address: std::net::SocketAddr) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        Self::over(tcp).await
    }

    /// Speaks over a connection that is there.
    ///
    /// # Errors
    /// When it is not taken as one of HTTP/2.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> anyhow::Result<Self> {
        let (requests, connection) = h2::client::handshake(stream).await?;
        Ok(Self {
            requests,
            driver: tokio::spawn(connection),
        })
    }

    /// Asks for `path`, and reads the whole answer; its status.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, path: &str) -> anyhow::Result<u16> {
        let request = request(Method::GET, path).body(())?;
        let mut requests = self.requests.clone().ready().await?;
        let (response, _) = requests.send_request(request, true)?;
        let (head, mut body) = response.await?.into_parts();
        while let Some(piece) = body.data().await {
            let length = piece?.len();
            // The window is ours to give back; the stream may have ended meanwhile.
            drop(body.flow_control().release_capacity(length));
        }
        Ok(head.status.as_u16())
    }

    /// Begins a call of gRPC.
    ///
    /// # Errors
    /// When it is not answered by 200.
    pub async fn call(&self, path: &str) -> anyhow::Result<Call> {
        let request = request(Method::POST, path)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let mut requests = self.requests.clone().ready().await?;
        let (response, to) = requests.send_request(request.body(())?, false)?;
        let (head, from) = response.await?.into_parts();
        ensure!(head.status == 200, "status {}", head.status);
        Ok(Call { to, from })
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Http2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2").finish_non_exhaustive()
    }
}

fn request(method: Method, path: &str) -> http::request::Builder {
    let uri = format!("http://bench.example{path}");
    Request::builder().method(method).uri(uri)
}

impl Call {
    /// Sends a message, and waits until it is back.
    ///
    /// # Errors
    /// When the stream ends before, or something else comes.
    pub async fn echo(&mut self) -> anyhow::Result<()> {
        self.to.send_data(Bytes::from_static(MESSAGE), false)?;
        let mut back = BytesMut::new();
        while back.len() < MESSAGE.len() {
            back.extend(self.piece().await?.context("cut")?);
        }
        ensure!(back == MESSAGE, "{back:?} came back");
        Ok(())
    }

    /// Says that there is no more, and waits for the same.
    ///
    /// # Errors
    /// When something else comes, or the call was not well.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.to.send_data(Bytes::new(), true)?;
        let more = self.piece().await?;
        ensure!(more.is_none(), "more than was sent came back");
        let trailers = poll_fn(|cx| self.from.poll_trailers(cx)).await?;
        let trailers = trailers.context("no trailers")?;
        let status = trailers.get("grpc-status").context("no grpc-status")?;
        ensure!(status == "0", "grpc-status {status:?}");
        Ok(())
    }

    async fn piece(&mut self) -> anyhow::Result<Option<Bytes>> {
        let Some(piece) = self.from.data().await else {
            return Ok(None);
        };
        let piece = piece?;
        drop(self.from.flow_control().release_capacity(piece.len()));
        Ok(Some(piece))
    }
}

impl Tunnel {
    pub(crate) fn over(tcp: TcpStream) -> Self {
        Self(tcp)
    }

    /// Sends something, and waits until it is back.
    ///
    /// # Errors
    /// When the tunnel ends before, or something else comes.
    pub async fn echo(&mut self) -> anyhow::Result<()> {
        let (mut back, sent) = ([0; 4], b"ping");
        self.0.write_all(sent).await.context("cut")?;
        self.0.read_exact(&mut back).await.context("cut")?;
        ensure!(back == *sent, "something else came back");
        Ok(())
    }
}
