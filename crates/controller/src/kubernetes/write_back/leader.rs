//! Which of the gateways writes to the API server.
//!
//! One record, taken by compare-and-swap. Whoever holds it renews it; whoever does not looks at it
//! once in a lease's time, and takes it when it stood there unchanged for all of that time.
//!
//! Invariant: the holder counts from before it asked for its last renewal and stops well before a
//! lease's time has passed; the others count from after they saw that renewal and wait for all of
//! it. So there is one writer at a time, whatever the wall clocks say: they are written for people
//! and never read. (A machine that is put to sleep stops its monotonic clock; it learns of its
//! successor at its next renewal.)
//! Deliberately absent: what a leader does.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use nuncio_telemetry::Telemetry;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use super::lease::{self, Record, RecordError};
use crate::kubernetes::retry::{Retry, Run};

/// How long the last word of a leader may take at shutdown.
const FAREWELL: Duration = Duration::from_secs(1);

/// The times of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long the others wait for a leader that is not heard of. The record tells it in whole
    /// seconds, rounded up.
    pub lease: Duration,
    /// How often the leader renews; shortened by up to a fifth.
    pub renew: Duration,
    /// When a leader that could not renew stops. Must be less than `lease`: the difference is what
    /// a request under way may take.
    pub give_up: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew: Duration::from_secs(5),
            give_up: Duration::from_secs(10),
        }
    }
}

/// Whether this gateway leads, for those who write.
#[derive(Clone, Debug)]
pub(in crate::kubernetes) struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    /// Whether it leads at this moment, by its own clock: to be asked before each request.
    pub(in crate::kubernetes) fn holds(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until it leads; for ever when nobody runs for it any more.
    pub(in crate::kubernetes) async fn gained(&mut self) {
        let led = |until: &Option<Instant>| until.is_some_and(|until| Instant::now() < until);
        if self.0.wait_for(led).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it leads no longer.
    pub(in crate::kubernetes) async fn lost(&mut self) {
        loop {
            let Some(until) = *self.0.borrow_and_update() else {
                return;
            };
            tokio::select! {
                () = sleep_until(until) => return,
                renewed = self.0.changed() => if renewed.is_err() { return },
            }
        }
    }
}

/// One gateway's part in the election.
pub(super) struct Candidate<R> {
    record: R,
    identity: String,
    times: LeaseTimes,
    telemetry: Arc<Telemetry>,
    /// Until when it leads.
    term: watch::Sender<Option<Instant>>,
    /// The record as it wrote it; `None` when it does not lead.
    held: Option<Lease>,
    seen: Option<Seen>,
    retry: Retry,
    refused: bool,
}

/// Another's record, and since when it stands there unchanged.
struct Seen {
    version: String,
    since: Instant,
}

impl<R: Record> Candidate<R> {
    pub(super) fn new(
        record: R,
        identity: String,
        times: LeaseTimes,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            record,
            identity,
            times,
            telemetry,
            term: watch::Sender::new(None),
            held: None,
            seen: None,
            retry: Retry::default(),
            refused: false,
        }
    }

    pub(super) fn leadership(&self) -> Leadership {
        Leadership(self.term.subscribe())
    }

    /// Runs for leader until `stop`; what it holds then is to be [released](Self::release).
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Self {
        let mut pause = self.times.renew.mul_f64(fastrand::f64() / 5.0);
        loop {
            let next = Instant::now() + pause;
            tokio::select! {
                biased;
                _stop = stop.wait_for(|stop| *stop) => break,
                () = sleep_until(next) => {}
            }
            pause = self.step().await;
        }
        self
    }

    /// Lets the next one begin at once. Whoever writes must have stopped.
    pub(super) async fn release(mut self) {
        let held = self.held.take();
        self.resign("shutting down");
        if let Some(held) = held {
            // Whoever cannot be told waits for the lease to end.
            drop(timeout(FAREWELL, self.record.write(lease::released(held))).await);
        }
    }

    /// One attempt; answers when to make the next.
    async fn step(&mut self) -> Duration {
        let asked = Instant::now();
        // A request that takes longer than it leads is of no use to a leader.
        let leading = self.until().filter(|until| *until > asked);
        let deadline = leading.unwrap_or(asked + self.times.renew);
        let attempt = timeout_at(deadline, self.attempt()).await;
        match attempt.unwrap_or_else(|_| Err(RecordError::Trouble("no answer in time".into()))) {
            Ok(Some(lease)) => self.lead(lease, asked),
            Ok(None) => self.follow(),
            Err(RecordError::Conflict) => self.follow(),
            Err(RecordError::Refused(reason)) => self.refuse(&reason),
            Err(RecordError::Trouble(reason)) => self.trouble(&reason),
        }
    }

    /// Takes or renews the record if it may; answers it as written when it is its own.
    async fn attempt(&mut self) -> Result<Option<Lease>, RecordError> {
        if let Some(held) = self.held.clone() {
            match self.record.write(self.taken(Some(held))).await {
                Err(RecordError::Conflict) => {}
                written => return written.map(Some),
            }
        }
        let lease = self.record.read().await?;
        if lease.as_ref().is_some_and(|lease| !self.may_take(lease)) {
            return Ok(None);
        }
        self.record.write(self.taken(lease)).await.map(Some)
    }

    fn taken(&self, lease: Option<Lease>) -> Lease {
        lease::taken(lease, &self.identity, self.times.lease)
    }

    /// Whether nobody else can be writing: nobody holds it, or its holder was silent long enough.
    fn may_take(&mut self, lease: &Lease) -> bool {
        if lease::holder(lease).is_none_or(|holder| holder == self.identity) {
            return true;
        }
        let (now, version) = (Instant::now(), lease::version(lease));
        let seen = self.seen.take().filter(|seen| seen.version == version);
        let since = seen.map_or(now, |seen| seen.since);
        self.seen = Some(Seen {
            version: version.to_owned(),
            since,
        });
        now.duration_since(since) >= lease::claimed(lease, self.times.lease)
    }

    fn until(&self) -> Option<Instant> {
        *self.term.borrow()
    }

    fn lead(&mut self, lease: Lease, asked: Instant) -> Duration {
        self.answered();
        self.held = Some(lease);
        self.seen = None;
        let until = asked + self.times.give_up;
        if self.term.send_replace(Some(until)).is_none() {
            info!(
                identity = self.identity,
                "leading: this gateway writes back"
            );
            self.telemetry.control().set_leader(true);
        }
        self.times.renew.mul_f64(1.0 - fastrand::f64() / 5.0)
    }

    /// Somebody else leads, and is looked at again when its time would be over.
    fn follow(&mut self) -> Duration {
        self.answered();
        self.resign("another gateway holds the lease");
        self.times.lease.mul_f64(1.0 + fastrand::f64() / 5.0)
    }

    /// RBAC changes by hand: it is asked again, but seldom.
    fn refuse(&mut self, reason: &str) -> Duration {
        self.resign("the lease is refused");
        if !std::mem::replace(&mut self.refused, true) {
            let reason = super::one_line(reason);
            info!(reason, "no lease, so no Events and no status are written");
        }
        self.times.lease.mul_f64(4.0 + fastrand::f64())
    }

    fn trouble(&mut self, reason: &str) -> Duration {
        let run = self.retry.failed(Instant::now());
        if self.until().is_some_and(|until| Instant::now() < until) {
            return self.times.renew.mul_f64(0.2 + fastrand::f64() / 5.0);
        }
        self.resign("the lease could not be renewed in time");
        if run == Run::Begins {
            let reason = super::one_line(reason);
            warn!(reason, "the lease cannot be read or written");
        }
        self.retry.delay(Duration::ZERO)
    }

    fn answered(&mut self) {
        self.retry.progressed();
        self.refused = false;
    }

    fn resign(&mut self, reason: &str) {
        self.held = None;
        if self.term.send_replace(None).is_some() {
            info!(reason, "leading no longer");
            self.telemetry.control().set_leader(false);
        }
    }
}

#[cfg(test)]
mod tests;
