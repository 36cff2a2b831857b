//! An upstream of gRPC that sends back what it is sent.
//!
//! Invariant: streams that are cut, or connections, harm no others.

use std::io::Result;
use std::net::Ipv4Addr;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The upstream, which speaks HTTP/2 without TLS. Ends when dropped, with all its connections.
#[derive(Debug)]
pub struct Echo {
    /// Where it listens.
    pub port: u16,
    server: JoinHandle<()>,
}

impl Echo {
    /// At a port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(serve(listener));
        Ok(Self { port, server })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        // Fails when the gateway goes, which is its right.
        connections.spawn(async move { drop(answer(tcp).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(tcp: TcpStream) -> std::result::Result<(), h2::Error> {
    let mut connection = h2::server::handshake(tcp).await?;
    let mut calls = JoinSet::new();
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        calls.spawn(async move { drop(echo(request.into_body(), respond).await) });
        while calls.try_join_next().is_some() {}
    }
    Ok(())
}

async fn echo(
    mut from: RecvStream,
    mut respond: SendResponse<Bytes>,
) -> std::result::Result<(), h2::Error> {
    let mut head = Response::new(());
    let kind = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert("content-type", kind);
    let mut to = respond.send_response(head, false)?;
    while let Some(piece) = from.data().await {
        let piece = piece?;
        from.flow_control().release_capacity(piece.len())?;
        to.send_data(piece, false)?;
    }
    let status = ("grpc-status", HeaderValue::from_static("0"));
    let trailers = [status].map(|(name, value)| (http::HeaderName::from_static(name), value));
    to.send_trailers(HeaderMap::from_iter(trailers))
}
