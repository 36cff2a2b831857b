//! The same counters as the page, sent to statsd in Envoy's wire format.
//!
//! One metric per datagram, as every receiver Ambassador was used with expects, unless several are
//! asked for: then lines fill datagrams up to a limit. Counters are deltas and are sent again at every
//! flush once they have been used; gauges likewise, absolute; timers are sent one by one, in whole
//! milliseconds. What differs between handles is in the name, or in DogStatsD's tags.
//!
//! Invariants:
//! - A request never waits for statsd. Timers go through a bounded queue and are dropped, and
//!   counted, when it is full; with nobody listening they cost one relaxed load.
//! - The deltas a receiver was sent sum up to the counter. What could not be sent goes with a later
//!   flush.
//!
//! Deliberately absent: sample rates and sets, which Envoy does not send.

mod baseline;
mod called;
mod exporter;
mod form;
mod lines;
mod link;
mod metric;
mod options;
mod timers;

use std::sync::Arc;

use tokio::sync::watch;

use crate::telemetry::Telemetry;
use exporter::Exporter;
pub use form::Form;
pub(crate) use metric::{Which, dotted};
pub use options::{EnvWarning, Options, Target};
pub(crate) use timers::Timers;

/// Exports until `shutdown` turns true or its sender is gone, then flushes once more. Returns at
/// once when statsd is off.
pub async fn run(telemetry: Arc<Telemetry>, options: Options, mut shutdown: watch::Receiver<bool>) {
    if options.target == Target::Off {
        return;
    }
    let mut exporter = Exporter::new(telemetry, options);
    tokio::select! {
        () = exporter.run() => {}
        // An error means that nobody is left who could ask us to stop.
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
    exporter.finish().await;
}
