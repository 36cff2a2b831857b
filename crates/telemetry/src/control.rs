//! What becomes of configuration: the numbers of `nuncio_config_*`, and of Emissary's diagd under
//! `ambassador_*`.
//!
//! Invariant: all of one reconfiguration is told in one call, so the phases on a page belong
//! together closely enough.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::histogram::Histogram;
use crate::value::{Counter, Gauge};

/// The numbers of the control side.
#[derive(Debug, Default)]
pub struct ControlStats {
    pub(crate) generation: Gauge,
    pub(crate) errors: Gauge,
    pub(crate) warnings: Gauge,
    pub(crate) debug_logging: Gauge,
    pub(crate) compile_time: Histogram,
    pub(crate) propagation_time: Histogram,
    pub(crate) reconfiguration_time: LastDuration,
    pub(crate) fetch_time: LastDuration,
    pub(crate) parse_time: LastDuration,
    pub(crate) model_time: LastDuration,
    pub(crate) publish_time: LastDuration,
    pub(crate) diagnostics_time: LastDuration,
    /// Since the epoch; zero before the first.
    pub(crate) last_publish: LastDuration,
    pub(crate) leader: Gauge,
    pub(crate) issuances: IssuanceCounters,
    pub(crate) objects: ObjectGauges,
    pub(crate) invalid_changes: Counter,
    pub(crate) state: StateStats,
    feeds: Mutex<BTreeMap<&'static str, Arc<FeedStats>>>,
    /// When each certificate expires that is wanted for TLS.
    certificates: Mutex<BTreeMap<Box<str>, SystemTime>>,
}

/// What became of asking an authority for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It is there.
    Issued,
    /// The authority said no.
    Refused,
    /// It said that it is asked too often.
    RateLimited,
    /// It could not be asked, did not answer, or what it sent cannot be used or kept.
    Failed,
}

#[derive(Debug, Default)]
pub(crate) struct IssuanceCounters {
    pub(crate) issued: Counter,
    pub(crate) refused: Counter,
    pub(crate) rate_limited: Counter,
    pub(crate) failed: Counter,
}

/// What is heard of one feed of configuration, which may take several watches.
#[derive(Debug, Default)]
pub struct FeedStats {
    /// Not written before the feed has answered or failed.
    pub(crate) connected: Gauge,
    pub(crate) lists: Counter,
    pub(crate) watches: Counter,
    pub(crate) events: Counter,
    pub(crate) failures: Counter,
    /// How often it was lost.
    outages: Counter,
    /// Since the epoch; zero before the first.
    pub(crate) last_event: LastDuration,
}

impl FeedStats {
    /// Whether what it says reaches us: it answers, and has not fallen silent.
    pub fn set_connected(&self, connected: bool) {
        if self.connected.value() == 1 && !connected {
            self.outages.inc();
        }
        self.connected.set(u64::from(connected));
    }

    /// All its objects were listed.
    pub fn listed(&self) {
        self.lists.inc();
        self.heard();
    }

    /// It is watched from now on, or again.
    pub fn watched(&self) {
        self.watches.inc();
    }

    /// It told of an object.
    pub fn told(&self) {
        self.events.inc();
        self.heard();
    }

    /// It said that nothing has changed.
    pub fn heard(&self) {
        self.last_event.set(since_epoch(SystemTime::now()));
    }

    /// It could not be listed or watched, or broke off.
    pub fn failed(&self) {
        self.failures.inc();
    }
}

/// The objects of the running configuration, by what became of their newest version.
#[derive(Debug, Default)]
pub(crate) struct ObjectGauges {
    pub(crate) live: Gauge,
    pub(crate) kept: Gauge,
    pub(crate) invalid: Gauge,
}

/// What becomes of the saved state.
#[derive(Debug, Default)]
pub(crate) struct StateStats {
    pub(crate) stale: Gauge,
    /// When what is served was saved, while it is the saved state; since the epoch.
    pub(crate) stale_since: LastDuration,
    pub(crate) saved: LastDuration,
    pub(crate) failures: Counter,
}

/// How many objects there are, by what became of their newest version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// It is live, all of it.
    pub live: usize,
    /// Something of it is not, and an older version of that is.
    pub kept: usize,
    /// Something of it is not, and nothing is in its place.
    pub invalid: usize,
}

/// One configuration, from reading to running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconfiguration {
    /// The snapshot now running.
    pub generation: u64,
    /// Reading the sources (`ambassador_fetcher_time_seconds`).
    pub fetch: Duration,
    /// Parsing documents (`ambassador_aconf_time_seconds`).
    pub parse: Duration,
    /// Compiling the snapshot (`ambassador_ir_time_seconds`, `nuncio_config_compile_seconds`).
    pub compile: Duration,
    /// Handing it to the proxy (`ambassador_econf_time_seconds`).
    pub publish: Duration,
    /// When it started to run.
    pub at: SystemTime,
    /// Diagnostics that keep something from being live.
    pub errors: usize,
    /// Diagnostics that do not.
    pub warnings: usize,
}

impl ControlStats {
    /// A snapshot started to run.
    pub fn published(&self, reconfiguration: &Reconfiguration) {
        let Reconfiguration {
            fetch,
            parse,
            compile,
            publish,
            ..
        } = *reconfiguration;
        self.generation.set(reconfiguration.generation);
        self.errors
            .set(u64::try_from(reconfiguration.errors).unwrap_or(u64::MAX));
        self.warnings
            .set(u64::try_from(reconfiguration.warnings).unwrap_or(u64::MAX));
        self.compile_time.observe(compile);
        self.fetch_time.set(fetch);
        self.parse_time.set(parse);
        self.model_time.set(compile);
        self.publish_time.set(publish);
        self.reconfiguration_time
            .set(fetch + parse + compile + publish);
        self.last_publish.set(since_epoch(reconfiguration.at));
    }

    /// These are the objects of the configuration that runs now.
    pub fn hold(&self, counts: ObjectCounts) {
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        self.objects.live.set(number(counts.live));
        self.objects.kept.set(number(counts.kept));
        self.objects.invalid.set(number(counts.invalid));
    }

    /// What is served is the state that was saved then; `None` when it is what there is.
    pub fn set_stale(&self, saved_at: Option<SystemTime>) {
        self.state
            .stale_since
            .set(since_epoch(saved_at.unwrap_or(UNIX_EPOCH)));
        self.state.stale.set(u64::from(saved_at.is_some()));
    }

    /// What is served was saved, to be served after a restart.
    pub fn state_saved(&self, at: SystemTime) {
        self.state.saved.set(since_epoch(at));
    }

    /// What is served could not be saved.
    pub fn state_failed(&self) {
        self.state.failures.inc();
    }

    /// New versions of so many objects were found wrong.
    pub fn found_invalid(&self, changes: u64) {
        self.invalid_changes.add(changes);
    }

    /// What a change says is being served, so long after it arrived.
    pub fn propagated(&self, took: Duration) {
        self.propagation_time.observe(took);
    }

    /// A certificate that is in use expires then; `None` when it is in use no more.
    pub fn set_certificate(&self, name: &str, not_after: Option<SystemTime>) {
        let mut certificates = self.certificates();
        match not_after {
            Some(not_after) => certificates.insert(name.into(), not_after),
            None => certificates.remove(name),
        };
    }

    /// Every certificate in use, and when it expires.
    pub(crate) fn certificates(&self) -> MutexGuard<'_, BTreeMap<Box<str>, SystemTime>> {
        self.certificates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of a feed of configuration. Of `name` there is a closed set; it is a label.
    pub fn feed(&self, name: &'static str) -> Arc<FeedStats> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(feeds.entry(name).or_default())
    }

    /// Every feed by its name.
    pub(crate) fn feeds(&self) -> BTreeMap<&'static str, Arc<FeedStats>> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.clone()
    }

    /// How often feeds of configuration were lost.
    pub(crate) fn outages(&self) -> u64 {
        let feeds = self.feeds();
        feeds.values().map(|feed| feed.outages.value()).sum()
    }

    /// The diagnostics page was produced, which took `took`.
    pub fn diagnostics_served(&self, took: Duration) {
        self.diagnostics_time.set(took);
    }

    /// Whether this gateway is the one of its replicas that writes to the API server.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(u64::from(leads));
    }

    /// An authority was asked for a certificate, and this came of it.
    pub fn asked_for_certificate(&self, outcome: Issued) {
        let counters = &self.issuances;
        match outcome {
            Issued::Issued => counters.issued.inc(),
            Issued::Refused => counters.refused.inc(),
            Issued::RateLimited => counters.rate_limited.inc(),
            Issued::Failed => counters.failed.inc(),
        }
    }

    /// Whether debug messages are logged.
    pub fn set_debug_logging(&self, on: bool) {
        self.debug_logging.set(u64::from(on));
    }
}

fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How long something took the last time, to the nanosecond.
#[derive(Debug, Default)]
pub(crate) struct LastDuration(AtomicU64);

impl LastDuration {
    pub(crate) fn nanos(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn set(&self, took: Duration) {
        self.0
            .store(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}
