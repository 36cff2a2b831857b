//! This process: what it is, how long it runs, how it is.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::{Facts, Latch, Published, Readiness};

/// What does not change while the process lives, and its age.
#[derive(Debug, Serialize)]
pub(super) struct System<'a> {
    pub(super) version: &'a str,
    pub(super) commit: &'a str,
    pub(super) hostname: &'a str,
    pub(super) ambassador_id: &'a str,
    pub(super) ambassador_namespace: &'a str,
    cluster_id: &'a str,
    single_namespace: bool,
    statsd_enabled: bool,
    boot_time: String,
    pub(super) hr_uptime: String,
}

/// How the data path is; the name is from the days when it was a process of its own.
#[derive(Debug, Serialize)]
pub(super) struct EnvoyStatus {
    pub(super) alive: bool,
    pub(super) ready: bool,
    /// The readiness latches that are still open.
    pub(super) waiting_for: Vec<&'static str>,
    uptime: String,
    pub(super) since_update: String,
}

impl<'a> System<'a> {
    pub(super) fn of(facts: &'a Facts, now: SystemTime) -> Self {
        Self {
            version: &facts.version,
            commit: &facts.commit,
            hostname: &facts.hostname,
            ambassador_id: &facts.identity.ambassador_id,
            ambassador_namespace: &facts.identity.namespace,
            cluster_id: &facts.cluster_id,
            single_namespace: facts.single_namespace,
            statsd_enabled: facts.statsd_enabled,
            boot_time: httpdate::fmt_http_date(facts.started),
            hr_uptime: in_words(since(facts.started, now)),
        }
    }
}

impl EnvoyStatus {
    pub(super) fn of(
        facts: &Facts,
        readiness: &Readiness,
        published: Option<&Published>,
        now: SystemTime,
    ) -> Self {
        Self {
            alive: readiness.is_alive(),
            ready: readiness.is_ready(),
            waiting_for: readiness.missing().map(Latch::as_str).collect(),
            uptime: in_words(since(facts.started, now)),
            since_update: since_update(published.map(|published| since(published.at, now))),
        }
    }
}

/// Nothing, when the clock was set back.
fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

fn since_update(age: Option<Duration>) -> String {
    match age {
        None => "Never updated".into(),
        Some(age) if age < Duration::from_secs(1) => "within the last second".into(),
        Some(age) => format!("{} ago", in_words(age)),
    }
}

/// `1 day, 2 minutes, 1 second`, the largest unit first.
fn in_words(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    if rest == 0 {
        return "less than a second".into();
    }
    let units = UNITS.into_iter().filter_map(|(unit, seconds)| {
        let count = rest / seconds;
        rest %= seconds;
        match count {
            0 => None,
            1 => Some(format!("1 {unit}")),
            _ => Some(format!("{count} {unit}s")),
        }
    });
    units.collect::<Vec<_>>().join(", ")
}

const UNITS: [(&str, u64); 6] = [
    ("year", 365 * 24 * 3600),
    ("month", 30 * 24 * 3600),
    ("day", 24 * 3600),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(seconds: u64) -> String {
        in_words(Duration::from_secs(seconds))
    }

    #[test]
    fn durations_name_their_units_largest_first() {
        assert_eq!(words(0), "less than a second");
        assert_eq!(words(1), "1 second");
        assert_eq!(words(60), "1 minute");
        assert_eq!(words(2 * 86400 + 3 * 60 + 1), "2 days, 3 minutes, 1 second");
        assert_eq!(words(400 * 86400), "1 year, 1 month, 5 days");
    }

    #[test]
    fn updates_are_told_in_ambassadors_words() {
        assert_eq!(since_update(None), "Never updated");
        assert_eq!(
            since_update(Some(Duration::from_millis(999))),
            "within the last second"
        );
        assert_eq!(
            since_update(Some(Duration::from_secs(90))),
            "1 minute, 30 seconds ago"
        );
    }

    #[test]
    fn a_clock_set_back_gives_no_age() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(since(now + Duration::from_secs(5), now), Duration::ZERO);
    }
}
