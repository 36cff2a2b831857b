//! A client's connection of HTTP/1.1 that stays open.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::head::Head;
use crate::streams::Tunnel;

/// One connection.
#[derive(Debug)]
pub struct Client {
    tcp: TcpStream,
    received: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether no request may follow.
    pub closes: bool,
    /// The body.
    pub body: String,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody takes the connection.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let received = Vec::with_capacity(1024);
        Ok(Self { tcp, received })
    }

    /// Asks for `path`, and reads the whole answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\n\r\n");
        self.tcp.write_all(request.as_bytes()).await?;
        let head = self.head().await?;
        while self.received.len() < head.length {
            self.more().await?;
        }
        let body = self.received.drain(..head.length).collect();
        Ok(Answer {
            status: head.status,
            closes: head.closes,
            body: String::from_utf8(body).map_err(Error::other)?,
        })
    }

    /// Asks for a WebSocket, and gives what is then the tunnel.
    ///
    /// # Errors
    /// When the answer is another.
    pub async fn upgrade(mut self, path: &str) -> Result<Tunnel> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: bench.example\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.tcp.write_all(request.as_bytes()).await?;
        match self.head().await?.status {
            101 => Ok(Tunnel::over(self.tcp)),
            other => Err(Error::other(format!("{other} instead of an upgrade"))),
        }
    }

    async fn head(&mut self) -> Result<Head> {
        loop {
            match Head::read(&self.received)? {
                Some((head, end)) => {
                    self.received.drain(..end);
                    return Ok(head);
                }
                None => self.more().await?,
            }
        }
    }

    async fn more(&mut self) -> Result<()> {
        match self.tcp.read_buf(&mut self.received).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
