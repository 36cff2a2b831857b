//! What the watches of one API server know of it together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::Client;
use nuncio_telemetry::Telemetry;
use tokio::time::Instant;

use crate::kubernetes::options::Pace;
use crate::kubernetes::outage::Outage;

/// The fresh lists of a gateway that runs spread over this at least.
const RELIST_SPREAD: Duration = Duration::from_secs(1);

/// The way to an API server, and what was found out about it.
pub(in crate::kubernetes) struct Server {
    pub(in crate::kubernetes) client: Client,
    /// Whether it is away, shared with everybody who asks it.
    pub(super) outage: Arc<Outage>,
    pub(in crate::kubernetes) pace: Pace,
    /// Before this no kind is listed.
    first_list: Instant,
    pub(super) telemetry: Arc<Telemetry>,
    /// Whether lists may come as streams, as far as is known. Remembered for life: asking in vain
    /// before every list costs more than pages do.
    streams: AtomicBool,
}

impl Server {
    pub(in crate::kubernetes) fn new(
        (client, outage): (Client, &Arc<Outage>),
        (pace, first_list): (Pace, Duration),
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        Self {
            client,
            outage: Arc::clone(outage),
            pace,
            first_list: Instant::now() + first_list,
            telemetry: Arc::clone(telemetry),
            streams: AtomicBool::new(true),
        }
    }

    pub(super) fn streams(&self) -> bool {
        self.streams.load(Ordering::Relaxed)
    }

    pub(super) fn does_not_stream(&self) {
        self.streams.store(false, Ordering::Relaxed);
    }

    /// How long to wait before a list.
    pub(super) fn spread(&self, first: bool) -> Duration {
        if first {
            // Together: what is not required has to be there soon after what is.
            return self.first_list.saturating_duration_since(Instant::now());
        }
        let whole = self.pace.spread.max(RELIST_SPREAD);
        whole.mul_f64(fastrand::f64())
    }
}
