//! The parts of a Snapshot, as they are between two of them.
//!
//! Invariant: what has not changed is the very value that the last Snapshot holds. Nothing is visible
//! in the table before [`Assembly::settle`], so that a Route may take the place that another one
//! leaves later.
//! Deliberately absent: what anything follows from.

use std::collections::VecDeque;
use std::sync::Arc;

use nuncio_config::Diagnostic;

use crate::cluster::Roster;
use crate::compile::{Report, Routes};
use crate::demands::Tally;
use crate::{
    Cluster, Diagnostics, Listening, Order, Refusal, Route, RouteTable, Settings, Snapshot,
};

/// What Snapshots are made from.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub(super) roster: Roster,
    table: RouteTable,
    diagnostics: Diagnostics,
    tally: Tally,
    settings: Arc<Settings>,
    listening: Arc<Listening>,
    /// Routes that are no more.
    leaving: Vec<Arc<Route>>,
    /// Those whose places are taken by some that come.
    replaced: Vec<Arc<Route>>,
    /// New ones.
    coming: Vec<Arc<Route>>,
    refused: Vec<Refusal>,
}

/// The diagnostics that came of one question.
pub(super) type Held = Box<[Arc<Diagnostic>]>;

/// The Routes that came of one group.
#[derive(Debug, Default)]
pub(super) struct Laid {
    routes: Box<[Arc<Route>]>,
    clusters: Box<[Arc<Cluster>]>,
}

/// Routes of a group that are not in the new one so far.
struct Former(VecDeque<Arc<Route>>);

impl Former {
    /// The one at a place. Mostly it is the next.
    fn take(&mut self, order: &Order) -> Option<Arc<Route>> {
        let nth = self.0.iter().position(|route| route.order == *order)?;
        self.0.remove(nth)
    }
}

impl Assembly {
    /// Takes what was found in place of what the same question gave before.
    pub(super) fn report(&mut self, held: &mut Held, report: Report) {
        self.refused.extend(report.refused);
        self.diagnose(held, &report.diagnostics);
    }

    /// Takes diagnostics in place of those held.
    pub(super) fn diagnose(&mut self, held: &mut Held, now: &[Diagnostic]) {
        let before = held.iter().map(|diagnostic| &**diagnostic);
        if before.eq(now) {
            return;
        }
        for gone in &*held {
            self.diagnostics.remove(gone);
        }
        *held = now.iter().cloned().map(Arc::new).collect();
        for new in &*held {
            self.diagnostics.insert(Arc::clone(new));
        }
    }

    /// Takes the Routes of a group in place of those it had; Routes that are equal stay.
    pub(super) fn lay(&mut self, laid: &mut Laid, now: Routes) {
        let mut before = Former(std::mem::take(&mut laid.routes).into_vec().into());
        let mut routes = Vec::with_capacity(now.routes.len());
        for route in now.routes {
            let route = match before.take(&route.order) {
                Some(same) if *same == route => same,
                other => {
                    let route = Arc::new(route);
                    // The table puts one in the place of the other.
                    self.replaced.extend(other);
                    self.coming.push(Arc::clone(&route));
                    route
                }
            };
            routes.push(route);
        }
        self.leaving.extend(before.0);
        laid.routes = routes.into();
        for cluster in std::mem::replace(&mut laid.clusters, now.clusters.into()) {
            self.roster.release(&cluster);
        }
    }

    /// Takes other settings; the same value stays when they are equal.
    pub(super) fn set(&mut self, settings: Settings) {
        if *self.settings == settings {
            return;
        }
        self.tally.remove_pages(&self.settings.error_overrides);
        self.tally.add_pages(&settings.error_overrides);
        self.settings = Arc::new(settings);
    }

    /// Takes who is listened to; the same value stays when it is equal.
    pub(super) fn listen(&mut self, listening: Listening) {
        if *self.listening == listening {
            return;
        }
        self.tally.add_listening(&listening);
        self.tally.remove_listening(&self.listening);
        self.listening = Arc::new(listening.sharing(&self.listening));
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Makes what was laid since the last time visible. Until then nothing may be laid twice.
    pub(super) fn settle(&mut self) {
        for route in self.leaving.drain(..) {
            self.table.remove(&route);
            self.tally.remove_route(&route);
        }
        for route in self.replaced.drain(..) {
            self.tally.remove_route(&route);
        }
        for route in &self.coming {
            self.tally.add_route(route);
        }
        self.table.extend(self.coming.drain(..));
        self.roster.settle(&mut self.tally);
    }

    /// The Snapshot of all that is settled.
    pub(super) fn snapshot(&mut self, generation: u64) -> Snapshot {
        Snapshot {
            generation,
            routes: self.table.clone(),
            clusters: self.roster.clusters().clone(),
            diagnostics: self.diagnostics.clone(),
            settings: self.settings(),
            listening: Arc::clone(&self.listening),
            demands: self.tally.demands(),
        }
    }

    /// Who was refused since this was last asked.
    pub(super) fn take_refused(&mut self) -> Vec<Refusal> {
        let mut refused = std::mem::take(&mut self.refused);
        refused.sort_unstable();
        refused.dedup();
        refused
    }
}
