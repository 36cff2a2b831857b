//! The gateway whose counters move, and what a real Envoy's did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::exposition::Page;
use nuncio_telemetry::{
    BuildInfo, Bytes, Closed, ClusterStats, ConnectFailure, Ending, ListenerStats, Outcome,
    Protocol, RequestRecord, Side, Telemetry, Transport,
};

pub(crate) const LOCAL: Closed = Closed {
    by: Side::Local,
    with_active_request: false,
};
pub(crate) const REMOTE: Closed = Closed {
    by: Side::Remote,
    with_active_request: false,
};
pub(crate) const LOCAL_ACTIVE: Closed = Closed {
    by: Side::Local,
    with_active_request: true,
};
pub(crate) const REMOTE_ACTIVE: Closed = Closed {
    by: Side::Remote,
    with_active_request: true,
};
pub(crate) const TOOK: Duration = Duration::from_millis(3);

/// A request that a connection had to be made for.
pub(crate) fn assigned_new(cluster: &Arc<ClusterStats>) {
    let pending = cluster.pending();
    cluster.connected(Protocol::Http1, Duration::from_millis(1));
    drop(pending);
    drop(cluster.assigned());
}

/// A connection that could not be made, and the request that waited for it.
pub(crate) fn refused(cluster: &Arc<ClusterStats>, why: ConnectFailure) {
    let pending = cluster.pending();
    cluster.connect_failed(why, Protocol::Http1, TOOK);
    pending.failed();
}

/// A gateway with one listener and one cluster, as the recorded Envoy had.
pub(crate) struct Scene {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) listener: Arc<ListenerStats>,
    pub(crate) cluster: Arc<ClusterStats>,
}

impl Scene {
    pub(crate) fn with(cluster: &str) -> Self {
        Self::on("127.0.0.1:18080", "ingress_http", cluster)
    }

    pub(crate) fn on(address: &str, prefix: &str, cluster: &str) -> Self {
        let telemetry = Telemetry::new(BuildInfo::default());
        let http = telemetry.http(prefix);
        let listener = telemetry.listener(address.parse().unwrap(), &http);
        let cluster = telemetry.cluster(cluster);
        Self {
            telemetry,
            listener,
            cluster,
        }
    }

    pub(crate) fn page(&self) -> Page {
        let mut out = Vec::new();
        self.telemetry.render(&mut out);
        Page::parse(std::str::from_utf8(&out).unwrap())
    }

    pub(crate) fn value(&self, series: &str) -> f64 {
        self.page()
            .value(series)
            .unwrap_or_else(|| panic!("{series} is on the page"))
    }

    /// By how much each counter moves while `events` happen.
    pub(crate) fn moves(&self, events: impl FnOnce(&Self)) -> BTreeMap<String, f64> {
        let before = self.page().envoy_counters();
        events(self);
        let after = self.page().envoy_counters();
        let moved = |(series, value): (String, f64)| {
            let by = value - before.get(&series).copied().unwrap_or(0.0);
            (by != 0.0 && !series.starts_with(UNREAD)).then_some((series, by))
        };
        after.into_iter().filter_map(moved).collect()
    }

    /// A connection with one request on it.
    pub(crate) fn request(&self, outcome: Outcome, closed: Closed) {
        self.request_with(outcome, closed, |_| {});
    }

    pub(crate) fn request_with(
        &self,
        outcome: Outcome,
        closed: Closed,
        upstream: impl FnOnce(&Self),
    ) {
        let mut connection = self.listener.accepted(Transport::Plain);
        connection.speaks(Protocol::Http1);
        let request = self.listener.request_started(Protocol::Http1);
        upstream(self);
        RequestRecord {
            cluster: self.routed(outcome),
            ..record(request, outcome)
        }
        .record();
        connection.closed(closed);
    }

    pub(crate) fn routed(&self, outcome: Outcome) -> Option<&ClusterStats> {
        let nowhere = matches!(
            outcome,
            Outcome::NoRoute
                | Outcome::NoCluster
                | Outcome::Malformed { .. }
                | Outcome::Direct { .. }
        );
        (!nowhere).then_some(&*self.cluster)
    }
}

pub(crate) fn record<'a>(
    request: nuncio_telemetry::ActiveRequest,
    outcome: Outcome,
) -> RequestRecord<'a> {
    RequestRecord {
        request,
        cluster: None,
        outcome,
        duration: TOOK,
        upstream_time: Some(TOOK),
        bytes: Bytes::default(),
        retried: false,
        mapping: None,
        trace: None,
    }
}

pub(crate) fn answered(status: u16) -> Outcome {
    Outcome::Upstream {
        status,
        ending: Ending::Complete,
    }
}

/// What no board reads, and so was not kept of what was recorded; the recording of statsd has it.
const UNREAD: &str = "envoy_listener_ssl_no_certificate";

/// What a real Envoy's counters did in the scenario.
pub(crate) fn recorded(scenario: &str) -> BTreeMap<String, f64> {
    let text = include_str!("../fixtures/envoy_scenarios.txt");
    let (_, section) = text
        .split_once(&format!("### {scenario}\n"))
        .expect("a known scenario");
    let section = section.split("### ").next().unwrap();
    let pair = |line: &str| {
        let (by, series) = line.split_once(' ').unwrap();
        (series.to_owned(), by.parse().unwrap())
    };
    section.lines().map(pair).collect()
}

pub(crate) const PENDING_ACTIVE: &str =
    "envoy_cluster_upstream_rq_pending_active{envoy_cluster_name=\"cb\"}";

/// Counters of clusters, without prefix and labels.
pub(crate) fn of_cluster(moves: &BTreeMap<String, f64>) -> Vec<(&str, f64)> {
    let mut found: Vec<(&str, f64)> = moves
        .iter()
        .filter_map(|(series, by)| Some((series.strip_prefix("envoy_cluster_")?, *by)))
        .filter_map(|(series, by)| Some((series.split_once('{')?.0, by)))
        .collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    found
}

pub(crate) fn of_http<'m>(moves: &'m BTreeMap<String, f64>) -> Vec<(&'m str, f64)> {
    let rest = |(series, by): (&'m String, &f64)| {
        let name = series.strip_prefix("envoy_http_")?.split('{').next()?;
        let is_request = !name.starts_with("downstream_cx_");
        is_request.then_some((name, *by))
    };
    moves.iter().filter_map(rest).collect()
}
