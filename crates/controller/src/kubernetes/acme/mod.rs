//! Certificates that authorities are asked for (ACME, RFC 8555, names proven by HTTP).
//!
//! ```text
//! Listening::issuances --> the leader: look at the Secret, order, prove, write the Secret
//!                             |                                      |
//!                             +--> board --> every replica           +--> Credentials, as any Secret
//!                                 (a Secret)  answers challenges
//! ```
//!
//! Invariants: nobody but the leader asks, and it stops with its term; no authority is asked before
//! the API server has said that what it issues may be kept; a Secret that the gateway did not make is
//! never replaced; failures put the next attempt off, whoever leads then.
//! Deliberately absent: serving. A certificate is read from its Secret like any other.

mod account;
mod authority;
mod board;
mod cases;
mod due;
mod failure;
mod in_hand;
mod order;
mod status;
mod subject;
mod term;
mod times;
mod vault;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use nuncio_config::{Diagnostic, Identity, Severity};
use nuncio_routing::{Issuance, SecretName};
use nuncio_telemetry::Telemetry;
use tokio::sync::{mpsc, watch};

use super::options::Pace;
use super::outage::Outage;
use super::watch::Server;
use super::write_back::{Leadership, lease_name};
use crate::Publish;
use crate::change::{Change, Feed};
use crate::remark::Remarks;
use board::Answers;
pub(crate) use board::Onlooker;
use in_hand::InHand;
use term::Term;

pub use times::{AcmeOptions, AcmeTimes};

/// The certificates that are wanted, as the snapshot in force has them.
pub(crate) type Issuances = watch::Receiver<Arc<[Issuance]>>;

/// RBAC changes by hand.
const REFUSED_RETRY: Duration = Duration::from_secs(5);

/// What everything about certificates is told of and asked by.
pub(crate) struct Surroundings {
    pub(crate) client: Client,
    pub(crate) options: AcmeOptions,
    /// Where the board stands.
    pub(crate) place: SecretName,
    /// The only namespace that Secrets are read of; any when `None`.
    pub(crate) only_of: Option<Box<str>>,
    pub(crate) issuances: Issuances,
    pub(crate) telemetry: Arc<Telemetry>,
    /// The way to the pipeline; closed while the gateway ends.
    pub(crate) changes: mpsc::WeakSender<Change>,
}

/// The Secret that challenges stand in, of the gateways that share an ambassador id and a namespace.
pub(crate) fn board_of(identity: &Identity) -> SecretName {
    SecretName {
        namespace: identity.namespace.clone(),
        name: format!("{}-acme", lease_name(&identity.ambassador_id)).into(),
    }
}

/// Both parts of a gateway's work: looking at the board, and asking while it leads.
pub(crate) fn parts(
    surroundings: Surroundings,
    (publish, outage): (Arc<dyn Publish>, &Arc<Outage>),
    pace: &Pace,
) -> (Onlooker, Certificates) {
    let (seen, seen_by_leader) = watch::channel(None);
    let pace = Pace {
        refused: pace.refused.min(REFUSED_RETRY),
        ..pace.clone()
    };
    let client = surroundings.client.clone();
    let server = Server::new(
        (client, outage),
        (pace, Duration::ZERO),
        &surroundings.telemetry,
    );
    let onlooker = Onlooker {
        server: Arc::new(server),
        place: surroundings.place.clone(),
        publish,
        seen,
    };
    let certificates = Certificates {
        surroundings,
        seen: seen_by_leader,
        remarks: Mutex::new(Remarks::new(Feed::Issuances)),
        in_hand: InHand::default(),
    };
    (onlooker, certificates)
}

/// Says of everything that is wanted that it is not to be had, until nobody wants anything any more.
pub(crate) async fn unavailable(
    mut issuances: Issuances,
    changes: mpsc::WeakSender<Change>,
    why: &'static str,
) {
    let mut remarks = Remarks::new(Feed::Issuances);
    let mut before: Arc<[Issuance]> = Arc::default();
    issuances.mark_changed();
    while issuances.changed().await.is_ok() {
        let now = Arc::clone(&issuances.borrow_and_update());
        for issuance in &*before {
            remarks.withdraw(&issuance.secret);
        }
        for issuance in &*now {
            let reason = format!("acmeProvider: {why}; nobody is asked for a certificate");
            let diagnostic = diagnostic(issuance, Severity::Warning, reason);
            remarks.hold(issuance.secret.clone(), diagnostic);
        }
        before = now;
        tell(news(&mut remarks), &changes).await;
    }
}

/// What the pipeline is to be told, if anything.
fn news(remarks: &mut Remarks<SecretName>) -> Option<Change> {
    remarks.have_changed().then(|| remarks.told())
}

async fn tell(news: Option<Change>, changes: &mpsc::WeakSender<Change>) {
    if let (Some(news), Some(changes)) = (news, changes.upgrade()) {
        // Fails when the pipeline has ended.
        drop(changes.send(news).await);
    }
}

fn diagnostic(issuance: &Issuance, severity: Severity, reason: String) -> Diagnostic {
    Diagnostic {
        severity,
        at: issuance.at.clone(),
        resource: None,
        reason: reason.into(),
    }
}

/// Asks for certificates.
pub(crate) struct Certificates {
    surroundings: Surroundings,
    seen: watch::Receiver<Option<Answers>>,
    remarks: Mutex<Remarks<SecretName>>,
    /// Outlives a term: whoever cannot write cannot lead either.
    in_hand: InHand,
}

impl Certificates {
    /// Asks whenever it leads, for ever. `manager` is who the API server says wrote a field.
    pub(super) async fn run(self, leadership: Leadership, manager: String) {
        let term = Term::new(&self, &leadership, manager);
        let (mut gained, mut lost) = (leadership.clone(), leadership);
        loop {
            gained.gained().await;
            tokio::select! {
                biased;
                () = lost.lost() => {}
                () = term.run() => {}
            }
            // Whoever leads now says what is wrong.
            self.remarks().withdraw_all();
            self.tell().await;
        }
    }

    async fn tell(&self) {
        let news = news(&mut self.remarks());
        tell(news, &self.surroundings.changes).await;
    }

    fn remark(&self, issuance: &Issuance, severity: Severity, reason: &str) {
        let reason = format!("acmeProvider: {reason}");
        let diagnostic = diagnostic(issuance, severity, reason);
        self.remarks().hold(issuance.secret.clone(), diagnostic);
    }

    fn well(&self, secret: &SecretName) {
        self.remarks().withdraw(secret);
    }

    fn remarks(&self) -> MutexGuard<'_, Remarks<SecretName>> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use nuncio_config::{Location, ObjectRef};

    use super::*;

    pub(super) fn issuance(namespace: &str, name: &str) -> Issuance {
        let secret = |name: String| SecretName {
            namespace: namespace.into(),
            name: name.into(),
        };
        Issuance {
            at: Location {
                object: Arc::new(ObjectRef {
                    kind: "Host".into(),
                    namespace: namespace.into(),
                    name: name.into(),
                }),
                file: None,
                document: 0,
                line: 0,
            },
            hostname: format!("{name}.test").into(),
            secret: secret(name.to_owned()),
            authority: "https://acme.test/directory".into(),
            email: None,
            account: secret(format!("{name}-account")),
        }
    }
}
