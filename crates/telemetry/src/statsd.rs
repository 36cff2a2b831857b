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
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::telemetry::Telemetry;
use exporter::Exporter;
pub use form::Form;
pub(crate) use metric::{Which, dotted};
pub use options::{EnvWarning, Options, Target};
pub(crate) use timers::Timers;

/// Exports until `shutdown` turns true or its sender is gone, then flushes once more. Returns at
/// once when statsd is off.
pub async fn run(telemetry: Arc<Telemetry>, options: Options, shutdown: watch::Receiver<bool>) {
    if options.target == Target::Off {
        return;
    }
    let mut exporter = Exporter::new(telemetry, options);
    let stop = Stop(shutdown.clone());
    let too_late = async {
        Stop(shutdown).asked().await;
        sleep(FINISH_TIME).await;
    };
    tokio::select! {
        () = exporter.run(stop) => {}
        () = too_late => {}
    }
    exporter.finish().await;
}

/// Tells when exporting is to end.
#[derive(Debug)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    async fn asked(&mut self) {
        // An error means that nobody is left who could ask.
        let (Ok(_) | Err(_)) = self.0.wait_for(|stop| *stop).await;
    }
}

/// How long the last flush may take, and what is being sent before it: the process wants to end.
const FINISH_TIME: Duration = Duration::from_secs(1);
