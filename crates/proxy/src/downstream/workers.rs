//! The threads of the data path, and what they listen on.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread::{self, JoinHandle};

use nuncio_routing::Listening;
use nuncio_telemetry::ListenerStats;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use super::worker::{Opened, Shared, Worker};
use super::{BindError, Listener, ListenerKey, Phase};
use crate::pressure::{Pressure, Room};

/// The running data path.
#[derive(Debug)]
pub struct Workers {
    phase: watch::Sender<Phase>,
    open: watch::Sender<Vec<Open>>,
    /// Those that are closed, as long as a worker has connections of theirs.
    closing: Mutex<Vec<Weak<()>>>,
    threads: Vec<JoinHandle<()>>,
    /// As of when certificates were told to the counters.
    certificates: Mutex<Option<AsOf>>,
    shared: Shared,
    pressure: Arc<Pressure>,
}

/// A worker cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a worker")]
pub struct StartError(#[from] io::Error);

/// An address that is listened on, as workers are told.
#[derive(Clone, Debug)]
pub(super) struct Open {
    listener: Arc<Listener>,
    key: ListenerKey,
    stats: Arc<ListenerStats>,
    /// For its connections, whichever worker has them.
    room: Arc<Room>,
    tenure: Arc<()>,
}

/// What certificates follow from.
#[derive(Debug)]
struct AsOf {
    addresses: Vec<SocketAddr>,
    listening: Arc<Listening>,
    /// How often a credential was told.
    told: u64,
}

/// The name that connection managers of plain-text ports have in Ambassador's statistics.
const HTTP_PREFIX: &str = "ingress_http";

impl AsOf {
    fn is(&self, other: &Self) -> bool {
        self.addresses == other.addresses
            && Arc::ptr_eq(&self.listening, &other.listening)
            && self.told == other.told
    }
}

impl Open {
    fn new(listener: Listener, shared: &Shared) -> Self {
        let Shared {
            switch, telemetry, ..
        } = shared;
        let key = listener.key();
        let snapshot = switch.snapshot();
        let http = match key.find(&snapshot.listening) {
            Some(rules) if !rules.stack.http => telemetry.unexpected_http(&rules.stats_prefix),
            Some(rules) => telemetry.http(&rules.stats_prefix),
            None => telemetry.http(HTTP_PREFIX),
        };
        if let Some(rules) = key.find(&snapshot.listening)
            && !rules.tcp.is_empty()
        {
            // Shown before the first connection.
            drop(telemetry.tcp(&rules.stats_prefix));
        }
        telemetry.server().listener_added();
        Self {
            stats: telemetry.listener(listener.address(), &http),
            key,
            room: Arc::new(Room::new(shared.limits.max_connections)),
            tenure: Arc::default(),
            listener: Arc::new(listener),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What is served there now.
    pub(super) fn key(&self) -> ListenerKey {
        self.key
    }

    pub(super) fn stats(&self) -> &Arc<ListenerStats> {
        &self.stats
    }

    /// For how many connections there is room.
    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// What is dropped when the last of its connections has ended.
    pub(super) fn tenure(&self) -> &Arc<()> {
        &self.tenure
    }

    /// The queue, for a worker, in the context of its runtime.
    pub(super) fn queue(&self) -> io::Result<TcpListener> {
        TcpListener::from_std(self.listener.share()?)
    }

    fn is(&self, asked: SocketAddr, key: ListenerKey) -> bool {
        self.listener.is(asked, key)
    }
}

impl Workers {
    /// Serves what arrives at `listeners` on `count` threads.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, descriptor or memory for one.
    pub fn start(
        listeners: Vec<Listener>,
        count: usize,
        shared: &Shared,
    ) -> Result<Self, StartError> {
        let pressure = Pressure::new(shared.limits.max_connections_total, &shared.telemetry);
        let (phase, _) = watch::channel(Phase::Serving);
        let open = listeners
            .into_iter()
            .map(|listener| Open::new(listener, shared))
            .collect();
        let (open, _) = watch::channel(open);
        let mut threads = Vec::with_capacity(count);
        for n in 0..count {
            let seat = Seat {
                open: open.subscribe(),
                shared: shared.clone(),
                pressure: Arc::clone(&pressure),
                phase: phase.subscribe(),
            };
            threads.push(seat.start(&format!("worker-{n}"))?);
        }
        let workers = Self {
            phase,
            open,
            closing: Mutex::default(),
            certificates: Mutex::default(),
            threads,
            shared: shared.clone(),
            pressure,
        };
        workers.count();
        Ok(workers)
    }

    /// Listens on these addresses from now on, each once, and on no others; says which of them cannot
    /// be bound, so that it is tried again.
    ///
    /// An address that stays keeps its queue and its connections, whatever is served there. One that
    /// goes takes no more connections; those it has end as at [`Phase::Stopping`].
    pub fn listen(&self, wanted: &[(SocketAddr, ListenerKey)]) -> Vec<BindError> {
        let mut failed = Vec::new();
        if *self.phase.borrow() == Phase::Stopping {
            return failed;
        }
        let before = self.open.borrow().clone();
        let mut open = Vec::with_capacity(wanted.len());
        for (address, key) in wanted {
            match before.iter().find(|open| open.is(*address, *key)) {
                Some(known) => open.push(Open {
                    key: *key,
                    ..known.clone()
                }),
                None => match Listener::bind(*address, *key) {
                    Ok(listener) => open.push(Open::new(listener, &self.shared)),
                    Err(error) => failed.push(error),
                },
            }
        }
        for _ in &failed {
            self.shared.telemetry.server().listener_failed();
        }
        self.open.send_replace(open.clone());
        self.close(&before, &open);
        drop((before, open));
        self.count();
        failed
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> Vec<(SocketAddr, ListenerKey)> {
        let open = self.open.borrow();
        open.iter().map(|open| (open.address(), open.key)).collect()
    }

    /// Counts the addresses that are listened on; gives how many have closed and still have
    /// connections.
    pub fn count(&self) -> usize {
        let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        closing.retain(|tenure| tenure.strong_count() > 0);
        let server = self.shared.telemetry.server();
        server.set_listeners(self.open.borrow().len(), closing.len());
        closing.len()
    }

    /// Tells the counters when the certificates that are served expire, unless nothing has changed since
    /// they were last told.
    pub fn tell_certificates(&self) {
        let mut told = self.told_certificates();
        let open = self.open.borrow().clone();
        let (listening, count) = self.shared.switch.certificates_as_of();
        let now = AsOf {
            addresses: open.iter().map(Open::address).collect(),
            listening,
            told: count,
        };
        if !told.as_ref().is_some_and(|told| told.is(&now)) {
            *told = Some(now);
            for open in &open {
                let certificates = self.shared.switch.certificates(open.key);
                open.stats.set_certificates(certificates);
            }
        }
    }

    /// Moves on to `phase`; moving back has no effect.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let moved = *now < phase;
            *now = phase.max(*now);
            moved
        });
        if phase == Phase::Stopping {
            // Queues are closed by those who empty them.
            self.open.send_replace(Vec::new());
        }
    }

    /// Where it is told what the process has left.
    pub fn pressure(&self) -> &Arc<Pressure> {
        &self.pressure
    }

    /// Whether a worker has ended; before [`Phase::Stopping`] that takes a panic of its own.
    pub fn is_one_gone(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Whether every worker has ended: after [`Phase::Stopping`], when nothing is in flight.
    pub fn are_done(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    fn told_certificates(&self) -> MutexGuard<'_, Option<AsOf>> {
        let told = self.certificates.lock();
        told.unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, before: &[Open], after: &[Open]) {
        let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in before {
            if !after
                .iter()
                .any(|open| Arc::ptr_eq(&open.tenure, &gone.tenure))
            {
                self.shared.telemetry.server().listener_removed();
                // Told again if the address is listened on again by then.
                let mut told = self.told_certificates();
                *told = None;
                gone.stats.set_certificates(Vec::new());
                closing.push(Arc::downgrade(&gone.tenure));
            }
        }
    }
}

/// What a worker's thread is given.
struct Seat {
    open: watch::Receiver<Vec<Open>>,
    shared: Shared,
    pressure: Arc<Pressure>,
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

    fn run(mut self, started: &mpsc::SyncSender<io::Result<()>>) {
        let runtime = match Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
        {
            Ok(runtime) => runtime,
            Err(error) => return drop(started.send(Err(error))),
        };
        runtime.block_on(async move {
            let open = self.open.borrow_and_update().clone();
            let queues: io::Result<Vec<_>> = open
                .into_iter()
                .map(|open| Ok((open.queue()?, open)))
                .map(|both| both.map(|(queue, open)| (open, queue)))
                .collect();
            match queues {
                Ok(queues) => {
                    // The receiver waits for this and nothing else.
                    drop(started.send(Ok(())));
                    let opened = Opened {
                        queues,
                        open: self.open,
                    };
                    Worker::new(self.shared, self.pressure)
                        .run(opened, self.phase)
                        .await;
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
    }
}
