//! What the gateway's process has, second by second.

use std::time::Duration;

use anyhow::bail;
use nuncio_load::{Gateway, page, sum};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::tally::{Event, Tally};
use crate::verdict::{AtRest, KEPT};

/// One second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) resident: u64,
    pub(crate) descriptors: u64,
    pub(crate) good: u64,
    pub(crate) failed: u64,
    pub(crate) broken: u64,
    pub(crate) changes: u64,
}

/// How often a line is printed, in seconds.
const LINE: usize = 30;

/// How long connections whose clients are gone may stay.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks every second, so many times; fails at once when the gateway has ended.
pub(crate) async fn take(
    gateway: &mut Gateway,
    tally: &Tally,
    seconds: usize,
) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::with_capacity(seconds);
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    for second in 1..=seconds {
        ticks.tick().await;
        if let Some(status) = gateway.ended()? {
            let said = gateway.said();
            bail!(
                "the gateway ended with {status} after {second} s:\n{}",
                tail(&said)
            );
        }
        let sample = Sample {
            resident: gateway.process.resident()?,
            descriptors: gateway.process.descriptors()? as u64,
            good: tally.all_good(),
            failed: tally.failed(),
            broken: tally.events(Event::Broken),
            changes: tally.events(Event::Change),
        };
        if second.is_multiple_of(LINE) {
            eprintln!("{second} s: {}", sample.told());
        }
        samples.push(sample);
    }
    Ok(samples)
}

/// How many descriptors are open, once those of the load are gone or it has been waited for long enough.
pub(crate) async fn at_rest(gateway: &Gateway, before: u64) -> anyhow::Result<AtRest> {
    let stopped = Instant::now();
    loop {
        let after = gateway.process.descriptors()? as u64;
        if after <= before + KEPT || stopped.elapsed() > PATIENCE {
            return Ok(AtRest { before, after });
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// How many panics were confined.
pub(crate) async fn panics(gateway: &Gateway) -> anyhow::Result<u64> {
    let page = page(gateway.at.metrics, "/metrics?filter=^nuncio_panics").await?;
    if !page.contains("\nnuncio_panics_total{") {
        bail!("the page of metrics does not tell of panics:\n{page}");
    }
    Ok(sum(&page, "nuncio_panics_total") as u64)
}

impl Sample {
    pub(crate) fn told(&self) -> serde_json::Value {
        json!({
            "rss_bytes": self.resident, "descriptors": self.descriptors, "good": self.good,
            "failed": self.failed, "broken": self.broken, "changes": self.changes,
        })
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let (_, last) = lines.split_at(lines.len().saturating_sub(40));
    last.join("\n")
}
