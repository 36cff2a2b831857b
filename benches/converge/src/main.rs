//! How soon a change is live, and what thousands of Services cost: the gateway as a process of its
//! own, following an API server in this one.
//!
//! Invariant: an answer counts as right only when it comes from the address that the Service names
//! then, so that nothing stale passes for fast. Misses of targets are printed; wrong answers fail.
//! Deliberately absent: throughput, which `benches/peers` measures.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are what it is for"
)]

mod arguments;
mod bystanders;
mod changes;
mod memory;
mod nuncio;
mod replicas;
mod report;
mod scene;
mod services;
mod soak;
mod strangers;
mod streams;

use anyhow::ensure;
use clap::Parser;

use arguments::{Arguments, Part};
use report::Report;
use scene::Scene;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse().for_its_size();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(all(&arguments))
}

async fn all(arguments: &Arguments) -> anyhow::Result<()> {
    let mut wrong = 0;
    for count in &arguments.services {
        let mut report = Report::of(*count);
        one_size(arguments, *count, &mut report).await?;
        wrong += report.print();
    }
    if arguments.has(Part::Replicas) {
        wrong += replicas::measure(arguments).await?;
    }
    ensure!(wrong == 0, "{wrong} figures that have to be 0 are not");
    Ok(())
}

async fn one_size(arguments: &Arguments, count: usize, report: &mut Report) -> anyhow::Result<()> {
    let mut scene = Scene::begin(arguments, 0..count).await?;
    report.start(&scene);
    if arguments.has(Part::Changes) {
        changes::measure(arguments, &mut scene, report).await?;
    }
    if arguments.has(Part::Bystanders) {
        bystanders::measure(arguments, &mut scene, report).await?;
    }
    if arguments.has(Part::Soak) {
        soak::measure(arguments, &mut scene, report).await?;
    }
    if arguments.has(Part::Memory) {
        memory::measure(arguments, scene, report).await?;
    }
    if arguments.has(Part::Strangers) {
        strangers::measure(arguments, count, report).await?;
    }
    Ok(())
}
