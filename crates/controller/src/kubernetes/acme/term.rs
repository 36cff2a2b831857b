//! What a leader does about certificates: looks at each when it is due, and gets what is missing.
//!
//! Invariant: one certificate that fails, or brings about a panic, puts off no other.
//! Deliberately absent: when terms begin and end.

mod issuing;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use nuncio_config::Severity;
use nuncio_routing::Issuance;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::board::Board;
use super::cases::Cases;
use super::due::{Due, Why};
use super::failure::{Failed, Failure};
use super::status::{State, States};
use super::vault::{self, Unkept, Vault};
use super::{Certificates, Issuances, Surroundings, subject};
use crate::kubernetes::write_back::{Leadership, Pen};

/// Authorities limit what is under way; and many Hosts may appear at once.
const AT_ONCE: usize = 8;

/// When an API server in trouble is asked again.
const TROUBLE: Duration = Duration::from_secs(30);

/// What a leader asks by.
pub(super) struct Term<'c> {
    of: &'c Certificates,
    vault: Arc<Vault>,
    board: Board,
    states: States,
}

/// Why a certificate was not looked at to the end.
enum Put {
    /// Off, since one cannot be kept or read now.
    Unkept(Unkept),
    /// Off for so long, since it failed.
    Off(Duration),
}

impl From<Unkept> for Put {
    fn from(unkept: Unkept) -> Self {
        Self::Unkept(unkept)
    }
}

impl<'c> Term<'c> {
    /// `manager` is who the API server says wrote a field.
    pub(super) fn new(of: &'c Certificates, leadership: &Leadership, manager: String) -> Self {
        let Surroundings { client, place, .. } = &of.surroundings;
        let vault = Vault::new(client.clone(), leadership.clone(), manager.clone());
        let vault = Arc::new(vault);
        Self {
            board: Board::new(&vault, place.clone(), of.seen.clone()),
            vault,
            states: States::new(Pen::new(client.clone(), leadership.clone(), manager)),
            of,
        }
    }

    /// Looks at every certificate when it is due, for ever.
    pub(super) async fn run(&self) {
        self.states.begin_term();
        let mut issuances = self.of.surroundings.issuances.clone();
        if issuances
            .wait_for(|wanted| !wanted.is_empty())
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
        self.begin(&mut issuances).await;
        let mut cases = Cases::default();
        let mut looking = FuturesUnordered::new();
        issuances.mark_changed();
        loop {
            while looking.len() < AT_ONCE
                && let Some(issuance) = cases.take_due(Instant::now())
            {
                looking.push(self.look_at(issuance));
            }
            self.of.tell().await;
            let next = cases.next().filter(|_| looking.len() < AT_ONCE);
            tokio::select! {
                changed = issuances.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                    let wanted = Arc::clone(&issuances.borrow_and_update());
                    for gone in cases.follow(&wanted, Instant::now()) {
                        self.of.well(&gone);
                    }
                }
                Some((issuance, pause)) = looking.next(), if !looking.is_empty() => {
                    if !cases.done(&issuance, pause, Instant::now()) {
                        self.of.well(&issuance.secret);
                    }
                }
                () = wait_until(next) => {}
            }
        }
    }

    /// Reads the board, and takes down what a former leader left, until that can be done.
    async fn begin(&self, issuances: &mut Issuances) {
        loop {
            let wanted = Arc::clone(&issuances.borrow_and_update());
            let begun = self.board.begin_term().await;
            self.of.remarks().withdraw_all();
            let Err(unkept) = begun else {
                return;
            };
            let pause = self.unkept_of_all(&wanted, &unkept);
            self.of.tell().await;
            tokio::select! {
                () = sleep(pause) => {}
                // Closed only while the gateway ends.
                Ok(()) = issuances.changed() => {}
            }
        }
    }

    fn unkept_of_all(&self, wanted: &[Issuance], unkept: &Unkept) -> Duration {
        let reason = format!("{unkept}; nobody is asked for a certificate");
        for issuance in wanted {
            self.of.remark(issuance, Severity::Error, &reason);
        }
        match unkept {
            Unkept::Refused { .. } => self.pause_to_look(),
            Unkept::Conflict(_) | Unkept::Trouble { .. } => TROUBLE,
        }
    }

    fn pause_to_look(&self) -> Duration {
        let look = self.of.surroundings.options.times.look;
        look.mul_f64(1.0 + fastrand::f64() / 5.0)
    }

    /// Looks at one certificate, and answers when to look again. A defect that shows in what one
    /// authority answers is a failure of that certificate alone.
    async fn look_at(&self, issuance: Issuance) -> (Issuance, Duration) {
        let looking = AssertUnwindSafe(self.look(&issuance)).catch_unwind();
        let looked = match looking.await {
            Ok(looked) => looked,
            Err(_panic) => {
                let failed = Failed::because("a defect of the gateway's ended the attempt");
                Err(self.failed_now(&issuance, &failed).await)
            }
        };
        let pause = match looked {
            Ok(pause) | Err(Put::Off(pause)) => pause,
            Err(Put::Unkept(unkept)) => {
                self.unkept_of_all(std::slice::from_ref(&issuance), &unkept)
            }
        };
        (issuance, pause)
    }

    async fn look(&self, issuance: &Issuance) -> Result<Duration, Put> {
        let usual = self.pause_to_look();
        let only_of = self.of.surroundings.only_of.as_deref();
        if only_of.is_some_and(|only| *only != *issuance.secret.namespace) {
            let reason =
                "Secrets of this namespace are not read; nobody is asked for a certificate";
            self.of.remark(issuance, Severity::Warning, reason);
            return Ok(usual);
        }
        let names = self.of.surroundings.options.hostnames.as_deref();
        if let Some(why) = subject::unaskable(issuance, names) {
            let reason = format!("{why}; nobody is asked for a certificate");
            self.of.remark(issuance, Severity::Warning, &reason);
            return Ok(usual);
        }
        let found = self.vault.read(&issuance.secret).await?;
        let why = match Due::of(found.as_ref(), issuance, SystemTime::now()) {
            Due::In(left) => {
                self.of.well(&issuance.secret);
                if found.as_ref().is_some_and(vault::is_ours) {
                    self.states.say(issuance, State::Ready, usual).await;
                }
                return Ok(usual.min(left));
            }
            Due::Theirs(why) => {
                self.of
                    .remark(issuance, Severity::Warning, &theirs(issuance, &why));
                return Ok(usual);
            }
            Due::Now(why) => why,
        };
        if let Some(failure) = self.board.failure(&subject::subject(issuance)).await {
            let left = failure.left(SystemTime::now());
            if left > Duration::ZERO {
                self.failed(issuance, &failure, left).await;
                return Err(Put::Off(left.min(usual)));
            }
        }
        self.get(issuance, found.as_ref(), &why).await
    }

    /// Remembers a failure and tells of it; answers until when the next attempt is put off.
    async fn failed_now(&self, issuance: &Issuance, failed: &Failed) -> Put {
        let (hostname, authority) = (&*issuance.hostname, &*issuance.authority);
        let (reason, subject) = (&*failed.reason, subject::subject(issuance));
        warn!(hostname, authority, reason, "no certificate was issued");
        let control = self.of.surroundings.telemetry.control();
        control.asked_for_certificate(failed.outcome);
        self.board.take_down(&issuance.secret).await;
        let before = self.board.failure(&subject).await;
        let (times, now) = (&self.of.surroundings.options.times, SystemTime::now());
        let failure = Failure::after(before.as_ref(), failed, times, now);
        let left = failure.left(now);
        self.board.remember(&subject, Some(failure.clone())).await;
        self.failed(issuance, &failure, left).await;
        Put::Off(left.min(self.pause_to_look()))
    }

    async fn failed(&self, issuance: &Issuance, failure: &Failure, left: Duration) {
        let reason = format!(
            "no certificate for {} from {}: {}; failed {} times",
            issuance.hostname, issuance.authority, failure.reason, failure.count
        );
        self.of.remark(issuance, Severity::Error, &reason);
        let state = State::Error(failure.reason.clone());
        self.states.say(issuance, state, left).await;
    }
}

async fn wait_until(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}

fn theirs(issuance: &Issuance, why: &Why) -> String {
    format!(
        "Secret {}: {why}, but the gateway did not make it, so nobody is asked for a certificate",
        issuance.secret
    )
}
