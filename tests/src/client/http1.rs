//! An HTTP/1.1 client on a raw socket, or on TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::DEADLINE;
use super::reader::Reader;
use super::response::{Broken, Response};

/// One connection.
pub struct Client {
    reader: Reader,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap()
    }

    /// Connects, where the other side may want nothing of it and be quick about that: a reset that comes
    /// while the connection is being made is its failure.
    ///
    /// # Errors
    /// When nobody listens, or the connection was reset at once.
    pub async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let (reader, writer) = tcp.into_split();
        Ok(Self {
            reader: Reader::new(reader),
            writer: Box::new(writer),
        })
    }

    /// Whether who connects is turned away without a word, be it at once.
    pub async fn is_turned_away(address: SocketAddr) -> bool {
        match Self::try_connect(address).await {
            Ok(mut client) => client.is_closed().await,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Speaks over a connection that is there.
    pub fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader: Reader::new(reader),
            writer: Box::new(writer),
        }
    }

    /// Whether no connection can be made.
    pub async fn is_refused(address: SocketAddr) -> bool {
        TcpStream::connect(address).await.is_err()
    }

    /// Sends `text`, with `\n` for line ends.
    pub async fn send(&mut self, text: &str) {
        self.send_bytes(text.replace('\n', "\r\n").as_bytes()).await;
    }

    /// Sends these bytes.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends these bytes, if the connection still takes them.
    pub async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(DEADLINE, self.writer.write_all(bytes))
            .await
            .expect("taken in time")
    }

    /// Sends these bytes and reads a response, both at once.
    pub async fn send_while_reading(&mut self, bytes: &[u8]) -> Response {
        let both =
            async { tokio::join!(self.writer.write_all(bytes), self.reader.response("POST")) };
        let (sent, response) = timeout(DEADLINE, both).await.expect("exchanged in time");
        sent.unwrap();
        response.expect("a whole response")
    }

    /// Sends up to `limit` bytes as long as the connection takes some within `patience`; how many.
    pub async fn send_until_stalled(&mut self, limit: usize, patience: Duration) -> usize {
        let piece = vec![b'u'; 64 * 1024];
        let mut sent = 0;
        while sent < limit {
            let n = piece.len().min(limit - sent);
            match timeout(patience, self.writer.write(&piece[..n])).await {
                Ok(n) => sent += n.unwrap(),
                Err(_) => break,
            }
        }
        sent
    }

    /// Sends a request without a body; `more` are further lines of its head.
    pub async fn request(&mut self, method: &str, path: &str, more: &str) {
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("{more}\n")
        };
        self.send(&format!(
            "{method} {path} HTTP/1.1\nhost: a.example\n{more}\n"
        ))
        .await;
    }

    /// `GET`, and its response.
    pub async fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, "").await;
        self.response().await
    }

    /// The next response that is not 1xx.
    ///
    /// # Panics
    /// When it does not come whole, or not in time.
    pub async fn response(&mut self) -> Response {
        self.response_to("GET").await.expect("a whole response")
    }

    /// The next response that is not 1xx, to a request with this method.
    pub async fn response_to(&mut self, method: &str) -> Result<Response, Broken> {
        loop {
            let response = self.any_response_to(method).await?;
            if response.status >= 200 {
                return Ok(response);
            }
        }
    }

    /// The next response, 1xx too.
    pub async fn any_response_to(&mut self, method: &str) -> Result<Response, Broken> {
        timeout(DEADLINE, self.reader.response(method))
            .await
            .expect("a response in time")
    }

    /// The next response's head, and nothing of its body.
    pub async fn head(&mut self) -> Response {
        timeout(DEADLINE, self.reader.head())
            .await
            .expect("a head in time")
            .expect("a head")
    }

    /// The next `length` bytes, of whatever they are part.
    pub async fn bytes(&mut self, length: usize) -> Bytes {
        let mut bytes = Vec::new();
        let reading = self.reader.exactly(length, &mut bytes);
        assert!(timeout(DEADLINE, reading).await.expect("bytes in time"));
        bytes.into()
    }

    /// Closes the direction to the gateway.
    pub async fn end(&mut self) {
        self.writer.shutdown().await.unwrap();
    }

    /// Sends these bytes, and reads as many, both at once.
    pub async fn echo(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        let reading = self.reader.exactly(bytes.len(), &mut back);
        let both = async { tokio::join!(self.writer.write_all(bytes), reading) };
        let (sent, whole) = timeout(DEADLINE, both).await.expect("echoed in time");
        sent.unwrap();
        assert!(whole);
        back
    }

    /// Whether the gateway closes the connection, with nothing more to read.
    pub async fn is_closed(&mut self) -> bool {
        timeout(DEADLINE, self.reader.is_at_end())
            .await
            .expect("closed in time")
    }

    /// Whether the connection is open and quiet at this moment.
    pub fn is_quiet(&mut self) -> bool {
        self.reader.is_quiet()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
