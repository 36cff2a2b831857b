//! The data path's place in the process: bound early, started with the first snapshot, drained.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nuncio_admin::Readiness;
use nuncio_proxy::{Listener, ListenerKey, Phase, Probes, Workers};
use nuncio_telemetry::Telemetry;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::arguments::PortArguments;
use crate::listening::{Addresses, Following};
use crate::publication::Publication;
use crate::signals::{Ask, Signals};

/// Addresses bound for clients, before anything is served on them.
pub(crate) struct Bound {
    listeners: Vec<Listener>,
    addresses: Addresses,
    threads: usize,
}

/// What the Module says of ports, where it can be read before anything is bound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wished {
    /// `service_port`
    pub(crate) port: Option<u16>,
    /// Whether it is for HTTPS, as with Ambassador once TLS is terminated.
    pub(crate) https: bool,
}

/// Where plain HTTP is served unless anybody says otherwise.
const HTTP_PORT: u16 = 8080;

/// Where HTTPS is.
const HTTPS_PORT: u16 = 8443;

/// How often a draining process looks whether it is done.
const DONE_CHECK: Duration = Duration::from_millis(10);

/// How often a serving process looks whether it still is one.
const DEATH_CHECK: Duration = Duration::from_secs(1);

/// What a person at a terminal waits for requests in flight.
const QUICK_LIMIT: Duration = Duration::from_secs(1);

impl Bound {
    /// Binds what the arguments say for plain HTTP, else what the Module does, else the default. What
    /// else is to be listened on is not known yet.
    pub(crate) fn bind(ports: &PortArguments, wished: Wished) -> anyhow::Result<Self> {
        let (http, https) = match wished.https {
            true => (None, wished.port),
            false => (wished.port, None),
        };
        let or = |written: &[SocketAddr], port| match written {
            [] => vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))],
            written => written.to_vec(),
        };
        let addresses = Addresses {
            http: or(&ports.http, http.unwrap_or(HTTP_PORT)),
            https: or(&ports.https, https.unwrap_or(HTTPS_PORT)),
            any: ports.bind_address,
        };
        let bound = addresses.http.iter();
        let listeners = bound
            .map(|address| Listener::bind(*address, ListenerKey::Http))
            .collect::<Result<Vec<_>, _>>()?;
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = ports.threads.map_or_else(cores, NonZero::get);
        Ok(Self {
            listeners,
            addresses,
            threads,
        })
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

    /// Serves what arrives, and listens as `publication` says from now on.
    pub(crate) fn start(
        self,
        publication: &Publication,
        readiness: &Arc<Readiness>,
        telemetry: &Arc<Telemetry>,
    ) -> anyhow::Result<DataPath> {
        let readiness = Arc::clone(readiness);
        let probes: Arc<Probes> = Arc::new(move |probe| {
            let reply = readiness.reply(probe);
            (reply.status.as_u16(), reply.body)
        });
        let (listeners, threads) = (self.listeners, self.threads);
        let switch = publication.switch();
        let workers = Workers::start(listeners, threads, switch, &probes, telemetry)?;
        telemetry.server().set_concurrency(threads);
        let workers = Arc::new(workers);
        let mut following = Following::new(Arc::clone(&workers), self.addresses);
        following.listen(publication.switch().snapshot().listening.as_ref());
        let telling = tell_certificates(Arc::clone(&workers));
        let following = following.run(publication.listening());
        Ok(DataPath {
            workers,
            listening: tokio::spawn(async { ((), ()) = tokio::join!(following, telling) }),
        })
    }
}

/// The running data path.
pub(crate) struct DataPath {
    workers: Arc<Workers>,
    listening: JoinHandle<()>,
}

/// How soon the counters know of another certificate.
const CERTIFICATES_CHECK: Duration = Duration::from_secs(1);

/// Has the counters know when certificates expire.
async fn tell_certificates(workers: Arc<Workers>) {
    loop {
        workers.tell_certificates();
        sleep(CERTIFICATES_CHECK).await;
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

impl DataPath {
    /// Ends as asked; another signal meanwhile ends it quickly.
    pub(crate) async fn drain(self, ask: Ask, times: DrainTimes, signals: &mut Signals) {
        // Who leaves opens no doors.
        self.listening.abort();
        let workers = &self.workers;
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
    pub(crate) async fn death(&self) {
        while !self.workers.is_one_gone() {
            sleep(DEATH_CHECK).await;
        }
    }
}

async fn done(workers: &Workers) {
    while !workers.are_done() {
        sleep(DONE_CHECK).await;
    }
}
