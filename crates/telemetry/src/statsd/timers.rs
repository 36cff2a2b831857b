//! The way of a timer sample from a worker to the exporter.
//!
//! Invariant: a worker never waits. A full queue loses the sample and counts it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::value::Counter;

/// The queue. Handles are known by their ids; what they are called the exporter finds out.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    open: AtomicBool,
    queue: OnceLock<Queue>,
    next_id: AtomicU32,
    /// How often the receiver has been told everything.
    rounds: Counter,
    /// Datagrams sent, of all kinds.
    pub(crate) sent: Counter,
    /// Samples lost.
    pub(crate) dropped: Counter,
}

#[derive(Debug)]
struct Queue {
    sender: SyncSender<Sample>,
    receiver: Mutex<Receiver<Sample>>,
}

/// One sample on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) handle: u32,
    pub(super) stat: &'static str,
    pub(super) milliseconds: u64,
}

/// Samples between two looks of the exporter: at 20 looks a second, some 300,000 samples a second.
const CAPACITY: usize = 16_384;

impl Timers {
    /// An id for a handle, which no other has had.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id.fetch_add(1, Relaxed)
    }

    /// Whether somebody listens.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Whether somebody ever listened.
    pub(crate) fn was_open(&self) -> bool {
        self.queue.get().is_some()
    }

    /// How often the receiver has been told everything.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.value()
    }

    /// The receiver has been told everything once more.
    pub(super) fn round_ended(&self) {
        self.rounds.inc();
    }

    /// Sends a sample on its way, when somebody listens.
    pub(crate) fn sample(&self, handle: u32, stat: &'static str, took: Duration) {
        if !self.open.load(Relaxed) {
            return;
        }
        let Some(queue) = self.queue.get() else {
            return;
        };
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if queue
            .sender
            .try_send(Sample {
                handle,
                stat,
                milliseconds,
            })
            .is_err()
        {
            self.dropped.inc();
        }
    }

    /// Somebody listens from now on.
    pub(super) fn open(&self) {
        self.queue.get_or_init(|| {
            let (sender, receiver) = mpsc::sync_channel(CAPACITY);
            Queue {
                sender,
                receiver: Mutex::new(receiver),
            }
        });
        self.open.store(true, Relaxed);
    }

    /// Nobody listens any more; what is under way is forgotten.
    pub(super) fn close(&self) {
        self.open.store(false, Relaxed);
        self.drain(|_| {});
    }

    /// Takes out what was in the queue.
    pub(super) fn drain(&self, each: impl FnMut(Sample)) {
        let Some(queue) = self.queue.get() else {
            return;
        };
        let receiver = queue
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Bounded, or busy workers could keep us here for ever.
        receiver.try_iter().take(CAPACITY).for_each(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_queued_while_nobody_listens() {
        let timers = Timers::default();
        let handle = timers.next_id();
        timers.sample(handle, "before", Duration::ZERO);
        timers.open();
        timers.sample(handle, "during", Duration::from_micros(2_900));
        timers.close();
        timers.open();
        timers.sample(handle, "after", Duration::from_micros(2_900));
        let mut seen = Vec::new();
        timers.drain(|sample| seen.push(sample));
        let after = Sample {
            handle,
            stat: "after",
            milliseconds: 2,
        };
        assert_eq!(seen, [after]);
        assert_eq!(timers.dropped.value(), 0);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let timers = Timers::default();
        let handle = timers.next_id();
        timers.open();
        for _ in 0..CAPACITY + 3 {
            timers.sample(handle, "x", Duration::ZERO);
        }
        assert_eq!(timers.dropped.value(), 3);
    }
}
