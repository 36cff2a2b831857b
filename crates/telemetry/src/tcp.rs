//! What is counted of connections that are carried as they are.
//!
//! Invariant: fields are the names Envoy gives under `tcp.<prefix>.`; only this crate moves them.

use std::sync::Arc;

use crate::family::{Scope, Stat};
use crate::names;
use crate::series::{Scoped, Series};
use crate::statsd::Timers;
use crate::value::Counter;

/// The numbers of one `envoy_tcp_prefix`.
#[derive(Debug)]
pub struct TcpStats {
    pub(crate) count: TcpCounts,
    series: Series,
}

#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct TcpCounts {
    pub(crate) downstream_cx_rx_bytes_total: Counter,
    pub(crate) downstream_cx_tx_bytes_total: Counter,
    pub(crate) downstream_cx_total: Counter,
    pub(crate) downstream_cx_no_route: Counter,
    pub(crate) downstream_cx_drain_close: Counter,
    pub(crate) idle_timeout: Counter,
}

impl TcpStats {
    pub(crate) fn new(prefix: &str, timers: &Arc<Timers>) -> Self {
        let scope = Scoped {
            full: &format!("envoy.tcp.{prefix}."),
            bare: "envoy.tcp.",
        };
        Self {
            count: TcpCounts::default(),
            series: Series::new(timers, &[("envoy_tcp_prefix", prefix)], scope),
        }
    }

    /// Bytes that came from a client, and went to it.
    pub fn transferred(&self, received: u64, sent: u64) {
        self.count.downstream_cx_rx_bytes_total.add(received);
        self.count.downstream_cx_tx_bytes_total.add(sent);
    }

    /// A connection was to go to a cluster that there is not.
    pub fn no_route(&self) {
        self.count.downstream_cx_no_route.inc();
    }

    /// Nothing went over a connection for too long, and we close it.
    pub fn idled_out(&self) {
        self.count.idle_timeout.inc();
    }

    /// A connection is closed since its listener is gone.
    pub fn drained(&self) {
        self.count.downstream_cx_drain_close.inc();
    }

    pub(crate) fn connection_opened(&self) {
        self.count.downstream_cx_total.inc();
    }
}

impl Scope for TcpStats {
    const FAMILY: &'static str = "envoy_tcp_";
    const STATS: &'static [Stat<Self>] = names::TCP;

    fn series(&self) -> &Series {
        &self.series
    }
}
