//! One exchange over a connection of HTTP/1 that it has to itself.
//!
//! Invariant: what the wire lets pass is sound, since the guard has judged it: a head comes whole, with one
//! framing, and no field goes over two lines. Here it is taken apart, once and without copying.
//!
//! Invariant: a connection is of further use only when the answer ended where its head said, with nothing
//! behind it.
//!
//! Deliberately absent: trailers of chunked answers, which end here.

mod chunks;
mod head;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;

use bytes::{Buf, Bytes, BytesMut};
use http::Method;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use nuncio_guard::Asked;
use pingora_core::protocols::http::HttpTask;
use pingora_core::{BError, Error, ErrorType, OrErr, Result, RetryType};
use pingora_http::RequestHeader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connect::UpstreamWire;
use chunks::Chunks;
use head::Framing;

/// An exchange over one connection.
pub(crate) struct Http1Session {
    wire: UpstreamWire,
    request: RequestBody,
    head_only: bool,
    answer: Answer,
    /// What was read and not handed out.
    came: BytesMut,
    /// Whether the upstream keeps the connection, as far as is known.
    is_kept: bool,
}

/// What is still to be sent of the request's body.
enum RequestBody {
    Length(u64),
    Chunked,
}

/// What is awaited of the answer.
enum Answer {
    Head,
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    /// Another protocol.
    Switched,
    Over,
}

/// Room for a head and a small body.
const HEAD_ROOM: usize = 4096;
/// The most that is read of a body at once.
const BODY_ROOM: usize = 64 * 1024;
/// With less room than this a larger buffer is worth its allocation.
const LITTLE_ROOM: usize = 1024;

impl Http1Session {
    pub(super) fn new(wire: UpstreamWire) -> Self {
        Self {
            wire,
            request: RequestBody::Length(0),
            head_only: false,
            answer: Answer::Head,
            came: BytesMut::new(),
            is_kept: false,
        }
    }

    /// Sends the head.
    pub(super) async fn write_request_header(&mut self, head: &RequestHeader) -> Result<()> {
        self.head_only = head.method == Method::HEAD;
        let traffic = self.wire.traffic_ref();
        traffic.asks(Asked {
            head_only: self.head_only,
            upgrade: head.headers.contains_key(UPGRADE),
        });
        let is_plain = traffic.is_head_expected();
        traffic.expect_head(false);
        let bytes = head::written(head, is_plain)?;
        self.request = match head.headers.get(CONTENT_LENGTH) {
            _ if head.headers.contains_key(TRANSFER_ENCODING) => RequestBody::Chunked,
            Some(length) => RequestBody::Length(head::number(length.as_bytes())),
            None => RequestBody::Length(0),
        };
        let written = self.wire.write_all(&bytes).await;
        written.or_err(ErrorType::WriteError, "writing the request's head")?;
        self.flush().await
    }

    /// Sends a piece of the body, as much as the head has announced.
    pub(super) async fn write_body(&mut self, piece: &Bytes) -> Result<()> {
        let written = match &mut self.request {
            RequestBody::Length(left) => {
                let here = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(piece.len());
                *left -= here as u64;
                let piece = piece.get(..here).unwrap_or_default();
                self.wire.write_all(piece).await
            }
            RequestBody::Chunked => {
                let Some(size) = chunks::size_line(piece.len()) else {
                    return Ok(());
                };
                let chunk = Buf::chain(&size[..], &piece[..]);
                let mut chunk = Buf::chain(chunk, &b"\r\n"[..]);
                self.wire.write_all_buf(&mut chunk).await
            }
        };
        written.or_err(ErrorType::WriteError, "writing the request's body")
    }

    /// Ends the body.
    pub(super) async fn finish_body(&mut self) -> Result<()> {
        match self.request {
            RequestBody::Length(0) => {}
            RequestBody::Length(_) => return Err(failed(ErrorType::WriteError, "a short body")),
            RequestBody::Chunked => {
                self.request = RequestBody::Length(0);
                let written = self.wire.write_all(b"0\r\n\r\n").await;
                written.or_err(ErrorType::WriteError, "ending the request's body")?;
            }
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        let flushed = self.wire.flush().await;
        flushed.or_err(ErrorType::WriteError, "sending the request")
    }

    /// The next part of the answer. What was read is kept if this is given up meanwhile.
    pub(super) async fn read_response_task(&mut self) -> Result<HttpTask> {
        loop {
            if let Some(task) = self.next_task()? {
                return Ok(task);
            }
            self.make_room();
            let read = self.wire.read_buf(&mut self.came).await;
            match read {
                Ok(0) => return self.ended(),
                Ok(_) => {}
                Err(error) => return Err(self.broken(error)),
            }
        }
    }

    /// What can be said of what has come.
    fn next_task(&mut self) -> Result<Option<HttpTask>> {
        let is_empty = self.came.is_empty();
        match &mut self.answer {
            Answer::Over => Ok(Some(HttpTask::Done)),
            Answer::Head => self.head(),
            _ if is_empty => Ok(None),
            Answer::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX);
                let piece = self.came.split_to(here.min(self.came.len())).freeze();
                *left -= piece.len() as u64;
                if *left == 0 {
                    self.end();
                }
                Ok(Some(HttpTask::Body(Some(piece), self.is_over())))
            }
            Answer::Chunked(chunks) => {
                let piece = chunks.next(&mut self.came)?;
                let is_done = chunks.is_done();
                if is_done {
                    self.end();
                }
                let is_any = is_done || piece.is_some();
                Ok(is_any.then_some(HttpTask::Body(piece, is_done)))
            }
            Answer::UntilClose => Ok(Some(HttpTask::Body(Some(self.all()), false))),
            Answer::Switched => Ok(Some(HttpTask::UpgradedBody(Some(self.all()), false))),
        }
    }

    fn all(&mut self) -> Bytes {
        self.came.split().freeze()
    }

    fn head(&mut self) -> Result<Option<HttpTask>> {
        let Some(lines) = head::complete(&self.came) else {
            return Ok(None);
        };
        let bytes = self.came.split_to(lines.len).freeze();
        let read = head::read(&bytes, lines)?;
        self.is_kept = read.is_kept;
        let status = read.head.status;
        self.answer = match read.framing {
            _ if status == 101 => Answer::Switched,
            _ if status.is_informational() => Answer::Head,
            _ if self.head_only || matches!(status.as_u16(), 204 | 304) => Answer::Length(0),
            Framing::Chunked => Answer::Chunked(Chunks::default()),
            Framing::Length(length) => Answer::Length(length),
            Framing::UntilClose => Answer::UntilClose,
        };
        if matches!(self.answer, Answer::Length(0)) {
            self.end();
        }
        Ok(Some(HttpTask::Header(Box::new(read.head), self.is_over())))
    }

    /// The answer is whole.
    fn end(&mut self) {
        self.answer = Answer::Over;
        // RFC 9112 section 9.3: what nobody asked for would be taken for the next answer.
        self.is_kept &= self.came.is_empty();
    }

    fn is_over(&self) -> bool {
        matches!(self.answer, Answer::Over)
    }

    fn make_room(&mut self) {
        let (room, wanted) = (self.came.capacity() - self.came.len(), self.wanted());
        if room < wanted.min(LITTLE_ROOM) {
            self.came.reserve(wanted);
        }
    }

    /// How much may come.
    fn wanted(&self) -> usize {
        match self.answer {
            Answer::Head | Answer::Switched => HEAD_ROOM,
            Answer::Length(left) => usize::try_from(left).unwrap_or(BODY_ROOM).min(BODY_ROOM),
            Answer::Chunked(_) | Answer::UntilClose => BODY_ROOM,
            Answer::Over => 0,
        }
    }

    /// What the end of the connection means.
    fn ended(&mut self) -> Result<HttpTask> {
        match self.answer {
            Answer::UntilClose => {
                (self.answer, self.is_kept) = (Answer::Over, false);
                Ok(HttpTask::Body(None, true))
            }
            Answer::Switched => Ok(HttpTask::UpgradedBody(None, true)),
            Answer::Head => {
                let mut error = failed(ErrorType::ConnectionClosed, "no answer");
                error.retry = RetryType::ReusedOnly;
                Err(error)
            }
            Answer::Length(_) | Answer::Chunked(_) | Answer::Over => {
                Err(failed(ErrorType::ConnectionClosed, "half an answer"))
            }
        }
    }

    fn broken(&self, error: io::Error) -> BError {
        // What TLS does not understand has no number, and was said by somebody. Many servers end what was
        // idle without a word of TLS.
        let is_end = error.kind() == io::ErrorKind::UnexpectedEof || error.raw_os_error().is_some();
        let may_be_stale = matches!(self.answer, Answer::Head) && is_end;
        let mut error = Error::because(ErrorType::ReadError, "reading the answer", error);
        if may_be_stale {
            error.retry = RetryType::ReusedOnly;
        }
        error
    }

    pub(super) fn wire(&self) -> &UpstreamWire {
        &self.wire
    }

    /// The connection itself. What was read from it and not handed out is lost.
    pub(super) fn into_wire(self) -> UpstreamWire {
        self.wire
    }

    /// The connection, if it can serve another request.
    pub(super) async fn into_reusable(mut self) -> Option<UpstreamWire> {
        if self.is_over() && self.is_kept {
            return Some(self.wire);
        }
        // The upstream may be gone already, or not read: nothing is owed to it, and it is not waited for.
        let mut ending = pin!(self.wire.shutdown());
        poll_fn(|cx| {
            drop(ending.as_mut().poll(cx));
            Poll::Ready(())
        })
        .await;
        None
    }
}

fn failed(what: ErrorType, why: &'static str) -> BError {
    Error::explain(what, why)
}
