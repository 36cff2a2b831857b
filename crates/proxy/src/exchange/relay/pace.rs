//! Tells the counters when one side waits for the other.
//!
//! Invariant: costs a comparison where nobody waits.
//!
//! One difference to Envoy: it fills a buffer of its own before it stops reading, and counts then;
//! here there is none, so a wait is counted when the first byte does not go.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use pingora_core::BError;
use pingora_core::protocols::http::HttpTask;

use super::{Relay, Relayed};

impl Relay<'_, '_, '_> {
    /// As [`Self::answer`]; the client may let it wait.
    pub(super) async fn answer_at_its_pace(
        &mut self,
        task: Result<HttpTask, BError>,
    ) -> Option<Relayed> {
        let stats = self.rules.stats;
        let http = self.rules.course.connection.listener().http();
        let bytes = bytes(&task);
        let mut answering = pin!(self.answer(task));
        let at_once = poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx))).await;
        if let Poll::Ready(relayed) = at_once {
            return relayed;
        }
        stats.reading_paused();
        let held = http.held(bytes);
        let relayed = answering.await;
        drop(held);
        stats.reading_resumed();
        relayed
    }

    /// Takes note of whether the upstream lets us wait.
    pub(super) fn count_backlog(&mut self) {
        let waiting = self.traffic.backlog();
        if (waiting > 0) == self.backlog.is_some() {
            return;
        }
        let http = self.rules.course.connection.listener().http();
        match self.backlog.take() {
            Some(backlog) => {
                backlog.drained();
                http.reading_resumed();
            }
            None => {
                self.backlog = Some(self.rules.stats.backed_up(waiting));
                http.reading_paused();
            }
        }
    }
}

/// Of a body.
fn bytes(task: &Result<HttpTask, BError>) -> usize {
    match task {
        Ok(HttpTask::Body(Some(piece), _) | HttpTask::UpgradedBody(Some(piece), _)) => piece.len(),
        _ => 0,
    }
}
