//! HTTP/2 connections to upstreams, each shared by many requests of one worker.
//!
//! Invariant: requests that arrive while a connection is being made wait for it instead of making
//! more; another one is made only when every stream of those there are is taken.
//!
//! Deliberately absent: what goes over a stream (see `stream`), and how a connection is dialled.

mod connection;
mod message;
mod stream;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Instant;

use nuncio_telemetry::Assigned;
use tokio::sync::watch;
use tokio::time::timeout;

use super::connect::{ConnectFailure, Connector, Lease, Reuse};
use super::pool::PoolKey;
use super::{Upstream, UpstreamSession};
use connection::{Connection, Limits, NoHttp2, Slot};
pub(crate) use stream::Http2Session;

/// The HTTP/2 connections of one worker.
#[derive(Default)]
pub(super) struct Connections {
    endpoints: RefCell<HashMap<PoolKey, Endpoint>>,
}

struct Endpoint {
    owner: Weak<Upstream>,
    open: Vec<Rc<Connection>>,
    /// How the connection that is being made comes along.
    dialling: Option<watch::Receiver<Dialling>>,
}

#[derive(Clone, Copy, Debug)]
enum Dialling {
    Underway,
    /// It was in vain; all who wait for it share the failure.
    Failed(ConnectFailure),
}

/// How a request got its stream.
enum Got<T> {
    /// A connection was open.
    Shared(Slot),
    /// It waited for a connection that another request made.
    Awaited(Slot),
    /// It made the connection, to which `T` belongs.
    Made(Slot, T),
}

/// Why a request got no stream.
enum NoStream {
    /// The connection it made itself failed.
    NotMade(ConnectFailure),
    /// The connection that it waited for failed.
    NotAwaited(ConnectFailure),
}

/// What a request has to do for a stream.
enum Turn {
    Take(Slot),
    Wait(watch::Receiver<Dialling>),
    Dial(watch::Sender<Dialling>),
}

impl Connections {
    /// A stream of a connection of `owner`, which `dial` makes if there is none to spare.
    async fn stream<T>(
        &self,
        key: PoolKey,
        owner: &Arc<Upstream>,
        mut reuse: Reuse,
        dial: impl AsyncFnOnce() -> Result<(Connection, T), ConnectFailure>,
    ) -> Result<Got<T>, NoStream> {
        let mut waited = false;
        let outcome = loop {
            match self.turn(key, owner, reuse) {
                Turn::Take(slot) if waited => return Ok(Got::Awaited(slot)),
                Turn::Take(slot) => return Ok(Got::Shared(slot)),
                Turn::Dial(outcome) => break outcome,
                Turn::Wait(mut other) => {
                    waited = true;
                    reuse = Reuse::Allowed;
                    // One that is given up without a word was its request's, not the endpoint's.
                    if other.changed().await.is_ok()
                        && let Dialling::Failed(failure) = *other.borrow()
                    {
                        return Err(NoStream::NotAwaited(failure));
                    }
                }
            }
        };
        match dial().await {
            Ok((connection, made)) => Ok(Got::Made(self.share(key, owner, connection), made)),
            Err(failure) => {
                outcome.send_replace(Dialling::Failed(failure));
                Err(NoStream::NotMade(failure))
            }
        }
    }

    fn turn(&self, key: PoolKey, owner: &Arc<Upstream>, reuse: Reuse) -> Turn {
        let mut endpoints = self.endpoints.borrow_mut();
        let endpoint = endpoints.entry(key).or_insert_with(|| Endpoint::of(owner));
        if let Some(slot) = endpoint.slot(reuse) {
            return Turn::Take(slot);
        }
        match &endpoint.dialling {
            Some(other) if is_underway(other) => Turn::Wait(other.clone()),
            Some(_) | None => {
                let (outcome, others) = watch::channel(Dialling::Underway);
                endpoint.dialling = Some(others);
                Turn::Dial(outcome)
            }
        }
    }

    /// Takes a stream of `connection` and offers the others to everybody.
    fn share(&self, key: PoolKey, owner: &Arc<Upstream>, connection: Connection) -> Slot {
        let connection = Rc::new(connection);
        let slot = Slot::of(&connection);
        let mut endpoints = self.endpoints.borrow_mut();
        let endpoint = endpoints.entry(key).or_insert_with(|| Endpoint::of(owner));
        endpoint.open.push(connection);
        endpoint.dialling = None;
        slot
    }

    /// Lets go of connections that are of no more use; they end with their last stream.
    pub(super) fn sweep(&self, now: Instant) {
        self.endpoints.borrow_mut().retain(|_, endpoint| {
            let owned = endpoint.owner.strong_count() > 0;
            endpoint
                .open
                .retain(|connection| owned && connection.is_worth_keeping(now));
            !endpoint.open.is_empty() || endpoint.dialling.as_ref().is_some_and(is_underway)
        });
    }
}

impl Endpoint {
    fn of(owner: &Arc<Upstream>) -> Self {
        Self {
            owner: Arc::downgrade(owner),
            open: Vec::new(),
            dialling: None,
        }
    }

    /// A free stream, on the oldest connection that has one, so that the others can grow idle.
    fn slot(&mut self, reuse: Reuse) -> Option<Slot> {
        self.open.retain(|connection| connection.takes_streams());
        if reuse == Reuse::Refused {
            return None;
        }
        let free = self.open.iter().find(|connection| connection.has_room())?;
        Some(Slot::of(free))
    }
}

/// Whether somebody is at it, and has not been given up.
fn is_underway(dialling: &watch::Receiver<Dialling>) -> bool {
    dialling.has_changed().is_ok() && matches!(*dialling.borrow(), Dialling::Underway)
}

impl From<NoHttp2> for ConnectFailure {
    fn from(NoHttp2: NoHttp2) -> Self {
        Self::NotHttp2
    }
}

impl Connector {
    /// A stream to `key`, an endpoint of `upstream`.
    pub(super) async fn lease_stream(
        &self,
        upstream: &Arc<Upstream>,
        key: PoolKey,
        reuse: Reuse,
    ) -> Result<Lease, ConnectFailure> {
        let dial = async || {
            let (wire, assigned) = self.connect(upstream, key.address).await?;
            let opening = Connection::open(wire, Limits::of(upstream));
            match timeout(upstream.cluster.connect_timeout, opening).await {
                Ok(connection) => Ok((connection?, assigned)),
                Err(_) => Err(ConnectFailure::TimedOut),
            }
        };
        let stats = &upstream.stats;
        let (slot, reused, assigned) = match self.http2.stream(key, upstream, reuse, dial).await {
            Ok(Got::Shared(slot)) => (slot, true, stats.assigned(Assigned::Reused)),
            Ok(Got::Awaited(slot)) => (slot, false, stats.assigned(Assigned::AfterWaiting)),
            Ok(Got::Made(slot, assigned)) => (slot, false, assigned),
            Err(NoStream::NotMade(failure)) => return Err(failure),
            Err(NoStream::NotAwaited(failure)) => {
                stats.waited_in_vain();
                return Err(failure);
            }
        };
        let scheme = if upstream.cluster.tls {
            "https"
        } else {
            "http"
        };
        let session = Http2Session::new(slot, scheme, stats);
        Ok(Lease {
            reused,
            traffic: session.traffic(),
            session: UpstreamSession::Http2(Box::new(session)),
            key,
            owner: Arc::clone(upstream),
            _assigned: assigned,
        })
    }
}
