//! How fast is written.
//!
//! Invariant: of one object there is at most one entry in a queue, so that a queue is never longer
//! than there are objects, and an object that changes often waits behind all others each time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio_config::ObjectRef;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) each_second: f64,
    /// How many may follow one another after a pause.
    pub(super) burst: f64,
}

/// A token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            filled: Instant::now(),
        }
    }

    /// Waits for a token and takes it.
    pub(super) async fn take(&mut self) {
        let now = Instant::now();
        let earned = (now - self.filled).as_secs_f64() * self.rate.each_second;
        self.filled = now;
        self.tokens = (self.tokens + earned).min(self.rate.burst) - 1.0;
        if self.tokens < 0.0 {
            sleep(Duration::from_secs_f64(
                -self.tokens / self.rate.each_second,
            ))
            .await;
        }
    }
}

/// The objects about which something is to be written, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<Arc<ObjectRef>>,
    all: BTreeSet<Arc<ObjectRef>>,
}

impl Queue {
    /// Adds an object at the end, unless it waits already.
    pub(super) fn push(&self, object: &Arc<ObjectRef>) {
        let mut waiting = self.waiting();
        if waiting.all.insert(Arc::clone(object)) {
            waiting.order.push_back(Arc::clone(object));
            drop(waiting);
            self.arrived.notify_one();
        }
    }

    /// Waits for an object and takes it.
    pub(super) async fn next(&self) -> Arc<ObjectRef> {
        loop {
            if let Some(object) = self.waiting().pop() {
                return object;
            }
            self.arrived.notified().await;
        }
    }

    pub(super) fn clear(&self) {
        *self.waiting() = Waiting::default();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Arc<ObjectRef>> {
        let object = self.order.pop_front()?;
        self.all.remove(&object);
        Some(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Arc<ObjectRef> {
        Arc::new(ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        })
    }

    #[tokio::test]
    async fn an_object_waits_once_and_in_turn() {
        let queue = Queue::default();
        for name in ["a", "b", "a", "a"] {
            queue.push(&object(name));
        }
        assert_eq!(&*queue.next().await.name, "a");
        queue.push(&object("a"));
        assert_eq!(&*queue.next().await.name, "b");
        assert_eq!(&*queue.next().await.name, "a");
        let empty = tokio::time::timeout(Duration::ZERO, queue.next()).await;
        assert!(empty.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = Bucket::new(Rate {
            each_second: 5.0,
            burst: 10.0,
        });
        let start = Instant::now();
        for _ in 0..10 {
            bucket.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..50 {
            bucket.take().await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((9.9..10.1).contains(&took), "{took}");
        // What is not used is kept, up to the burst.
        sleep(Duration::from_hours(1)).await;
        let start = Instant::now();
        for _ in 0..11 {
            bucket.take().await;
        }
        assert!(start.elapsed() > Duration::from_millis(150));
    }
}
