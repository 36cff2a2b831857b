//! What the gateway runs and what is wrong with its configuration, as Ambassador's diagnostics show it.
//!
//! Keys are those of `/ambassador/v0/diag/?json=true` in Ambassador 0.21 and Emissary 3; ours beside
//! them are `diagnostics`, `generation`, `kept` and `stale`.
//!
//! Invariant: everything on one page comes from one snapshot; the same snapshot gives the same lists.
//! Deliberately absent: secrets, and what upstreams and requests contain.

mod clusters;
mod groups;
mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use askama::Template;
use nuncio_config::{Diagnostic, Location, Severity};
use nuncio_telemetry::Telemetry;
use serde::Serialize;
use tracing::error;
use tracing::level_filters::LevelFilter;

use self::clusters::{ClusterHealth, ClusterInfo};
use self::groups::RouteInfo;
use self::process::{EnvoyStatus, System};
use crate::standing::Stale;
use crate::{Facts, KeptResource, Published, Readiness};

/// The page, before it is written in one of its forms.
#[derive(Debug, Serialize, Template)]
#[template(path = "overview.html")]
pub(crate) struct Overview<'a> {
    system: System<'a>,
    envoy_status: EnvoyStatus,
    loginfo: BTreeMap<&'static str, &'static str>,
    /// Ambassador's place for what deserves attention and harms nothing.
    notices: Vec<Notice>,
    /// Source key and summary of what is not live.
    errors: Vec<(String, String)>,
    diagnostics: Vec<Found<'a>>,
    route_info: Vec<RouteInfo<'a>>,
    cluster_info: BTreeMap<&'a str, ClusterInfo<'a>>,
    cluster_stats: BTreeMap<&'a str, ClusterHealth>,
    /// How many resources are live, by kind.
    ambassador_resources: BTreeMap<&'static str, usize>,
    /// `None` before the first snapshot.
    generation: Option<u64>,
    /// What is live in an older version than its newest.
    kept: &'a [KeptResource],
    /// `None` unless the saved state is served.
    stale: Option<Stale>,
}

/// A diagnostic, and what is served in the place of what it is about.
#[derive(Clone, Copy, Debug, Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    diagnostic: &'a Diagnostic,
    /// Whether an older version is live.
    last_good_live: bool,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.diagnostic.severity, self.diagnostic)
    }
}

#[derive(Debug, Serialize)]
struct Notice {
    level: &'static str,
    message: String,
}

impl<'a> Overview<'a> {
    pub(crate) fn of(
        facts: &'a Facts,
        (readiness, telemetry): (&Readiness, &Telemetry),
        published: Option<&'a Published>,
        now: SystemTime,
    ) -> Self {
        let snapshot = published.map(|published| &*published.snapshot);
        let all = snapshot.map(|snapshot| snapshot.diagnostics.iter());
        let standing = published.map(|published| &published.standing);
        let found = |diagnostic| Found {
            diagnostic,
            last_good_live: standing.is_some_and(|standing| standing.keeps(diagnostic)),
        };
        let stale = standing.and_then(|standing| Stale::of(standing, now));
        let diagnostics: Vec<_> = all.into_iter().flatten().collect();
        let of = |severity| {
            let all = diagnostics.iter().copied();
            all.filter(move |found| found.severity == severity)
        };
        let route_info = snapshot.map(groups::route_info).unwrap_or_default();
        let mappings = route_info.iter().map(RouteInfo::mappings).sum();
        Self {
            system: System::of(facts, now),
            envoy_status: EnvoyStatus::of(facts, readiness, published, now),
            loginfo: BTreeMap::from([("all", log_level())]),
            notices: stale
                .iter()
                .map(Notice::of_stale)
                .chain(of(Severity::Warning).map(Notice::of))
                .collect(),
            errors: of(Severity::Error)
                .map(|it| (source_key(&it.at), it.to_string()))
                .collect(),
            diagnostics: diagnostics.iter().copied().map(found).collect(),
            route_info,
            cluster_info: snapshot.map(clusters::cluster_info).unwrap_or_default(),
            cluster_stats: snapshot
                .map(|snapshot| clusters::cluster_stats(snapshot, telemetry))
                .unwrap_or_default(),
            ambassador_resources: BTreeMap::from([("Mapping", mappings)]),
            generation: snapshot.map(|snapshot| snapshot.generation),
            kept: standing.map(|standing| &*standing.kept).unwrap_or_default(),
            stale,
        }
    }

    pub(crate) fn write_json(&self, page: &mut Vec<u8>) {
        if let Err(error) = serde_json::to_writer(page, self) {
            error!(%error, "cannot write diagnostics as JSON");
        }
    }

    pub(crate) fn write_html(&self, page: &mut Vec<u8>) {
        if let Err(error) = self.write_into(page) {
            error!(%error, "cannot write diagnostics as HTML");
        }
    }
}

impl Notice {
    fn of_stale(stale: &Stale) -> Self {
        Self {
            level: "WARNING",
            message: stale.notice(),
        }
    }

    fn of(warning: &Diagnostic) -> Self {
        Self {
            level: "WARNING",
            message: warning.to_string(),
        }
    }
}

/// Emissary's name for a document: object, namespace, number.
fn source_key(at: &Location) -> String {
    match &*at.object.namespace {
        "" => format!("{}.{}", at.object.name, at.document),
        namespace => format!("{}.{namespace}.{}", at.object.name, at.document),
    }
}

/// The level of the gateway's own log, in Envoy's words.
fn log_level() -> &'static str {
    match LevelFilter::current() {
        LevelFilter::OFF => "off",
        LevelFilter::ERROR => "error",
        LevelFilter::WARN => "warning",
        LevelFilter::INFO => "info",
        LevelFilter::DEBUG => "debug",
        LevelFilter::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests;
