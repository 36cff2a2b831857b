//! One thread of the data path, with its own runtime, connections and upstream pool.
//!
//! Invariant: nothing of a worker is touched by another thread, so nothing on the path of a
//! request takes a lock or wakes another thread. The configuration is the one thing shared, and
//! it is read by one atomic load.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_routing::Probe;
use nuncio_telemetry::{AccessLog, ListenerStats};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{self, AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::warn;

use super::Phase;
use super::connection::{Accepted, Activity};
use super::log::WorkerLog;
use super::spans::WorkerSpans;
use crate::live::{Live, Switch};
use crate::upstream::Connector;

/// Answers the health checks on the data port: a status and a line of text.
pub type Probes = dyn Fn(Probe) -> (u16, &'static str) + Send + Sync;

/// One worker.
pub(crate) struct Worker {
    switch: Arc<Switch>,
    probes: Arc<Probes>,
    /// `None` while the access log is off.
    log: Option<WorkerLog>,
    spans: WorkerSpans,
    /// The configuration last seen, so that requests share it without counting references
    /// across threads.
    live: RefCell<Rc<Pinned>>,
    connector: Connector,
    phase: Cell<Phase>,
    left: Notify,
    connections: RefCell<HashMap<u64, Running>>,
    next_connection: Cell<u64>,
    /// Requests that no client waits for.
    shadows: RefCell<JoinSet<()>>,
}

/// Keeps a configuration in force for the requests of one worker that began with it.
struct Pinned(Arc<Live>);

/// A borrowed configuration.
pub(crate) struct LiveRef(Rc<Pinned>);

impl std::ops::Deref for LiveRef {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.0.0
    }
}

struct Running {
    activity: Rc<Activity>,
    task: AbortHandle,
}

/// How often idle upstream connections are looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// How often a stopping worker looks for connections that have become idle.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// How long the accept loop waits when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Worker {
    pub(super) fn new(
        switch: Arc<Switch>,
        probes: Arc<Probes>,
        log: Option<&AccessLog>,
    ) -> Rc<Self> {
        let live = RefCell::new(Rc::new(Pinned(switch.live())));
        Rc::new(Self {
            spans: WorkerSpans::new(switch.spans()),
            switch,
            probes,
            log: log.map(WorkerLog::new),
            live,
            connector: Connector::new(),
            phase: Cell::default(),
            left: Notify::new(),
            connections: RefCell::default(),
            next_connection: Cell::default(),
            shadows: RefCell::default(),
        })
    }

    /// Serves `queues` until `phase` says to stop and everything in flight has ended.
    pub(super) async fn run(
        self: Rc<Self>,
        queues: Vec<(TcpListener, Arc<ListenerStats>)>,
        mut phase: watch::Receiver<Phase>,
    ) {
        let accepting: Vec<_> = queues
            .into_iter()
            .map(|(queue, stats)| {
                task::spawn_local(Rc::clone(&self).accept(queue, stats, phase.clone()))
            })
            .collect();
        let sweeping = task::spawn_local(Rc::clone(&self).sweep());
        let logging = task::spawn_local(Rc::clone(&self).deliver_log());
        let telling = task::spawn_local(Rc::clone(&self).deliver_spans());
        while self.phase.get() < Phase::Stopping && phase.changed().await.is_ok() {
            self.phase.set(*phase.borrow_and_update());
            self.left.notify_waiters();
        }
        for queue in accepting {
            // A panic there has been reported; there is nothing to wait for then.
            drop(queue.await);
        }
        self.close_idle().await;
        sweeping.abort();
        logging.abort();
        telling.abort();
        // Nobody waits for them.
        self.shadows.borrow_mut().abort_all();
    }

    /// The configuration in force.
    pub(crate) fn live(&self) -> LiveRef {
        if !self.switch.is_current(&self.live.borrow().0) {
            *self.live.borrow_mut() = Rc::new(Pinned(self.switch.live()));
        }
        LiveRef(Rc::clone(&self.live.borrow()))
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Where lines of the access log go; `None` while it is off.
    pub(crate) fn log(&self) -> Option<&WorkerLog> {
        self.log.as_ref()
    }

    /// Where spans go.
    pub(crate) fn spans(&self) -> &WorkerSpans {
        &self.spans
    }

    /// Runs `shadow` beside the connections, at most until the last of them has ended.
    pub(crate) fn adopt(&self, shadow: impl Future<Output = ()> + 'static) {
        let mut shadows = self.shadows.borrow_mut();
        while shadows.try_join_next().is_some() {}
        shadows.spawn_local(shadow);
    }

    /// Whether connections are to be given up after their next response.
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase.get() > Phase::Serving
    }

    /// Waits until [`Self::is_leaving`].
    pub(super) async fn leaving(&self) {
        if !self.is_leaving() {
            self.left.notified().await;
        }
    }

    /// What a health check on the data port is told.
    pub(crate) fn probe(&self, probe: Probe) -> (u16, &'static str) {
        (self.probes)(probe)
    }

    async fn accept(
        self: Rc<Self>,
        queue: TcpListener,
        stats: Arc<ListenerStats>,
        mut phase: watch::Receiver<Phase>,
    ) {
        loop {
            tokio::select! {
                accepted = queue.accept() => match accepted {
                    Ok((tcp, peer)) => {
                        self.start(tcp, peer, &stats);
                        // Leaves the rest of a burst to the other workers.
                        task::yield_now().await;
                    }
                    Err(error) => pause_accepting(&error).await,
                },
                stop = phase.wait_for(|phase| *phase == Phase::Stopping) => {
                    drop(stop);
                    break;
                }
            }
        }
        self.empty(queue, &stats);
    }

    /// Closes the queue without losing what the kernel has accepted for us.
    fn empty(self: &Rc<Self>, queue: TcpListener, stats: &Arc<ListenerStats>) {
        // The system is asked itself: the runtime would have to be waited for to tell of arrivals.
        let Ok(queue) = queue.into_std() else { return };
        // From here on newcomers are turned away by the kernel, all but one.
        drop(SockRef::from(&queue).listen(0));
        while let Ok((tcp, peer)) = queue.accept() {
            let tcp = tcp
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(tcp));
            if let Ok(tcp) = tcp {
                self.start(tcp, peer, stats);
            }
        }
    }

    fn start(
        self: &Rc<Self>,
        tcp: TcpStream,
        peer: std::net::SocketAddr,
        stats: &Arc<ListenerStats>,
    ) {
        let id = self.next_connection.get();
        self.next_connection.set(id.wrapping_add(1));
        let activity = Rc::new(Activity::new());
        let connection = Accepted::new(
            Rc::clone(self),
            Arc::clone(stats),
            peer,
            Rc::clone(&activity),
        );
        let worker = Rc::clone(self);
        let task = task::spawn_local(async move {
            let _place = Place { worker, id };
            connection.run(tcp).await;
        });
        let running = Running {
            activity,
            task: task.abort_handle(),
        };
        self.connections.borrow_mut().insert(id, running);
    }

    /// Closes connections as they become idle, until there are none.
    async fn close_idle(&self) {
        while !self.connections.borrow().is_empty() {
            let now = Instant::now();
            for running in self.connections.borrow().values() {
                if running.activity.is_idle(now) {
                    running.task.abort();
                }
            }
            sleep(STOP_CHECK).await;
        }
    }

    async fn deliver_log(self: Rc<Self>) {
        if let Some(log) = &self.log {
            log.deliver().await;
        }
    }

    async fn deliver_spans(self: Rc<Self>) {
        self.spans.deliver().await;
    }

    async fn sweep(self: Rc<Self>) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.connector.sweep();
            // Lets go of a configuration that is out of force, also when no request comes.
            drop(self.live());
        }
    }
}

/// A connection's place among those of its worker; it leaves when its task ends, however it ends.
struct Place {
    worker: Rc<Worker>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.id);
    }
}

async fn pause_accepting(error: &io::Error) {
    match error.kind() {
        // The client gave up while it was queued.
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {}
        _ => {
            warn!(%error, "cannot accept connections");
            sleep(ACCEPT_PAUSE).await;
        }
    }
}
