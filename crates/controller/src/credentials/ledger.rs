//! Everything that is wanted: what was found of it, what was published, what is wrong.
//!
//! Invariant: of what is found at a place, only the newest counts; each credential's material is
//! published when it is other than before, and at no other time.
//! Deliberately absent: looking for anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use nuncio_routing::{Credential, SecretName};
use nuncio_telemetry::Telemetry;
use nuncio_tls::Material;
use tracing::debug;

use super::held::{Held, Verdict};
use super::pieces::Pieces;
use super::place::{Found, Place};
use super::remarks::Remarks;
use super::work::{Done, Job, Work};
use crate::Publish;
use crate::change::Need;

/// What is known of all that is wanted.
pub(super) struct Ledger {
    publish: Arc<dyn Publish>,
    telemetry: Arc<Telemetry>,
    places: BTreeMap<Place, Followed>,
    /// Those that nobody has named.
    unnamed: BTreeSet<Place>,
    pub(super) remarks: Remarks,
    pub(super) work: Work,
    /// Counts what was found, of all places together.
    turns: u64,
    /// Places of which nothing was told yet.
    unanswered: usize,
}

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// A place where something is wanted of.
#[derive(Debug, Default)]
struct Followed {
    wanted: BTreeMap<Credential, Held>,
    /// Which of the things found is the newest.
    turn: u64,
    answered: bool,
}

/// What becomes of a credential when nothing can be made of what was found.
type Judge = fn(&Credential, &mut Held) -> Verdict;

impl Ledger {
    pub(super) fn new(publish: Arc<dyn Publish>, telemetry: Arc<Telemetry>) -> Self {
        Self {
            publish,
            telemetry,
            places: BTreeMap::new(),
            unnamed: BTreeSet::new(),
            remarks: Remarks::new(),
            work: Work::default(),
            turns: 0,
            unanswered: 0,
        }
    }

    /// Wants a credential from now on. Answers whether its place was wanted before.
    pub(super) fn want(&mut self, of: &Credential, place: &Place) -> bool {
        let was_wanted = self.places.contains_key(place);
        self.unanswered += usize::from(!was_wanted);
        let followed = self.places.entry(place.clone()).or_default();
        followed.wanted.entry(of.clone()).or_default();
        was_wanted
    }

    /// That nothing is at these places is no news from now on, unless something was.
    pub(super) fn unnamed(&mut self, places: BTreeSet<Place>) {
        self.unnamed = places;
    }

    /// Wants a credential no more. Answers whether nobody wants its place any more.
    pub(super) fn forget(&mut self, of: &Credential, place: &Place) -> bool {
        self.publish.credential(of, None);
        self.tell_expiry(of, place, None);
        self.remarks.well(of);
        let Some(followed) = self.places.get_mut(place) else {
            return false;
        };
        followed.wanted.remove(of);
        if !followed.wanted.is_empty() {
            return false;
        }
        self.unanswered -= usize::from(!followed.answered);
        self.places.remove(place);
        self.remarks.not_missing(place);
        self.not_refused(place);
        true
    }

    /// Whether of everything that is wanted something was told.
    pub(super) fn is_answered(&self) -> bool {
        self.unanswered == 0
    }

    /// Whether a Secret is in use.
    pub(super) fn holds(&self, secret: &SecretName) -> bool {
        let followed = self.places.get(&Place::Secret(secret.clone()));
        followed.is_some_and(|followed| followed.wanted.values().any(Held::is_some))
    }

    /// Every Secret that is wanted.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.places.keys().filter_map(Place::secret)
    }

    /// Takes what was found at a place.
    pub(super) fn found(&mut self, place: &Place, found: Found) {
        let Some(followed) = self.places.get_mut(place) else {
            return;
        };
        self.turns += 1;
        followed.turn = self.turns;
        let judge: Judge = match found {
            Found::There(pieces) => return self.make(place, Arc::new(pieces)),
            Found::Missing(what) => {
                self.missing(place, &what);
                self.not_refused(place);
                match self.unnamed.contains(place) {
                    true => nobody,
                    false => missing,
                }
            }
            Found::Unreadable(why) => {
                self.missing(place, &why);
                unknown
            }
            Found::Refused(why) => {
                if let Place::Secret(secret) = place {
                    let need = match self.unnamed.contains(place) {
                        true => Need::Optional,
                        false => Need::Required,
                    };
                    self.remarks.refused(secret, need, &why);
                }
                unknown
            }
        };
        self.judge_all(place, judge);
    }

    /// Has material made of something that was found.
    pub(super) fn make(&mut self, place: &Place, pieces: Arc<Pieces>) {
        let Some(followed) = self.places.get_mut(place) else {
            return;
        };
        self.turns += 1;
        followed.turn = self.turns;
        let job = Job {
            place: place.clone(),
            turn: self.turns,
            pieces,
            wanted: followed.wanted.keys().cloned().collect(),
        };
        self.remarks.not_missing(place);
        self.not_refused(place);
        self.work.add(job);
    }

    /// Takes what was made.
    pub(super) fn done(&mut self, done: Done) {
        let Some(followed) = self.places.get_mut(&done.place) else {
            return;
        };
        if followed.turn != done.turn {
            return;
        }
        let now = SystemTime::now();
        let mut verdicts = Vec::new();
        for (credential, made) in done.made {
            if let Some(held) = followed.wanted.get_mut(&credential) {
                let verdict = held.found(made, now);
                verdicts.push((credential, verdict));
            }
        }
        self.answer(&done.place);
        for (credential, verdict) in verdicts {
            self.carry_out(&credential, &done.place, verdict);
        }
    }

    /// Tells of what has expired meanwhile, and takes what has become valid.
    pub(super) fn look_at_expiries(&mut self, now: SystemTime) {
        let mut verdicts = Vec::new();
        for (place, followed) in &mut self.places {
            for (credential, held) in &mut followed.wanted {
                if let Some(verdict) = held.later(now) {
                    verdicts.push((credential.clone(), place.clone(), verdict));
                }
            }
        }
        for (credential, place, verdict) in verdicts {
            self.carry_out(&credential, &place, verdict);
        }
    }

    fn judge_all(&mut self, place: &Place, judge: Judge) {
        self.answer(place);
        let Some(followed) = self.places.get_mut(place) else {
            return;
        };
        let wanted = followed.wanted.iter_mut();
        let verdicts: Vec<_> = wanted
            .map(|(credential, held)| (credential.clone(), judge(credential, held)))
            .collect();
        for (credential, verdict) in verdicts {
            self.carry_out(&credential, place, verdict);
        }
    }

    fn answer(&mut self, place: &Place) {
        if let Some(followed) = self.places.get_mut(place)
            && !std::mem::replace(&mut followed.answered, true)
        {
            self.unanswered -= 1;
        }
    }

    fn carry_out(&mut self, of: &Credential, place: &Place, verdict: Verdict) {
        match verdict.wrong {
            Some(wrong) => self.remarks.wrong(of, place, wrong),
            None => self.remarks.well(of),
        }
        if let Some(material) = verdict.publish {
            let (object, is_there) = (place.object(), material.is_some());
            debug!(%object, is_there, "credential");
            self.tell_expiry(of, place, material.as_ref());
            self.publish.credential(of, material);
        }
    }

    /// Metrics tell when certificates of the gateway's own expire.
    fn tell_expiry(&self, of: &Credential, place: &Place, material: Option<&Material>) {
        let not_after = match (of, material) {
            (Credential::Identity(_), Some(Material::Identity(one))) => Some(one.facts().not_after),
            (Credential::Identity(_), _) => None,
            (Credential::Authorities(_) | Credential::Revocations(_), _) => return,
        };
        let control = self.telemetry.control();
        control.set_certificate(&place.label(), not_after);
    }

    /// Tells how long the first certificate is good for.
    pub(super) fn tell_first_expiry(&self, now: SystemTime) {
        let held = self.places.values().flat_map(|place| place.wanted.values());
        let first = held.filter_map(Held::not_after).min();
        let days = first.map(|first| {
            let left = first.duration_since(now).unwrap_or_default();
            u32::try_from(left.as_secs() / DAY).unwrap_or(u32::MAX)
        });
        self.telemetry
            .server()
            .set_first_certificate_expiry_days(days);
    }

    fn missing(&mut self, place: &Place, what: &str) {
        let followed = self.places.get(place);
        let holds = followed.is_some_and(|followed| followed.wanted.values().any(Held::is_some));
        match (holds, self.unnamed.contains(place)) {
            (true, _) => self.remarks.deleted(place, what),
            (false, true) => self.remarks.not_missing(place),
            (false, false) => self.remarks.missing(place, what),
        }
    }

    fn not_refused(&mut self, place: &Place) {
        if let Place::Secret(secret) = place {
            self.remarks.not_refused(secret);
        }
    }
}

fn missing(_of: &Credential, held: &mut Held) -> Verdict {
    held.missing()
}

fn unknown(_of: &Credential, held: &mut Held) -> Verdict {
    held.unknown()
}

/// As [`missing`], where nobody has named it.
fn nobody(of: &Credential, held: &mut Held) -> Verdict {
    match of {
        Credential::Authorities(_) => held.nobody(),
        Credential::Identity(_) | Credential::Revocations(_) => held.missing(),
    }
}
