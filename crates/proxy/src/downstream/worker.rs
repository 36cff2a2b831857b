//! One thread of the data path, with its own runtime, connections and upstream pool.
//!
//! Invariant: nothing of a worker is touched by another thread, so nothing on the path of a
//! request takes a lock or wakes another thread. The configuration is the one thing shared, and
//! it is read by one atomic load.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nuncio_routing::Probe;
use nuncio_telemetry::{Refused, Rejection, Resources, Telemetry};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::warn;

use super::Phase;
use super::door::Door;
use super::log::WorkerLog;
use super::spans::WorkerSpans;
use super::upkeep::kept_up;
use super::workers::Open;
use crate::conduit::Buffers;
use crate::limits::Limits;
use crate::live::{Live, Switch};
use crate::pressure::{Admission, Memory, Pressure, Room};
use crate::upstream::Connector;

/// Answers the health checks on the data port: a status and a line of text.
pub type Probes = dyn Fn(Probe) -> (u16, &'static str) + Send + Sync;

/// What workers have in common.
#[derive(Clone)]
pub struct Shared {
    /// Where the configuration comes from.
    pub switch: Arc<Switch>,
    /// Who answers health checks.
    pub probes: Arc<Probes>,
    /// Where it is counted.
    pub telemetry: Arc<Telemetry>,
    /// What clients and upstreams may have.
    pub limits: Arc<Limits>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Shared");
        shown.field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// One worker.
pub(crate) struct Worker {
    shared: Shared,
    pressure: Arc<Pressure>,
    memory: Cell<Memory>,
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

/// How soon it is tried again to share a queue.
const RETRY: Duration = Duration::from_secs(1);

/// How often connections are looked through while memory is scarce.
const RELIEF: Duration = Duration::from_millis(100);

/// What is listened on, and a queue for each that this worker begins with.
pub(super) struct Opened {
    pub(super) queues: Vec<(Open, TcpListener)>,
    pub(super) open: watch::Receiver<Vec<Open>>,
}

impl Worker {
    pub(super) fn new(shared: Shared, pressure: Arc<Pressure>) -> Rc<Self> {
        let live = RefCell::new(Rc::new(Pinned(shared.switch.live())));
        Rc::new(Self {
            spans: WorkerSpans::new(shared.switch.spans()),
            log: shared.telemetry.access_log().map(WorkerLog::new),
            connector: Connector::new(&shared.limits),
            shared,
            pressure,
            memory: Cell::default(),
            live,
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
        let mut upkeep = JoinSet::new();
        self.keep_up(&mut upkeep);
        let mut is_missing_one = false;
        while self.phase.get() < Phase::Stopping {
            tokio::select! {
                moved = phase.changed() => match moved {
                    Ok(()) => self.enter(*phase.borrow_and_update()),
                    Err(_) => break,
                },
                Ok(()) = open.changed() => {
                    let open = open.borrow_and_update().clone();
                    is_missing_one = !self.follow(&open, &mut serving);
                }
                () = sleep(RETRY), if is_missing_one => {
                    let open = open.borrow().clone();
                    is_missing_one = !self.follow(&open, &mut serving);
                }
                // A panic there has been reported.
                Some(_) = serving.join_next() => {}
            }
        }
        self.enter(Phase::Stopping);
        while serving.join_next().await.is_some() {}
        upkeep.abort_all();
        // Nobody waits for them.
        self.shadows.borrow_mut().abort_all();
    }

    /// Begins what goes on beside the connections.
    fn keep_up(self: &Rc<Self>, upkeep: &mut JoinSet<()>) {
        self.keep_doing("sweep", Self::sweep, upkeep);
        self.keep_doing("access log", Self::deliver_log, upkeep);
        self.keep_doing("spans", Self::deliver_spans, upkeep);
        self.keep_doing("relief", Self::relieve, upkeep);
    }

    fn keep_doing<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        name: &'static str,
        work: impl Fn(Rc<Self>) -> F + 'static,
        upkeep: &mut JoinSet<()>,
    ) {
        let worker = Rc::clone(self);
        upkeep.spawn_local(async move {
            kept_up(name, worker.resources(), || work(Rc::clone(&worker))).await;
        });
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase.max(self.phase.get()));
        let doors = self.doors.borrow();
        doors.iter().for_each(|door| door.enter(phase));
    }

    /// Opens and closes doors, so that they are those of `open`; whether they are.
    fn follow(self: &Rc<Self>, open: &[Open], serving: &mut JoinSet<()>) -> bool {
        self.doors.borrow_mut().retain(|door| {
            let stays = open.iter().any(|open| door.is_of(open));
            if !stays {
                door.enter(Phase::Stopping);
            }
            stays
        });
        let mut is_complete = true;
        for open in open {
            let doors = self.doors.borrow();
            if let Some(door) = doors.iter().find(|door| door.is_of(open)) {
                door.serves(open.key(), self);
                continue;
            }
            drop(doors);
            match open.queue() {
                Ok(queue) => self.serve(open, queue, serving),
                Err(error) => {
                    is_complete = false;
                    warn!(address = %open.address(), %error, "a worker cannot listen; trying on");
                }
            }
        }
        is_complete
    }

    fn serve(self: &Rc<Self>, open: &Open, queue: TcpListener, serving: &mut JoinSet<()>) {
        let door = Door::new(open, self);
        serving.spawn_local(Rc::clone(&door).run(Rc::clone(self), queue));
        self.doors.borrow_mut().push(door);
    }

    /// The configuration in force.
    pub(crate) fn live(&self) -> LiveRef {
        if !self.shared.switch.is_current(&self.live.borrow().0) {
            *self.live.borrow_mut() = Rc::new(Pinned(self.shared.switch.live()));
        }
        LiveRef(Rc::clone(&self.live.borrow()))
    }

    /// What clients and upstreams may have.
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
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
        (self.shared.probes)(probe)
    }

    /// Lets a connection in, if there is room for it.
    pub(super) fn admit(&self, room: &Arc<Room>, tcp: &TcpStream) -> Result<Admission, Rejection> {
        if self.memory.get() >= Memory::Gone {
            return Err(Rejection::MemoryShort);
        }
        let nth = u64::try_from(tcp.as_raw_fd()).unwrap_or(0);
        self.pressure.admit(room, nth)
    }

    /// Whether there is too little memory for another request.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        self.memory.get() >= Memory::Short
    }

    /// What the process counts of its limits.
    pub(crate) fn resources(&self) -> &Resources {
        self.shared.telemetry.server().resources()
    }

    /// What the process counts of what it refused.
    pub(crate) fn refused(&self) -> &Refused {
        self.shared.telemetry.server().refused()
    }

    /// Takes note of how much memory there is; while it is scarce, does without what is idle.
    async fn relieve(self: Rc<Self>) {
        let mut memory = self.pressure.memory();
        loop {
            let now = *memory.borrow_and_update();
            self.memory.set(now);
            if now >= Memory::Scarce {
                self.doors
                    .borrow()
                    .iter()
                    .for_each(|door| door.close_idle());
            }
            tokio::select! {
                changed = memory.changed() => if changed.is_err() {
                    return;
                },
                () = sleep(RELIEF), if now >= Memory::Scarce => {}
            }
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
            let doors = self.doors.borrow();
            doors.iter().for_each(|door| drop(door.rules(&self)));
        }
    }
}
