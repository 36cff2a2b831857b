//! One thread of the data path, with its own runtime, connections and upstream pool.
//!
//! Invariant: nothing of a worker is touched by another thread, so nothing on the path of a
//! request takes a lock or wakes another thread. The configuration is the one thing shared, and
//! it is read by one atomic load.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nuncio_routing::Probe;
use nuncio_telemetry::AccessLog;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::Phase;
use super::door::Door;
use super::log::WorkerLog;
use super::spans::WorkerSpans;
use super::workers::Open;
use crate::conduit::Buffers;
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
    buffers: Buffers,
    phase: Cell<Phase>,
    /// Those that are not to be closed.
    doors: RefCell<Vec<Rc<Door>>>,
    /// Requests that no client waits for.
    shadows: RefCell<JoinSet<()>>,
}

/// Keeps a configuration in force for the requests of one worker that began with it.
struct Pinned(Arc<Live>);

/// A borrowed configuration.
pub(crate) struct LiveRef(Rc<Pinned>);

impl LiveRef {
    /// Whether it is the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl std::ops::Deref for LiveRef {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.0.0
    }
}

/// How often idle upstream connections are looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// What is listened on, and a queue for each that this worker begins with.
pub(super) struct Opened {
    pub(super) queues: Vec<(Open, TcpListener)>,
    pub(super) open: watch::Receiver<Vec<Open>>,
}

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
            buffers: Buffers::default(),
            phase: Cell::default(),
            doors: RefCell::default(),
            shadows: RefCell::default(),
        })
    }

    /// Serves what is `opened` until `phase` says to stop and everything in flight has ended.
    pub(super) async fn run(self: Rc<Self>, opened: Opened, mut phase: watch::Receiver<Phase>) {
        let Opened { queues, mut open } = opened;
        let mut serving = JoinSet::new();
        for (open, queue) in queues {
            self.serve(&open, queue, &mut serving);
        }
        let sweeping = task::spawn_local(Rc::clone(&self).sweep());
        let logging = task::spawn_local(Rc::clone(&self).deliver_log());
        let telling = task::spawn_local(Rc::clone(&self).deliver_spans());
        while self.phase.get() < Phase::Stopping {
            tokio::select! {
                moved = phase.changed() => match moved {
                    Ok(()) => self.enter(*phase.borrow_and_update()),
                    Err(_) => break,
                },
                Ok(()) = open.changed() => {
                    let open = open.borrow_and_update().clone();
                    self.follow(&open, &mut serving);
                }
                // A panic there has been reported.
                Some(_) = serving.join_next() => {}
            }
        }
        self.enter(Phase::Stopping);
        while serving.join_next().await.is_some() {}
        sweeping.abort();
        logging.abort();
        telling.abort();
        // Nobody waits for them.
        self.shadows.borrow_mut().abort_all();
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase.max(self.phase.get()));
        let doors = self.doors.borrow();
        doors.iter().for_each(|door| door.enter(phase));
    }

    /// Opens and closes doors, so that they are those of `open`.
    fn follow(self: &Rc<Self>, open: &[Open], serving: &mut JoinSet<()>) {
        self.doors.borrow_mut().retain(|door| {
            let stays = open.iter().any(|open| door.is_of(open));
            if !stays {
                door.enter(Phase::Stopping);
            }
            stays
        });
        for open in open {
            let doors = self.doors.borrow();
            if let Some(door) = doors.iter().find(|door| door.is_of(open)) {
                door.serves(open.key(), self);
                continue;
            }
            drop(doors);
            match open.queue() {
                Ok(queue) => self.serve(open, queue, serving),
                Err(error) => warn!(address = %open.address(), %error, "a worker cannot listen"),
            }
        }
    }

    fn serve(self: &Rc<Self>, open: &Open, queue: TcpListener, serving: &mut JoinSet<()>) {
        let door = Door::new(open, self);
        serving.spawn_local(Rc::clone(&door).run(Rc::clone(self), queue));
        self.doors.borrow_mut().push(door);
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

    /// What is carried between connections goes through these.
    pub(crate) fn buffers(&self) -> &Buffers {
        &self.buffers
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

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// What a health check on the data port is told.
    pub(crate) fn probe(&self, probe: Probe) -> (u16, &'static str) {
        (self.probes)(probe)
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
            let doors = self.doors.borrow();
            doors.iter().for_each(|door| drop(door.rules(&self)));
        }
    }
}
