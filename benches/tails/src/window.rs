//! One window of time.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::ensure;
use nuncio_load::{Order, Outcome, Progress};
use tokio::time::sleep;

use crate::Arguments;
use crate::disturbance::{By, Happened, disturb};
use crate::scene::Scene;

/// Whether anything happens beside the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Quiet,
    Disturbed,
}

/// What was measured in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// How late the load was by itself.
    pub(crate) late: Duration,
    /// How long the worker, ready to run, waited for the core, in each second.
    pub(crate) waited: Duration,
}

/// How long is waited until a change has been followed, and what it left is freed.
const SETTLED: Duration = Duration::from_secs(3);

/// More than anybody answers.
const TOO_MANY: u32 = 1_000_000;

/// How many requests a second are answered when there is always another one.
pub(crate) async fn saturation(scene: &Scene, arguments: &Arguments) -> anyhow::Result<f64> {
    let order = Order {
        rate: TOO_MANY,
        // All that is sent was due in the beginning.
        warm: Duration::ZERO,
        ..order(scene, arguments)
    };
    let outcome = send(order).await?;
    Ok(outcome.rate())
}

/// One window, and what there was to be seen in it.
pub(crate) async fn run(
    scene: &Scene,
    arguments: &Arguments,
    (kind, rate): (Kind, u32),
) -> anyhow::Result<Figures> {
    let is_named =
        kind == Kind::Disturbed && arguments.by.contains(&By::Names) && scene.names.is_some();
    if is_named {
        scene.name()?;
    }
    sleep(SETTLED).await;
    let scrapes = Arc::new(AtomicUsize::new(0));
    let before = Happened::so_far(scene, arguments, &scrapes).await?;
    let process = scene.gateway.process;
    let waited = process.waiting("worker-")?;
    let sent = send(Order {
        rate,
        lasts: Duration::from_secs(arguments.seconds),
        ..order(scene, arguments)
    });
    let mut outcome = match kind {
        Kind::Quiet => sent.await?,
        Kind::Disturbed => tokio::select! {
            sent = sent => sent?,
            ended = disturb(scene, arguments, &scrapes) => {
                ended?;
                anyhow::bail!("the disturbances ended");
            }
        },
    };
    let waited = process.waiting("worker-")?.saturating_sub(waited);
    if kind == Kind::Disturbed {
        let now = Happened::so_far(scene, arguments, &scrapes).await?;
        now.is_enough(before, arguments)?;
    }
    if is_named {
        scene.unname()?;
    }
    ensure!(
        outcome.failed == 0,
        "{} requests failed: {:?}",
        outcome.failed,
        outcome.reasons
    );
    Ok(Figures {
        p50: outcome.times.percentile(50.0),
        p99: outcome.times.percentile(99.0),
        p999: outcome.times.percentile(99.9),
        late: outcome.late.percentile(99.9),
        waited: waited / u32::try_from(arguments.seconds.max(1))?,
    })
}

fn order(scene: &Scene, arguments: &Arguments) -> Order {
    Order {
        address: scene.gateway.at.http,
        host: "bench.example".to_owned(),
        paths: vec!["/asked/".to_owned()],
        rate: 0,
        connections: arguments.connections,
        warm: Duration::from_secs(1),
        lasts: Duration::from_secs(3),
    }
}

async fn send(order: Order) -> anyhow::Result<Outcome> {
    let run = move || nuncio_load::run(&order, &Progress::default());
    Ok(tokio::task::spawn_blocking(run).await??)
}
