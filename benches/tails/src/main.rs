//! The slowest requests at half of what one worker can do: in windows in which nothing else happens, and,
//! in turn with them, in windows in which large changes, scrapes and names that are asked for anew all do.
//!
//! Invariant: the gateway has a core for itself, and the load another; the rate is the same in all windows,
//! and no window counts in which a disturbance did not happen.
//! Deliberately absent: peers; `benches/peers` has them at a fixed rate.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are what it is for"
)]

mod disturbance;
mod report;
mod scene;
mod window;

use std::path::PathBuf;

use anyhow::ensure;
use clap::Parser;

use report::Report;
use scene::Scene;
use window::Kind;

/// Measures p99 and p99.9 in quiet and in disturbed windows.
#[derive(Debug, Parser)]
struct Arguments {
    /// The gateway's binary.
    #[arg(long)]
    nuncio: PathBuf,
    /// Windows of each kind.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds of each.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seconds: u64,
    /// Connections that stay open.
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,
    /// Percent of the most that one worker can do.
    #[arg(long, value_name = "N", default_value_t = 50)]
    share: u32,
    /// Routes that there are; with each change all of them are others.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    routes: usize,
    /// Names of upstreams whose addresses hold for a second.
    #[arg(long, value_name = "N", default_value_t = 200)]
    names: usize,
    /// Which disturbances there are.
    #[arg(
        long,
        value_name = "WHAT",
        value_delimiter = ',',
        default_value = "changes,scrapes,names"
    )]
    by: Vec<disturbance::By>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// The core that the gateway has.
    #[arg(long, value_name = "N", default_value_t = 0)]
    core: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let scene = Scene::begin(arguments).await?;
    let most = window::saturation(&scene, arguments).await?;
    let rate = (most * f64::from(arguments.share) / 100.0) as u32;
    ensure!(rate > 0, "nothing is answered");
    eprintln!("one worker answers {most:.0} a second; {rate} are sent");
    let mut report = Report::at(rate);
    for _ in 0..arguments.rounds {
        for kind in [Kind::Quiet, Kind::Disturbed] {
            report.add(kind, window::run(&scene, arguments, (kind, rate)).await?);
        }
    }
    report.print(arguments.json);
    Ok(())
}
