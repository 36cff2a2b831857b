//! HTTP/2 connections to upstreams, each shared by many requests of one worker.
//!
//! Invariant: requests that arrive while a connection is being made wait for it instead of making
//! more; another one is made only when every stream of those there are is taken, and the cluster's
//! limit allows it.
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

use nuncio_telemetry::{Breaker, Overflow};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::breakers::{Admission, Permit};
use super::connect::{ConnectFailure, Connector};
use super::endpoint;
use super::lease::{Lease, Reuse, overflowed};
use super::originate::Target;
use super::pool::{PoolKey, give_back_room};
use super::{Upstream, UpstreamSession};
use connection::{Connection, NoHttp2, Slot};
pub(crate) use stream::Http2Session;

/// The HTTP/2 connections of one worker.
#[derive(Default)]
pub(super) struct Connections(HashMap<PoolKey, Rc<Endpoint>>);

/// The HTTP/2 connections of one worker to one endpoint.
struct Endpoint {
    owner: Weak<Upstream>,
    open: RefCell<Vec<Rc<Connection>>>,
    /// How the connection that is being made comes along.
    dialling: RefCell<Option<watch::Receiver<Dialling>>>,
    /// Tells requests that wait, in turn, that a stream or a connection has ended.
    freed: Rc<Notify>,
}

#[derive(Clone, Copy, Debug)]
enum Dialling {
    Underway,
    /// It was in vain; all who wait for it share the failure.
    Failed(ConnectFailure),
}

/// Which stream is wanted.
#[derive(Clone, Copy)]
struct Order<'a> {
    upstream: &'a Arc<Upstream>,
    target: Target<'a>,
    key: PoolKey,
}

/// What a request without a stream has to do.
enum Turn {
    Take(Slot),
    Wait(watch::Receiver<Dialling>),
    Dial(watch::Sender<Dialling>, Permit),
    /// There are as many connections as there may be.
    Full,
}

impl Connector {
    /// A stream to `to`; waits for one when there are as many connections as there may be and none
    /// has any left.
    pub(super) async fn lease_stream(
        &self,
        upstream: &Arc<Upstream>,
        (to, target): (&endpoint::Endpoint, Target<'_>),
        (key, reuse): (PoolKey, Reuse),
    ) -> Result<Lease, ConnectFailure> {
        let order = Order {
            upstream,
            target,
            key,
        };
        let connections = self.http2.borrow_mut().of(key, upstream);
        let ready = match reuse {
            Reuse::Allowed => connections.slot(upstream),
            Reuse::Refused => None,
        };
        let reused = ready.is_some();
        let slot = match ready {
            Some(slot) => slot,
            None => self
                .pending_stream(&connections, order, reuse)
                .await
                .inspect_err(|failure| failure.tell(to))?,
        };
        let Some(admission) = Admission::to(upstream, key.priority) else {
            return Err(overflowed(upstream, Overflow::Requests));
        };
        let session = Http2Session::new(slot, upstream, self.answers);
        Ok(Lease {
            reused,
            traffic: session.traffic(),
            session: UpstreamSession::Http2(Box::new(session)),
            admission,
            seat: None,
            _assigned: upstream.stats.assigned(),
        })
    }

    async fn pending_stream(
        &self,
        connections: &Endpoint,
        order: Order<'_>,
        reuse: Reuse,
    ) -> Result<Slot, ConnectFailure> {
        let upstream = order.upstream;
        let permit = upstream
            .breakers()
            .permit(order.key.priority, Breaker::Pending);
        let Some(_permit) = permit else {
            return Err(overflowed(upstream, Overflow::Pending));
        };
        let pending = upstream.stats.pending();
        let slot = connections.wait(self, order, reuse).await;
        if slot.is_err() {
            pending.failed();
        }
        slot
    }
}

impl Connections {
    fn of(&mut self, key: PoolKey, owner: &Arc<Upstream>) -> Rc<Endpoint> {
        let endpoint = self
            .0
            .entry(key)
            .or_insert_with(|| Rc::new(Endpoint::of(owner)));
        Rc::clone(endpoint)
    }

    /// Lets go of connections that were made with other credentials than what `key` is of; they end with
    /// their last stream.
    fn let_go_of_outdated(&self, key: PoolKey) {
        let outdated = self.0.iter().filter(|(other, _)| key.outdates(other));
        outdated.for_each(|(_, endpoint)| drop(endpoint.open.take()));
    }

    /// Lets go of connections that are of no more use; they end with their last stream.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.0.retain(|key, endpoint| {
            endpoint.sweep(key, now);
            Rc::strong_count(endpoint) > 1 || !endpoint.open.borrow().is_empty()
        });
        give_back_room(&mut self.0);
    }
}

impl Endpoint {
    fn of(owner: &Arc<Upstream>) -> Self {
        Self {
            owner: Arc::downgrade(owner),
            open: RefCell::default(),
            dialling: RefCell::default(),
            freed: Rc::default(),
        }
    }

    /// As [`Self::slot`]; waits for one, or makes a connection.
    async fn wait(
        &self,
        connector: &Connector,
        order: Order<'_>,
        mut reuse: Reuse,
    ) -> Result<Slot, ConnectFailure> {
        let mut refused = false;
        loop {
            let freed = self.freed.notified();
            match self.turn(connector, order, reuse) {
                Turn::Take(slot) => return Ok(slot),
                Turn::Dial(outcome, permit) => {
                    return self.dial(connector, order, (outcome, permit)).await;
                }
                Turn::Wait(mut other) => {
                    // One that is given up without a word was its request's, not the endpoint's.
                    if other.changed().await.is_ok()
                        && let Dialling::Failed(failure) = *other.borrow()
                    {
                        return Err(failure);
                    }
                }
                Turn::Full => {
                    if !refused {
                        order.upstream.stats.overflowed(Overflow::Connections);
                        refused = true;
                    }
                    freed.await;
                }
            }
            reuse = Reuse::Allowed;
        }
    }

    fn turn(&self, connector: &Connector, order: Order<'_>, reuse: Reuse) -> Turn {
        if reuse == Reuse::Allowed
            && let Some(slot) = self.slot(order.upstream)
        {
            return Turn::Take(slot);
        }
        let mut dialling = self.dialling.borrow_mut();
        if let Some(other) = dialling.as_ref().filter(|other| is_underway(other)) {
            return Turn::Wait(other.clone());
        }
        let what = Breaker::Connections;
        let (breakers, priority) = (order.upstream.breakers(), order.key.priority);
        let permit = breakers.permit(priority, what).or_else(|| {
            connector.http2.borrow().let_go_of_outdated(order.key);
            // As for HTTP/1: each worker may have one connection whatever the limit.
            let may_have_one = self.open.borrow().is_empty();
            may_have_one.then(|| breakers.permit_anyway(priority, what))
        });
        let Some(permit) = permit else {
            return Turn::Full;
        };
        let (outcome, others) = watch::channel(Dialling::Underway);
        *dialling = Some(others);
        Turn::Dial(outcome, permit)
    }

    async fn dial(
        &self,
        connector: &Connector,
        order: Order<'_>,
        (outcome, permit): (watch::Sender<Dialling>, Permit),
    ) -> Result<Slot, ConnectFailure> {
        let upstream = order.upstream;
        let dialling = async {
            let wire = connector.connect(upstream, order.target, permit).await?;
            let opening = Connection::open(wire, Rc::clone(&self.freed));
            match timeout(upstream.cluster.connect_timeout, opening).await {
                Ok(connection) => Ok(connection.inspect_err(|_| upstream.stats.protocol_error())?),
                Err(_) => Err(ConnectFailure::TimedOut),
            }
        };
        let connection = dialling.await.inspect_err(|failure| {
            outcome.send_replace(Dialling::Failed(*failure));
        })?;
        let connection = Rc::new(connection);
        let slot = Slot::of(&connection);
        self.open.borrow_mut().push(connection);
        Ok(slot)
    }

    /// A stream that is free, if there is one, on the oldest connection, so that the others can
    /// grow idle.
    fn slot(&self, upstream: &Upstream) -> Option<Slot> {
        let now = Instant::now();
        let mut open = self.open.borrow_mut();
        open.retain(|connection| connection.takes_streams(upstream, now));
        let free = open.iter().find(|connection| connection.has_room())?;
        Some(Slot::of(free))
    }

    fn sweep(&self, key: &PoolKey, now: Instant) {
        let owner = self.owner.upgrade().filter(|owner| key.is_of_use_to(owner));
        self.open.borrow_mut().retain(|connection| {
            owner
                .as_ref()
                .is_some_and(|owner| connection.is_worth_keeping(owner, now))
        });
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
