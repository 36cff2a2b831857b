//! The clusters of a snapshot and how they fare.

use std::collections::BTreeMap;

use nuncio_routing::{Cluster, Snapshot};
use nuncio_telemetry::{ClusterSummary, Telemetry};
use serde::Serialize;

/// Where requests go under one name.
#[derive(Debug, Serialize)]
pub(super) struct ClusterInfo<'a> {
    pub(super) service: String,
    pub(super) stats_name: &'a str,
    tls: bool,
    connect_timeout_ms: u128,
}

/// Numbers since the start, and Ambassador's verdict on them.
#[derive(Debug, Serialize)]
pub(super) struct ClusterHealth {
    valid: bool,
    pub(super) health: String,
    /// The verdict as a number, or why there is none.
    hmetric: String,
    hcolor: &'static str,
    pub(super) healthy_members: u64,
    pub(super) total_members: u64,
    /// Share of the answers that are no 5xx; `None` without answers.
    healthy_percent: Option<u64>,
    update_attempts: u64,
    update_successes: u64,
    update_percent: Option<u64>,
    upstream_ok: u64,
    upstream_4xx: u64,
    upstream_5xx: u64,
    upstream_bad: u64,
}

/// By cluster name.
pub(super) fn cluster_info(snapshot: &Snapshot) -> BTreeMap<&str, ClusterInfo<'_>> {
    snapshot
        .clusters
        .by_name()
        .into_iter()
        .map(|cluster| (&*cluster.name, ClusterInfo::of(cluster)))
        .collect()
}

/// By cluster name; clusters that are counted by a name they share have the numbers in common.
pub(super) fn cluster_stats<'a>(
    snapshot: &'a Snapshot,
    telemetry: &Telemetry,
) -> BTreeMap<&'a str, ClusterHealth> {
    let health = |cluster: &'a Cluster| {
        let label = telemetry.cluster_label();
        let stats = telemetry.known_cluster(label.of(&cluster.name, &cluster.stats_name));
        ClusterHealth::of(&stats.map(|stats| stats.summary()).unwrap_or_default())
    };
    snapshot
        .clusters
        .by_name()
        .into_iter()
        .map(|cluster| (&*cluster.name, health(cluster)))
        .collect()
}

/// What a cluster connects to.
pub(super) fn service(cluster: &Cluster) -> String {
    let scheme = if cluster.tls.is_some() {
        "https://"
    } else {
        ""
    };
    format!("{scheme}{}:{}", cluster.host, cluster.port)
}

impl<'a> ClusterInfo<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        Self {
            service: service(cluster),
            stats_name: &cluster.stats_name,
            tls: cluster.tls.is_some(),
            connect_timeout_ms: cluster.connect_timeout.as_millis(),
        }
    }
}

impl ClusterHealth {
    fn of(summary: &ClusterSummary) -> Self {
        let bad = summary.responses_5xx;
        // The counters are read one after the other while requests go on.
        let ok = summary.responses.saturating_sub(bad);
        let healthy_percent = percent(ok, summary.responses);
        let (health, hmetric, hcolor) = verdict(healthy_percent);
        Self {
            valid: true,
            health,
            hmetric,
            hcolor,
            healthy_members: summary.endpoints_healthy,
            total_members: summary.endpoints_total,
            healthy_percent,
            update_attempts: summary.update_attempts,
            update_successes: summary.update_successes,
            update_percent: percent(summary.update_successes, summary.update_attempts),
            upstream_ok: ok,
            upstream_4xx: summary.responses_4xx,
            upstream_5xx: summary.responses_5xx,
            upstream_bad: bad,
        }
    }
}

/// Thresholds and words of Ambassador's diagnostics.
fn verdict(healthy_percent: Option<u64>) -> (String, String, &'static str) {
    let Some(percent) = healthy_percent else {
        return ("no requests yet".into(), "waiting".into(), "grey");
    };
    let color = match percent {
        0..70 => "red",
        70..90 => "yellow",
        _ => "green",
    };
    (format!("{percent}% healthy"), percent.to_string(), color)
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_from_500_up_make_a_cluster_unhealthy() {
        let summary = ClusterSummary {
            responses: 10,
            responses_4xx: 5,
            ..QUIET
        };
        assert_eq!(ClusterHealth::of(&summary).health, "100% healthy");
        let health = ClusterHealth::of(&ClusterSummary {
            responses_5xx: 2,
            ..summary
        });
        assert_eq!(
            (health.health.as_str(), health.hcolor),
            ("80% healthy", "yellow")
        );
        assert_eq!((health.upstream_ok, health.upstream_bad), (8, 2));
    }

    #[test]
    fn without_answers_there_is_no_verdict() {
        let health = ClusterHealth::of(&QUIET);
        assert_eq!(
            (health.hmetric.as_str(), health.healthy_percent),
            ("waiting", None)
        );
    }

    const QUIET: ClusterSummary = ClusterSummary {
        endpoints_healthy: 0,
        endpoints_total: 0,
        update_attempts: 0,
        update_successes: 0,
        responses: 0,
        responses_4xx: 0,
        responses_5xx: 0,
    };
}
