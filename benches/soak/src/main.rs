//! A soak: the gateway serves steadily while half of the load is broken, the configuration and the
//! certificate change all the time, and upstreams die.
//!
//! Invariant: what fails a client of the good half fails the soak, and so does whatever grows.
//! An endpoint of the good half's route dies, too, as a pod does: of two, with a `retry_policy` and room for
//! its retries, which is what an operator relies on. WebSockets and gRPC streams, which nobody can save from the death of their
//! upstream, go to one that stays.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are what it is for"
)]

mod broken;
mod churn;
mod deaths;
mod documents;
mod garbage;
mod good;
mod report;
mod samples;
mod scene;
mod tally;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;
use fastrand::Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use churn::Churn;
use good::Half;
use scene::Scene;

/// Serves for a while beside everything that goes wrong; exits with 0 when no good request failed and
/// nothing grew.
#[derive(Debug, Parser)]
struct Arguments {
    /// The gateway's binary.
    #[arg(long)]
    nuncio: PathBuf,
    /// How long.
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: usize,
    /// Twenty seconds, to see that it works.
    #[arg(long)]
    smoke: bool,
    /// Good requests a second on connections that stay open; there are some more on others.
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate: u32,
    /// Broken exchanges a second.
    #[arg(long, value_name = "N", default_value_t = 500)]
    broken: u32,
    /// Changes of configuration a second.
    #[arg(long, value_name = "N", default_value_t = 5)]
    changes: u32,
    /// Threads that serve requests.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Which changes are made.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON document, with every second in it.
    #[arg(long)]
    json: bool,
}

/// How long everything goes on before the first second that counts.
const CALM: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(soak(&arguments))
}

async fn soak(arguments: &Arguments) -> anyhow::Result<()> {
    let mut scene = Scene::begin(&arguments.nuncio, arguments.threads).await?;
    if !scene.has_mortal_good() {
        eprintln!("no names are resolved here: only upstreams of the broken half die");
    }
    let (stop, stopped) = watch::channel(false);
    let half = Half {
        at: scene.gateway.at,
        tally: Arc::default(),
        stopped,
    };
    let before = scene.gateway.process.descriptors()? as u64;
    let mut disturbances = disturb(arguments, &scene, &half);
    sleep(CALM).await;
    let mut load = good::begin(&half, arguments.rate, &scene.authority);
    load.spawn(broken::run(half.clone(), arguments.broken));
    let seconds = match arguments.smoke {
        true => 20,
        false => arguments.seconds,
    };
    let samples = samples::take(&mut scene.gateway, &half.tally, seconds).await?;
    stop.send_replace(true);
    while load.join_next().await.is_some() {}
    while let Some(ended) = disturbances.join_next().await {
        ended?.context("a disturbance ended")?;
    }
    let rest = samples::at_rest(&scene.gateway, before).await?;
    let panics = samples::panics(&scene.gateway).await?;
    let mut wrong = verdict::complaints(&samples, rest, panics);
    wrong.extend(unserved(&scene, &half).await);
    report::print(arguments.json, (&samples, rest), &half.tally, &wrong);
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// What the good half did not get, and what of the configuration did not come into force, in words.
async fn unserved(scene: &Scene, half: &Half) -> Vec<String> {
    let mut wrong = Vec::new();
    let failed = half.tally.failed();
    if failed > 0 {
        wrong.push(format!("{failed} of the good half failed"));
    }
    if let Err(error) = churn(scene, half).is_followed(half.at.http).await {
        wrong.push(format!("{error:#}"));
    }
    if half.tally.certificates() < 2 {
        wrong.push("no rotated certificate was served".to_owned());
    }
    wrong
}

fn churn(scene: &Scene, half: &Half) -> Churn {
    Churn {
        directory: scene.config.clone(),
        service: scene.services.steady.clone(),
        tally: Arc::clone(&half.tally),
        stopped: half.stopped.clone(),
    }
}

/// Everything that changes or dies.
fn disturb(arguments: &Arguments, scene: &Scene, half: &Half) -> JoinSet<std::io::Result<()>> {
    let mut disturbances = JoinSet::new();
    let rng = Rng::with_seed(arguments.seed);
    disturbances.spawn(churn(scene, half).change(arguments.changes, rng));
    disturbances.spawn(churn(scene, half).rotate(Arc::clone(&scene.authority)));
    for address in &scene.mortal {
        let (tally, stopped) = (Arc::clone(&half.tally), half.stopped.clone());
        disturbances.spawn(deaths::die(*address, tally, stopped));
    }
    disturbances
}
