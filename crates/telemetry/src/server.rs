//! What the process counts as a whole: Envoy's `server.`, `cluster_manager.`, `listener_manager.`
//! and `http2.`.
//!
//! Invariant: numbers that are read from elsewhere (memory, uptime, open connections) are brought
//! up to date right before either writer looks.

use std::sync::Arc;
use std::time::Instant;

use crate::control::ControlStats;
use crate::family::{Scope, Stat};
use crate::http::{HttpCounts, HttpStats};
use crate::names;
use crate::process::Memory;
use crate::refused::Refused;
use crate::resources::Resources;
use crate::series::{Scoped, Series};
use crate::statsd::Timers;
use crate::value::{Counter, Gauge};

/// The numbers of the process.
#[derive(Debug)]
pub struct ServerStats {
    pub(crate) count: ServerCounts,
    pub(crate) resources: Resources,
    pub(crate) refused: Refused,
    started: Instant,
    series: Series,
}

/// Envoy's server states, by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// Serving.
    Live,
    /// Shutting down.
    Draining,
    /// Not serving yet.
    Initializing,
}

impl ServerStats {
    pub(crate) fn new(timers: &Arc<Timers>, commit: &str) -> Self {
        let scope = Scoped {
            full: "envoy.",
            bare: "envoy.",
        };
        let server = Self {
            count: ServerCounts::default(),
            resources: Resources::default(),
            refused: Refused::default(),
            started: Instant::now(),
            series: Series::new(timers, &[], scope),
        };
        server.count.version.set(commit_number(commit));
        server.count.warming_clusters.set(0);
        server.set_listeners(0, 0);
        server.set_first_certificate_expiry_days(None);
        server.set_state(ServerState::Initializing);
        server
    }

    /// Where the process is in its life; `envoy_server_live` is 0 only while draining.
    pub fn set_state(&self, state: ServerState) {
        let (number, live) = match state {
            ServerState::Live => (0, 1),
            ServerState::Draining => (1, 0),
            ServerState::Initializing => (3, 1),
        };
        self.count.state.set(number);
        self.count.live.set(live);
    }

    /// What the process has left.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// What did not pass.
    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    /// Worker threads.
    pub fn set_concurrency(&self, threads: usize) {
        self.count
            .concurrency
            .set(u64::try_from(threads).unwrap_or(u64::MAX));
    }

    /// Whole days until the first certificate expires, 0 when it has; `None` when there is none,
    /// for which Envoy shows 4294967295 and never 0, because alerts fire below 7.
    pub fn set_first_certificate_expiry_days(&self, days: Option<u32>) {
        self.count
            .days_until_first_cert_expiring
            .set(u64::from(days.unwrap_or(u32::MAX)));
    }

    /// A listener was bound.
    pub fn listener_added(&self) {
        self.count.listener_added.inc();
        self.count.listener_create_success.inc();
    }

    /// A listener is bound no more.
    pub fn listener_removed(&self) {
        self.count.listener_removed.inc();
    }

    /// A listener could not be bound.
    pub fn listener_failed(&self) {
        self.count.listener_create_failure.inc();
    }

    /// How many listeners accept, and how many only finish what they have.
    pub fn set_listeners(&self, active: usize, draining: usize) {
        self.count
            .listeners_active
            .set(u64::try_from(active).unwrap_or(u64::MAX));
        self.count
            .listeners_draining
            .set(u64::try_from(draining).unwrap_or(u64::MAX));
        self.count.listeners_warming.set(0);
    }

    /// So many clusters are others than before, and still of the same name.
    pub fn clusters_modified(&self, clusters: usize) {
        let clusters = u64::try_from(clusters).unwrap_or(u64::MAX);
        self.count.cluster_modified.add(clusters);
    }

    /// Takes over what is counted of configuration. Envoy's configuration comes by streams; here
    /// an outage of a feed is the failure, and a change that is not right what is rejected.
    pub(crate) fn follow_control(&self, control: &ControlStats) {
        self.count.update_failure.raise_to(control.outages());
        let rejected = control.invalid_changes.value();
        self.count.update_rejected.raise_to(rejected);
    }

    /// Takes over what all connection managers count of HTTP/2.
    pub(crate) fn follow_http2(&self, https: &[Arc<HttpStats>]) {
        let sum = |number: fn(&HttpCounts) -> u64| -> u64 {
            https.iter().map(|http| number(&http.count)).sum()
        };
        let count = &self.count;
        if https
            .iter()
            .any(|http| http.count.http2_streams_active.is_used())
        {
            let active = sum(|http| http.http2_streams_active.value());
            count.http2_streams_active.set(active);
        }
        let rx_reset = sum(|http| http.http2_rx_reset.value());
        count.http2_rx_reset.raise_to(rx_reset);
        let tx_reset = sum(|http| http.http2_tx_reset.value());
        count.http2_tx_reset.raise_to(tx_reset);
        let goaway_sent = sum(|http| http.http2_goaway_sent.value());
        count.http2_goaway_sent.raise_to(goaway_sent);
        let header_overflow = sum(|http| http.http2_header_overflow.value());
        count.http2_header_overflow.raise_to(header_overflow);
        let empty = sum(|http| http.http2_inbound_empty_frames_flood.value());
        count.http2_inbound_empty_frames_flood.raise_to(empty);
        let priority = sum(|http| http.http2_inbound_priority_frames_flood.value());
        count.http2_inbound_priority_frames_flood.raise_to(priority);
        let windows = sum(|http| http.http2_inbound_window_update_frames_flood.value());
        count
            .http2_inbound_window_update_frames_flood
            .raise_to(windows);
        let control = sum(|http| http.http2_outbound_control_flood.value());
        count.http2_outbound_control_flood.raise_to(control);
    }

    pub(crate) fn refresh(&self, memory: Option<Memory>, connections: u64) {
        self.count.uptime.set(self.started.elapsed().as_secs());
        self.count.total_connections.set(connections);
        let Some(memory) = memory else { return };
        self.count.memory_allocated.set(memory.allocated());
        self.count.memory_heap_size.set(memory.heap());
        self.count.memory_physical_size.set(memory.resident);
    }
}

impl Scope for ServerStats {
    const FAMILY: &'static str = "envoy_";
    const STATS: &'static [Stat<Self>] = names::SERVER;

    fn series(&self) -> &Series {
        &self.series
    }
}

#[derive(Debug, Default)]
pub(crate) struct ServerCounts {
    pub(crate) live: Gauge,
    pub(crate) state: Gauge,
    pub(crate) uptime: Gauge,
    pub(crate) concurrency: Gauge,
    pub(crate) version: Gauge,
    pub(crate) total_connections: Gauge,
    pub(crate) memory_allocated: Gauge,
    pub(crate) memory_heap_size: Gauge,
    pub(crate) memory_physical_size: Gauge,
    pub(crate) days_until_first_cert_expiring: Gauge,

    pub(crate) active_clusters: Gauge,
    pub(crate) warming_clusters: Gauge,
    pub(crate) cluster_added: Counter,
    pub(crate) cluster_removed: Counter,
    pub(crate) cluster_modified: Counter,
    /// Of clusters and listeners alike, as the two below it: in Ambassador a Mapping is part of both.
    pub(crate) update_success: Counter,
    pub(crate) update_failure: Counter,
    pub(crate) update_rejected: Counter,

    pub(crate) http2_streams_active: Gauge,
    pub(crate) http2_rx_reset: Counter,
    pub(crate) http2_tx_reset: Counter,
    pub(crate) http2_goaway_sent: Counter,
    pub(crate) http2_header_overflow: Counter,
    pub(crate) http2_inbound_empty_frames_flood: Counter,
    pub(crate) http2_inbound_priority_frames_flood: Counter,
    pub(crate) http2_inbound_window_update_frames_flood: Counter,
    pub(crate) http2_outbound_control_flood: Counter,

    pub(crate) listeners_active: Gauge,
    pub(crate) listeners_draining: Gauge,
    pub(crate) listeners_warming: Gauge,
    pub(crate) listener_added: Counter,
    pub(crate) listener_removed: Counter,
    pub(crate) listener_create_success: Counter,
    pub(crate) listener_create_failure: Counter,
}

/// Envoy shows the first 24 bits of its commit hash; boards only list the values.
fn commit_number(commit: &str) -> u64 {
    commit
        .get(..6)
        .and_then(|head| u64::from_str_radix(head, 16).ok())
        .unwrap_or(0)
}
