//! A connection for one request: idle, new, or waited for.
//!
//! Invariant: whoever takes a connection gives it back by [`Connector::give_back`], which keeps it
//! only when both directions of the exchange ended where the message framing said they would. A
//! lease that is dropped instead closes its connection; either way the next request in the queue is
//! told.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use nuncio_config::Priority;
use nuncio_guard::AnswerTerms;
use nuncio_telemetry::{Breaker, Overflow, UpstreamRequest};

use super::Upstream;
use super::breakers::{Admission, Permit};
use super::connect::{ConnectFailure, Connector, UpstreamWire};
use super::endpoint::Endpoint;
use super::http1::Http1Session;
use super::originate::Target;
use super::pool::{Pool, PoolKey, Seat};
use super::session::UpstreamSession;
use crate::wire::Traffic;

/// A connection in the hands of one request.
pub(crate) struct Lease {
    pub(crate) session: UpstreamSession,
    /// Whether it served a request before, so that it may have been closed meanwhile.
    pub(crate) reused: bool,
    /// What goes over it.
    pub(crate) traffic: Arc<Traffic>,
    pub(super) admission: Admission,
    /// Of a connection that it has to itself.
    pub(super) seat: Option<Seat>,
    pub(super) _assigned: UpstreamRequest,
}

/// Whether a lease may be an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// The best one there is.
    Allowed,
    /// A new one: an idle one has just failed.
    Refused,
}

/// A connection that no request has yet.
struct Connection {
    wire: UpstreamWire,
    seat: Seat,
    reused: bool,
}

/// How a request gets on that has no connection.
enum Next {
    /// By one that came free.
    Ready(UpstreamWire, Seat),
    /// By a new one.
    Connect(Permit, Seat),
}

/// Whose connection is wanted.
#[derive(Clone, Copy)]
struct Order<'a> {
    connector: &'a Connector,
    upstream: &'a Arc<Upstream>,
    pool: &'a Rc<Pool>,
    /// The pool's.
    key: PoolKey,
    reuse: Reuse,
}

impl Connector {
    /// A connection of `upstream` to `endpoint`; waits for one when there are as many as there may
    /// be, and fails when too many wait already.
    pub(crate) async fn lease(
        &self,
        upstream: &Arc<Upstream>,
        endpoint: &Endpoint,
        reuse: Reuse,
        priority: Priority,
    ) -> Result<Lease, ConnectFailure> {
        let originated = upstream.originated()?;
        let target = Target {
            address: endpoint.address(),
            originated: originated.as_ref(),
        };
        let key = PoolKey {
            upstream: upstream.id,
            address: upstream.pooled_as(target.address),
            originated: target.serial(),
            priority,
        };
        if upstream.cluster.http2 {
            let to = (endpoint, target);
            return self.lease_stream(upstream, to, (key, reuse)).await;
        }
        let pool = self.pools.borrow_mut().of(key, upstream);
        let ready = match reuse {
            Reuse::Allowed => pool.take(upstream),
            Reuse::Refused => None,
        };
        let connection = match ready {
            Some((wire, seat)) => Connection::ready(wire, seat),
            None => {
                let order = Order {
                    connector: self,
                    upstream,
                    pool: &pool,
                    key,
                    reuse,
                };
                self.pending(order, target)
                    .await
                    .inspect_err(|failure| failure.tell(endpoint))?
            }
        };
        connection.lease(upstream, (priority, self.answers))
    }

    /// Waits for a connection, new or come free.
    async fn pending(
        &self,
        order: Order<'_>,
        target: Target<'_>,
    ) -> Result<Connection, ConnectFailure> {
        let Order { upstream, key, .. } = order;
        let permit = upstream.breakers().permit(key.priority, Breaker::Pending);
        let Some(_permit) = permit else {
            return Err(overflowed(upstream, Overflow::Pending));
        };
        let pending = upstream.stats.pending();
        let connection = match order.next().await {
            Ok(Next::Ready(wire, seat)) => Ok(Connection::ready(wire, seat)),
            Ok(Next::Connect(permit, seat)) => {
                let made = self.connect(upstream, target, permit).await;
                made.map(|wire| Connection::new(wire, seat))
                    .inspect_err(|failure| order.pool.failed(*failure))
            }
            Err(failure) => Err(failure),
        };
        if connection.is_err() {
            pending.failed();
        }
        connection
    }

    /// Keeps the connection for the next request, if it can serve one.
    ///
    /// `request_sent`: whether all of the request went out.
    pub(crate) async fn give_back(&self, lease: Lease, request_sent: bool) {
        let Lease {
            session,
            admission,
            seat,
            ..
        } = lease;
        if !request_sent {
            return;
        }
        // A stream is over with its request; its connection stays where it is.
        let (UpstreamSession::Http1(session), Some(seat)) = (session, seat) else {
            return;
        };
        // The exchange is over, whether or not the connection stays.
        session.wire().place().set_leased(false);
        let Some(wire) = session.into_reusable().await else {
            return;
        };
        if !wire
            .place()
            .is_too_old(admission.upstream(), Instant::now())
        {
            seat.keep(wire);
        }
    }

    /// Closes idle connections that are of no more use.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.pools.borrow_mut().sweep(now);
        self.http2.borrow_mut().sweep(now);
    }
}

impl Order<'_> {
    /// Waits until there is a connection, or there may be another one.
    async fn next(self) -> Result<Next, ConnectFailure> {
        let refused = Cell::new(false);
        let queued = self.pool.queue();
        queued
            .until(|is_next| {
                let next = self.try_next(is_next);
                if next.is_none() && !refused.replace(true) {
                    self.upstream.stats.overflowed(Overflow::Connections);
                }
                next
            })
            .await
    }

    fn try_next(self, is_next: bool) -> Option<Next> {
        let Self {
            upstream,
            pool,
            key,
            ..
        } = self;
        if is_next
            && self.reuse == Reuse::Allowed
            && let Some((wire, seat)) = pool.take_next(upstream)
        {
            return Some(Next::Ready(wire, seat));
        }
        let what = Breaker::Connections;
        let mut permit = upstream.breakers().permit(key.priority, what);
        // The limit must not be reached by connections that nobody may use.
        if permit.is_none() && self.connector.pools.borrow().close_outdated(key) {
            permit = upstream.breakers().permit(key.priority, what);
        }
        if permit.is_none() && self.reuse == Reuse::Refused {
            pool.close_oldest();
            permit = upstream.breakers().permit(key.priority, what);
        }
        if permit.is_none() && pool.is_empty() {
            // Nothing would ever come free: as in Envoy, each worker may have one connection to
            // each endpoint whatever the limit.
            permit = Some(upstream.breakers().permit_anyway(key.priority, what));
        }
        permit.map(|permit| Next::Connect(permit, pool.seat()))
    }
}

impl Connection {
    fn new(wire: UpstreamWire, seat: Seat) -> Self {
        Self {
            wire,
            seat,
            reused: false,
        }
    }

    fn ready(wire: UpstreamWire, seat: Seat) -> Self {
        Self {
            wire,
            seat,
            reused: true,
        }
    }

    /// Gives it to a request, unless too many are under way: then it waits for the next.
    fn lease(
        self,
        upstream: &Arc<Upstream>,
        (priority, answers): (Priority, AnswerTerms),
    ) -> Result<Lease, ConnectFailure> {
        let Self {
            mut wire,
            seat,
            reused,
        } = self;
        let Some(admission) = Admission::to(upstream, priority) else {
            seat.keep(wire);
            return Err(overflowed(upstream, Overflow::Requests));
        };
        wire.place().set_leased(true);
        wire.answer_follows(answers);
        Ok(Lease {
            reused,
            traffic: wire.traffic(),
            session: UpstreamSession::Http1(Box::new(Http1Session::new(wire))),
            admission,
            seat: Some(seat),
            _assigned: upstream.stats.assigned(),
        })
    }
}

pub(super) fn overflowed(upstream: &Upstream, what: Overflow) -> ConnectFailure {
    upstream.stats.overflowed(what);
    ConnectFailure::Overflow
}

#[cfg(test)]
mod tests;
