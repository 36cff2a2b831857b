//! Sends spans to collectors.
//!
//! Invariant: a collector that is absent, slow or broken costs nothing but its own spans: what waits
//! for it is bounded, and what is lost is counted. Spans go to the collector of the configuration that
//! their request was served by, also after another one has come into force.
//! Deliberately absent: making spans.

mod collector;
mod connection;
mod format;
mod outlet;

use std::sync::Arc;

use nuncio_routing::{Collector, SpanFormat, Tracing};
use nuncio_telemetry::SpanCounts;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::queue::Message;
use outlet::{Order, Outlet};

/// Where spans go, and how they are written.
#[derive(Debug)]
pub struct Destination {
    pub(crate) format: SpanFormat,
    pub(crate) collector: Collector,
    pub(crate) service_name: Box<str>,
}

/// The task that sends spans.
#[derive(Debug)]
pub struct Exporter {
    messages: mpsc::Receiver<Message>,
    counts: Arc<SpanCounts>,
}

/// The ways to collectors, the last used at the end.
struct Outlets {
    counts: Arc<SpanCounts>,
    open: Vec<Open>,
    /// What is dropped when those end that send what they still have.
    ending: Vec<oneshot::Receiver<()>>,
    /// Ends them when it is dropped.
    running: JoinSet<()>,
}

/// A way that takes spans.
struct Open {
    destination: Arc<Destination>,
    queue: mpsc::Sender<Order>,
    ended: oneshot::Receiver<()>,
}

/// Collectors at a time. Requests that began under an earlier configuration end under it.
const MAX_OUTLETS: usize = 4;

/// Batches on their way to one collector.
const QUEUE: usize = 32;

impl Destination {
    pub(crate) fn of(tracing: &Tracing) -> Self {
        Self {
            format: tracing.format,
            collector: tracing.collector.clone(),
            service_name: tracing.service_name.clone(),
        }
    }
}

impl Exporter {
    pub(crate) fn new(messages: mpsc::Receiver<Message>, counts: Arc<SpanCounts>) -> Self {
        Self { messages, counts }
    }

    /// Sends spans until there is nobody left to tell any.
    pub async fn run(mut self) {
        let mut outlets = Outlets {
            counts: Arc::clone(&self.counts),
            open: Vec::new(),
            ending: Vec::new(),
            running: JoinSet::new(),
        };
        while let Some(message) = self.messages.recv().await {
            match message {
                Message::Spans(destination, spans) => {
                    let count = spans.len() as u64;
                    let outlet = outlets.of(&destination);
                    if outlet.try_send(Order::Spans(spans)).is_err() {
                        self.counts.dropped.add(count);
                    }
                }
                Message::Flush(done) => outlets.flush(done).await,
            }
        }
    }
}

impl Outlets {
    fn of(&mut self, destination: &Arc<Destination>) -> mpsc::Sender<Order> {
        let mut open = self.open.iter();
        let known = open.position(|open| Arc::ptr_eq(&open.destination, destination));
        let outlet = match known {
            Some(at) => self.open.remove(at),
            None => self.start(destination),
        };
        while self.running.try_join_next().is_some() {}
        self.ending.retain_mut(|ended| !is_over(ended));
        if self.open.len() == MAX_OUTLETS {
            // It ends by itself, once it has tried to send what it has.
            self.ending.push(self.open.remove(0).ended);
        }
        let queue = outlet.queue.clone();
        self.open.push(outlet);
        queue
    }

    fn start(&mut self, destination: &Arc<Destination>) -> Open {
        let (queue, orders) = mpsc::channel(QUEUE);
        let (running, ended) = oneshot::channel();
        let outlet = Outlet::new(Arc::clone(destination), Arc::clone(&self.counts));
        self.running.spawn(async move {
            outlet.run(orders).await;
            drop::<oneshot::Sender<()>>(running);
        });
        Open {
            destination: Arc::clone(destination),
            queue,
            ended,
        }
    }

    async fn flush(&mut self, done: oneshot::Sender<()>) {
        let mut tried = std::mem::take(&mut self.ending);
        for open in &self.open {
            let (done, end) = oneshot::channel();
            if open.queue.send(Order::Flush(done)).await.is_ok() {
                tried.push(end);
            }
        }
        for end in tried {
            // The other end is dropped when it has been tried.
            drop(end.await);
        }
        drop(done);
    }
}

fn is_over(ended: &mut oneshot::Receiver<()>) -> bool {
    ended.try_recv() != Err(oneshot::error::TryRecvError::Empty)
}
