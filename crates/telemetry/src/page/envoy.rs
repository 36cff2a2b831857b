//! Envoy's families, from the tables in `names`, a piece at a time.
//!
//! Order: counters, gauges, histograms; within those by name, as Envoy writes it; series by label.

use std::sync::Arc;

use super::family::{Kind, Writer};
use super::rows::Rows;
use super::selection::Selection;
use crate::cluster::ClusterStats;
use crate::family::Scope;
use crate::http::HttpStats;
use crate::listener::{ListenerHttp, ListenerStats};
use crate::names::LISTENER_CERTIFICATE;
use crate::server::ServerStats;
use crate::tcp::TcpStats;
use crate::telemetry::{Handles, Telemetry};

/// The handles on the page, by scope.
#[derive(Debug)]
pub(super) struct Envoy {
    clusters: Rows<Arc<ClusterStats>, ClusterStats>,
    https: Rows<Arc<HttpStats>, HttpStats>,
    listeners: Rows<Arc<ListenerStats>, ListenerStats>,
    listener_https: Rows<Arc<ListenerStats>, ListenerHttp>,
    server: Rows<Arc<ServerStats>, ServerStats>,
    tcps: Rows<Arc<TcpStats>, TcpStats>,
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
    Tcp,
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
        let speaking = handles.listeners.iter().filter(|one| one.http().is_shown());
        let speaking = speaking.map(Arc::clone).collect();
        Self {
            clusters: Rows::of(active.collect(), Arc::as_ref),
            https: Rows::of(handles.https, Arc::as_ref),
            listeners: Rows::of(handles.listeners, Arc::as_ref),
            listener_https: Rows::of(speaking, |listener| &listener.per_http),
            server: Rows::of(vec![Arc::clone(&telemetry.server)], Arc::as_ref),
            tcps: Rows::of(handles.tcps, Arc::as_ref),
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
            Scopes::Tcp => go(&self.tcps, stat, from, &mut writer),
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
    let kinds = [Kind::Counter, Kind::Gauge, Kind::Histogram];
    kinds.into_iter().flat_map(families_of).collect()
}

/// By their names with dots, as Envoy has them: `cluster.` goes before `cluster_manager.`.
fn families_of(kind: Kind) -> Vec<Family> {
    let mut families = Vec::new();
    add::<ClusterStats>(Scopes::Cluster, kind, &mut families);
    add::<HttpStats>(Scopes::Http, kind, &mut families);
    add::<ListenerStats>(Scopes::Listener, kind, &mut families);
    add::<ListenerHttp>(Scopes::ListenerHttp, kind, &mut families);
    add::<ServerStats>(Scopes::Server, kind, &mut families);
    add::<TcpStats>(Scopes::Tcp, kind, &mut families);
    if kind == Kind::Gauge {
        let certificates = Family {
            scope: Scopes::Certificates,
            stat: 0,
        };
        families.push((dotted::<ListenerStats>(LISTENER_CERTIFICATE), certificates));
    }
    families.sort_by(|(one, _), (other, _)| one.cmp(other));
    families.into_iter().map(|(_, family)| family).collect()
}

fn add<S: Scope>(scope: Scopes, kind: Kind, families: &mut Vec<(String, Family)>) {
    let stats = (0..).zip(S::STATS);
    let of_kind = stats.filter(|(_, stat)| Kind::of(stat) == kind);
    families.extend(of_kind.map(|(place, stat)| {
        let family = Family { scope, stat: place };
        (dotted::<S>(stat.name), family)
    }));
}

fn dotted<S: Scope>(stat: &str) -> String {
    format!("{}{stat}", S::FAMILY.replace('_', "."))
}
