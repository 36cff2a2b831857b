//! The client's side of an exchange that is forwarded, whichever attempt serves it.
//!
//! Invariant: a body is kept whole or not at all, and never beyond the bound that was set; what is
//! not kept is passed on once.
//!
//! Deliberately absent: the response, and everything upstream.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use pingora_core::protocols::http::ServerSession;
use pingora_core::{BError, ErrorType};
use tokio::time::Instant;

use super::failure::Failure;
use super::shadow::Mirror;
use super::timer::Limit;
use crate::wire::Traffic;

/// A request on its way.
pub(super) struct Request<'a> {
    pub(super) session: &'a mut ServerSession,
    /// Of the client's connection.
    traffic: &'a Traffic,
    /// Whether it came without a body, not even an empty one.
    bodyless: bool,
    /// When it was complete; `None` while its body is still coming.
    end: Option<Instant>,
    /// Whether anything of the body was taken from the client, who will not send it again.
    begun: bool,
    /// When the client was sent the head of the upstream's answer.
    answered: Option<Instant>,
    /// Whether that was before the request was complete.
    answered_early: bool,
    kept: Kept,
    mirror: Option<Mirror>,
}

/// What is kept of the body, so that it can be sent again.
#[derive(Debug)]
enum Kept {
    Nothing,
    /// Everything that came, up to `limit` bytes.
    Everything {
        body: Vec<u8>,
        limit: u64,
    },
    TooLarge,
}

impl<'a> Request<'a> {
    /// The request whose head `session` read at `started`.
    pub(super) fn new(
        session: &'a mut ServerSession,
        traffic: &'a Traffic,
        started: Instant,
    ) -> Self {
        let bodyless = session.is_body_empty();
        Self {
            session,
            traffic,
            bodyless,
            end: bodyless.then_some(started),
            begun: false,
            answered: None,
            answered_early: false,
            kept: Kept::Nothing,
            mirror: None,
        }
    }

    /// Whether nothing follows its head, not even the end of a body.
    pub(super) fn is_bodyless(&self) -> bool {
        self.bodyless
    }

    /// When it was complete; `None` while its body is still coming.
    pub(super) fn end(&self) -> Option<Instant> {
        self.end
    }

    /// Takes note that the answer begins, so long after the end of the request.
    pub(super) fn answer_begins(&mut self, took: Duration) {
        self.answered_early = self.end.is_none();
        self.answered = Some(self.end.map_or_else(Instant::now, |end| end + took));
    }

    /// Whether the answer began before the request was complete.
    pub(super) fn was_answered_early(&self) -> bool {
        self.answered_early
    }

    /// When the answer began.
    pub(super) fn answered(&self) -> Option<Instant> {
        self.answered
    }

    /// Keeps the body as it comes, if it has no more than `limit` bytes.
    pub(super) fn keep_up_to(&mut self, limit: u64) {
        if self.end.is_some() {
            return;
        }
        self.kept = Kept::Everything {
            body: Vec::new(),
            limit,
        };
    }

    /// Gives up what is kept: nothing will be sent again.
    pub(super) fn forget(&mut self) {
        self.kept = Kept::Nothing;
    }

    /// Whether everything that came can be sent again.
    pub(super) fn can_be_sent_again(&self) -> bool {
        !self.begun || matches!(self.kept, Kept::Everything { .. })
    }

    /// Whether it could be sent again, but for its size.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self.kept, Kept::TooLarge)
    }

    /// What is kept of the body, less the first `sent` bytes.
    pub(super) fn kept(&self, sent: usize) -> &[u8] {
        match &self.kept {
            Kept::Everything { body, .. } => body.get(sent..).unwrap_or_default(),
            Kept::Nothing | Kept::TooLarge => &[],
        }
    }

    /// Has a shadow see the body too.
    pub(super) fn mirror_to(&mut self, mirror: Mirror) {
        self.mirror = Some(mirror);
    }

    /// Whether a shadow would be abandoned soon.
    pub(super) fn outruns_shadow(&self) -> bool {
        self.mirror.as_ref().is_some_and(Mirror::is_behind)
    }

    /// The next piece of the body; after its end, the client's leaving.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BError> {
        self.session.read_body_or_idle(self.end.is_some()).await
    }

    /// Takes note of what [`Self::next`] gave; returns what is to be sent on and is not kept.
    pub(super) fn took(&mut self, body: Option<Bytes>) -> Option<Bytes> {
        self.begun = true;
        let is_last = self.end.is_none() && (body.is_none() || self.session.is_body_done());
        // The codec gives an empty piece before trailers, and for an empty DATA frame; sent on, it
        // would end the body (RFC 9112 section 7.1).
        let piece = body.filter(|bytes| !bytes.is_empty());
        if let Some(bytes) = &piece {
            self.mirror = self.mirror.take().and_then(|mirror| mirror.piece(bytes));
        }
        let unkept = piece.and_then(|bytes| self.keep(bytes));
        if is_last {
            self.end = Some(Instant::now());
            if let Some(mirror) = self.mirror.take() {
                mirror.end();
            }
        }
        unkept
    }

    /// What is not kept is given back.
    fn keep(&mut self, bytes: Bytes) -> Option<Bytes> {
        let Kept::Everything { body, limit } = &mut self.kept else {
            return Some(bytes);
        };
        if (body.len() + bytes.len()) as u64 > *limit {
            self.kept = Kept::TooLarge;
            return Some(bytes);
        }
        body.extend_from_slice(&bytes);
        None
    }

    /// What an error of [`Self::next`] means for this exchange.
    pub(super) fn failed(&self, error: &BError) -> Failure {
        if let Some(fault) = self.traffic.fault() {
            tracing::debug!(reason = fault.label(), "the request's body is faulty");
            return Failure::ClientMalformed;
        }
        match error.etype() {
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::H2Error => {
                Failure::ClientLeft
            }
            ErrorType::ReadTimedout => Failure::OutOfTime(Limit::Silence),
            _ => Failure::ClientMalformed,
        }
    }

    /// Waits until the client of a complete request has left.
    pub(super) async fn left(&mut self) -> Failure {
        while self.end.is_some() {
            if let Err(error) = self.next().await {
                return self.failed(&error);
            }
        }
        pending().await
    }
}
