//! One connection of a client.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use nuncio_telemetry::{Closed, ListenerStats, Protocol, Side};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::destination;
use super::door::{Door, Rules};
use super::greeting::{Ends, Greeted, Opening, greet};
use super::handshake::TlsFacts;
use super::worker::Worker;
use super::{http1, http2};
use crate::wire::{Traffic, Wire, Writes};

/// What requests know of the connection they came by.
pub(crate) struct Connection {
    worker: Rc<Worker>,
    door: Rc<Door>,
    /// Of all connections there ever were.
    id: u64,
    /// The other end.
    peer: SocketAddr,
    /// The peer's address as text.
    client: HeaderValue,
    /// Our end.
    local: SocketAddr,
    tls: Option<Box<TlsFacts>>,
    traffic: Arc<Traffic>,
    activity: Rc<Activity>,
}

/// Whether a connection is at work, and since when it is not.
pub(super) struct Activity {
    requests: Cell<usize>,
    idle_since: Cell<Instant>,
    /// How long it is left alone after its last request.
    grace: Cell<Duration>,
    /// Whether it ends because it was idle for too long.
    idled_out: Cell<bool>,
    /// Whether it says goodbye when it is asked to end; else it can be broken off.
    says_goodbye: Cell<bool>,
    asked: Notify,
}

/// A connection younger or more recently used than this may have a request on its way.
const GRACE: Duration = Duration::from_millis(100);

/// The end of a response may still wait for the client's window, and the client has to answer
/// GOAWAY; a connection that has nothing to wait for ends by itself.
const HTTP2_GRACE: Duration = Duration::from_secs(1);

/// A client's connection as its codec has it.
pub(crate) type ClientWire = Wire<()>;

/// One request under way on a connection.
pub(super) struct Busy(Rc<Activity>);

/// A client's connection before its protocol is known.
pub(super) struct Accepted {
    pub(super) worker: Rc<Worker>,
    pub(super) door: Rc<Door>,
    pub(super) peer: SocketAddr,
    pub(super) activity: Rc<Activity>,
}

/// RFC 9113 section 3.4: how a client with prior knowledge begins.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Accepted {
    /// Serves the connection until it ends.
    pub(super) async fn run(self, tcp: TcpStream) {
        match self.greeted(tcp).await {
            Some(Greeted::Http(opening)) => self.serve(opening).await,
            Some(Greeted::Tcp(opening, carried)) => Box::pin(self.carry(opening, carried)).await,
            None => {}
        }
    }

    /// Finds out how the connection begins; `None` when it ends with that.
    /// What is in force now.
    pub(super) fn rules(&self) -> Rc<Rules> {
        self.door.rules(&self.worker)
    }

    async fn greeted(&self, tcp: TcpStream) -> Option<Greeted> {
        // Without it a response's last packet could wait for an acknowledgement.
        tcp.set_nodelay(true).ok()?;
        let (peer, local) = (self.peer, tcp.local_addr().ok()?);
        let ends = Ends { peer, local };
        let rules = self.rules();
        match destination::is_awaited(rules.listener()) {
            true => Box::pin(greet(self, &rules, tcp, ends)).await,
            false => Greeted::plain(self, &rules, (Bytes::new(), tcp), ends),
        }
    }

    /// Serves requests until either side ends the connection.
    async fn serve(self, opening: Opening) {
        let mut place = opening.place;
        let mut wire = Wire::new(opening.carrier, Writes::Wait, |_| ());
        wire.put_back(opening.begun);
        let traffic = wire.traffic();
        let protocol = match opening.protocol {
            Some(agreed) => agreed,
            None => match self.protocol(&mut wire).await {
                Some(Ok(protocol)) => protocol,
                Some(Err(_)) => return,
                None => return place.idled_out(),
            },
        };
        place.speaks(protocol);
        let activity = Rc::clone(&self.activity);
        let connection = self.into_connection(opening.ends, opening.tls, Arc::clone(&traffic));
        let connection = Rc::new(connection);
        // RFC 8446 section 6.1. HTTP/2 has its own words for it.
        let says_goodbye = connection.is_secure() && protocol == Protocol::Http1;
        activity.says_goodbye.set(says_goodbye);
        let mut cut_short = match protocol {
            Protocol::Http1 => http1::run(&connection, Box::new(wire)).await,
            Protocol::Http2 => {
                activity.grace.set(HTTP2_GRACE);
                http2::run(&connection, Box::new(wire)).await;
                None
            }
        };
        let (received, sent) = traffic.take();
        place.transferred(received, sent);
        if activity.idled_out.get() {
            return place.idled_out();
        }
        let by = if traffic.peer_closed() {
            Side::Remote
        } else {
            Side::Local
        };
        if by == Side::Local {
            // What we break off is over before its connection is.
            cut_short = None;
        }
        place.closed(Closed {
            by,
            with_active_request: activity.is_busy(),
        });
        drop(cut_short);
    }

    /// Which protocol the client begins with; `None` when it says nothing for too long.
    async fn protocol(&self, wire: &mut ClientWire) -> Option<io::Result<Protocol>> {
        let idle_timeout = self.worker.live().settings().connections.idle_timeout;
        let begins = within(idle_timeout, wire.begins_with(HTTP2_PREFACE)).await?;
        Some(begins.map(|is_http2| match is_http2 {
            true => Protocol::Http2,
            false => Protocol::Http1,
        }))
    }

    fn into_connection(
        self,
        ends: Ends,
        tls: Option<Box<TlsFacts>>,
        traffic: Arc<Traffic>,
    ) -> Connection {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let peer = canonical(ends.peer);
        // An address is always a header value.
        let client = HeaderValue::from_str(&peer.ip().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Connection {
            worker: self.worker,
            door: self.door,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            peer,
            client,
            local: canonical(ends.local),
            tls,
            traffic,
            activity: self.activity,
        }
    }
}

/// What came of `waiting`; `None` when `limit` passed first.
async fn within<F: Future>(limit: Option<Duration>, waiting: F) -> Option<F::Output> {
    match limit {
        Some(limit) => timeout(limit, waiting).await.ok(),
        None => Some(waiting.await),
    }
}

/// A socket that serves both families has IPv4 addresses mapped into IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl Connection {
    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// What the address counts that it came by.
    pub(crate) fn listener(&self) -> &Arc<ListenerStats> {
        self.door.stats()
    }

    /// What it is served by the snapshot in force.
    pub(crate) fn rules(&self) -> Rc<Rules> {
        self.door.rules(&self.worker)
    }

    /// What is known of it by its TLS; `None` without.
    pub(crate) fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_deref()
    }

    /// Whether the client speaks TLS to the gateway.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether it is to be given up after its next response.
    pub(super) fn is_leaving(&self) -> bool {
        self.door.is_leaving()
    }

    /// Waits until [`Self::is_leaving`].
    pub(super) async fn leaving(&self) {
        self.door.leaving().await;
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The peer's address as text.
    pub(crate) fn client(&self) -> &HeaderValue {
        &self.client
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Waits for the client, as long as it may be idle by the configuration in force; `None` when
    /// that is over, or when it is asked to end.
    pub(super) async fn while_idle<F: Future>(&self, waiting: F) -> Option<F::Output> {
        let limit = self.rules().live().settings().connections.idle_timeout;
        let says_goodbye = self.activity.says_goodbye.get();
        tokio::select! {
            came = within(limit, waiting) => {
                self.activity.idled_out.set(came.is_none() && !self.is_busy());
                came
            }
            () = self.activity.asked.notified(), if says_goodbye => None,
        }
    }

    /// A request begins; it ends when the result is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.activity.busy()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.activity.is_busy()
    }
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            requests: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            grace: Cell::new(GRACE),
            idled_out: Cell::new(false),
            says_goodbye: Cell::new(false),
            asked: Notify::new(),
        }
    }

    /// Something begins that is to be waited for, until the result is dropped.
    pub(super) fn busy(self: &Rc<Self>) -> Busy {
        self.requests.set(self.requests.get() + 1);
        Busy(Rc::clone(self))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.requests.get() > 0
    }

    /// Ends it, as it is idle; `false` = it has to be broken off.
    pub(super) fn ask_to_end(&self) -> bool {
        self.asked.notify_waiters();
        self.says_goodbye.get()
    }

    /// Whether nothing is lost by closing it.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let idle_for = now.saturating_duration_since(self.idle_since.get());
        !self.is_busy() && idle_for >= self.grace.get()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
    }
}
