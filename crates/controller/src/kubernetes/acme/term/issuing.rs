//! Has a certificate issued, and keeps it.
//!
//! Invariant: nothing is asked for that the API server would not take; what was issued is not asked for
//! again as long as it is in hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use nuncio_routing::Issuance;
use nuncio_telemetry::Issued;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::super::account;
use super::super::authority::Way;
use super::super::due::Why;
use super::super::failure::Failed;
use super::super::order::{self, Certificate, NotBegun};
use super::super::status::State;
use super::super::subject;
use super::super::vault::{self, Earnest, Unkept};
use super::{Put, Term};

/// Why a certificate is not where it is wanted.
enum NotIssued {
    Failed(Failed),
    /// It is in hand, and cannot be written now.
    Unkept(Unkept),
}

impl From<Failed> for NotIssued {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl Term<'_> {
    /// Asks for a certificate and keeps it.
    pub(super) async fn get(
        &self,
        issuance: &Issuance,
        found: Option<&Secret>,
        why: &Why,
    ) -> Result<Duration, Put> {
        let usual = self.pause_to_look();
        // Whatever is issued counts against limits, so nothing is asked for that cannot be kept.
        let nothing = kept(issuance, found, None);
        let name = &issuance.secret;
        self.vault.write(name, &nothing, Earnest::Rehearsal).await?;
        self.board.until_watched().await?;
        self.states.say(issuance, State::Pending, usual).await;
        let (hostname, authority) = (&*issuance.hostname, &*issuance.authority);
        info!(hostname, authority, %why, "asking for a certificate");
        let control = self.of.surroundings.telemetry.control();
        let subject = subject::subject(issuance);
        match self.issue(issuance, (found, &subject)).await {
            Ok(()) => {
                info!(hostname, secret = %issuance.secret, "a certificate was issued");
                control.asked_for_certificate(Issued::Issued);
                self.board.remember(&subject, None).await;
                self.of.well(&issuance.secret);
                self.states.say(issuance, State::Ready, usual).await;
                Ok(usual)
            }
            Err(NotIssued::Unkept(unkept)) => Err(unkept.into()),
            Err(NotIssued::Failed(failed)) => Err(self.failed_now(issuance, &failed).await),
        }
    }

    async fn issue(
        &self,
        issuance: &Issuance,
        (found, subject): (Option<&Secret>, &str),
    ) -> Result<(), NotIssued> {
        let in_hand = &self.of.in_hand;
        let certificate = match in_hand.of(subject, Instant::now()) {
            Some(certificate) => certificate,
            None => {
                let certificate = Arc::new(self.obtained(issuance).await?);
                in_hand.hold(subject, &certificate, Instant::now());
                certificate
            }
        };
        let kept = self.keep(issuance, found.cloned(), &certificate).await;
        match kept {
            Err(unkept @ (Unkept::Refused { .. } | Unkept::Trouble { .. })) => {
                return Err(NotIssued::Unkept(unkept));
            }
            Ok(()) | Err(Unkept::Conflict(_)) => in_hand.let_go(subject),
        }
        kept.map_err(|unkept| NotIssued::Failed(unkept.into()))
    }

    /// Has the authority issue a certificate.
    async fn obtained(&self, issuance: &Issuance) -> Result<Certificate, Failed> {
        let trusted = self.of.surroundings.options.trusted.as_deref();
        let way = way(trusted, &issuance.authority).await?;
        let deadline = self.of.surroundings.options.times.deadline;
        let ordered = timeout(deadline, self.ordered(issuance, &way)).await;
        let late = |_elapsed| Err(Failed::because("the authority takes too long"));
        let certificate = ordered.unwrap_or_else(late);
        self.board.take_down(&issuance.secret).await;
        certificate.map_err(|failed| Failed {
            after: way.after(),
            ..failed
        })
    }

    async fn ordered(&self, issuance: &Issuance, way: &Way) -> Result<Certificate, Failed> {
        let (vault, hostname) = (&*self.vault, &*issuance.hostname);
        let account = account::account(vault, way, issuance).await?;
        let begun = match order::begun(&account, hostname).await {
            Err(NotBegun::Unknown) => {
                account::forget(vault, issuance).await?;
                let account = account::account(vault, way, issuance).await?;
                order::begun(&account, hostname).await
            }
            begun => begun,
        };
        let order = begun.map_err(|not_begun| match not_begun {
            NotBegun::Unknown => Failed::because("the authority does not know the account it made"),
            NotBegun::Failed(failed) => failed,
        })?;
        let times = &self.of.surroundings.options.times;
        let of = (hostname, &issuance.secret);
        order::finished(order, of, (&self.board, times)).await
    }

    /// Writes what was issued; whoever writes to the Secret meanwhile is given way to.
    async fn keep(
        &self,
        issuance: &Issuance,
        mut found: Option<Secret>,
        certificate: &Certificate,
    ) -> Result<(), Unkept> {
        let name = &issuance.secret;
        let mut pauses = [1, 4, 16].map(Duration::from_secs).into_iter();
        loop {
            let secret = kept(issuance, found.as_ref(), Some(certificate));
            let written = self.vault.write(name, &secret, Earnest::Written).await;
            let Err(unkept) = written else {
                return Ok(());
            };
            let pause = match unkept {
                Unkept::Refused { .. } => None,
                Unkept::Conflict(_) | Unkept::Trouble { .. } => pauses.next(),
            };
            let Some(pause) = pause else {
                return Err(unkept);
            };
            warn!(reason = %unkept, "a certificate is not kept yet");
            sleep(pause).await;
            if let Unkept::Conflict(_) = unkept {
                found = self.vault.read(name).await?;
                if found
                    .as_ref()
                    .is_some_and(|it| !vault::is_our_certificate(it))
                {
                    return Err(unkept);
                }
            }
        }
    }
}

async fn way(trusted: Option<&Path>, authority: &str) -> Result<Way, Failed> {
    let (trusted, authority) = (trusted.map(Path::to_owned), authority.to_owned());
    let way = move || Way::new(trusted.as_deref(), &authority);
    let read = tokio::task::spawn_blocking(way).await;
    let read = read.map_err(|error| Failed::because(&error))?;
    read.map_err(|error| Failed::because(&error))
}

/// The Secret with a certificate, or as it would be with one.
fn kept(issuance: &Issuance, found: Option<&Secret>, with: Option<&Certificate>) -> Secret {
    let texts = with.map_or([&[][..]; 2], |certificate| {
        [certificate.chain.as_bytes(), certificate.key.as_bytes()]
    });
    let [chain, key] = texts.map(<[u8]>::to_vec);
    let data = BTreeMap::from([("tls.crt".to_owned(), chain), ("tls.key".to_owned(), key)]);
    // A type cannot be changed.
    let form = found.and_then(|found| found.type_.as_deref());
    let form = form.unwrap_or(vault::CERTIFICATE);
    let secret = vault::made(&issuance.secret, found, (form, data));
    vault::issued_by(secret, &issuance.authority)
}
