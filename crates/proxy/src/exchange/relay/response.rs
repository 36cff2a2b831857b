//! From the upstream to the client.

use std::time::Duration;

use pingora_core::protocols::http::HttpTask;
use pingora_core::{BError, ErrorType, RetryType};
use pingora_http::ResponseHeader;

use super::upload::Upload;
use super::{Culprit, Relay, Relayed};
use crate::exchange::client_head::{self, Attempt};
use crate::exchange::failure::Failure;
use crate::exchange::upgrade;
use crate::upstream::UpstreamSession;

/// What becomes of an answer's head.
enum Verdict {
    PassOn(Box<ResponseHeader>),
    /// There is another attempt instead of this status.
    Discard(u16),
    /// It cannot be written anew.
    Unsound,
}

impl Relay<'_, '_, '_> {
    /// Takes what the upstream sent; `Some` when that was the end.
    pub(super) async fn answer(&mut self, task: Result<HttpTask, BError>) -> Option<Relayed> {
        let task = match task {
            Ok(HttpTask::Header(head, _)) if self.is_upgrade(&head) => {
                return Some(self.upgrade(&head).await);
            }
            Ok(HttpTask::Header(head, _)) if head.status.is_informational() => {
                return self.interim(&head);
            }
            Ok(HttpTask::Header(head, end)) => match self.verdict(&head) {
                Verdict::PassOn(head) => HttpTask::Header(head, end),
                Verdict::Discard(status) => return Some(self.discarded(status, end)),
                Verdict::Unsound => return Some(self.unsound()),
            },
            Ok(HttpTask::Failed(error)) | Err(error) => return Some(self.upstream_failed(&error)),
            Ok(
                task @ (HttpTask::Body(..)
                | HttpTask::UpgradedBody(..)
                | HttpTask::Trailer(_)
                | HttpTask::Done),
            ) => task,
        };
        self.pass_on(task).await
    }

    async fn pass_on(&mut self, task: HttpTask) -> Option<Relayed> {
        let end = task.is_end();
        let tasks = self.body.pass(task);
        if tasks.is_empty() {
            return None;
        }
        let session = &mut *self.request.session;
        let sent = match tasks.first() {
            Some(HttpTask::Header(..)) => self.rules.course.begin_response(session, tasks).await,
            _ => session.response_duplex_vec(tasks).await,
        };
        match sent {
            Ok(_) if end => Some(self.complete()),
            Ok(_) => None,
            Err(_) => Some(self.broken(Culprit::Client, Failure::ClientLeft)),
        }
    }

    /// Whether the client is given what it asked for and its route allows.
    fn is_upgrade(&self, head: &ResponseHeader) -> bool {
        let asked = self.rules.course.outbound.upgrade.as_ref();
        asked.is_some_and(|asked| upgrade::is_granted(head, asked))
    }

    async fn upgrade(&mut self, received: &ResponseHeader) -> Relayed {
        let request = self.request.session.req_header();
        let built = client_head::build(self.rules.course, request, received, self.attempt());
        let confirmed = built.and_then(|(mut head, _)| {
            upgrade::confirm(&mut head, received)?;
            Ok(head)
        });
        let Ok(head) = confirmed else {
            return self.unsound();
        };
        let head = HttpTask::Header(Box::new(head), false);
        let session = &mut *self.request.session;
        match self.rules.course.begin_response(session, vec![head]).await {
            Ok(_) => {
                self.upgraded = true;
                self.status = Some(received.status.as_u16());
                self.complete()
            }
            Err(_) => Relayed::Failed(Failure::ClientLeft),
        }
    }

    /// The gateway has answered `Expect` itself, and this is no upgrade that was asked for: nothing to
    /// pass on. How many there are is bounded where they are read.
    fn interim(&mut self, head: &ResponseHeader) -> Option<Relayed> {
        self.interim_answers = self.interim_answers.saturating_add(1);
        let is_other_protocol = head.status == http::StatusCode::SWITCHING_PROTOCOLS;
        is_other_protocol.then(|| self.unsound())
    }

    fn verdict(&mut self, received: &ResponseHeader) -> Verdict {
        self.rules.endpoint.answered(received.status.as_u16());
        if self.request.can_be_sent_again()
            && let Some(retries) = &mut self.rules.retries
            && retries.after_answer(received)
        {
            return Verdict::Discard(received.status.as_u16());
        }
        let request = self.request.session.req_header();
        let attempt = self.attempt();
        let built = client_head::build(self.rules.course, request, received, attempt);
        let Ok((head, body)) = built else {
            return Verdict::Unsound;
        };
        self.body = body;
        self.status = Some(received.status.as_u16());
        self.request.answer_begins(attempt.took);
        self.forget_kept();
        Verdict::PassOn(Box::new(head))
    }

    fn unsound(&self) -> Relayed {
        self.rules.stats.protocol_error();
        Relayed::Failed(Failure::UpstreamMalformed)
    }

    /// Whether the connection of HTTP/1 was closed in the middle of an answer.
    fn is_cut_off(&self, error: &BError) -> bool {
        let is_http1 = matches!(self.upstream, UpstreamSession::Http1(_));
        is_http1 && self.status.is_some() && *error.etype() == ErrorType::ConnectionClosed
    }

    fn discarded(&self, status: u16, end: bool) -> Relayed {
        Relayed::Discarded {
            status,
            whole: end && self.upload == Upload::Finished,
        }
    }

    fn complete(&self) -> Relayed {
        Relayed::Complete {
            // A response without a status cannot be: `answer` saw its head first.
            status: self.status.unwrap_or_default(),
            upstream_time: self.took(),
            request_sent: self.upload == Upload::Finished,
        }
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            took: self.took(),
            endpoint: self.rules.endpoint.address(),
        }
    }

    /// Since the end of the request.
    pub(super) fn took(&self) -> Duration {
        self.request
            .end()
            .map_or(Duration::ZERO, |end| end.elapsed())
    }

    fn upstream_failed(&self, error: &BError) -> Relayed {
        if let Some(fault) = self.traffic.fault() {
            tracing::debug!(reason = fault.label(), "no answer");
            self.rules.stats.protocol_error();
            let worker = self.rules.course.connection.worker();
            worker.refused().answer(fault.label());
            return self.broken(Culprit::Upstream, Failure::UpstreamMalformed);
        }
        tracing::debug!(%error, "the upstream failed");
        let refused = error.retry == RetryType::Decided(true);
        let failure = match error.etype() {
            ErrorType::H2Error | ErrorType::ConnectionClosed
                if refused || error.etype() == &ErrorType::H2Error =>
            {
                return self.broken(Culprit::UpstreamStream, Failure::UpstreamReset { refused });
            }
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => {
                let no_answer = self.interim_answers == 0 && error.retry == RetryType::ReusedOnly;
                let untouched = no_answer && self.request.can_be_sent_again();
                Failure::UpstreamClosed { untouched }
            }
            _ => Failure::UpstreamMalformed,
        };
        if matches!(failure, Failure::UpstreamMalformed) || self.is_cut_off(error) {
            self.rules.stats.protocol_error();
        }
        self.broken(Culprit::Upstream, failure)
    }
}
