//! Leaves endpoints out for a while that fail again and again (Envoy's outlier detection, by
//! consecutive 5xx).
//!
//! Invariant: requests only count and tell; who is left out is decided in one place, one at a time,
//! so that the limit on how many may be is kept.
//!
//! Deliberately absent: success rates and gateway failures, which Ambassador's OutlierDetection
//! cannot configure.

use std::sync::Arc;
use std::time::Duration;

use nuncio_config::OutlierDetection;
use nuncio_telemetry::{ClusterStats, Ejection};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::endpoint::Host;
use super::endpoints::Endpoints;

/// Hears of endpoints that have failed too often.
#[derive(Debug)]
pub(super) struct Watch {
    consecutive_5xx: u32,
    suspects: mpsc::Sender<Arc<Host>>,
}

/// Decides who is left out of one cluster, and for how long.
#[derive(Debug)]
pub(super) struct Detector {
    settings: OutlierDetection,
    suspects: mpsc::Receiver<Arc<Host>>,
    stats: Arc<ClusterStats>,
    /// Endpoints left out lately.
    records: Vec<Record>,
}

/// What is remembered of an endpoint.
#[derive(Debug)]
struct Record {
    host: Arc<Host>,
    /// How often it was left out lately; so many times the [`BASE`] it stays out.
    ejections: u32,
    since: Instant,
    /// While it is out.
    ejection: Option<Ejection>,
}

/// Envoy's `base_ejection_time` and `max_ejection_time`, which Ambassador does not set.
const BASE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);

/// However short an interval is configured.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Suspects that may wait for a decision; one that finds no room is told of again.
const MAX_SUSPECTS: usize = 64;

impl Watch {
    /// Told of each failure of `host`, and how many there were in a row.
    pub(super) fn failed(&self, host: &Arc<Host>, in_a_row: u32) {
        if in_a_row == self.consecutive_5xx.max(1)
            && self.suspects.try_send(Arc::clone(host)).is_err()
        {
            host.forgive();
        }
    }
}

impl Detector {
    pub(super) fn new(settings: OutlierDetection, stats: &Arc<ClusterStats>) -> (Self, Arc<Watch>) {
        let (sender, suspects) = mpsc::channel(MAX_SUSPECTS);
        let watch = Watch {
            consecutive_5xx: settings.consecutive_5xx,
            suspects: sender,
        };
        let detector = Self {
            settings,
            suspects,
            stats: Arc::clone(stats),
            records: Vec::new(),
        };
        (detector, Arc::new(watch))
    }

    pub(super) async fn run(mut self, endpoints: Arc<Endpoints>) {
        let mut ticks = interval(self.settings.interval.max(MIN_INTERVAL));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                suspect = self.suspects.recv() => match suspect {
                    Some(suspect) => self.judge(&suspect, &endpoints),
                    None => return,
                },
                _ = ticks.tick() => self.readmit(&endpoints),
            }
        }
    }

    fn judge(&mut self, suspect: &Arc<Host>, endpoints: &Endpoints) {
        if suspect.is_ejected() {
            return;
        }
        self.stats.outlier_detected();
        suspect.forgive();
        let out = self.records.iter().filter(|record| record.is_out()).count();
        let may_be_out = endpoints.count() * usize::from(self.settings.max_ejection_percent);
        if (out + 1) * 100 > may_be_out {
            self.stats.ejection_refused();
            return;
        }
        warn!(cluster = self.stats.name(), endpoint = %suspect.address(), "fails: left out");
        suspect.set_ejected(true);
        self.record(suspect);
        endpoints.health_changed(&self.stats);
    }

    fn record(&mut self, host: &Arc<Host>) {
        let known = self
            .records
            .iter_mut()
            .find(|one| Arc::ptr_eq(&one.host, host));
        let (since, ejection) = (Instant::now(), Some(self.stats.ejected()));
        match known {
            Some(record) => {
                record.ejections = record.ejections.saturating_add(1);
                record.since = since;
                record.ejection = ejection;
            }
            None => self.records.push(Record {
                host: Arc::clone(host),
                ejections: 1,
                since,
                ejection,
            }),
        }
    }

    /// Lets those in again whose time is over, and forgets what was long ago.
    fn readmit(&mut self, endpoints: &Endpoints) {
        let before = self.records.len();
        self.records.retain(|record| endpoints.has(&record.host));
        let mut changed = self.records.len() != before;
        for record in &mut self.records {
            match record.ejection {
                Some(_) if record.since.elapsed() < record.sentence() => {}
                Some(_) => {
                    info!(endpoint = %record.host.address(), "let in again");
                    record.host.set_ejected(false);
                    record.ejection = None;
                    changed = true;
                }
                None => record.ejections = record.ejections.saturating_sub(1),
            }
        }
        self.records
            .retain(|record| record.is_out() || record.ejections > 0);
        if changed {
            endpoints.health_changed(&self.stats);
        }
    }
}

impl Record {
    fn is_out(&self) -> bool {
        self.ejection.is_some()
    }

    fn sentence(&self) -> Duration {
        BASE.saturating_mul(self.ejections).min(LONGEST)
    }
}
