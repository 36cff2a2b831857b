//! What one worker has collected of spans.
//!
//! Invariant: a span waits for at most [`DELAY`] before it goes on its way; a busy worker sends full
//! batches.
//!
//! Deliberately absent: what a span says, and to whom.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use nuncio_tracing::{Destination, Span, SpanSender, Spans, Waiting};
use tokio::sync::Notify;
use tokio::time::sleep;

/// One worker's spans.
pub(crate) struct WorkerSpans {
    spans: RefCell<Spans>,
    begun: Notify,
}

/// How long spans are collected.
const DELAY: Duration = Duration::from_millis(50);

impl WorkerSpans {
    pub(super) fn new(sender: &SpanSender) -> Self {
        Self {
            spans: RefCell::new(sender.spans()),
            begun: Notify::new(),
        }
    }

    /// Adds the spans of a request.
    pub(crate) fn add(
        &self,
        destination: &Arc<Destination>,
        spans: impl IntoIterator<Item = Span>,
    ) {
        if self.spans.borrow_mut().add(destination, spans) == Waiting::Begun {
            self.begun.notify_one();
        }
    }

    /// Sends spans on their way, as long as it is polled. What is left then goes when this is
    /// dropped.
    pub(super) async fn deliver(&self) {
        loop {
            // Also what whoever delivered before has left.
            self.spans.borrow_mut().hand_over();
            self.begun.notified().await;
            sleep(DELAY).await;
        }
    }
}
