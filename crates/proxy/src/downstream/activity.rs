//! Whether a connection is at work, and what it is asked to do about its end.
//!
//! Deliberately absent: who asks.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Whether a connection is at work, and since when it is not.
pub(super) struct Activity {
    requests: Cell<usize>,
    idle_since: Cell<Instant>,
    /// How long it is left alone after its last request.
    pub(super) grace: Cell<Duration>,
    /// Whether it ends because it was idle for too long.
    pub(super) idled_out: Cell<bool>,
    /// Whether it says goodbye when it is asked to end; else it can be broken off.
    pub(super) says_goodbye: Cell<bool>,
    pub(super) asked: Notify,
    /// Whether it is to end because of what its client has, or has not.
    dismissed: Cell<bool>,
    dismissal: Notify,
}

/// A connection younger or more recently used than this may have a request on its way.
const GRACE: Duration = Duration::from_millis(100);

/// One request under way on a connection.
pub(super) struct Busy(Rc<Activity>);

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            requests: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            grace: Cell::new(GRACE),
            idled_out: Cell::new(false),
            says_goodbye: Cell::new(false),
            asked: Notify::new(),
            dismissed: Cell::new(false),
            dismissal: Notify::new(),
        }
    }

    /// Something begins that is to be waited for, until the result is dropped.
    pub(super) fn busy(self: &Rc<Self>) -> Busy {
        self.requests.set(self.requests.get() + 1);
        Busy(Rc::clone(self))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.requests.get() > 0
    }

    /// Ends it, as it is idle; `false` = it has to be broken off.
    pub(super) fn ask_to_end(&self) -> bool {
        self.asked.notify_waiters();
        self.says_goodbye.get()
    }

    /// Has it end once what is under way has.
    pub(super) fn dismiss(&self) {
        self.dismissed.set(true);
        self.dismissal.notify_one();
    }

    pub(super) fn is_dismissed(&self) -> bool {
        self.dismissed.get()
    }

    /// Waits until [`Self::is_dismissed`].
    pub(super) async fn dismissed(&self) {
        if !self.is_dismissed() {
            self.dismissal.notified().await;
        }
    }

    /// Whether nothing is lost by closing it.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let idle_for = now.saturating_duration_since(self.idle_since.get());
        !self.is_busy() && idle_for >= self.grace.get()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
    }
}
