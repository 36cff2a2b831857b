//! The way of a timer sample from a worker to the exporter.
//!
//! Invariant: a worker never waits. A full queue loses the sample and counts it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use super::form::{Form, Wire};
use crate::value::Counter;

/// The queue, and the names of the handles that use it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    open: AtomicBool,
    queue: OnceLock<Queue>,
    next_id: AtomicU32,
    /// Wire names of handles, by their ids.
    names: RwLock<HashMap<u32, Wire>>,
    /// How names are made.
    pub(crate) form: Form,
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
#[derive(Clone, Copy, Debug)]
struct Sample {
    handle: u32,
    stat: &'static str,
    milliseconds: u64,
}

/// Samples between two looks of the exporter: at 20 looks a second, some 300,000 samples a second.
const CAPACITY: usize = 16_384;

impl Timers {
    /// Names are made in `form`.
    pub(crate) fn of(form: Form) -> Self {
        Self {
            form,
            ..Self::default()
        }
    }

    /// An id for a handle, which no other has had.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id.fetch_add(1, Relaxed)
    }

    /// Takes samples of a handle under this name.
    pub(crate) fn name(&self, handle: u32, wire: Wire) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(handle, wire);
    }

    /// Forgets the name of a handle.
    pub(crate) fn unname(&self, handle: u32) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        names.remove(&handle);
        if names.len() < names.capacity() / 4 {
            names.shrink_to_fit();
        }
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
        self.drain(|_, _, _| {});
    }

    /// Takes out what was in the queue: name of the handle, statistic, milliseconds.
    pub(super) fn drain(&self, mut each: impl FnMut(&Wire, &'static str, u64)) {
        let Some(queue) = self.queue.get() else {
            return;
        };
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let receiver = queue
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Bounded, or busy workers could keep us here for ever.
        for sample in receiver.try_iter().take(CAPACITY) {
            if let Some(name) = names.get(&sample.handle) {
                each(name, sample.stat, sample.milliseconds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statsd::Scoped;

    fn named_a() -> Wire {
        let scope = Scoped {
            full: "a.",
            bare: "",
        };
        Form::Plain.wire(scope, &[])
    }

    #[test]
    fn nothing_is_queued_while_nobody_listens() {
        let timers = Timers::default();
        let handle = timers.next_id();
        timers.name(handle, named_a());
        timers.sample(handle, "before", Duration::ZERO);
        timers.open();
        timers.sample(handle, "during", Duration::from_micros(2_900));
        timers.close();
        timers.open();
        timers.sample(handle, "after", Duration::from_micros(2_900));
        let mut seen = Vec::new();
        timers.drain(|name, stat, ms| seen.push(format!("{}{stat}:{ms}", name.parts().0)));
        assert_eq!(seen, ["a.after:2"]);
        assert_eq!(timers.dropped.value(), 0);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let timers = Timers::default();
        let handle = timers.next_id();
        timers.name(handle, named_a());
        timers.open();
        for _ in 0..CAPACITY + 3 {
            timers.sample(handle, "x", Duration::ZERO);
        }
        assert_eq!(timers.dropped.value(), 3);
    }
}
