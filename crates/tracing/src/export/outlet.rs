//! The way to one collector: spans are gathered, sent by the batch, and sent again after a failure.
//!
//! Invariant: at most [`MAX_PENDING`] spans wait, also while others are being sent; newer ones are
//! dropped then, and counted. No batch keeps others waiting for ever: a collector that does not take
//! one is asked [`MAX_ATTEMPTS`] times. An outage is reported once.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use nuncio_telemetry::SpanCounts;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::Destination;
use super::collector::{Connected, SendError};
use crate::span::Span;

/// What an outlet is told.
#[derive(Debug)]
pub(super) enum Order {
    Spans(Vec<Span>),
    /// What there is is to be sent now; the other end hears when it has been tried.
    Flush(oneshot::Sender<()>),
}

/// The way to one collector.
pub(super) struct Outlet {
    destination: Arc<Destination>,
    counts: Arc<SpanCounts>,
    connected: Connected,
    inbox: Inbox,
    batch: Batch,
    outage: Option<Outage>,
    /// When it was last reported that a collector refused spans.
    refusal_reported: Option<Instant>,
}

/// What waits until the batch before it is gone.
struct Inbox {
    counts: Arc<SpanCounts>,
    pending: Vec<Span>,
    /// When the oldest of them came.
    since: Instant,
    flushes: Vec<Flush>,
    /// Nothing can come any more.
    is_ended: bool,
}

/// Somebody waits until so many spans have been tried.
struct Flush {
    spans: usize,
    /// Dropped when they have been.
    _done: oneshot::Sender<()>,
}

/// What goes at once.
#[derive(Default)]
struct Batch {
    spans: Vec<Span>,
    /// How often a collector has not taken it.
    attempts: u32,
}

/// A collector that does not take spans.
struct Outage {
    /// When it is tried again, and how much later after that.
    until: Instant,
    wait: Duration,
}

/// What was sent was not taken, and may be later.
struct Failed;

/// How long spans are gathered, and how many go at once.
const GATHER: Duration = Duration::from_millis(200);
const BATCH: usize = 256;

/// Spans that wait for a collector.
const MAX_PENDING: usize = 4096;

/// How often a collector is asked to take a batch.
const MAX_ATTEMPTS: u32 = 5;

/// The first wait after a failure, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How often it is said that a collector refuses spans.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// How long a connection is kept that nothing is sent over.
const IDLE: Duration = Duration::from_secs(60);

impl Outlet {
    pub(super) fn new(destination: Arc<Destination>, counts: Arc<SpanCounts>) -> Self {
        Self {
            destination,
            inbox: Inbox {
                counts: Arc::clone(&counts),
                pending: Vec::new(),
                since: Instant::now(),
                flushes: Vec::new(),
                is_ended: false,
            },
            counts,
            connected: Connected::default(),
            batch: Batch::default(),
            outage: None,
            refusal_reported: None,
        }
    }

    /// Sends what comes until nothing can come any more, and then what is left, until that fails.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let Some(due) = self.due() else {
                if self.inbox.is_ended {
                    break;
                }
                match timeout(IDLE, orders.recv()).await {
                    Ok(order) => self.inbox.take(order, 0),
                    Err(_) => self.connected.close(),
                }
                continue;
            };
            tokio::select! {
                biased;
                () = sleep_until(due) => {
                    let sent = self.send_batch(&mut orders).await;
                    if sent.is_err() && self.inbox.is_ended {
                        break;
                    }
                }
                order = orders.recv(), if !self.inbox.is_ended => {
                    self.inbox.take(order, self.batch.spans.len());
                }
            }
        }
        self.counts.dropped.add(self.waiting() as u64);
    }

    fn waiting(&self) -> usize {
        self.batch.spans.len() + self.inbox.pending.len()
    }

    /// When there is something to send.
    fn due(&self) -> Option<Instant> {
        let inbox = &self.inbox;
        if self.waiting() == 0 {
            return None;
        }
        if inbox.is_ended || !inbox.flushes.is_empty() {
            return Some(Instant::now());
        }
        let is_full = !self.batch.spans.is_empty() || inbox.pending.len() >= BATCH;
        let gathered = inbox.since + if is_full { Duration::ZERO } else { GATHER };
        let outage = self.outage.as_ref();
        Some(outage.map_or(gathered, |outage| outage.until.max(gathered)))
    }

    /// Sends a batch, and takes what comes meanwhile.
    async fn send_batch(&mut self, orders: &mut mpsc::Receiver<Order>) -> Result<(), Failed> {
        if self.batch.spans.is_empty() {
            self.batch = self.inbox.next_batch();
        }
        let count = self.batch.spans.len();
        let sent = self.send_and_receive(orders).await;
        match sent {
            Ok(()) => {
                self.counts.sent.add(count as u64);
                self.end_outage();
            }
            Err(error) if error.is_final(self.destination.format) => {
                self.report_refusal(&error);
                self.counts.dropped.add(count as u64);
            }
            Err(error) => {
                self.failed(&error);
                return Err(Failed);
            }
        }
        self.batch = Batch::default();
        self.inbox.tried(count);
        Ok(())
    }

    async fn send_and_receive(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), SendError> {
        let (spans, inbox) = (&self.batch.spans, &mut self.inbox);
        let mut sending = pin!(self.connected.send(&self.destination, spans));
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return sent,
                order = orders.recv(), if !inbox.is_ended => inbox.take(order, spans.len()),
            }
        }
    }

    fn failed(&mut self, error: &SendError) {
        self.begin_outage(error);
        // They have been tried.
        self.inbox.flushes.clear();
        if error.is_of_batch() {
            self.batch.attempts += 1;
        }
        if self.batch.attempts >= MAX_ATTEMPTS {
            self.counts.dropped.add(self.batch.spans.len() as u64);
            self.batch = Batch::default();
        }
    }

    fn report_refusal(&mut self, error: &SendError) {
        let is_known = self
            .refusal_reported
            .is_some_and(|reported| reported.elapsed() < REPORT_EVERY);
        if is_known {
            return;
        }
        self.refusal_reported = Some(Instant::now());
        let collector = &self.destination.collector;
        tracing::warn!(
            collector = %collector.host,
            port = collector.port,
            error = error as &dyn std::error::Error,
            "the collector refuses spans"
        );
    }

    fn begin_outage(&mut self, error: &SendError) {
        let wait = match &self.outage {
            Some(outage) => (outage.wait * 2).min(LONGEST_WAIT),
            None => {
                let collector = &self.destination.collector;
                tracing::warn!(
                    collector = %collector.host,
                    port = collector.port,
                    error = error as &dyn std::error::Error,
                    "the collector does not take spans"
                );
                FIRST_WAIT
            }
        };
        let jittered = wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        let until = Instant::now() + jittered;
        self.outage = Some(Outage { until, wait });
    }

    fn end_outage(&mut self) {
        if self.outage.take().is_some() {
            let collector = &self.destination.collector;
            tracing::info!(
                collector = %collector.host,
                port = collector.port,
                "the collector takes spans again"
            );
        }
    }
}

impl Inbox {
    /// Takes an order, or that there are no more, while so many spans are in the batch.
    fn take(&mut self, order: Option<Order>, batch: usize) {
        match order {
            Some(Order::Spans(spans)) => self.add(spans, batch),
            Some(Order::Flush(done)) => {
                let spans = batch + self.pending.len();
                // Nobody waits for nothing.
                if spans > 0 {
                    self.flushes.push(Flush { spans, _done: done });
                }
            }
            None => self.is_ended = true,
        }
    }

    fn add(&mut self, mut spans: Vec<Span>, batch: usize) {
        if self.pending.is_empty() {
            self.since = Instant::now();
        }
        let room = MAX_PENDING.saturating_sub(self.pending.len() + batch);
        let excess = spans.len().saturating_sub(room);
        spans.truncate(room);
        self.counts.dropped.add(excess as u64);
        self.pending.append(&mut spans);
    }

    fn next_batch(&mut self) -> Batch {
        let count = self.pending.len().min(BATCH);
        Batch {
            spans: self.pending.drain(..count).collect(),
            attempts: 0,
        }
    }

    fn tried(&mut self, count: usize) {
        self.flushes.retain_mut(|flush| {
            flush.spans = flush.spans.saturating_sub(count);
            flush.spans > 0
        });
    }
}

#[cfg(test)]
mod tests;
