//! One worker's part of an address that is listened on: the connections that came by it, and what they
//! are served.
//!
//! Invariant: connections belong to one door, are served what its Listener says by the snapshot in force,
//! and end with it. Those of a Listener that is gone are served by the last snapshot that had it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_config::{SecurityModel, Stack};
use nuncio_routing::Listener;
use nuncio_telemetry::{ListenerStats, TcpStats, Work};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{self, AbortHandle};
use tokio::time::{Instant as Moment, sleep};

use super::accepting::Entrance;
use super::activity::Activity;
use super::connection::Accepted;
use super::listener::ListenerKey;
use super::upkeep::kept_up;
use super::worker::{LiveRef, Worker};
use super::workers::Open;
use super::{Phase, accepting};
use crate::confined::confined;
use crate::live::Live;
use crate::pressure::{Admission, Room};

/// An address as one worker serves it.
pub(crate) struct Door {
    key: Cell<ListenerKey>,
    stats: Arc<ListenerStats>,
    rules: RefCell<Rc<Rules>>,
    phase: Cell<Phase>,
    moved: Notify,
    connections: RefCell<HashMap<u64, Running>>,
    next_connection: Cell<u64>,
    /// For its connections, with all workers.
    room: Arc<Room>,
    /// Tells whoever counts that it is not closed yet.
    tenure: Arc<()>,
}

/// A snapshot, and what it says of one Listener.
pub(crate) struct Rules {
    live: LiveRef,
    listener: Arc<Listener>,
    /// Looked up for the first connection that is carried.
    tcp: OnceCell<Arc<TcpStats>>,
}

struct Running {
    activity: Rc<Activity>,
    task: AbortHandle,
}

/// How often a closing door looks for connections that have become idle.
const CLOSE_CHECK: Duration = Duration::from_millis(20);

/// How long connections that are carried may go on where nobody listens any more: nobody can ask them to
/// leave. It is Envoy's time to drain.
const DRAIN_LIMIT: Duration = Duration::from_secs(600);

impl Rules {
    fn new(live: LiveRef, listener: Arc<Listener>) -> Self {
        Self {
            live,
            listener,
            tcp: OnceCell::new(),
        }
    }

    /// What connections count that are carried.
    pub(super) fn tcp(&self) -> &Arc<TcpStats> {
        let find = || self.live.tcp_stats(&self.listener.stats_prefix);
        self.tcp.get_or_init(find)
    }

    /// What all of the snapshot says.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn listener(&self) -> &Listener {
        &self.listener
    }
}

impl Door {
    pub(super) fn new(open: &Open, worker: &Worker) -> Rc<Self> {
        let live = worker.live();
        let listener = open.key().find(live.listening());
        // Gone again before this worker saw it.
        let listener = listener.map_or_else(|| Arc::new(nobody()), Arc::clone);
        Rc::new(Self {
            key: Cell::new(open.key()),
            stats: Arc::clone(open.stats()),
            rules: RefCell::new(Rc::new(Rules::new(live, listener))),
            phase: Cell::new(worker.phase()),
            moved: Notify::new(),
            connections: RefCell::default(),
            next_connection: Cell::default(),
            room: Arc::clone(open.room()),
            tenure: Arc::clone(open.tenure()),
        })
    }

    pub(super) fn is_of(&self, open: &Open) -> bool {
        Arc::ptr_eq(&self.tenure, open.tenure())
    }

    /// From now on another Listener's connections come by it.
    pub(super) fn serves(&self, key: ListenerKey, worker: &Worker) {
        if self.key.replace(key) != key {
            self.take(worker.live());
        }
    }

    pub(crate) fn stats(&self) -> &Arc<ListenerStats> {
        &self.stats
    }

    /// What is served by the snapshot in force.
    pub(crate) fn rules(&self, worker: &Worker) -> Rc<Rules> {
        let live = worker.live();
        if !self.rules.borrow().live.is(&live) {
            self.take(live);
        }
        Rc::clone(&self.rules.borrow())
    }

    fn take(&self, live: LiveRef) {
        if let Some(listener) = self.key.get().find(live.listening()) {
            let listener = Arc::clone(listener);
            *self.rules.borrow_mut() = Rc::new(Rules::new(live, listener));
        }
    }

    /// Moves on to `phase`.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.set(phase.max(self.phase.get()));
        self.moved.notify_waiters();
    }

    /// Whether connections are to be given up after their next response.
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase.get() > Phase::Serving
    }

    /// Waits until [`Self::is_leaving`].
    pub(super) async fn leaving(&self) {
        if !self.is_leaving() {
            self.moved.notified().await;
        }
    }

    /// Waits until what is carried has had its time to end since the door was closed.
    pub(super) async fn drained(&self) {
        self.stopping().await;
        sleep(DRAIN_LIMIT).await;
    }

    /// Serves what `queue` brings, until the door is closed and everybody has left.
    pub(super) async fn run(self: Rc<Self>, worker: Rc<Worker>, queue: tokio::net::TcpListener) {
        let hall = Hall {
            door: &self,
            worker: &worker,
        };
        let accept = || accepting::accept(&queue, self.stopping(), &hall);
        kept_up("accept", worker.resources(), accept).await;
        accepting::empty(queue, &hall);
        while !self.connections.borrow().is_empty() {
            self.close_idle();
            sleep(CLOSE_CHECK).await;
        }
    }

    async fn stopping(&self) {
        while self.phase.get() < Phase::Stopping {
            self.moved.notified().await;
        }
    }

    fn start(
        self: &Rc<Self>,
        worker: &Rc<Worker>,
        (tcp, peer): (TcpStream, SocketAddr),
        admission: Admission,
    ) {
        let id = self.next_connection.get();
        self.next_connection.set(id.wrapping_add(1));
        let activity = Rc::new(Activity::new());
        let connection = Accepted {
            worker: Rc::clone(worker),
            door: Rc::clone(self),
            peer,
            activity: Rc::clone(&activity),
            deadline: Moment::now() + worker.limits().header_timeout,
        };
        let (door, worker) = (Rc::clone(self), Rc::clone(worker));
        // Of some kilobytes: a task is moved several times until it is where it stays.
        let mut serving = Box::pin(connection.run(tcp));
        let task = task::spawn_local(async move {
            let _place = Place {
                door,
                id,
                _admission: admission,
            };
            if confined(serving.as_mut()).await.is_err() {
                worker.resources().panicked(Work::Connection);
            }
        });
        let running = Running {
            activity,
            task: task.abort_handle(),
        };
        self.connections.borrow_mut().insert(id, running);
    }

    /// Closes the connections that are idle.
    pub(super) fn close_idle(&self) {
        let now = Instant::now();
        for running in self.connections.borrow().values() {
            if running.activity.is_idle(now) && !running.activity.ask_to_end() {
                running.task.abort();
            }
        }
    }
}

/// A connection's place among those of its door; it leaves when its task ends, however it ends.
struct Place {
    door: Rc<Door>,
    id: u64,
    _admission: Admission,
}

/// A door, and who stands behind it.
struct Hall<'d> {
    door: &'d Rc<Door>,
    worker: &'d Rc<Worker>,
}

impl Entrance for Hall<'_> {
    fn take(&self, tcp: TcpStream, peer: SocketAddr) {
        match self.worker.admit(&self.door.room, &tcp) {
            Ok(admission) => self.door.start(self.worker, (tcp, peer), admission),
            Err(reason) => {
                self.door.stats.rejected(reason);
                // What is not served is to cost nothing any more, not even a port.
                drop(SockRef::from(&tcp).set_linger(Some(Duration::ZERO)));
            }
        }
    }

    fn cannot_take(&self) {
        self.worker.resources().accept_failed();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.connections.borrow_mut().remove(&self.id);
    }
}

/// A Listener that serves nobody.
fn nobody() -> Listener {
    Listener {
        address: None,
        port: 0,
        stack: Stack::HTTP,
        security: SecurityModel::default(),
        trusted_hops: 0,
        stats_prefix: Box::default(),
        http2_max_streams: None,
        hosts: Arc::default(),
        terminations: Arc::default(),
        tcp: Arc::default(),
    }
}
