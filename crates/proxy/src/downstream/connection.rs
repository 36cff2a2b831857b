//! One connection of a client.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use nuncio_telemetry::{Closed, ListenerStats, Protocol, Side};
use tokio::net::TcpStream;
use tokio::time::{Instant as Moment, timeout, timeout_at};

use super::activity::{Activity, Busy};
use super::destination;
use super::door::{Door, Rules};
use super::greeting::{Ends, Greeted, Opening, greet};
use super::handshake::TlsFacts;
use super::worker::Worker;
use super::{http1, http2};
use crate::limits::Limits;
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

/// The end of a response may still wait for the client's window, and the client has to answer
/// GOAWAY; a connection that has nothing to wait for ends by itself.
const HTTP2_GRACE: Duration = Duration::from_secs(1);

/// A client's connection as its codec has it.
pub(crate) type ClientWire = Wire<()>;

/// A client's connection before its protocol is known.
pub(super) struct Accepted {
    pub(super) worker: Rc<Worker>,
    pub(super) door: Rc<Door>,
    pub(super) peer: SocketAddr,
    pub(super) activity: Rc<Activity>,
    /// Until when it has to come to the end of its first head.
    pub(super) deadline: Moment,
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

    /// What is in force now.
    pub(super) fn rules(&self) -> Rc<Rules> {
        self.door.rules(&self.worker)
    }

    /// Finds out how the connection begins; `None` when it ends with that.
    async fn greeted(&self, tcp: TcpStream) -> Option<Greeted> {
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
        let (mut place, deadline) = (opening.place, self.deadline);
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
        // RFC 8446 section 6.1. HTTP/2 has its own words for it, once it has begun.
        let says_goodbye = connection.is_secure() && protocol == Protocol::Http1;
        activity.says_goodbye.set(says_goodbye);
        let mut cut_short = match protocol {
            Protocol::Http1 => http1::run(&connection, Box::new(wire), deadline).await,
            Protocol::Http2 => {
                activity.grace.set(HTTP2_GRACE);
                http2::run(&connection, Box::new(wire), deadline).await;
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
        let until = idle_timeout.map_or(self.deadline, |limit| {
            self.deadline.min(Moment::now() + limit)
        });
        match timeout_at(until, wire.begins_with(HTTP2_PREFACE)).await {
            Ok(Ok(true)) => Some(Ok(Protocol::Http2)),
            Ok(Ok(false)) => Some(Ok(Protocol::Http1)),
            Ok(Err(error)) => Some(Err(error)),
            // Methods begin as the preface does. Whoever has said that much is told that it took too long.
            Err(_) => wire.holds_any().then_some(Ok(Protocol::Http1)),
        }
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

    /// What its client may have.
    pub(crate) fn limits(&self) -> &Limits {
        self.worker.limits()
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
        self.door.is_leaving() || self.activity.is_dismissed()
    }

    /// Waits until [`Self::is_leaving`].
    pub(super) async fn leaving(&self) {
        tokio::select! {
            () = self.door.leaving() => {}
            () = self.activity.dismissed() => {}
        }
    }

    /// Has it end once what is under way has, since its client is to come back by another.
    pub(crate) fn dismiss(&self) {
        self.activity.dismiss();
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

    /// Whether the client was idle for too long.
    pub(super) fn has_idled_out(&self) -> bool {
        self.activity.idled_out.get()
    }

    pub(super) fn set_idled_out(&self, idled_out: bool) {
        self.activity.idled_out.set(idled_out);
    }

    /// From now on it is not broken off, but asked to end.
    pub(super) fn will_say_goodbye(&self) {
        self.activity.says_goodbye.set(true);
    }

    /// A request begins; it ends when the result is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.activity.busy()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.activity.is_busy()
    }
}
