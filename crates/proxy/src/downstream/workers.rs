//! The threads of the data path.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use nuncio_telemetry::{AccessLog, ListenerStats, Telemetry};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use super::worker::{Probes, Worker};
use super::{Listener, Phase};
use crate::live::Switch;

/// The running data path.
#[derive(Debug)]
pub struct Workers {
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
}

/// A worker cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a worker")]
pub struct StartError(#[from] io::Error);

/// The name that connection managers of plain-text ports have in Ambassador's statistics.
const HTTP_PREFIX: &str = "ingress_http";

impl Workers {
    /// Serves what arrives at `listeners` on `count` threads.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, descriptor or memory for one.
    pub fn start(
        listeners: &[Listener],
        count: usize,
        switch: &Arc<Switch>,
        probes: &Arc<Probes>,
        telemetry: &Telemetry,
    ) -> Result<Self, StartError> {
        let (phase, _) = watch::channel(Phase::Serving);
        let http = telemetry.http(HTTP_PREFIX);
        let stats: Vec<_> = listeners
            .iter()
            .map(|listener| telemetry.listener(listener.address(), &http))
            .collect();
        let mut threads = Vec::with_capacity(count);
        for n in 0..count {
            let seat = Seat {
                queues: share(listeners, &stats)?,
                switch: Arc::clone(switch),
                probes: Arc::clone(probes),
                log: telemetry.access_log().cloned(),
                phase: phase.subscribe(),
            };
            threads.push(seat.start(&format!("worker-{n}"))?);
        }
        Ok(Self { phase, threads })
    }

    /// Moves on to `phase`; moving back has no effect.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let moved = *now < phase;
            *now = phase.max(*now);
            moved
        });
    }

    /// Whether a worker has ended; before [`Phase::Stopping`] that takes a panic of its own.
    pub fn is_one_gone(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Whether every worker has ended: after [`Phase::Stopping`], when nothing is in flight.
    pub fn are_done(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

fn share(
    listeners: &[Listener],
    stats: &[Arc<ListenerStats>],
) -> io::Result<Vec<(std::net::TcpListener, Arc<ListenerStats>)>> {
    listeners
        .iter()
        .zip(stats)
        .map(|(listener, stats)| Ok((listener.share()?, Arc::clone(stats))))
        .collect()
}

/// What a worker's thread is given.
struct Seat {
    queues: Vec<(std::net::TcpListener, Arc<ListenerStats>)>,
    switch: Arc<Switch>,
    probes: Arc<Probes>,
    log: Option<AccessLog>,
    phase: watch::Receiver<Phase>,
}

impl Seat {
    /// Starts the thread; returns once it serves.
    fn start(self, name: &str) -> io::Result<JoinHandle<()>> {
        let (started, outcome) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || self.run(&started))?;
        // A thread that ends without a word has panicked.
        outcome
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))?;
        Ok(thread)
    }

    fn run(self, started: &mpsc::SyncSender<io::Result<()>>) {
        let runtime = match Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
        {
            Ok(runtime) => runtime,
            Err(error) => return drop(started.send(Err(error))),
        };
        runtime.block_on(async move {
            let queues: io::Result<Vec<_>> = self
                .queues
                .into_iter()
                .map(|(queue, stats)| Ok((TcpListener::from_std(queue)?, stats)))
                .collect();
            match queues {
                Ok(queues) => {
                    // The receiver waits for this and nothing else.
                    drop(started.send(Ok(())));
                    Worker::new(self.switch, self.probes, self.log.as_ref())
                        .run(queues, self.phase)
                        .await;
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
    }
}
