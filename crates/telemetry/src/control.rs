//! What becomes of configuration: the numbers of `nuncio_config_*`, and of Emissary's diagd under
//! `ambassador_*`.
//!
//! Invariant: all of one reconfiguration is told in one call, so the phases on a page belong
//! together closely enough.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::histogram::Histogram;
use crate::value::Gauge;

/// The numbers of the control side.
#[derive(Debug, Default)]
pub struct ControlStats {
    pub(crate) generation: Gauge,
    pub(crate) errors: Gauge,
    pub(crate) warnings: Gauge,
    pub(crate) debug_logging: Gauge,
    pub(crate) compile_time: Histogram,
    pub(crate) reconfiguration_time: LastDuration,
    pub(crate) fetch_time: LastDuration,
    pub(crate) parse_time: LastDuration,
    pub(crate) model_time: LastDuration,
    pub(crate) publish_time: LastDuration,
    pub(crate) diagnostics_time: LastDuration,
    /// Since the epoch; zero before the first.
    pub(crate) last_publish: LastDuration,
    pub(crate) leader: Gauge,
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
        self.last_publish.set(
            reconfiguration
                .at
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        );
    }

    /// The diagnostics page was produced, which took `took`.
    pub fn diagnostics_served(&self, took: Duration) {
        self.diagnostics_time.set(took);
    }

    /// Whether this gateway is the one of its replicas that writes to the API server.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(u64::from(leads));
    }

    /// Whether debug messages are logged.
    pub fn set_debug_logging(&self, on: bool) {
        self.debug_logging.set(u64::from(on));
    }
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
