//! What one worker has collected for the access log.
//!
//! Invariant: a line waits for at most [`DELAY`] before it goes on its way; a busy worker sends full
//! batches.
//!
//! Deliberately absent: what a line says.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use nuncio_telemetry::{AccessLog, Lines, Waiting};
use tokio::sync::Notify;
use tokio::time::sleep;

/// One worker's part of the access log.
pub(crate) struct WorkerLog {
    lines: RefCell<Lines>,
    begun: Notify,
}

/// How long lines are collected.
const DELAY: Duration = Duration::from_millis(20);

impl WorkerLog {
    pub(super) fn new(log: &AccessLog) -> Self {
        Self {
            lines: RefCell::new(log.lines()),
            begun: Notify::new(),
        }
    }

    /// Adds the line that `write` appends.
    pub(crate) fn add(&self, path: &Arc<str>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.lines.borrow_mut().add(path, write) == Waiting::Begun {
            self.begun.notify_one();
        }
    }

    /// Sends lines on their way, as long as it is polled. What is left then goes when this is
    /// dropped.
    pub(super) async fn deliver(&self) {
        loop {
            // Also what whoever delivered before has left.
            self.lines.borrow_mut().hand_over();
            self.begun.notified().await;
            sleep(DELAY).await;
        }
    }
}
