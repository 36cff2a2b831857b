//! One HTTP/2 connection to an upstream.
//!
//! Invariant: it carries no more streams than the upstream said it takes, and says so only after
//! the upstream's SETTINGS have come; none of them can stop the others, since the connection's
//! window is as large as theirs together.
//!
//! Deliberately absent: keepalive by PING; TCP has its own.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{self, Builder, SendRequest};
use tokio::sync::{Notify, oneshot};
use tokio::task;
use tokio::time::timeout;

use crate::upstream::Upstream;
use crate::upstream::connect::UpstreamWire;
use crate::upstream::pool::IDLE_TIMEOUT;
use crate::wire::Traffic;

/// A connection, as long as somebody has a use for it.
pub(super) struct Connection {
    requests: SendRequest<Bytes>,
    traffic: Arc<Traffic>,
    /// Streams that requests have.
    streams: Cell<usize>,
    idle_since: Cell<Instant>,
    /// Whether there are any, for the counters.
    leased: Arc<AtomicBool>,
    /// Set when the connection has ended by itself.
    ended: Rc<Cell<bool>>,
    born: Instant,
    /// Tells requests that wait for a stream.
    freed: Rc<Notify>,
    /// Dropped with the connection: tells its driver that nobody wants it any more.
    _wanted: oneshot::Sender<()>,
}

/// The other side does not speak HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoHttp2;

/// A request's place among the streams of a connection.
pub(super) struct Slot(Rc<Connection>);

type Driver = client::Connection<UpstreamWire, Bytes>;

/// Streams of one connection at a time; the upstream may allow fewer.
const MAX_STREAMS: usize = 256;

/// What an upstream may send of one response before the client has taken it.
const STREAM_WINDOW: u32 = 64 * 1024;

/// That of all streams together: a client that does not read must not stop others.
const CONNECTION_WINDOW: u32 = 256 * STREAM_WINDOW;

/// What is kept of a request's body that the upstream does not take.
const MAX_SEND_BUFFER: usize = 64 * 1024;

/// As much as clients may send.
const MAX_HEAD: u32 = 64 * 1024;

/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_secs(5);

impl Connection {
    /// Speaks HTTP/2 over `wire`; `freed` is told when a stream or the connection has ended.
    pub(super) async fn open(wire: UpstreamWire, freed: Rc<Notify>) -> Result<Self, NoHttp2> {
        let traffic = wire.traffic();
        let leased = wire.place().leased();
        let (requests, mut driver) = builder().handshake(wire).await.map_err(|_| NoHttp2)?;
        settled(&mut driver).await?;
        let ended = Rc::new(Cell::new(false));
        let (wanted, unwanted) = oneshot::channel();
        let ending = Ending {
            ended: Rc::clone(&ended),
            freed: Rc::clone(&freed),
        };
        task::spawn_local(drive(driver, unwanted, ending));
        Ok(Self {
            requests,
            traffic,
            streams: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            leased,
            ended,
            born: Instant::now(),
            freed,
            _wanted: wanted,
        })
    }

    /// Whether new streams may be opened: neither side has said goodbye.
    pub(super) fn takes_streams(&self, upstream: &Upstream, now: Instant) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        let refused = matches!(
            self.requests.clone().poll_ready(&mut nobody),
            Poll::Ready(Err(_))
        );
        let age = now.saturating_duration_since(self.born);
        let allowed = upstream.cluster.max_connection_lifetime;
        !refused && !self.ended.get() && allowed.is_none_or(|allowed| age < allowed)
    }

    /// Whether a stream is to be had.
    pub(super) fn has_room(&self) -> bool {
        let allowed = self.requests.current_max_send_streams().min(MAX_STREAMS);
        self.streams.get() < allowed
    }

    /// Whether it may serve another request; told to the counters when it was idle for too long.
    pub(super) fn is_worth_keeping(&self, upstream: &Upstream, now: Instant) -> bool {
        if !self.takes_streams(upstream, now) {
            return false;
        }
        let allowed = upstream.cluster.idle_timeout.unwrap_or(IDLE_TIMEOUT);
        let idle_for = now.saturating_duration_since(self.idle_since.get());
        let idled_out = self.streams.get() == 0 && !allowed.is_zero() && idle_for >= allowed;
        if idled_out {
            upstream.stats.connection_idled_out();
        }
        !idled_out
    }
}

impl Slot {
    pub(super) fn of(connection: &Rc<Connection>) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        connection.leased.store(true, Relaxed);
        Self(Rc::clone(connection))
    }

    pub(super) fn requests(&self) -> SendRequest<Bytes> {
        self.0.requests.clone()
    }

    /// What goes over the connection, for all its streams.
    pub(super) fn traffic(&self) -> &Arc<Traffic> {
        &self.0.traffic
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let left = self.0.streams.get().saturating_sub(1);
        self.0.streams.set(left);
        if left == 0 {
            self.0.leased.store(false, Relaxed);
            self.0.idle_since.set(Instant::now());
        }
        self.0.freed.notify_one();
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        // Unknown until the upstream's SETTINGS come.
        .initial_max_send_streams(0)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .max_header_list_size(MAX_HEAD);
    builder
}

/// Waits for the upstream's SETTINGS, which come first (RFC 9113 section 3.4).
async fn settled(driver: &mut Driver) -> Result<(), NoHttp2> {
    poll_fn(|cx| match Pin::new(&mut *driver).poll(cx) {
        Poll::Ready(_) => Poll::Ready(Err(NoHttp2)),
        Poll::Pending if driver.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Moves the frames of all streams until the connection ends: broken, or unwanted and without
/// streams.
async fn drive(driver: Driver, unwanted: oneshot::Receiver<()>, ending: Ending) {
    let mut driver = pin!(driver);
    let outcome = tokio::select! {
        outcome = &mut driver => outcome,
        // Nothing is ever sent: the other end is dropped.
        _ = unwanted => timeout(FAREWELL, driver).await.unwrap_or(Ok(())),
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "an HTTP/2 connection to an upstream broke");
    }
    drop(ending);
}

/// Tells of a connection's end, however its driver ends.
struct Ending {
    ended: Rc<Cell<bool>>,
    freed: Rc<Notify>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.ended.set(true);
        self.freed.notify_waiters();
    }
}
