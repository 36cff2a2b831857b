//! What was done, and what failed of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nuncio_load::Times;

/// What clients did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Connection,
    WebSocket,
    Call,
}

/// Counts by kind.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: u64,
    connections: u64,
    websockets: u64,
    calls: u64,
    failures: Vec<(Kind, String)>,
    /// Of requests, since they were due.
    times: Times,
}

/// How many failures are told one by one.
const TOLD: usize = 20;

impl Counts {
    fn done(&mut self, kind: Kind) {
        *match kind {
            Kind::Request => &mut self.requests,
            Kind::Connection => &mut self.connections,
            Kind::WebSocket => &mut self.websockets,
            Kind::Call => &mut self.calls,
        } += 1;
    }
}

impl Tally {
    pub(crate) fn done(&self, kind: Kind) {
        self.change(|counts| counts.done(kind));
    }

    /// A request was answered so long after it was due.
    pub(crate) fn answered(&self, took: Duration) {
        self.change(|counts| {
            counts.done(Kind::Request);
            counts.times.add(took);
        });
    }

    pub(crate) fn failed(&self, kind: Kind, why: String) {
        self.change(|counts| counts.failures.push((kind, why)));
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prints all; how much failed.
    pub(crate) fn print(&self) -> usize {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts {
            requests,
            connections,
            websockets,
            calls,
            ..
        } = *counts;
        println!(
            "done: {requests} requests on {connections} connections, {websockets} WebSockets, \
             {calls} gRPC streams"
        );
        let mut at = |percent| counts.times.percentile(percent).as_secs_f64() * 1e3;
        println!(
            "requests: p50 {:.2} ms, p99 {:.2} ms, slowest {:.2} ms",
            at(50.0),
            at(99.0),
            at(100.0)
        );
        println!("failed: {}", counts.failures.len());
        for (kind, why) in counts.failures.iter().take(TOLD) {
            println!("  {kind:?}: {why}");
        }
        counts.failures.len()
    }
}
