//! Spans on their way from the threads that serve requests to the task that sends them.
//!
//! Invariant: whoever tells a span waits for nothing. Spans are collected by each worker and handed
//! over by the batch; what cannot be taken is dropped and counted. What is on its way is bounded.

use std::sync::Arc;

use nuncio_telemetry::SpanCounts;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use crate::export::{Destination, Exporter};
use crate::span::Span;

/// The way to the task that sends.
#[derive(Clone, Debug)]
pub struct SpanSender {
    queue: mpsc::Sender<Message>,
    counts: Arc<SpanCounts>,
}

/// The spans that one worker has collected for one destination.
#[derive(Debug)]
pub struct Spans {
    sender: SpanSender,
    destination: Option<Arc<Destination>>,
    spans: Vec<Span>,
}

/// Whether spans wait to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The first since the last time: somebody has to see to it.
    Begun,
    /// Somebody already does, or nothing waits.
    Unchanged,
}

/// What goes to the task.
#[derive(Debug)]
pub(crate) enum Message {
    Spans(Arc<Destination>, Vec<Span>),
    /// What was told before is to be sent now; the other end hears when it has been tried.
    Flush(oneshot::Sender<()>),
}

/// So many spans are handed over at once.
const BATCH: usize = 64;

/// Batches on their way at a time.
const QUEUE: usize = 128;

/// A way for spans, and the task at its end, which counts what becomes of them.
pub fn channel(counts: &Arc<SpanCounts>) -> (SpanSender, Exporter) {
    let (queue, messages) = mpsc::channel(QUEUE);
    let sender = SpanSender {
        queue,
        counts: Arc::clone(counts),
    };
    (sender, Exporter::new(messages, Arc::clone(counts)))
}

impl SpanSender {
    /// A collector for one worker.
    pub fn spans(&self) -> Spans {
        Spans {
            sender: self.clone(),
            destination: None,
            spans: Vec::new(),
        }
    }

    /// Has what was handed over sent, and waits until that has been tried.
    pub async fn flush(&self) {
        let (done, tried) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            // The other end is dropped when it has been tried.
            drop(tried.await);
        }
    }

    fn send(&self, destination: Arc<Destination>, spans: Vec<Span>) {
        let message = Message::Spans(destination, spans);
        if let Err(TrySendError::Full(message) | TrySendError::Closed(message)) =
            self.queue.try_send(message)
            && let Message::Spans(_, spans) = message
        {
            self.counts.dropped.add(spans.len() as u64);
        }
    }
}

impl Spans {
    /// Adds the spans of a request.
    pub fn add(
        &mut self,
        destination: &Arc<Destination>,
        spans: impl IntoIterator<Item = Span>,
    ) -> Waiting {
        let known = self.destination.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, destination)) {
            self.hand_over();
            self.destination = Some(Arc::clone(destination));
        }
        let before = self.spans.len();
        self.spans.extend(spans);
        if self.spans.len() >= BATCH {
            self.hand_over();
            return Waiting::Unchanged;
        }
        match before {
            0 => Waiting::Begun,
            _ => Waiting::Unchanged,
        }
    }

    /// Sends what was collected on its way.
    pub fn hand_over(&mut self) {
        if let Some(destination) = self.destination.take()
            && !self.spans.is_empty()
        {
            self.sender
                .send(destination, std::mem::take(&mut self.spans));
        }
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        self.hand_over();
    }
}
