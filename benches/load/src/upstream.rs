//! Answers every request with the address that was asked, so that it is seen who answered.
//!
//! Invariant: keeps connections open; after an upgrade it sends back what it gets.
//! Deliberately absent: requests with a body.

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// An upstream. Ends when dropped, with all its connections.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub port: u16,
    server: JoinHandle<()>,
}

const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

impl Upstream {
    /// One listener for all addresses of loopback.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        Self::at((Ipv4Addr::UNSPECIFIED, 0).into()).await
    }

    /// At this address alone.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn at(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(serve(listener));
        Ok(Self { port, server })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((tcp, _)) = listener.accept() => {
                // Fails when the gateway goes, which is its right.
                connections.spawn(async move { drop(answer(tcp).await) });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut tcp: TcpStream) -> Result<()> {
    tcp.set_nodelay(true)?;
    let SocketAddr::V4(asked) = tcp.local_addr()? else {
        return Ok(());
    };
    let body = asked.ip().to_string();
    let length = body.len();
    let ok = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
    let mut received = Vec::with_capacity(1024);
    while tcp.read_buf(&mut received).await? > 0 {
        if !received.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8_lossy(&received).to_ascii_lowercase();
        if head.contains("\r\nupgrade: websocket\r\n") {
            tcp.write_all(SWITCHED).await?;
            let (mut from, mut to) = tcp.split();
            return tokio::io::copy(&mut from, &mut to).await.map(drop);
        }
        received.clear();
        tcp.write_all(ok.as_bytes()).await?;
    }
    Ok(())
}
