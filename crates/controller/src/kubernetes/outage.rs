//! An API server that cannot be reached, as all watches of it know it together.
//!
//! One of them asks at a time, ever more slowly; the first that is answered sends all others on. So an
//! outage is asked about as often as if there were one watch, and over for all of them within half a
//! second, not in one burst.
//!
//! Invariant: while the server is away, turns are as far apart as one [`Retry`] says. Whoever has a
//! turn and never comes back takes it from nobody.
//! Deliberately absent: what a server that answers says of one kind.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Error;
use kube::runtime::watcher;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::failure::status;
use super::retry::Retry;

/// An outage, or none.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    state: Mutex<State>,
    over: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the next may ask; `None` while the server answers.
    next: Option<Instant>,
    /// When the last outage ended.
    ended: Option<Instant>,
    retry: Retry,
    /// It has answered before.
    known: bool,
    /// What keeps it from answering is about to be mended by somebody else.
    brief: bool,
}

/// Why nobody is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It cannot be reached, or breaks off.
    Away,
    /// It does not know who asks (401): a token expired, and another one will be there any moment.
    Unauthorized,
}

/// A gateway that serves nothing yet, or will have a new token any moment, asks this often.
const SOON: Duration = Duration::from_secs(4);

/// Those that waited return within this, so that a server that just came back meets no burst.
const RETURN: Duration = Duration::from_millis(500);

/// Who answers and is lost again sooner than this has not come back.
pub(super) const STEADY: Duration = Duration::from_secs(5);

impl Loss {
    /// Whether a failure concerns whatever is asked.
    pub(super) fn of(error: &watcher::Error) -> Option<Self> {
        if let Some(status) = status(error) {
            return (status.code == 401).then_some(Self::Unauthorized);
        }
        let error = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => error,
            watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => return None,
        };
        let broke = matches!(
            error,
            Error::Service(_) | Error::HyperError(_) | Error::ReadEvents(_)
        );
        broke.then_some(Self::Away)
    }
}

/// Whether a server answered and broke off: whoever it let in waits by itself, too, as others that it
/// answers say nothing of this one.
pub(super) fn broke_off(error: &watcher::Error) -> bool {
    let error = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => return false,
    };
    matches!(error, Error::HyperError(_) | Error::ReadEvents(_))
}

impl Outage {
    /// Somebody was not answered.
    pub(super) fn lost(&self, loss: Loss) {
        let mut state = self.state();
        state.brief = loss == Loss::Unauthorized;
        if state.next.is_none() {
            if state.ended.is_none_or(|ended| ended.elapsed() > STEADY) {
                state.retry.progressed();
            }
            state.turn();
        }
    }

    /// Somebody was answered, whatever the answer.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.known = true;
        if state.next.take().is_some() {
            state.ended = Some(Instant::now());
            self.over.notify_waiters();
        }
    }

    /// Waits until it is one's turn to ask, or nobody has to wait any more.
    pub(super) async fn turn(&self) {
        loop {
            let over = self.over.notified();
            let next = {
                let mut state = self.state();
                match state.next {
                    None => return,
                    Some(next) if next <= Instant::now() => return state.turn(),
                    Some(next) => next,
                }
            };
            tokio::select! {
                () = over => sleep(RETURN.mul_f64(fastrand::f64())).await,
                () = sleep_until(next) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Somebody asks now; the next waits.
    fn turn(&mut self) {
        let now = Instant::now();
        self.retry.failed(now);
        let delay = self.retry.delay(Duration::ZERO);
        let delay = match self.known && !self.brief {
            true => delay,
            false => delay.min(SOON.mul_f64(1.0 - fastrand::f64() / 4.0)),
        };
        self.next = Some(now + delay);
    }
}

#[cfg(test)]
mod tests;
