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
    suspects: mpsc::Sender<Host>,
}

/// Decides who is left out of one cluster, and for how long.
#[derive(Debug)]
pub(super) struct Detector {
    settings: OutlierDetection,
    suspects: mpsc::Receiver<Host>,
    stats: Arc<ClusterStats>,
    /// Endpoints left out lately.
    records: Vec<Record>,
}

/// What is remembered of an endpoint.
#[derive(Debug)]
struct Record {
    host: Host,
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
    pub(super) fn failed(&self, host: &Host, in_a_row: u32) {
        if in_a_row == self.consecutive_5xx.max(1) && self.suspects.try_send(host.clone()).is_err()
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
                    Some(suspect) => self.judge(&suspect, &endpoints, Instant::now()),
                    None => return,
                },
                now = ticks.tick() => self.readmit(&endpoints, now),
            }
        }
    }

    fn judge(&mut self, suspect: &Host, endpoints: &Endpoints, now: Instant) {
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
        self.record(suspect, now);
        endpoints.health_changed(&self.stats);
    }

    fn record(&mut self, host: &Host, since: Instant) {
        let known = self.records.iter_mut().find(|one| one.host.is(host));
        let ejection = Some(self.stats.ejected());
        match known {
            Some(record) => {
                record.ejections = record.ejections.saturating_add(1);
                record.since = since;
                record.ejection = ejection;
            }
            None => self.records.push(Record {
                host: host.clone(),
                ejections: 1,
                since,
                ejection,
            }),
        }
    }

    /// Lets those in again whose time is over, and forgets what was long ago.
    fn readmit(&mut self, endpoints: &Endpoints, now: Instant) {
        let before = self.records.len();
        self.records.retain(|record| endpoints.has(&record.host));
        let mut changed = self.records.len() != before;
        for record in &mut self.records {
            match record.ejection {
                Some(_) if now.duration_since(record.since) < record.sentence() => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::endpoint::{Endpoint, Pick};
    use crate::upstream::tests::cluster;
    use nuncio_telemetry::{BuildInfo, Telemetry};
    use std::net::SocketAddr;

    /// A cluster whose endpoints fail as the test says.
    struct Scene {
        telemetry: Arc<Telemetry>,
        endpoints: Arc<Endpoints>,
        detector: Detector,
        start: Instant,
    }

    fn address(n: u16) -> SocketAddr {
        ([10, 0, 0, 1], n).into()
    }

    impl Scene {
        fn with(endpoints: u16, max_ejection_percent: u8) -> Self {
            let telemetry = Telemetry::new(BuildInfo::default());
            let settings = OutlierDetection {
                consecutive_5xx: 3,
                max_ejection_percent,
                interval: Duration::from_secs(3),
            };
            let stats = telemetry.cluster("od");
            let (detector, watch) = Detector::new(settings, &stats);
            let all = Endpoints::pending(&cluster(), Some(watch));
            all.replace((1..=endpoints).map(address).collect());
            stats.endpoints_changed(endpoints.into());
            Self {
                telemetry,
                endpoints: all,
                detector,
                start: Instant::now(),
            }
        }

        fn pick(&self) -> Endpoint {
            self.endpoints.pick(&Pick::default()).unwrap().endpoint
        }

        /// One endpoint answers with these statuses.
        fn answers(&mut self, n: u16, statuses: &[u16]) {
            self.answers_at(n, statuses, 0);
        }

        fn answers_at(&mut self, n: u16, statuses: &[u16], seconds: u64) {
            let all = self.endpoints.hosts();
            let host = all.iter().find(|host| host.address() == address(n));
            let endpoint = Endpoint::of(host.unwrap());
            for status in statuses {
                endpoint.answered(*status);
            }
            while let Ok(suspect) = self.detector.suspects.try_recv() {
                let now = self.start + Duration::from_secs(seconds);
                self.detector.judge(&suspect, &self.endpoints, now);
            }
        }

        fn checks_after(&mut self, seconds: u64) {
            let now = self.start + Duration::from_secs(seconds);
            self.detector.readmit(&self.endpoints, now);
        }

        /// The endpoints in use, by their numbers.
        fn in_use(&self) -> Vec<u16> {
            let mut ports: Vec<_> = (0..100).map(|_| self.pick().address().port()).collect();
            ports.sort_unstable();
            ports.dedup();
            ports
        }

        fn counts(&self, name: &str) -> u64 {
            let mut page = Vec::new();
            self.telemetry.render(&mut page);
            let page = String::from_utf8(page).unwrap();
            let series = format!("envoy_cluster_{name}{{envoy_cluster_name=\"od\"}} ");
            let line = page.lines().find_map(|line| line.strip_prefix(&series));
            line.map_or(0, |value| value.parse().unwrap())
        }
    }

    const FAILS: &[u16] = &[500, 503, 599];

    #[test]
    fn an_endpoint_that_fails_often_enough_is_left_out() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, FAILS);
        assert_eq!(scene.in_use(), [1, 3, 4]);
        for (name, count) in [
            ("outlier_detection_ejections_active", 1),
            ("outlier_detection_ejections_total", 1),
            ("outlier_detection_ejections_enforced_total", 1),
            ("outlier_detection_ejections_consecutive_5xx", 1),
            ("outlier_detection_ejections_detected_consecutive_5xx", 1),
            ("outlier_detection_ejections_enforced_consecutive_5xx", 1),
            ("outlier_detection_ejections_overflow", 0),
            ("membership_healthy", 3),
            ("membership_total", 4),
        ] {
            assert_eq!(scene.counts(name), count, "{name}");
        }
    }

    #[test]
    fn an_answer_in_between_starts_the_count_again() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, &[500, 500, 404, 500, 500]);
        assert_eq!(scene.in_use(), [1, 2, 3, 4]);
    }

    #[test]
    fn it_is_let_in_again_after_thirty_seconds() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, FAILS);
        scene.checks_after(29);
        assert_eq!(scene.in_use(), [1, 3, 4]);
        scene.checks_after(30);
        assert_eq!(scene.in_use(), [1, 2, 3, 4]);
        assert_eq!(scene.counts("outlier_detection_ejections_active"), 0);
        assert_eq!(scene.counts("membership_healthy"), 4);
    }

    #[test]
    fn one_that_fails_again_at_once_stays_out_for_twice_as_long() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, FAILS);
        scene.checks_after(30);
        scene.answers_at(2, FAILS, 31);
        scene.checks_after(31 + 59);
        assert_eq!(scene.in_use(), [1, 3, 4]);
        scene.checks_after(31 + 60);
        assert_eq!(scene.in_use(), [1, 2, 3, 4]);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, FAILS);
        scene.checks_after(30);
        scene.checks_after(33);
        assert!(scene.detector.records.is_empty());
        scene.answers_at(2, FAILS, 40);
        scene.checks_after(70);
        assert_eq!(scene.in_use(), [1, 2, 3, 4]);
    }

    #[test]
    fn no_more_than_the_percentage_are_left_out() {
        let mut scene = Scene::with(4, 50);
        for n in 1..=3 {
            scene.answers(n, FAILS);
        }
        assert_eq!(scene.in_use(), [3, 4]);
        assert_eq!(scene.counts("outlier_detection_ejections_overflow"), 1);
        assert_eq!(scene.counts("outlier_detection_ejections_active"), 2);
    }

    #[test]
    fn a_lone_endpoint_is_used_though_it_is_left_out() {
        let mut scene = Scene::with(1, 100);
        scene.answers(1, FAILS);
        let picked = scene.endpoints.pick(&Pick::default()).unwrap();
        assert!(picked.panicking);
        assert_eq!(scene.counts("membership_healthy"), 0);
    }

    #[test]
    fn one_that_is_gone_counts_no_longer() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, FAILS);
        scene.endpoints.replace(vec![address(1), address(3)]);
        scene.checks_after(3);
        assert_eq!(scene.counts("outlier_detection_ejections_active"), 0);
    }

    #[test]
    fn when_the_cluster_goes_nobody_is_left_out_of_it() {
        let mut scene = Scene::with(4, 100);
        scene.answers(2, FAILS);
        let telemetry = Arc::clone(&scene.telemetry);
        drop(scene);
        let scene = Scene {
            telemetry,
            ..Scene::with(1, 100)
        };
        assert_eq!(scene.counts("outlier_detection_ejections_active"), 0);
    }
}
