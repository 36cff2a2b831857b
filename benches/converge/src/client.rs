//! A client's connection that stays open.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    tcp: TcpStream,
    received: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let received = Vec::with_capacity(1024);
        Ok(Self { tcp, received })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\n\r\n");
        self.tcp.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    /// Asks for a WebSocket, and gives what is then the tunnel.
    pub(crate) async fn upgrade(mut self, path: &str) -> Result<TcpStream> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: bench.example\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.tcp.write_all(request.as_bytes()).await?;
        let (status, _) = self.head().await?;
        match status {
            101 => Ok(self.tcp),
            other => Err(Error::other(format!("{other} instead of an upgrade"))),
        }
    }

    async fn answer(&mut self) -> Result<Answer> {
        let (status, length) = self.head().await?;
        while self.received.len() < length {
            self.more().await?;
        }
        let body = self.received.drain(..length).collect();
        let body = String::from_utf8(body).map_err(Error::other)?;
        Ok(Answer { status, body })
    }

    /// The status, and the length of the body.
    async fn head(&mut self) -> Result<(u16, usize)> {
        let end = loop {
            let end = self
                .received
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        let head: Vec<u8> = self.received.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let field = |line: &str| line.strip_prefix("content-length: ")?.trim().parse().ok();
        let length = head.lines().find_map(field).unwrap_or(0);
        let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "no status"))?;
        Ok((status, length))
    }

    async fn more(&mut self) -> Result<()> {
        match self.tcp.read_buf(&mut self.received).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
