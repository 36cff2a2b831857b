//! Lines of the access log on their way from the threads that serve requests to a file.
//!
//! Invariant: whoever writes a line waits for nothing. Lines are collected by each worker and
//! handed over by the batch to a thread of their own; what that thread cannot take in time is
//! dropped and counted. What is on its way is bounded.
//! Deliberately absent: what a line says, and when the log is on.

mod writer;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

pub use writer::AccessLogWriter;

use crate::value::Counter;

/// The way to the thread that writes; every worker has one.
#[derive(Clone, Debug)]
pub struct AccessLog {
    queue: SyncSender<Message>,
    counts: Arc<AccessLogCounts>,
}

/// What became of lines.
#[derive(Debug, Default)]
pub(crate) struct AccessLogCounts {
    pub(crate) written: Counter,
    pub(crate) dropped: Counter,
}

/// The lines that one worker has collected for one file.
#[derive(Debug)]
pub struct Lines {
    log: AccessLog,
    path: Arc<str>,
    bytes: Vec<u8>,
    count: u64,
}

/// Whether lines wait to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The first since the last time: somebody has to see to it.
    Begun,
    /// Somebody already does, or nothing waits.
    Unchanged,
}

/// What goes to the thread.
#[derive(Debug)]
enum Message {
    Batch(Batch),
    /// No more will come.
    Stop,
}

/// Whole lines for one file.
#[derive(Debug)]
struct Batch {
    path: Arc<str>,
    bytes: Vec<u8>,
    count: u64,
}

/// A batch this large is handed over at once.
const BATCH: usize = 32 * 1024;

/// Batches on their way at a time.
const QUEUE: usize = 128;

/// A longer line is dropped: its author logs headers by the dozen, and a client fills them.
const MAX_LINE: usize = 1024 * 1024;

impl AccessLog {
    /// A collector for one worker.
    pub fn lines(&self) -> Lines {
        Lines {
            log: self.clone(),
            path: Arc::from(""),
            bytes: Vec::new(),
            count: 0,
        }
    }

    fn send(&self, batch: Batch) {
        if let Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) =
            self.queue.try_send(Message::Batch(batch))
            && let Message::Batch(batch) = message
        {
            self.counts.dropped.add(batch.count);
        }
    }
}

impl Lines {
    /// Adds the line that `write` appends, line end included.
    pub fn add(&mut self, path: &Arc<str>, write: impl FnOnce(&mut Vec<u8>)) -> Waiting {
        if !Arc::ptr_eq(&self.path, path) {
            self.hand_over();
            self.path = Arc::clone(path);
        }
        let before = self.bytes.len();
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(BATCH);
        }
        write(&mut self.bytes);
        if self.bytes.len() - before > MAX_LINE {
            self.bytes.truncate(before);
            self.log.counts.dropped.inc();
            return Waiting::Unchanged;
        }
        self.count += 1;
        if self.bytes.len() >= BATCH {
            self.hand_over();
            return Waiting::Unchanged;
        }
        if before == 0 {
            Waiting::Begun
        } else {
            Waiting::Unchanged
        }
    }

    /// Sends what was collected on its way.
    pub fn hand_over(&mut self) {
        if self.count == 0 {
            return;
        }
        self.log.send(Batch {
            path: Arc::clone(&self.path),
            bytes: std::mem::take(&mut self.bytes),
            count: std::mem::take(&mut self.count),
        });
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.hand_over();
    }
}

#[cfg(test)]
mod tests;
