//! Requests at a fixed rate from the command line, for benches that are not written in Rust.
//!
//! Invariant: times begin when requests are due; what was not answered, or not sent, is told beside them.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use nuncio_load::{Order, Outcome, Progress, run};
use serde_json::json;

/// Sends GET requests at a fixed rate, and tells how long after they were due they were answered.
#[derive(Debug, Parser)]
#[command(name = "paced")]
struct Arguments {
    /// Whom to ask.
    #[arg(long, value_name = "ADDR")]
    target: SocketAddr,
    /// For what; several are asked for in turn.
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: Vec<String>,
    /// As which host.
    #[arg(long, default_value = "localhost")]
    host: String,
    /// Requests a second, over all connections.
    #[arg(long, value_name = "N")]
    rate: u32,
    /// Seconds in which times are taken.
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before that.
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    warm: f64,
    /// Connections that stay open.
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let order = Order {
        address: arguments.target,
        host: arguments.host,
        paths: arguments.path,
        rate: arguments.rate,
        connections: arguments.connections,
        warm: Duration::try_from_secs_f64(arguments.warm)?,
        lasts: Duration::try_from_secs_f64(arguments.seconds)?,
    };
    let outcome = run(&order, &Progress::default())?;
    let told = told(outcome);
    if arguments.json {
        println!("{told}");
        return Ok(());
    }
    for (name, value) in told.as_object().into_iter().flatten() {
        println!("{name}: {value}");
    }
    Ok(())
}

fn told(mut outcome: Outcome) -> serde_json::Value {
    let mut at = |percent| outcome.times.percentile(percent).as_micros() as u64;
    let times = [at(50.0), at(90.0), at(99.0), at(99.9), at(100.0)];
    let [p50, p90, p99, p999, max] = times;
    json!({
        "p50_us": p50, "p90_us": p90, "p99_us": p99, "p999_us": p999, "max_us": max,
        "sent": outcome.sent, "unsent": outcome.unsent, "failed": outcome.failed,
        "rate": outcome.rate(), "reasons": outcome.reasons,
        "late_p99_us": outcome.late.percentile(99.0).as_micros() as u64,
        "late_p999_us": outcome.late.percentile(99.9).as_micros() as u64,
    })
}
