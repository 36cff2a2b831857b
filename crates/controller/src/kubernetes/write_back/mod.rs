//! What the gateway writes to the API server: Events, the status of custom resources, and addresses
//! of Ingresses.
//!
//! ```text
//! verdicts -> desk -> queues -> lanes -> pen -> API server
//!                      ^ filled, emptied and worked through by the leader alone (leader, lease)
//! ```
//!
//! Every replica knows what is to be said; the one that holds the Lease says it. A new leader
//! compares what is there with what is known, and writes what differs.
//!
//! Invariants: nothing that is served depends on any of it; nobody waits for it; what is written is
//! bounded in size and rate, whatever happens; nothing is written by who does not lead. What RBAC
//! refuses is left out, and told once.
//! Deliberately absent: specs, annotations and anything else that configures. They are read only.
//! Certificates are written beside this, in `acme`, by the same leader.

mod addresses;
mod complaint;
mod desk;
mod events;
mod kinds;
mod lane;
mod leader;
mod lease;
mod pace;
mod pen;
mod states;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kube::Client;
use kube::core::DynamicObject;
use nuncio_config::{Identity, ObjectRef};
use nuncio_telemetry::Telemetry;
use tokio::sync::watch;
use tokio::time::sleep;

use super::acme::{AcmeOptions, Certificates};
use super::failure::chain;
use crate::pipeline::Verdicts;
use addresses::AddressWriter;
use desk::Desk;
use events::Events;
pub(super) use kinds::Kind;
use kinds::STATED;
use lane::Attempts;
use leader::Candidate;
pub(super) use leader::Leadership;
use lease::LeaseRecord;
use pace::Rate;
pub(super) use pen::Pen;
use states::StateWriter;

pub use addresses::PublishedService;
pub use leader::LeaseTimes;
pub use states::States;

/// An API server keeps Events for an hour; two a second are few among those of a cluster.
const EVENTS: Rate = Rate {
    each_second: 2.0,
    burst: 50.0,
};

const STATUSES: Rate = Rate {
    each_second: 5.0,
    burst: 50.0,
};

/// When a leader tries again what was refused, lengthened by up to a fifth. RBAC changes by hand.
const RECONSIDER: Duration = Duration::from_mins(10);

/// The most that is logged of what an API server says.
const LOGGED: usize = 300;

/// What is written to the API server, when this gateway leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBack {
    /// What tells this gateway from its replicas: the pod's name.
    pub holder: String,
    /// Which states custom resources get.
    pub states: States,
    /// Whose addresses Ingresses get.
    pub service: PublishedService,
    /// The times of the election.
    pub times: LeaseTimes,
    /// How certificates are asked for.
    pub acme: AcmeOptions,
}

impl WriteBack {
    /// Whether an object says of itself that all is well, and not only what is wrong.
    pub(crate) fn has_state(object: &ObjectRef) -> bool {
        Kind::named(&object.kind).is_some_and(Kind::has_status)
    }
}

/// What is written, where, and in whose name.
pub(crate) struct Writing {
    pub(crate) options: WriteBack,
    pub(crate) client: Client,
    /// Only objects of this namespace; of all when `None`.
    pub(crate) single_namespace: Option<String>,
    pub(crate) identity: Identity,
    /// Who asks for certificates meanwhile.
    pub(crate) certificates: Certificates,
}

impl Writing {
    /// Writes until `stop`, then lets the next one lead. Ends also when there are no more verdicts.
    pub(crate) async fn run(
        self,
        mut verdicts: Verdicts,
        telemetry: Arc<Telemetry>,
        mut stop: watch::Receiver<bool>,
    ) {
        let desk = Arc::new(Desk::default());
        // Who knows nothing yet does not lead.
        tokio::select! {
            first = verdicts.next() => first.into_iter().for_each(|news| desk.take(news)),
            _stop = stop.wait_for(|stop| *stop) => return,
        }
        let candidate = self.candidate(telemetry);
        let manager = lease_name(&self.identity.ambassador_id);
        let (writer, certificates) = Writer::new(self, &desk, candidate.leadership());
        let certificates = Box::pin(certificates.run(candidate.leadership(), manager));
        let candidate = tokio::select! {
            candidate = candidate.run(stop) => candidate,
            () = listen(&mut verdicts, &desk) => return,
            () = writer.run() => return,
            () = certificates => return,
        };
        // The writers were dropped: nothing of theirs is under way.
        candidate.release().await;
    }

    fn candidate(&self, telemetry: Arc<Telemetry>) -> Candidate<LeaseRecord> {
        let Identity {
            ambassador_id,
            namespace,
            ..
        } = &self.identity;
        let record = LeaseRecord::new(self.client.clone(), namespace, &lease_name(ambassador_id));
        // A pod that is replaced under the same name is another gateway.
        let holder = format!("{}_{:016x}", self.options.holder, fastrand::u64(..));
        Candidate::new(record, holder, self.options.times, telemetry)
    }
}

async fn listen(verdicts: &mut Verdicts, desk: &Desk) {
    while let Some(news) = verdicts.next().await {
        desk.take(news);
    }
}

/// Everything a leader does.
struct Writer {
    leadership: Leadership,
    namespace: Option<String>,
    desk: Arc<Desk>,
    pen: Arc<Pen>,
    events: Events,
    states: StateWriter,
    addresses: AddressWriter,
}

impl Writer {
    fn new(writing: Writing, desk: &Arc<Desk>, leadership: Leadership) -> (Self, Certificates) {
        let Writing {
            options,
            client,
            single_namespace,
            identity,
            certificates,
        } = writing;
        let manager = lease_name(&identity.ambassador_id);
        let pen = Arc::new(Pen::new(client, leadership.clone(), manager));
        let both = || (Arc::clone(&pen), Arc::clone(desk));
        let writer = Self {
            leadership,
            namespace: single_namespace,
            desk: Arc::clone(desk),
            events: Events::new(both(), &options.holder),
            states: StateWriter::new(both(), options.states),
            addresses: AddressWriter::new(both(), options.service, &identity.namespace),
            pen,
        };
        (writer, certificates)
    }

    /// Writes whenever it leads, for ever.
    async fn run(&self) {
        let (mut gained, mut lost) = (self.leadership.clone(), self.leadership.clone());
        loop {
            gained.gained().await;
            tokio::select! {
                biased;
                () = lost.lost() => {}
                () = self.lead() => {}
            }
            self.desk.end_term();
        }
    }

    /// Writes until what was refused is to be tried again.
    async fn lead(&self) {
        self.pen.begin_term();
        self.events.begin_term();
        self.states.begin_term();
        self.addresses.begin_term();
        self.desk.begin_term();
        let namespace = self.namespace.as_deref();
        let states = STATED.iter().map(|kind| self.compare_states(kind));
        let work = async {
            tokio::join!(
                lane::run(&self.events, &self.desk.events, EVENTS),
                lane::run(&self.states, &self.desk.states, STATUSES),
                lane::run(&self.addresses, &self.desk.addresses, STATUSES),
                join_all(states),
                self.addresses.follow(namespace),
            )
        };
        tokio::select! {
            _never = work => {}
            () = self.refused() => {}
        }
    }

    async fn compare_states(&self, kind: &'static Kind) {
        let namespace = self.namespace.as_deref();
        self.desk.heard(kind.feed).await;
        let mut attempts = Attempts::default();
        while attempts
            .more_after(self.states.compare(kind, namespace).await)
            .await
        {}
    }

    /// Waits until something that was refused is to be tried again.
    async fn refused(&self) {
        loop {
            sleep(RECONSIDER.mul_f64(1.0 + fastrand::f64() / 5.0)).await;
            if self.pen.was_refused() {
                return;
            }
        }
    }
}

/// The name of the Lease, and of who writes: one for each ambassador id.
pub(crate) fn lease_name(ambassador_id: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = |c: char| plain(c) || matches!(c, '-' | '.');
    let is_name = ambassador_id.len() <= 100
        && ambassador_id
            .split('.')
            .all(|label| label.starts_with(plain) && label.ends_with(plain))
        && ambassador_id.chars().all(inside);
    if is_name {
        return format!("nuncio-{ambassador_id}");
    }
    // What no name may hold is told apart by its hash.
    let hash = events::fnv(ambassador_id.bytes());
    format!("nuncio-{hash:016x}")
}

/// The name of an object as verdicts have it.
fn reference(kind: &Kind, found: &DynamicObject) -> Option<Arc<ObjectRef>> {
    let namespace = found.metadata.namespace.as_deref()?.into();
    let name = found.metadata.name.as_deref()?.into();
    Some(Arc::new(ObjectRef {
        kind: kind.kind.into(),
        namespace,
        name,
    }))
}

/// Text of the API server, as it goes into a log line.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(LOGGED).collect()
}

#[cfg(test)]
mod tests {
    use super::lease_name;

    #[test]
    fn a_lease_is_named_after_the_ambassador_id() {
        assert_eq!(lease_name("default"), "nuncio-default");
        assert_eq!(lease_name("edge-2.eu"), "nuncio-edge-2.eu");
    }

    #[test]
    fn an_id_that_is_no_name_has_a_lease_of_its_own() {
        let odd = ["", "Prod", "prod_a", "-a", "a-", "a..b", &"a".repeat(300)].map(lease_name);
        for name in &odd {
            assert!(name.len() == "nuncio-".len() + 16, "{name}");
        }
        let mut distinct = odd.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), odd.len());
    }
}
