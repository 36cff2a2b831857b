//! The data path's place in the process: bound early, started with the first snapshot, drained.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nuncio_admin::Readiness;
use nuncio_proxy::{Listener, Phase, Probes, Switch, Workers};
use nuncio_telemetry::Telemetry;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::arguments::PortArguments;
use crate::signals::{Ask, Signals};

/// Addresses bound for clients, before anything is served on them.
pub(crate) struct Bound {
    listeners: Vec<Listener>,
    threads: usize,
}

/// Where plain HTTP is served unless anybody says otherwise.
const DEFAULT_PORT: u16 = 8080;

/// How often a draining process looks whether it is done.
const DONE_CHECK: Duration = Duration::from_millis(10);

/// How often a serving process looks whether it still is one.
const DEATH_CHECK: Duration = Duration::from_secs(1);

/// What a person at a terminal waits for requests in flight.
const QUICK_LIMIT: Duration = Duration::from_secs(1);

impl Bound {
    /// Binds what the arguments say, else `service_port` of the Module, else the default.
    pub(crate) fn bind(ports: &PortArguments, service_port: Option<u16>) -> anyhow::Result<Self> {
        let default = (Ipv4Addr::UNSPECIFIED, service_port.unwrap_or(DEFAULT_PORT)).into();
        let addresses: &[SocketAddr] = match &*ports.http {
            [] => &[default],
            written => written,
        };
        let listeners = addresses
            .iter()
            .map(|address| Listener::bind(*address))
            .collect::<Result<Vec<_>, _>>()?;
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = ports.threads.map_or_else(cores, NonZero::get);
        Ok(Self { listeners, threads })
    }

    /// Says which addresses were taken.
    pub(crate) fn announce(&self) {
        for listener in &self.listeners {
            info!(address = %listener.address(), "listening for http");
        }
    }

    /// The address that clients are told of.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listeners.first().map(Listener::address)
    }

    /// Serves what arrives.
    pub(crate) fn start(
        self,
        switch: &Arc<Switch>,
        readiness: &Arc<Readiness>,
        telemetry: &Telemetry,
    ) -> anyhow::Result<Workers> {
        let readiness = Arc::clone(readiness);
        let probes: Arc<Probes> = Arc::new(move |probe| {
            let reply = readiness.reply(probe);
            (reply.status.as_u16(), reply.body)
        });
        let workers = Workers::start(&self.listeners, self.threads, switch, &probes, telemetry)?;
        telemetry.server().set_concurrency(self.threads);
        for _ in &self.listeners {
            telemetry.server().listener_added();
        }
        telemetry.server().set_listeners(self.listeners.len(), 0);
        Ok(workers)
    }
}

/// How long the end may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DrainTimes {
    /// Until connections are accepted no more.
    pub(crate) delay: Duration,
    /// From then until requests in flight are given up.
    pub(crate) limit: Duration,
}

/// Ends the data path as asked; another signal meanwhile ends it quickly.
pub(crate) async fn drain(workers: &Workers, ask: Ask, times: DrainTimes, signals: &mut Signals) {
    let mut limit = QUICK_LIMIT;
    if ask == Ask::Gently {
        workers.enter(Phase::Draining);
        limit = tokio::select! {
            () = sleep(times.delay) => times.limit,
            _ = signals.next() => QUICK_LIMIT,
        };
    }
    workers.enter(Phase::Stopping);
    let deadline = Instant::now() + limit;
    tokio::select! {
        () = done(workers) => info!("nothing is in flight"),
        () = tokio::time::sleep_until(deadline) => warn!("giving up requests in flight"),
        _ = signals.next() => warn!("giving up requests in flight, as asked"),
    }
}

/// Waits until a worker has died, which nothing but a restart mends.
pub(crate) async fn death(workers: &Workers) {
    while !workers.is_one_gone() {
        sleep(DEATH_CHECK).await;
    }
}

async fn done(workers: &Workers) {
    while !workers.are_done() {
        sleep(DONE_CHECK).await;
    }
}
