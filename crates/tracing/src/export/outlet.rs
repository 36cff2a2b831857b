//! The way to one collector: spans are gathered, sent by the batch, and sent again after a failure.
//!
//! Invariant: at most [`MAX_PENDING`] spans wait; newer ones are dropped then, and counted. An outage
//! is reported once.

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
    pending: Vec<Span>,
    /// When the oldest of them came.
    since: Instant,
    outage: Option<Outage>,
}

/// A collector that does not take spans.
struct Outage {
    /// When it is tried again, and how much later after that.
    until: Instant,
    wait: Duration,
}

/// How long spans are gathered, and how many go at once.
const GATHER: Duration = Duration::from_millis(200);
const BATCH: usize = 256;

/// Spans that wait for a collector.
const MAX_PENDING: usize = 4096;

/// The first wait after a failure, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long a connection is kept that nothing is sent over.
const IDLE: Duration = Duration::from_secs(60);

impl Outlet {
    pub(super) fn new(destination: Arc<Destination>, counts: Arc<SpanCounts>) -> Self {
        Self {
            destination,
            counts,
            connected: Connected::default(),
            pending: Vec::new(),
            since: Instant::now(),
            outage: None,
        }
    }

    /// Sends what comes until nothing can come any more.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let order = match self.due() {
                Some(due) => tokio::select! {
                    biased;
                    () = sleep_until(due) => {
                        self.send_pending().await;
                        continue;
                    }
                    order = orders.recv() => order,
                },
                None => match timeout(IDLE, orders.recv()).await {
                    Ok(order) => order,
                    Err(_) => {
                        self.connected.close();
                        continue;
                    }
                },
            };
            match order {
                Some(Order::Spans(spans)) => self.take(spans),
                Some(Order::Flush(done)) => {
                    self.send_pending().await;
                    drop(done);
                }
                None => break,
            }
        }
        self.send_pending().await;
        self.counts.dropped.add(self.pending.len() as u64);
    }

    fn take(&mut self, mut spans: Vec<Span>) {
        if self.pending.is_empty() {
            self.since = Instant::now();
        }
        let room = MAX_PENDING.saturating_sub(self.pending.len());
        let excess = spans.len().saturating_sub(room);
        spans.truncate(room);
        self.counts.dropped.add(excess as u64);
        self.pending.append(&mut spans);
    }

    /// When there is something to send.
    fn due(&self) -> Option<Instant> {
        let gathered = match self.pending.len() {
            0 => return None,
            1..BATCH => self.since + GATHER,
            _ => self.since,
        };
        let outage = self.outage.as_ref();
        Some(outage.map_or(gathered, |outage| outage.until.max(gathered)))
    }

    async fn send_pending(&mut self) {
        while !self.pending.is_empty() {
            let count = self.pending.len().min(BATCH);
            let batch = self.pending.get(..count).unwrap_or_default();
            match self.connected.send(&self.destination, batch).await {
                Ok(()) => {
                    self.counts.sent.add(count as u64);
                    self.end_outage();
                }
                Err(error) if error.is_final() => {
                    self.counts.dropped.add(count as u64);
                    self.begin_outage(&error);
                }
                Err(error) => return self.begin_outage(&error),
            }
            self.pending.drain(..count);
        }
        self.since = Instant::now();
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
