//! One exchange over a stream of a shared HTTP/2 connection.
//!
//! Invariant: at most one piece of the request's body is held, until the upstream's window takes
//! it; [`Traffic::is_backed_up`] says that no more should follow. A piece of the response's body
//! opens the upstream's window again only when the next one is asked for, by when the client has
//! taken it.
//!
//! Invariant: a stream that is dropped before both sides have ended is reset (`CANCEL`).
//!
//! Deliberately absent: informational answers, which are of no use to anybody behind a gateway; they are
//! counted, and no more.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, StatusCode};
use nuncio_guard::AnswerTerms;
use nuncio_telemetry::ClusterStats;
use pingora_core::protocols::http::HttpTask;
use pingora_core::{BError, Error, ErrorType, Result, RetryType};
use pingora_http::RequestHeader;

use super::connection::Slot;
use super::message;
use crate::upstream::Upstream;
use crate::wire::Traffic;

/// An exchange over one stream.
pub(crate) struct Http2Session {
    request: Request,
    response: Response,
    scheme: &'static str,
    answers: AnswerTerms,
    head_only: bool,
    traffic: Arc<Traffic>,
    stats: Arc<ClusterStats>,
    /// Last, so that the stream is over before its place is given away.
    slot: Slot,
}

enum Request {
    Unsent,
    Open {
        stream: SendStream<Bytes>,
        /// What the upstream's window has not taken yet.
        held: Bytes,
        /// What is to follow it.
        then: Then,
    },
    /// Complete, or the upstream takes no more of it.
    Over {
        complete: bool,
    },
}

/// What follows the piece that is held.
enum Then {
    More,
    End,
    Trailers(HeaderMap),
}

enum Response {
    None,
    /// After so many informational ones.
    Awaited(ResponseFuture, usize),
    Body {
        stream: RecvStream,
        /// Whether its status or what was asked leaves room for one.
        allowed: bool,
        /// What was read last and is being taken by the client.
        lent: usize,
    },
    Over,
    /// Ended by the upstream, or by the end of the connection.
    Broken,
}

impl Http2Session {
    pub(super) fn new(slot: Slot, upstream: &Upstream, answers: AnswerTerms) -> Self {
        Self {
            request: Request::Unsent,
            response: Response::None,
            scheme: if upstream.cluster.tls.is_some() {
                "https"
            } else {
                "http"
            },
            answers,
            head_only: false,
            traffic: Traffic::of_stream(slot.traffic()),
            stats: Arc::clone(&upstream.stats),
            slot,
        }
    }

    /// What goes over the stream.
    pub(in crate::upstream) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Sends the head; with the end of the stream if there is no body to follow.
    pub(in crate::upstream) fn write_request_header(&mut self, head: &RequestHeader) -> Result<()> {
        let complete = !message::has_body(head);
        let request = message::request(head, self.scheme)?;
        let sent = self.slot.requests().send_request(request, complete);
        // Nothing was sent: what is in the way is that the connection takes no more streams.
        let (response, stream) = sent.map_err(untouched)?;
        self.response = Response::Awaited(response, 0);
        self.head_only = head.method == Method::HEAD;
        self.request = match complete {
            true => Request::Over { complete },
            false => Request::Open {
                stream,
                held: Bytes::new(),
                then: Then::More,
            },
        };
        Ok(())
    }

    /// Takes a piece of the body; the one before must have gone.
    pub(in crate::upstream) fn write_body(&mut self, piece: &Bytes) -> Result<()> {
        if let Request::Open { held, .. } = &mut self.request {
            *held = piece.clone();
        }
        self.send()
    }

    /// Ends the body, with `trailers` if there are any.
    pub(in crate::upstream) fn finish_body(&mut self, trailers: Option<HeaderMap>) -> Result<()> {
        if let Request::Open { then, .. } = &mut self.request {
            *then = trailers.map_or(Then::End, Then::Trailers);
        }
        self.send()
    }

    /// Sends what can be sent; the rest is sent while waiting for the response.
    fn send(&mut self) -> Result<()> {
        // Whoever waits for the response is woken when there is more room.
        self.poll_send(&mut Context::from_waker(Waker::noop()));
        match self.request {
            Request::Over { complete: false } => Err(Error::explain(
                ErrorType::WriteError,
                "the upstream takes no more of the request",
            )),
            Request::Over { complete: true } | Request::Open { .. } | Request::Unsent => Ok(()),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) {
        let Request::Open { stream, held, then } = &mut self.request else {
            return;
        };
        let outcome = poll_send_piece(stream, held, cx);
        self.traffic
            .set_backlog(if outcome.is_pending() { held.len() } else { 0 });
        let Poll::Ready(outcome) = outcome else {
            return;
        };
        let ended = outcome.and_then(|()| match mem::replace(then, Then::More) {
            Then::More => Ok(false),
            Then::End => stream.send_data(Bytes::new(), true).map(|()| true),
            Then::Trailers(trailers) => stream.send_trailers(trailers).map(|()| true),
        });
        match ended {
            Ok(false) => {}
            Ok(true) => self.request = Request::Over { complete: true },
            Err(_) => self.request = Request::Over { complete: false },
        }
    }

    /// The next part of the response.
    pub(in crate::upstream) async fn read_response_task(&mut self) -> Result<HttpTask> {
        self.release();
        poll_fn(|cx| {
            self.poll_send(cx);
            self.poll_response(cx)
        })
        .await
    }

    /// Opens the window again by what the client has taken.
    fn release(&mut self) {
        if let Response::Body { stream, lent, .. } = &mut self.response {
            // A stream that has ended has no window.
            drop(stream.flow_control().release_capacity(mem::take(lent)));
        }
    }

    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Result<HttpTask>> {
        let read = match &mut self.response {
            Response::Awaited(response, interim) => {
                let answered = ready!(poll_head(response, interim, self.answers, cx));
                answered.map(|response| self.begun(response))
            }
            Response::Body {
                stream,
                allowed,
                lent,
            } => ready!(poll_body(stream, lent, cx)).and_then(|task| match (&task, *allowed) {
                // RFC 9110 section 6.4.1: whoever relies on it would take this for something else.
                (HttpTask::Body(Some(piece), _), false) if !piece.is_empty() => Err(unsound()),
                _ => Ok(task),
            }),
            Response::None | Response::Over | Response::Broken => Ok(HttpTask::Done),
        };
        match &read {
            Ok(task) if task.is_end() => self.response = Response::Over,
            Ok(_) => {}
            Err(_) => self.response = Response::Broken,
        }
        Poll::Ready(read)
    }

    /// The head of the answer that counts.
    fn begun(&mut self, response: http::Response<RecvStream>) -> HttpTask {
        let (head, stream) = response.into_parts();
        let end = stream.is_end_stream();
        let is_bodyless = matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        self.response = Response::Body {
            stream,
            allowed: !is_bodyless && !self.head_only,
            lent: 0,
        };
        HttpTask::Header(Box::new(head.into()), end)
    }

    /// Whether the exchange ended as the protocol has it, on both sides.
    fn is_over(&self) -> bool {
        let sent = matches!(
            self.request,
            Request::Over { complete: true } | Request::Unsent
        );
        match self.response {
            Response::Over => sent,
            Response::None | Response::Broken => true,
            Response::Awaited(..) | Response::Body { .. } => false,
        }
    }
}

impl Drop for Http2Session {
    fn drop(&mut self) {
        if !self.is_over() {
            self.stats.stream_reset();
        }
    }
}

/// Ready when all of `piece` is sent, or cannot be.
fn poll_send_piece(
    stream: &mut SendStream<Bytes>,
    piece: &mut Bytes,
    cx: &mut Context<'_>,
) -> Poll<Result<(), h2::Error>> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        let room = match stream.capacity() {
            0 => match ready!(stream.poll_capacity(cx)) {
                Some(room) => room?,
                None => return Poll::Ready(Err(Reason::CANCEL.into())),
            },
            room => room,
        };
        stream.send_data(piece.split_to(room.min(piece.len())), false)?;
    }
    Poll::Ready(Ok(()))
}

/// The head of the answer that counts, if it keeps to `terms`.
fn poll_head(
    response: &mut ResponseFuture,
    interim: &mut usize,
    terms: AnswerTerms,
    cx: &mut Context<'_>,
) -> Poll<Result<http::Response<RecvStream>>> {
    while let Poll::Ready(Some(Ok(answer))) = response.poll_informational(cx) {
        *interim += 1;
        // RFC 9113 section 8.6: there is no other protocol to switch to.
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS || *interim > terms.max_interim {
            return Poll::Ready(Err(unsound()));
        }
    }
    let response = ready!(Pin::new(response).poll(cx)).map_err(failed)?;
    let is_sound = response.status().as_u16() < 600 && response.headers().len() <= terms.max_fields;
    Poll::Ready(is_sound.then_some(response).ok_or_else(unsound))
}

fn poll_body(
    stream: &mut RecvStream,
    lent: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<Result<HttpTask>> {
    match ready!(stream.poll_data(cx)) {
        Some(Ok(piece)) => {
            *lent = piece.len();
            Poll::Ready(Ok(HttpTask::Body(Some(piece), stream.is_end_stream())))
        }
        Some(Err(error)) => Poll::Ready(Err(failed(error))),
        None => Poll::Ready(match ready!(stream.poll_trailers(cx)) {
            Ok(Some(trailers)) => Ok(HttpTask::Trailer(Some(Box::new(trailers)))),
            Ok(None) => Ok(HttpTask::Done),
            Err(error) => Err(failed(error)),
        }),
    }
}

/// What became of a stream, in the relay's words.
fn failed(error: h2::Error) -> BError {
    // RFC 9113 sections 6.8 and 8.7: in both cases the upstream has not looked at the request.
    let refused =
        error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    if refused {
        return untouched(error);
    }
    if error.is_reset() && error.is_remote() {
        return because(ErrorType::H2Error, error);
    }
    if error.is_io() {
        let mut error = because(ErrorType::ConnectionClosed, error);
        error.retry = RetryType::ReusedOnly;
        return error;
    }
    because(ErrorType::InvalidHTTPHeader, error)
}

/// It is HTTP/2, and no answer.
fn unsound() -> BError {
    Error::explain(
        ErrorType::InvalidHTTPHeader,
        "no answer that can be passed on",
    )
}

fn untouched(error: h2::Error) -> BError {
    let mut error = because(ErrorType::ConnectionClosed, error);
    error.retry = RetryType::Decided(true);
    error
}

fn because(what: ErrorType, error: h2::Error) -> BError {
    Error::because(what, "on an HTTP/2 stream to an upstream", error)
}
