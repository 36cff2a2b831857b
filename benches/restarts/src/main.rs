//! What a rolling restart costs those who are served meanwhile: two replicas are asked to end one after
//! the other, again and again, under a steady rate of requests and with streams of all kinds.
//!
//! Invariant: whatever a client meant to ask and has no whole answer to is a failure, connections that
//! could not be made included; who fails is not tried again.
//! Deliberately absent: Kubernetes. What its Services do is done by the clients: they connect to those who
//! were ready a moment ago.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

mod balance;
mod replica;
mod requests;
mod streams;
mod tally;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Parser;
use nuncio_load::Upstream;
use nuncio_tests::calls;
use nuncio_tests::upstream::http2::Upstream2;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use balance::Balance;
use replica::Replica;
use requests::Pace;
use tally::Tally;

/// Restarts replicas under load; exits with 0 when nothing failed.
#[derive(Debug, Parser)]
struct Arguments {
    /// The gateway's binary.
    #[arg(long)]
    nuncio: PathBuf,
    /// How often both replicas are restarted.
    #[arg(long, default_value_t = 100)]
    restarts: u32,
    /// Requests a second, over all connections.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Connections that they come by.
    #[arg(long, default_value_t = 50)]
    connections: u32,
    /// WebSockets, and as many calls of gRPC, at a time.
    #[arg(long, default_value_t = 10)]
    streams: u32,
    /// Another profile for the gateway.
    #[arg(long, default_value = "compatible")]
    profile: String,
}

/// How long it goes on before the first restart and after the last.
const CALM: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let (upstream, calls) = (
        Upstream::start().await?,
        Upstream2::start(calls::echo).await,
    );
    let annotation = annotation(upstream.port, &calls.service());
    let replica = || Replica::new(&arguments.nuncio, &annotation, &arguments.profile);
    let mut replicas = [replica()?, replica()?];
    for replica in &mut replicas {
        replica.start().await?;
    }
    let balance = Arc::new(Balance::over(&replicas));
    let (tally, (stop, stopped)) = (Arc::new(Tally::default()), watch::channel(false));
    let mut clients = JoinSet::new();
    clients.spawn(Arc::clone(&balance).follow());
    let mut load = begin(arguments, (&balance, &tally), &stopped);
    sleep(CALM).await;
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    for _ in 0..arguments.restarts {
        for replica in &mut replicas {
            slowest = slowest.max(replica.restart().await?);
            balance.settled().await;
        }
    }
    let took = started.elapsed();
    sleep(CALM).await;
    stop.send_replace(true);
    while load.join_next().await.is_some() {}
    println!(
        "{} restarts of both replicas in {:.0} s, none took longer to end than {:.2} s",
        arguments.restarts,
        took.as_secs_f64(),
        slowest.as_secs_f64()
    );
    let failed = tally.print();
    ensure!(failed == 0, "{failed} failed");
    Ok(())
}

fn begin(
    arguments: &Arguments,
    (balance, tally): (&Arc<Balance>, &Arc<Tally>),
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut load = JoinSet::new();
    let both = || (Arc::clone(balance), Arc::clone(tally));
    for nth in 0..arguments.connections {
        let pace = Pace::of(arguments.rate, arguments.connections, nth);
        load.spawn(requests::send(pace, both(), stopped.clone()));
    }
    for _ in 0..arguments.streams {
        load.spawn(streams::websockets(both(), stopped.clone()));
        load.spawn(streams::calls(both(), stopped.clone()));
    }
    load
}

fn annotation(port: u16, calls: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: requests\nprefix: /requests/\n\
         service: 127.0.0.1:{port}\nallow_upgrade: [websocket]\n\
         ---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: calls\nprefix: /calls/\n\
         service: {calls}\ngrpc: true\ntimeout_ms: 0\n"
    )
}
