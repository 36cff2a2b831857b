//! Watches what the process has left, and tells those who let clients in.
//!
//! Looking costs two small files and a system call, ten times a second.

use std::sync::Arc;
use std::time::Duration;

use nuncio_proxy::Pressure;
use nuncio_telemetry::MemoryMeter;
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use crate::descriptors;

/// How often it is looked. Memory that grows by a gigabyte a second grows by a fifth of a small
/// container's in between.
const INTERVAL: Duration = Duration::from_millis(100);

/// How often it is looked how many descriptors there may be: somebody may change that from outside.
const DESCRIPTORS_EVERY: u64 = 5;

/// What is watched.
#[derive(Clone)]
pub(crate) struct Watched {
    memory: Option<Arc<MemoryMeter>>,
    pressure: Arc<Pressure>,
}

impl Watched {
    /// Of memory the limit that was `chosen`, else the control group's.
    pub(crate) fn new(chosen: Option<u64>, pressure: &Arc<Pressure>) -> Self {
        let memory = MemoryMeter::new(chosen).map(Arc::new);
        match &memory {
            Some(meter) => info!(limit = meter.limit(), "memory is limited"),
            None => info!("memory is not limited"),
        }
        let watched = Self {
            memory,
            pressure: Arc::clone(pressure),
        };
        // Before the first connection.
        watched.look(0);
        watched
    }

    /// Watches for as long as it is polled.
    pub(crate) async fn watch(self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for turn in 0.. {
            ticks.tick().await;
            self.look(turn);
        }
    }

    fn look(&self, turn: u64) {
        if turn.is_multiple_of(DESCRIPTORS_EVERY) {
            self.pressure.tell_descriptors(descriptors::limit());
        }
        if let Some(meter) = &self.memory
            && let Some(used) = meter.used()
        {
            self.pressure.tell_memory(used, meter.limit());
        }
    }
}
