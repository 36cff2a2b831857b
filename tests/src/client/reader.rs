//! Reads HTTP/1.1 responses, and is strict about how they are framed.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::response::{Broken, Response};

/// The incoming half of a connection.
pub(super) struct Reader {
    incoming: Box<dyn AsyncRead + Send + Unpin>,
    /// Read and not yet used.
    buffer: BytesMut,
}

impl Reader {
    pub(super) fn new(incoming: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self {
            incoming: Box::new(incoming),
            buffer: BytesMut::new(),
        }
    }

    pub(super) async fn response(&mut self, method: &str) -> Result<Response, Broken> {
        let mut response = self.head().await.ok_or(Broken::NoHead)?;
        if !response.has_body(method) {
            return Ok(response);
        }
        let length = response
            .value("content-length")
            .map(|length| length.parse().unwrap());
        let whole = match (length, response.value("transfer-encoding")) {
            (Some(length), None) => self.exactly(length, &mut response.body).await,
            (None, Some("chunked")) => self.chunks(&mut response.body).await,
            both => panic!("two framings, or an odd one: {both:?}"),
        };
        if whole {
            Ok(response)
        } else {
            Err(Broken::Body(response))
        }
    }

    /// A head; `None` when the connection ends before.
    pub(super) async fn head(&mut self) -> Option<Response> {
        let Some(head) = self.until(b"\r\n\r\n").await else {
            assert!(self.buffer.is_empty(), "part of a head: {:?}", self.buffer);
            return None;
        };
        let mut lines = std::str::from_utf8(&head).unwrap().trim_end().split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap();
        let fields = lines.map(|line| line.split_once(": ").unwrap());
        Some(Response {
            status: status[..3].parse().unwrap(),
            fields: fields
                .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
                .collect(),
            body: Vec::new(),
        })
    }

    /// Moves `length` bytes to `out`; false when the connection ends before.
    pub(super) async fn exactly(&mut self, length: usize, out: &mut Vec<u8>) -> bool {
        let end = out.len() + length;
        loop {
            let n = self.buffer.len().min(end - out.len());
            out.extend(self.buffer.split_to(n));
            if out.len() == end {
                return true;
            }
            if !self.fill().await {
                return false;
            }
        }
    }

    pub(super) async fn is_at_end(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill().await
    }

    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut nobody = Context::from_waker(Waker::noop());
        let read =
            Pin::new(&mut self.incoming).poll_read(&mut nobody, &mut ReadBuf::new(&mut byte));
        self.buffer.is_empty() && read.is_pending()
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(line) = self.until(b"\r\n").await else {
                return false;
            };
            let digits = std::str::from_utf8(&line).unwrap().trim_end();
            let size = usize::from_str_radix(digits, 16).unwrap();
            let mut line_end = Vec::new();
            if !self.exactly(size, body).await || !self.exactly(2, &mut line_end).await {
                return false;
            }
            assert_eq!(line_end, b"\r\n");
            if size == 0 {
                return true;
            }
        }
    }

    /// What comes up to and with `end`; `None` when the connection ends before.
    async fn until(&mut self, end: &[u8]) -> Option<BytesMut> {
        loop {
            if let Some(at) = self
                .buffer
                .windows(end.len())
                .position(|window| window == end)
            {
                return Some(self.buffer.split_to(at + end.len()));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads more; false when there will be none.
    async fn fill(&mut self) -> bool {
        self.buffer.reserve(64 * 1024);
        self.incoming
            .read_buf(&mut self.buffer)
            .await
            .is_ok_and(|n| n > 0)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}
