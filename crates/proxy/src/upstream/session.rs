//! One exchange with an upstream, whichever protocol its connection speaks.
//!
//! Invariant: the verbs mean the same for every protocol, so that whoever relays an exchange need
//! not know which it is.
//!
//! Deliberately absent: getting the connection, and what becomes of it afterwards.

use std::mem;

use bytes::Bytes;
use pingora_core::protocols::http::HttpTask;
use pingora_core::{BError, Error, ErrorType, Result};
use pingora_http::RequestHeader;

use super::connect::UpstreamWire;
use super::http1::Http1Session;
use super::http2::Http2Session;

/// An exchange with an upstream.
pub(crate) enum UpstreamSession {
    /// It has a connection to itself.
    Http1(Box<Http1Session>),
    /// It has a stream of a connection that it shares.
    Http2(Box<Http2Session>),
    /// Its connection was taken out; it is HTTP no more.
    Gone,
}

impl UpstreamSession {
    /// Sends the request's head.
    ///
    /// # Errors
    ///
    /// When the connection does not take it; nothing has been acted on then.
    pub(crate) async fn write_request_header(&mut self, head: Box<RequestHeader>) -> Result<()> {
        match self {
            Self::Http1(session) => session.write_request_header(&head).await,
            Self::Http2(session) => session.write_request_header(&head),
            Self::Gone => Err(gone()),
        }
    }

    /// Sends a piece of the request's body.
    ///
    /// # Errors
    ///
    /// When the upstream takes no more; its answer may be there all the same.
    pub(crate) async fn write_body(&mut self, piece: &Bytes) -> Result<()> {
        match self {
            Self::Http1(session) => session.write_body(piece).await,
            Self::Http2(session) => session.write_body(piece),
            Self::Gone => Err(gone()),
        }
    }

    /// Ends the request's body.
    ///
    /// # Errors
    ///
    /// As for [`Self::write_body`].
    pub(crate) async fn finish_body(&mut self) -> Result<()> {
        match self {
            Self::Http1(session) => session.finish_body().await,
            Self::Http2(session) => session.finish_body(None),
            Self::Gone => Err(gone()),
        }
    }

    /// The next part of the response; what was read before counts as taken by the client.
    ///
    /// # Errors
    ///
    /// When the response ends before it is whole.
    pub(crate) async fn read_response_task(&mut self) -> Result<HttpTask> {
        match self {
            Self::Http1(session) => session.read_response_task().await,
            Self::Http2(session) => session.read_response_task().await,
            Self::Gone => Err(gone()),
        }
    }

    /// The connection itself, if the exchange has one to itself. What was read from it and not
    /// handed out is lost.
    pub(crate) fn take_wire(&mut self) -> Option<UpstreamWire> {
        match mem::replace(self, Self::Gone) {
            Self::Http1(session) => Some(session.into_wire()),
            Self::Http2(_) | Self::Gone => None,
        }
    }
}

fn gone() -> BError {
    Error::explain(ErrorType::ConnectionClosed, "the connection was taken out")
}
