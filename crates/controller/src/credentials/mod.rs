//! Certificates, keys and the like, from where they stand to where they are used.
//!
//! ```text
//! wanted credentials --> Secrets (watches of the API server) --+
//!        |                                                     +--> Ledger --> Publish::credential
//!        +-------------> files, Secrets in manifests ----------+      |
//!                                                                     +--> what is wrong
//! ```
//!
//! Invariant: only what is wanted is read, and nothing waits for a compile. Material that is good stays
//! in use until better is there or nobody wants it, also when the Secret is deleted. It never leaves this module but through
//! [`Publish::credential`]: no diagnostic, log line or saved state holds any.
//! Deliberately absent: TLS, who wants which credential, and the certificate that the gateway signs
//! itself, which the proxy makes.

mod files;
mod held;
mod ledger;
mod pieces;
mod place;
mod remarks;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nuncio_routing::{Credential, SecretName, Snapshot};
use nuncio_telemetry::Telemetry;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::Publish;
use crate::change::Change;
use crate::kubernetes::{SecretHeard, Secrets};
use files::{Paths, WantedFiles};
use ledger::Ledger;
pub(crate) use pieces::Pieces;
pub(crate) use place::Found;
use place::Place;
use work::Done;

/// What the last snapshot wants; `None` before there is any.
pub(crate) type Wanted = watch::Receiver<Option<Wants>>;

/// Which credentials are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    all: Arc<BTreeSet<Credential>>,
    /// Those that nobody has named: that they were never there is no news.
    unnamed: BTreeSet<Credential>,
}

/// The Secrets in manifest files.
pub(crate) type Local = BTreeMap<SecretName, Arc<Pieces>>;

/// For so long the credentials of the first snapshot are waited for.
const SETTLING: Duration = Duration::from_secs(2);

/// How often it is looked whether something has expired.
const EXPIRY: Duration = Duration::from_mins(1);

/// Why a Secret of another namespace is not read.
const ELSEWHERE: &str = "it is outside of the only namespace that Secrets are read of \
                         (AMBASSADOR_SINGLE_NAMESPACE, AMBASSADOR_CERTS_SINGLE_NAMESPACE)";

/// What was found, under way to be read; watches that are faster wait.
pub(crate) const HEARD: usize = 256;

/// Follows wanted credentials.
pub(crate) struct Credentials {
    publish: Arc<dyn Publish>,
    changes: mpsc::Sender<Change>,
    wanted: Wants,
    ledger: Ledger,
    cluster: Option<Secrets>,
    /// The only namespace that Secrets of the cluster are read of.
    only_of: Option<Box<str>>,
    local: Arc<Local>,
    files: watch::Sender<WantedFiles>,
    /// How often files were asked for again.
    file_turns: u64,
    settled: Settled,
}

/// Whether the first snapshot's credentials are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    /// Nothing is known to be wanted.
    Unasked,
    /// They are waited for until then.
    By(Instant),
    Told,
}

/// Where credentials come from.
pub(crate) struct Sources {
    /// The API server, if there is one.
    pub(crate) cluster: Option<Secrets>,
    /// The only namespace whose Secrets it is asked for; any when `None`.
    pub(crate) only_of: Option<Box<str>>,
    /// What its watches have to say.
    pub(crate) heard: mpsc::Receiver<SecretHeard>,
    /// The Secrets in manifest files.
    pub(crate) local: watch::Receiver<Arc<Local>>,
}

/// What has happened.
enum Step {
    Wanted(Wants),
    Heard(SecretHeard),
    Local(Arc<Local>),
    File((Paths, Found)),
    Done(Vec<Done>),
    Told,
    Expiry,
    Waited,
    /// Secrets may be listed again.
    Listing,
    /// Nobody listens any more.
    Stopped,
}

impl Wants {
    /// Of a snapshot.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let terminations = snapshot.listening.terminations.iter();
        let looked_for = terminations.filter(|termination| termination.found);
        Self {
            all: Arc::clone(&snapshot.demands.credentials),
            unnamed: looked_for.flat_map(|found| found.credentials()).collect(),
        }
    }
}

impl Credentials {
    pub(crate) fn new(
        publish: Arc<dyn Publish>,
        changes: mpsc::Sender<Change>,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        Self {
            ledger: Ledger::new(Arc::clone(&publish), Arc::clone(telemetry)),
            publish,
            changes,
            wanted: Wants::default(),
            cluster: None,
            only_of: None,
            local: Arc::default(),
            files: watch::Sender::default(),
            file_turns: 0,
            settled: Settled::Unasked,
        }
    }

    /// Follows until nobody wants anything any more.
    pub(crate) async fn run(mut self, sources: Sources, mut wanted: Wanted) {
        let Sources {
            cluster,
            only_of,
            mut heard,
            mut local,
        } = sources;
        self.cluster = cluster;
        self.only_of = only_of;
        self.local = Arc::clone(&local.borrow_and_update());
        let (file, mut files) = mpsc::channel(HEARD);
        let mut reading = JoinSet::new();
        reading.spawn(files::follow(self.files.subscribe(), file));
        let mut expiry = interval(EXPIRY);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        wanted.mark_changed();
        loop {
            let step = tokio::select! {
                changed = wanted.changed() => match (changed, &*wanted.borrow_and_update()) {
                    (Ok(()), Some(wanted)) => Step::Wanted(wanted.clone()),
                    (Ok(()), None) => continue,
                    (Err(_gone), _) => Step::Stopped,
                },
                Ok(()) = local.changed() => Step::Local(Arc::clone(&local.borrow_and_update())),
                Some(heard) = heard.recv(), if self.ledger.work.has_room() => Step::Heard(heard),
                Some(found) = files.recv() => Step::File(found),
                done = self.ledger.work.next() => Step::Done(done),
                place = self.changes.reserve(), if self.ledger.remarks.have_changed() => match place {
                    Ok(place) => {
                        place.send(self.ledger.remarks.told());
                        Step::Told
                    }
                    Err(_gone) => Step::Stopped,
                },
                _tick = expiry.tick() => Step::Expiry,
                () = patience(self.settled) => Step::Waited,
                () = listing(self.cluster.as_ref()) => Step::Listing,
            };
            if !self.take(step) {
                return;
            }
        }
    }

    /// Takes one step; whether to go on.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Wanted(wanted) => self.want(wanted),
            Step::Heard(heard) => self.hear(heard),
            Step::Local(local) => self.look_at_local(local),
            Step::File((paths, found)) => self.ledger.found(&Place::Files(paths), found),
            Step::Done(done) => {
                done.into_iter().for_each(|one| self.ledger.done(one));
                self.ledger.tell_first_expiry(SystemTime::now());
            }
            Step::Told => {}
            Step::Expiry => {
                self.ledger.look_at_expiries(SystemTime::now());
                self.ledger.tell_first_expiry(SystemTime::now());
            }
            Step::Waited => self.settle(),
            Step::Listing => self.list(),
            Step::Stopped => return false,
        }
        if matches!(self.settled, Settled::By(_)) && self.ledger.is_answered() {
            self.settle();
        }
        true
    }

    fn settle(&mut self) {
        self.settled = Settled::Told;
        self.publish.credentials_settled();
    }

    /// Follows what is wanted from now on, and forgets what is not any more.
    fn want(&mut self, wanted: Wants) {
        if self.settled == Settled::Unasked {
            self.settled = Settled::By(Instant::now() + SETTLING);
        }
        let before = std::mem::replace(&mut self.wanted, wanted);
        let now = self.wanted.clone();
        let (mut new, mut again) = (Vec::new(), BTreeSet::new());
        for credential in now.all.difference(&before.all) {
            let Some(place) = Place::of(credential) else {
                continue;
            };
            if !self.ledger.want(credential, &place) {
                new.push(place);
            } else if !new.contains(&place) {
                again.insert(place);
            }
        }
        let renamed = now.unnamed.symmetric_difference(&before.unnamed);
        let unnamed: BTreeSet<Place> = now.unnamed.iter().filter_map(Place::of).collect();
        self.ledger.unnamed(unnamed);
        let gone = self.let_go(&before, &now);
        let renamed = renamed.filter_map(Place::of);
        again.extend(renamed.filter(|place| !gone.contains(place) && !new.contains(place)));
        self.forget(&gone);
        self.look_for(new);
        again.iter().for_each(|place| self.look_again(place));
        self.want_files();
    }

    /// Answers the places that nobody wants any more.
    fn let_go(&mut self, before: &Wants, now: &Wants) -> Vec<Place> {
        let mut gone = Vec::new();
        for credential in before.all.difference(&now.all) {
            if let Some(place) = Place::of(credential)
                && self.ledger.forget(credential, &place)
            {
                gone.push(place);
            }
        }
        gone
    }

    fn forget(&mut self, gone: &[Place]) {
        let secrets: Vec<SecretName> = gone.iter().filter_map(Place::secret).cloned().collect();
        if let Some(cluster) = &mut self.cluster {
            cluster.want(Vec::new(), &secrets, |_| false);
        }
    }

    /// Asks each source for what it may have.
    fn look_for(&mut self, places: Vec<Place>) {
        let mut asked = Vec::new();
        for place in places {
            match &place {
                Place::Secret(secret) => match self.local.get(secret) {
                    Some(pieces) => self.ledger.make(&place, Arc::clone(pieces)),
                    None => asked.push(secret.clone()),
                },
                Place::Files(_) => {}
            }
        }
        self.ask(asked);
    }

    /// Asks the API server, for what it can have.
    fn ask(&mut self, secrets: Vec<SecretName>) {
        let mut possible = Vec::new();
        for secret in secrets {
            match self.never(&secret) {
                Some(why) => {
                    let missing = Found::Missing(why.into());
                    self.ledger.found(&Place::Secret(secret), missing);
                }
                None => possible.push(secret),
            }
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.want(possible, &[], |secret| self.ledger.holds(secret));
            return;
        }
        for secret in possible {
            let missing = Found::Missing("there is no such Secret in the manifests".into());
            self.ledger.found(&Place::Secret(secret), missing);
        }
    }

    fn list(&mut self) {
        if let Some(cluster) = &mut self.cluster {
            cluster.list(|secret| self.ledger.holds(secret));
        }
    }

    /// Why the API server is never asked for a Secret, if it is not.
    fn never(&self, secret: &SecretName) -> Option<&'static str> {
        if !Secrets::can_be(secret) {
            return Some("no Secret can have this name");
        }
        let is_elsewhere = |only: &str| only != &*secret.namespace;
        self.only_of
            .as_deref()
            .is_some_and(is_elsewhere)
            .then_some(ELSEWHERE)
    }

    /// Something else than before is wanted of a place.
    fn look_again(&mut self, place: &Place) {
        match place {
            Place::Secret(secret) if self.local.contains_key(secret) => {
                self.look_for(vec![place.clone()]);
            }
            Place::Secret(secret) if self.never(secret).is_some() => self.ask(vec![secret.clone()]),
            Place::Secret(secret) => match &mut self.cluster {
                Some(cluster) => cluster.again(secret),
                None => self.ask(vec![secret.clone()]),
            },
            Place::Files(paths) => {
                self.file_turns += 1;
                let turn = self.file_turns;
                self.files.send_modify(|files| {
                    files.insert(paths.clone(), turn);
                });
            }
        }
    }

    fn want_files(&mut self) {
        let now: BTreeSet<Paths> = self.wanted.all.iter().filter_map(files_of).collect();
        self.file_turns += 1;
        let turn = self.file_turns;
        self.files.send_if_modified(|files| {
            let before = files.len();
            files.retain(|paths, _| now.contains(paths));
            let differs = before != now.len() || files.len() != before;
            for paths in now {
                // Those that were wanted before and were not meanwhile are told again.
                files.entry(paths).or_insert(turn);
            }
            differs
        });
    }

    /// What a manifest says of a Secret counts, whatever the API server says of it.
    fn hear(&mut self, heard: SecretHeard) {
        let Some(cluster) = &mut self.cluster else {
            return;
        };
        for (secret, found) in cluster.hear(heard, |secret| self.ledger.holds(secret)) {
            if !self.local.contains_key(&secret) {
                self.ledger.found(&Place::Secret(secret), found);
            }
        }
    }

    fn look_at_local(&mut self, local: Arc<Local>) {
        let before = std::mem::replace(&mut self.local, local);
        let wanted: Vec<SecretName> = self.ledger.secrets().cloned().collect();
        for secret in wanted {
            let place = Place::Secret(secret.clone());
            match (before.get(&secret), self.local.get(&secret)) {
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
                (None, None) => {}
                (_, Some(_)) => self.look_for(vec![place]),
                (Some(_), None) => self.look_again(&place),
            }
        }
    }
}

fn files_of(credential: &Credential) -> Option<Paths> {
    match Place::of(credential)? {
        Place::Files(paths) => Some(paths),
        Place::Secret(_) => None,
    }
}

async fn patience(settled: Settled) {
    match settled {
        Settled::By(end) => sleep_until(end).await,
        Settled::Unasked | Settled::Told => std::future::pending().await,
    }
}

async fn listing(cluster: Option<&Secrets>) {
    match cluster.and_then(Secrets::next_listing) {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
