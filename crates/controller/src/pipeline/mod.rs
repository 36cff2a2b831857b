//! Changes in, snapshots out.
//!
//! One thread takes changes, parses the objects they name, compiles, and publishes. There is no
//! debounce: an idle pipeline acts on a change at once, and what arrives while it compiles is taken
//! together by the next compile. A stream without end does not keep it from publishing: it takes so
//! many changes at once, for so long, and no more.
//!
//! Invariant: nothing is published before the gate is open, nor when no object changed. Generations
//! rise by one per publication. A change costs what it touches, not what there is.
//! Deliberately absent: async, I/O, clocks that decide anything but the end of a batch.

mod gate;
mod kept;
mod last_good;
pub(crate) mod objects;
pub(crate) mod records;
mod recovery;
mod refusals;
mod restless;
mod sprawl;
mod standing;
mod told;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nuncio_config::{Diagnostic, ObjectRef, Resource, Severity};
use nuncio_routing::{Issuance, ServicePort, Snapshot};
use nuncio_telemetry::{ObjectCounts, Reconfiguration, Telemetry};
use tokio::sync::{mpsc, watch};
use tracing::{error, info};

use crate::Publish;
use crate::change::{Change, Feed};
use crate::credentials::Wants;
use crate::state::{Keeper, StateDir};
pub(crate) use gate::{Alarm, Gate, Patience};
pub(crate) use kept::Document;
use kept::Former;
pub use last_good::OnInvalid;
use objects::{Effect, Objects, Rules};
use records::Texts;
use sprawl::{After, Sprawl};
use standing::Heard;
pub use standing::{KeptResource, Since, Standing};
use told::Told;
pub(crate) use verdicts::{News, Teller, Verdict, Verdicts, verdicts};

/// The changes that one compile takes together at most.
const BATCH: usize = 4096;

/// For so long a compile waits for changes that keep arriving.
const BATCH_TIME: Duration = Duration::from_millis(500);

/// Who hears of what the pipeline does.
pub(crate) struct Outlets {
    pub(crate) publish: Arc<dyn Publish>,
    pub(crate) telemetry: Arc<Telemetry>,
    /// Whose endpoints the last snapshot needs.
    pub(crate) wanted: watch::Sender<Arc<BTreeSet<ServicePort>>>,
    /// Which credentials it needs; `None` before there is any.
    pub(crate) wanted_credentials: watch::Sender<Option<Wants>>,
    /// Which certificates authorities are to be asked for.
    pub(crate) issuances: watch::Sender<Arc<[Issuance]>>,
    pub(crate) verdicts: Teller,
}

/// The state of the control path between changes.
pub(crate) struct Pipeline {
    outlets: Outlets,
    gate: Gate,
    objects: Objects,
    sprawl: Sprawl,
    pending: Effect,
    generation: u64,
    told: Told,
    state: Option<StateDir>,
    keeper: Option<Keeper>,
    saved_at: Option<SystemTime>,
    standing: Standing,
    /// The feeds with saved objects that have not listed yet, and whether the source was heard not
    /// to know them.
    unlisted: BTreeMap<Feed, Heard>,
    /// The feeds whose lists are not published yet.
    listed: BTreeSet<Feed>,
    /// When the changes arrived that are not published yet.
    arrivals: Vec<Instant>,
    parse: Duration,
}

impl Pipeline {
    /// A pipeline that publishes first when `gate` is open.
    ///
    /// With `state`, begins with what was saved there, and saves there what it publishes.
    pub(crate) fn new(rules: Rules, gate: Gate, outlets: Outlets, state: Option<StateDir>) -> Self {
        let texts = match state {
            Some(_) => Texts::Kept,
            None => Texts::Forgotten,
        };
        Self {
            outlets,
            gate,
            objects: Objects::new(rules, texts),
            sprawl: Sprawl::default(),
            state,
            keeper: None,
            saved_at: None,
            standing: Standing::default(),
            unlisted: BTreeMap::new(),
            // An empty first list is a state worth publishing.
            pending: Effect::Changed,
            generation: 0,
            told: Told::default(),
            listed: BTreeSet::new(),
            arrivals: Vec::new(),
            parse: Duration::ZERO,
        }
    }

    /// Works until every sender is gone. Blocks its thread.
    pub(crate) fn run(mut self, mut changes: mpsc::Receiver<Change>) {
        self.begin();
        while let Some(first) = changes.blocking_recv() {
            let started = Instant::now();
            self.take(first);
            for _ in 1..BATCH {
                let Ok(next) = changes.try_recv() else { break };
                self.take(next);
                if started.elapsed() > BATCH_TIME {
                    break;
                }
            }
            self.parse += started.elapsed();
            if self.pending == Effect::Changed && self.gate.is_open() {
                self.advance();
            }
        }
    }

    fn take(&mut self, change: Change) {
        let was_stale = self.gate.is_stale();
        let effect = match change {
            Change::Listed {
                feed,
                objects,
                diagnostics,
            } => {
                self.gate.listed(feed);
                self.unlisted.remove(&feed);
                let effect = self.objects.list(feed, objects, diagnostics);
                self.listed(effect, feed);
                effect
            }
            Change::Applied { feed, object } => {
                let effect = self.objects.apply(feed, &object);
                self.arrived(effect, object.at);
                effect
            }
            Change::Removed { feed, object } => {
                let effect = self.objects.remove(feed, &Arc::new(object));
                self.arrived(effect, Instant::now());
                effect
            }
            Change::Refused { feed, diagnostic } => self.refused(feed, diagnostic),
            Change::Absent { feed } => self.absent(feed),
            Change::Granted { feed } => self.objects.withdraw_notes(feed),
            Change::Waited {
                patience: Patience::Pause,
            } => self.paused(),
            Change::Waited { patience } => Effect::of(self.gate.waited(patience)),
        };
        let fresh = Effect::of(was_stale != self.gate.is_stale());
        self.pending = self.pending.or(effect).or(fresh);
    }

    /// Tells that a feed listed when all that it changed is told.
    fn listed(&mut self, effect: Effect, feed: Feed) {
        if self.generation > 0 && effect.or(self.pending) == Effect::Unchanged {
            self.outlets.verdicts.listed(feed);
        } else {
            self.listed.insert(feed);
        }
    }

    fn arrived(&mut self, effect: Effect, at: Instant) {
        if effect == Effect::Changed {
            self.arrivals.push(at);
        }
    }

    /// Tells at once of a refusal: before the first snapshot nothing else would.
    fn refused(&mut self, feed: Feed, diagnostic: Diagnostic) -> Effect {
        self.gate.refused(feed);
        let effect = self.objects.remark(feed, diagnostic.clone());
        if effect == Effect::Changed {
            self.told.tell_early(diagnostic);
        }
        effect
    }

    /// Compiles what has changed and publishes the result as the next generation.
    fn advance(&mut self) {
        self.pending = Effect::Unchanged;
        let started = Instant::now();
        let generation = self.generation + 1;
        self.remark_unlisted();
        let Ok(snapshot) = self.objects.compile(generation) else {
            error!(
                generation = self.generation,
                "compiling failed; the last snapshot stays"
            );
            return;
        };
        let compiled = Instant::now();
        let snapshot = Arc::new(snapshot);
        self.tell_standing();
        self.outlets.publish.publish(Arc::clone(&snapshot));
        let published = Instant::now();
        self.generation = generation;
        let changed = self.objects.take_changed(generation);
        self.save(&changed);
        let retold = self.told.update(&snapshot.diagnostics);
        self.measure(&snapshot, (compiled - started, published - compiled));
        self.tell(&snapshot, &changed, &retold);
        for feed in std::mem::take(&mut self.listed) {
            self.outlets.verdicts.listed(feed);
        }
        if self.sprawl.published(generation, self.objects.len()) {
            self.gate.wait_for_pause();
        }
    }

    /// Gathers what is left of many objects, unless changes go on.
    fn paused(&mut self) -> Effect {
        match self.sprawl.waited(self.generation, self.objects.len()) {
            After::Gather => return self.objects.gather(),
            After::WaitOn => self.gate.wait_for_pause(),
            After::Rest => {}
        }
        Effect::Unchanged
    }

    fn measure(&mut self, snapshot: &Snapshot, (compile, publish): (Duration, Duration)) {
        let count = |severity| snapshot.diagnostics.count(severity);
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        info!(
            generation = snapshot.generation,
            routes = snapshot.routes.len(),
            clusters = snapshot.clusters.len(),
            errors,
            warnings,
            "snapshot published"
        );
        let control = self.outlets.telemetry.control();
        control.published(&Reconfiguration {
            generation: snapshot.generation,
            // Objects come by themselves: nothing is fetched for a reconfiguration.
            fetch: Duration::ZERO,
            parse: std::mem::take(&mut self.parse),
            compile,
            publish,
            at: SystemTime::now(),
            errors,
            warnings,
        });
        let (wrong, kept) = (self.told.wrong(), self.objects.kept().len());
        control.hold(ObjectCounts {
            live: self.objects.len().saturating_sub(wrong),
            kept,
            invalid: wrong.saturating_sub(kept),
        });
        control.found_invalid(self.objects.take_invalid_changes());
        for arrival in std::mem::take(&mut self.arrivals) {
            control.propagated(arrival.elapsed());
        }
    }

    /// Tells those beside the proxy what concerns them.
    fn tell(
        &self,
        snapshot: &Snapshot,
        changed: &BTreeMap<Arc<ObjectRef>, Former>,
        retold: &BTreeSet<Arc<ObjectRef>>,
    ) {
        self.outlets.wanted.send_if_modified(|wanted| {
            // Shared as long as it is the same, and so compared by address.
            let differs = *wanted != snapshot.demands.endpoints;
            if differs {
                *wanted = Arc::clone(&snapshot.demands.endpoints);
            }
            differs
        });
        self.outlets.wanted_credentials.send_if_modified(|wanted| {
            let wants = Some(Wants::of(snapshot));
            let differs = *wanted != wants;
            *wanted = wants;
            differs
        });
        self.outlets.issuances.send_if_modified(|wanted| {
            let differs = *wanted != snapshot.listening.issuances;
            if differs {
                *wanted = Arc::clone(&snapshot.listening.issuances);
            }
            differs
        });
        let teller = &self.outlets.verdicts;
        if teller.is_heard() {
            let retold_of = retold.iter().map(Arc::clone);
            let others = changed.keys().filter(|object| !retold.contains(*object));
            let others = others.filter(|object| {
                teller.hears_good_of(object) || self.told.of(object).next().is_some()
            });
            let objects = retold_of.chain(others.map(Arc::clone));
            teller.tell(objects.map(|object| self.verdict(object)));
        }
    }

    fn verdict(&self, object: Arc<ObjectRef>) -> Verdict {
        let mut diagnostics: Vec<_> = self.told.of(&object).cloned().collect();
        for diagnostic in &mut diagnostics {
            diagnostic.reason = last_good::in_common(&diagnostic.reason);
        }
        let errors = diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error);
        // What compiling refuses is refused where its document begins.
        let refused: BTreeSet<_> = errors.map(|found| (&found.at, &found.resource)).collect();
        let is_live = |resource: &Resource| {
            let label = Some(resource.to_string().into());
            !refused.contains(&(&resource.at, &label))
        };
        // An older version that stays stands where the newest has its error.
        let live = self.objects.kept().contains_key(&object)
            || self.objects.in_force(&object).iter().any(is_live);
        Verdict {
            object,
            diagnostics,
            live,
        }
    }
}

#[cfg(test)]
mod tests;
