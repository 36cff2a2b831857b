//! Envoy's families, from the tables in `names`, a piece at a time.
//!
//! Order: counters, gauges, histograms; within those by scope, then by name; series by label.

use std::sync::Arc;

use super::family::{Kind, Writer};
use super::rows::Rows;
use super::selection::Selection;
use crate::cluster::ClusterStats;
use crate::family::{Scope, Stat};
use crate::http::HttpStats;
use crate::listener::{ListenerHttp, ListenerStats};
use crate::server::ServerStats;
use crate::telemetry::{Handles, Telemetry};

/// The handles on the page, by scope.
#[derive(Debug)]
pub(super) struct Envoy {
    clusters: Rows<Arc<ClusterStats>, ClusterStats>,
    https: Rows<Arc<HttpStats>, HttpStats>,
    listeners: Rows<Arc<ListenerStats>, ListenerStats>,
    listener_https: Rows<Arc<ListenerStats>, ListenerHttp>,
    server: Rows<Arc<ServerStats>, ServerStats>,
    families: Vec<Family>,
}

/// One family of the page.
#[derive(Clone, Copy, Debug)]
struct Family {
    scope: Scopes,
    /// Its place in the scope's table.
    stat: usize,
}

#[derive(Clone, Copy, Debug)]
enum Scopes {
    Cluster,
    Http,
    Listener,
    ListenerHttp,
    /// Not in any table.
    Certificates,
    Server,
}

/// How far a page is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    family: usize,
    row: usize,
    /// Whether the family's TYPE is there.
    is_typed: bool,
}

/// Handles looked at in one go.
const GO: usize = 64;

impl Envoy {
    pub(super) fn of(telemetry: &Telemetry, handles: Handles) -> Self {
        let active = handles.clusters.into_iter().filter(|c| c.is_active());
        Self {
            clusters: Rows::of(active.collect(), Arc::as_ref),
            https: Rows::of(handles.https, Arc::as_ref),
            listeners: Rows::of(handles.listeners.clone(), Arc::as_ref),
            listener_https: Rows::of(handles.listeners, |listener| &listener.per_http),
            server: Rows::of(vec![Arc::clone(&telemetry.server)], Arc::as_ref),
            families: families(),
        }
    }

    /// Appends some more; whether there is more to come.
    pub(super) fn write(
        &self,
        progress: &mut Progress,
        selection: &Selection,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(&Family { scope, stat }) = self.families.get(progress.family) else {
            return false;
        };
        let mut writer = Writer::new(selection, out, progress.is_typed);
        let from = progress.row;
        let is_done = match scope {
            Scopes::Cluster => go(&self.clusters, stat, from, &mut writer),
            Scopes::Http => go(&self.https, stat, from, &mut writer),
            Scopes::Listener => go(&self.listeners, stat, from, &mut writer),
            Scopes::ListenerHttp => go(&self.listener_https, stat, from, &mut writer),
            Scopes::Server => go(&self.server, stat, from, &mut writer),
            Scopes::Certificates => {
                let all = 0..self.listeners.len();
                self.listeners
                    .range(all)
                    .for_each(|row| writer.certificates(&row));
                true
            }
        };
        let is_typed = writer.is_typed();
        *progress = if is_done {
            Progress {
                family: progress.family + 1,
                ..Progress::default()
            }
        } else {
            Progress {
                row: from + GO,
                is_typed,
                ..*progress
            }
        };
        true
    }
}

/// Some rows of one family; whether those were the last.
fn go<H, S: Scope>(rows: &Rows<H, S>, stat: usize, from: usize, writer: &mut Writer<'_>) -> bool {
    if let Some(stat) = S::STATS.get(stat) {
        writer.series(stat, rows.range(from..from + GO));
    }
    from + GO >= rows.len()
}

/// All families in the order of the page.
fn families() -> Vec<Family> {
    let mut families = Vec::new();
    for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram] {
        let mut add = |scope, stats: &[usize]| {
            families.extend(stats.iter().map(|&stat| Family { scope, stat }));
        };
        add(Scopes::Cluster, &of_kind(ClusterStats::STATS, kind));
        add(Scopes::Http, &of_kind(HttpStats::STATS, kind));
        add(Scopes::Listener, &of_kind(ListenerStats::STATS, kind));
        add(Scopes::ListenerHttp, &of_kind(ListenerHttp::STATS, kind));
        if kind == Kind::Gauge {
            add(Scopes::Certificates, &[0]);
        }
        add(Scopes::Server, &of_kind(ServerStats::STATS, kind));
    }
    families
}

fn of_kind<S>(stats: &[Stat<S>], kind: Kind) -> Vec<usize> {
    let places = (0..).zip(stats);
    places
        .filter(|(_, stat)| Kind::of(stat) == kind)
        .map(|(place, _)| place)
        .collect()
}
