//! Keeps a receiver up to date for as long as there is one, and looks for one while there is none.
//!
//! Invariant: what is being sent when exporting is asked to end is sent to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{self, MissedTickBehavior};
use tracing::{debug, info, warn};

use super::baseline::{Baseline, Delta};
use super::called::Called;
use super::lines::Batch;
use super::link::{Link, Lost};
use super::metric::Writer;
use super::options::{Options, Target};
use super::{FINISH_TIME, Stop};
use crate::telemetry::Telemetry;

/// The state of the export.
#[derive(Debug)]
pub(super) struct Exporter {
    telemetry: Arc<Telemetry>,
    options: Options,
    writer: Arc<Writer>,
    baseline: Baseline,
    called: Called,
    /// The receiver being told, if there is one.
    link: Option<Link>,
    /// The counters settled by the datagram sent last, which an error may prove lost.
    last_sent: Vec<Delta>,
    /// Attempts without success, for the pause between them.
    failures: u32,
}

/// How often timers are fetched from their queue.
const TIMER_INTERVAL: Duration = Duration::from_millis(50);
/// The longest pause before a named receiver is looked up again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Exporter {
    pub(super) fn new(telemetry: Arc<Telemetry>, options: Options) -> Self {
        let writer = Arc::new(Writer::of(&options.form));
        Self {
            telemetry,
            options,
            writer,
            baseline: Baseline::default(),
            called: Called::default(),
            link: None,
            last_sent: Vec::new(),
            failures: 0,
        }
    }

    /// Returns when it is asked to stop.
    pub(super) async fn run(&mut self, mut stop: Stop) {
        loop {
            let probe = self.probe();
            let found = tokio::select! {
                found = Link::find(&self.options.target, &probe) => found,
                () = stop.asked() => return,
            };
            let lost = match found {
                Ok(link) => self.serve(link, &mut stop).await,
                Err(lost) => Some(lost),
            };
            let Some(lost) = lost else { return };
            self.lose(&lost);
            tokio::select! {
                () = time::sleep(self.pause()) => {}
                () = stop.asked() => return,
            }
        }
    }

    /// Sends what is left, when there is somebody to send it to.
    pub(super) async fn finish(mut self) {
        if self.link.is_none() {
            return;
        }
        let last = async {
            let timers = self.timers();
            self.send(timers).await?;
            self.flush().await
        };
        match time::timeout(FINISH_TIME, last).await {
            Ok(Ok(())) => {}
            Ok(Err(Lost(error))) => debug!(%error, "last statsd flush failed"),
            Err(error) => debug!(%error, "last statsd flush took too long"),
        }
        self.telemetry.timers.close();
    }

    /// Exports until the receiver is lost; `None` = until asked to stop.
    async fn serve(&mut self, link: Link, stop: &mut Stop) -> Option<Lost> {
        info!(peer = %link.peer, "statsd on");
        self.link = Some(link);
        self.telemetry.timers.open();
        let mut timers = time::interval(TIMER_INTERVAL);
        timers.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flush = time::interval(self.options.flush_interval);
        flush.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let sent = tokio::select! {
                _ = timers.tick() => {
                    let samples = self.timers();
                    self.send(samples).await
                }
                _ = flush.tick() => self.flush().await,
                () = stop.asked() => return None,
            };
            if let Err(lost) = sent {
                return Some(lost);
            }
        }
    }

    /// The timer samples waiting.
    fn timers(&mut self) -> Batch {
        Batch::timers(&self.writer, &self.telemetry, &mut self.called)
    }

    async fn flush(&mut self) -> Result<(), Lost> {
        // Found out again when they are wanted: handles come and go.
        self.called = Called::default();
        self.baseline.forget(&self.telemetry.forgotten_clusters());
        let batch = Batch::flush(&self.writer, &self.telemetry, &self.baseline);
        self.send(batch).await?;
        self.telemetry.timers.round_ended();
        self.failures = 0;
        Ok(())
    }

    async fn send(&mut self, batch: Batch) -> Result<(), Lost> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        self.telemetry.timers.dropped.add(batch.oversized);
        for datagram in batch.datagrams(self.options.max_datagram) {
            if let Err(lost) = link.send(datagram.bytes).await {
                for never_arrived in self.last_sent.drain(..) {
                    self.baseline.unsettle(never_arrived);
                }
                return Err(lost);
            }
            self.telemetry.timers.sent.inc();
            self.last_sent.clear();
            for delta in datagram.deltas() {
                self.baseline.settle(delta);
                self.last_sent.push(delta);
            }
        }
        Ok(())
    }

    fn lose(&mut self, Lost(error): &Lost) {
        self.telemetry.timers.close();
        self.baseline.forget(&self.telemetry.forgotten_clusters());
        self.last_sent.clear();
        self.called = Called::default();
        let had = self.link.take();
        let first = self.failures == 0;
        self.failures = self.failures.saturating_add(1);
        match (&self.options.target, had) {
            (Target::Named { host, port }, _) if first => {
                warn!(%host, port, %error, "statsd cannot be reached; trying again");
            }
            (_, Some(link)) => info!(peer = %link.peer, %error, "statsd off"),
            (_, None) => debug!(%error, "no statsd"),
        }
    }

    fn pause(&self) -> Duration {
        match self.options.target {
            Target::Off | Target::Automatic(_) => self.options.probe_interval,
            Target::Named { .. } => {
                let doubled = 1_u32
                    .checked_shl(self.failures.saturating_sub(1))
                    .unwrap_or(u32::MAX);
                Duration::from_secs(u64::from(doubled)).min(LONGEST_PAUSE)
            }
        }
    }

    /// A line Envoy sends as well, and true.
    fn probe(&self) -> Vec<u8> {
        format!(
            "envoy.server.live:{}|g",
            self.telemetry.server.count.live.value()
        )
        .into_bytes()
    }
}
