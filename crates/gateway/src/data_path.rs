//! The data path's place in the process: bound early, started with the first snapshot, drained.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nuncio_admin::Readiness;
use nuncio_proxy::{BindError, Limits, Listener, ListenerKey, Phase, Probes, Shared, Workers};
use nuncio_telemetry::Telemetry;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::arguments::{PortArguments, SaidBy};
use crate::listening::{Addresses, Following};
use crate::publication::Publication;
use crate::signals::Ask;
use crate::supervised::supervised;
use crate::watching::Watched;

/// Addresses bound for clients, before anything is served on them.
pub(crate) struct Bound {
    listeners: Vec<Listener>,
    addresses: Addresses,
    threads: usize,
    limits: Arc<Limits>,
    /// That somebody chose.
    memory_limit: Option<u64>,
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
    pub(crate) fn bind(
        ports: &PortArguments,
        wished: Wished,
        (limits, memory_limit): (Limits, Option<u64>),
    ) -> anyhow::Result<Self> {
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
        let listeners = bind_all(&addresses.http, ports.http_said_by)?;
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let threads = ports.threads.map_or_else(cores, NonZero::get);
        Ok(Self {
            listeners,
            addresses,
            threads,
            limits: Arc::new(limits),
            memory_limit,
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
        let shared = Shared {
            switch: Arc::clone(switch),
            probes,
            telemetry: Arc::clone(telemetry),
            limits: self.limits,
        };
        let workers = Workers::start(listeners, threads, &shared)?;
        telemetry.server().set_concurrency(threads);
        let workers = Arc::new(workers);
        let watched = Watched::new(self.memory_limit, workers.pressure());
        let addresses = self.addresses;
        let following = Following::new(Arc::clone(&workers), addresses.clone());
        // What cannot be bound is tried again, and told of, by whoever follows below.
        drop(following.open(publication.switch().snapshot().listening.as_ref()));
        let mut beside = JoinSet::new();
        let (of, listening) = (Arc::clone(&workers), publication.listening());
        beside.spawn(supervised("listening", Arc::clone(telemetry), move || {
            Following::new(Arc::clone(&of), addresses.clone()).run(listening.clone())
        }));
        let of = Arc::clone(&workers);
        beside.spawn(supervised(
            "certificates",
            Arc::clone(telemetry),
            move || tell_certificates(Arc::clone(&of)),
        ));
        let mut watching = JoinSet::new();
        watching.spawn(supervised("watching", Arc::clone(telemetry), move || {
            watched.clone().watch()
        }));
        Ok(DataPath {
            workers,
            beside,
            _watching: watching,
        })
    }
}

/// Binds `addresses`. What this process may not have is done without, unless it was asked for by a flag
/// or there is nothing else.
fn bind_all(addresses: &[SocketAddr], said_by: SaidBy) -> Result<Vec<Listener>, BindError> {
    let mut bound = Vec::new();
    let mut refused = None;
    for address in addresses {
        match Listener::bind(*address, ListenerKey::Http) {
            Ok(listener) => bound.push(listener),
            Err(error) if error.is_refusal() && said_by != SaidBy::Flag => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    match refused {
        Some(error) if bound.is_empty() => Err(error),
        Some(_) | None => Ok(bound),
    }
}

/// The running data path.
pub(crate) struct DataPath {
    workers: Arc<Workers>,
    /// Follows what is listened on and served.
    beside: JoinSet<()>,
    /// Watches what the process has left, to the end.
    _watching: JoinSet<()>,
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

impl DrainTimes {
    /// The same for a gateway that no load balancer was ever sent to: nobody has to take notice.
    pub(crate) fn unannounced(self) -> Self {
        Self {
            delay: Duration::ZERO,
            ..self
        }
    }
}

impl DataPath {
    /// Ends as asked.
    pub(crate) async fn drain(mut self, ask: Ask, times: DrainTimes) {
        // Who leaves opens no doors.
        self.beside.abort_all();
        let workers = &self.workers;
        let mut limit = QUICK_LIMIT;
        if ask == Ask::Gently {
            workers.enter(Phase::Draining);
            sleep(times.delay).await;
            limit = times.limit;
        }
        workers.enter(Phase::Stopping);
        let deadline = Instant::now() + limit;
        tokio::select! {
            () = done(workers) => info!("nothing is in flight"),
            () = tokio::time::sleep_until(deadline) => warn!("giving up requests in flight"),
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
