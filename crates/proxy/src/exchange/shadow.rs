//! A copy of a request goes to another cluster, and nobody waits for what comes of it.
//!
//! Invariant: the original is not slowed, failed or held up: a shadow that does not take the body
//! as fast as the original does, up to a bound, is abandoned. A copy is sent once, whatever becomes
//! of the original.
//!
//! Deliberately absent: its answer, which is thrown away.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use nuncio_config::Priority;
use nuncio_routing::Forward;
use nuncio_telemetry::{Ending, Outcome, ShadowRecord};
use pingora_core::BError;
use pingora_core::protocols::http::HttpTask;
use pingora_http::RequestHeader;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::course::Course;
use super::failure::{Failure, Stage};
use super::request::Request;
use super::timer::{Deadlines, Limits, Timer};
use crate::downstream::Worker;
use crate::upstream::{Endpoint, Lease, Pick, Reuse, Upstream, UpstreamSession};

/// The body of the original, as its shadow gets it.
pub(super) struct Mirror {
    pieces: UnboundedSender<Piece>,
    /// Bytes on their way.
    waiting: Rc<Cell<usize>>,
    limit: usize,
}

enum Piece {
    Data(Bytes),
    End,
}

/// A copy on its way.
struct Shadow {
    worker: Rc<Worker>,
    upstream: Arc<Upstream>,
    priority: Priority,
    in_lower_case: bool,
    pieces: UnboundedReceiver<Piece>,
    waiting: Rc<Cell<usize>>,
    /// When the original was complete; `None` while its body is still coming.
    request_end: Option<Instant>,
    traffic: (u64, u64),
}

/// What a piece costs beside its bytes.
const PIECE_COST: usize = 64;

const X_ENVOY_INTERNAL: HeaderName = HeaderName::from_static("x-envoy-internal");

/// Starts a shadow of the request with this head, if the route and its percentage want one.
pub(super) fn start(
    (course, to): (&Course<'_>, &Forward),
    request: &mut Request<'_>,
    head: &RequestHeader,
) {
    // Of a tunnel there is no copy.
    let copies = to.shadow.filter(|_| course.outbound.upgrade.is_none());
    let chosen = copies.filter(|shadow| fastrand::u8(..100) < shadow.percent);
    let upstream = chosen.and_then(|shadow| course.live.upstream(shadow.cluster));
    let (Some(upstream), Some(mut head)) = (upstream, shadow_head(head)) else {
        return;
    };
    super::spans::mark(course, &mut head);
    let (pieces, receiver) = unbounded_channel();
    let mirror = Mirror {
        pieces,
        waiting: Rc::default(),
        limit: usize::try_from(course.settings().connections.buffer_limit).unwrap_or(usize::MAX),
    };
    let shadow = Shadow {
        worker: Rc::clone(course.connection.worker()),
        upstream: Arc::clone(upstream),
        priority: to.priority,
        in_lower_case: course.spells_in_lower_case(),
        pieces: receiver,
        waiting: Rc::clone(&mirror.waiting),
        request_end: None,
        traffic: (0, 0),
    };
    mirror.follow(request);
    let whole = to
        .timeout
        .unwrap_or(course.connection.limits().stream_idle_timeout);
    course.connection.worker().adopt(shadow.run(head, whole));
}

impl Mirror {
    /// Passes on what is there of the body, and whatever comes.
    fn follow(self, request: &mut Request<'_>) {
        // What is held may be more than may be on its way; it is there anyway.
        let held = Bytes::copy_from_slice(request.kept(0));
        if !held.is_empty() {
            self.send(held);
        }
        match request.end() {
            Some(_) => self.end(),
            None => request.mirror_to(self),
        }
    }

    /// Passes on a piece; `None` when the shadow is gone, or is abandoned since it falls behind.
    pub(super) fn piece(self, bytes: &Bytes) -> Option<Self> {
        if self.waiting.get() > self.limit {
            return None;
        }
        self.send(bytes.clone()).then_some(self)
    }

    /// Whether the shadow has more to send than it can be expected to have sent already.
    pub(super) fn is_behind(&self) -> bool {
        self.waiting.get() > self.limit / 4
    }

    /// The body is complete.
    pub(super) fn end(self) {
        // A shadow that is over needs no end.
        drop(self.pieces.send(Piece::End));
    }

    fn send(&self, bytes: Bytes) -> bool {
        self.waiting
            .set(self.waiting.get() + bytes.len() + PIECE_COST);
        self.pieces.send(Piece::Data(bytes)).is_ok()
    }
}

impl Shadow {
    async fn run(mut self, head: Box<RequestHeader>, whole: Duration) {
        let limits = Limits {
            whole: Some(whole),
            attempt: None,
            silence: Some(self.worker.limits().stream_idle_timeout),
            ..Limits::default()
        };
        let deadlines = Deadlines::new(limits, Instant::now(), None);
        let sleep = pin!(sleep_until(deadlines.next()));
        let mut timer = Timer::new(sleep, deadlines);
        let ended = self.exchange(&mut timer, head).await;
        let stage = Stage {
            is_complete: self.request_end.is_some(),
            is_retry: false,
        };
        let took = self.request_end.map(|end| end.elapsed());
        let (outcome, upstream_time) = match ended {
            Ok(status) => {
                let ending = Ending::Complete;
                (Outcome::Upstream { status, ending }, took)
            }
            Err(failure) => (failure.outcome(stage), None),
        };
        ShadowRecord {
            cluster: &self.upstream.stats,
            outcome,
            upstream_time,
            upstream_received: self.traffic.0,
            upstream_sent: self.traffic.1,
        }
        .record();
    }

    async fn exchange(
        &mut self,
        timer: &mut Timer<'_>,
        head: Box<RequestHeader>,
    ) -> Result<u16, Failure> {
        let lease = timer.limit(pin!(self.lease())).await;
        let (mut lease, endpoint) = lease.map_err(Failure::OutOfTime)??;
        if matches!(lease.session, UpstreamSession::Http1(_)) {
            lease.traffic.expect_head(self.in_lower_case);
        }
        let status = match lease.session.write_request_header(head).await {
            Ok(_) => self.relay(&mut lease, timer).await,
            Err(_) => Err(Failure::UpstreamClosed { untouched: true }),
        };
        match &status {
            Ok(status) => endpoint.answered(*status),
            Err(failure) if failure.is_upstreams() => endpoint.failed(),
            Err(_) => {}
        }
        self.traffic = lease.traffic.take();
        let request_sent = self.request_end.is_some();
        if status.is_ok() {
            let connector = self.worker.connector();
            connector.give_back(lease, request_sent).await;
        }
        status
    }

    async fn lease(&self) -> Result<(Lease, Endpoint), Failure> {
        let patience = self.upstream.cluster.connect_timeout;
        let endpoint = self.upstream.endpoint(patience, &Pick::default()).await;
        let endpoint = endpoint.ok_or(Failure::NoEndpoint)?;
        let connector = self.worker.connector();
        let lease = connector.lease(&self.upstream, &endpoint, Reuse::Allowed, self.priority);
        let lease = lease.await.map_err(Failure::NoConnection)?;
        Ok((lease, endpoint))
    }

    async fn relay(&mut self, lease: &mut Lease, timer: &mut Timer<'_>) -> Result<u16, Failure> {
        let mut status = 0;
        loop {
            tokio::select! {
                biased;
                task = lease.session.read_response_task() => {
                    if throw_away(task, &mut status)? {
                        return Ok(status);
                    }
                }
                piece = self.pieces.recv(),
                    if self.request_end.is_none() && !lease.traffic.is_backed_up() => {
                    self.send(lease, piece).await?;
                    timer.request_ended(self.request_end);
                }
                () = lease.traffic.caught_up(), if lease.traffic.is_backed_up() => {}
                limit = timer.rings() => return Err(Failure::OutOfTime(limit)),
            }
            timer.moved();
        }
    }

    async fn send(&mut self, lease: &mut Lease, piece: Option<Piece>) -> Result<(), Failure> {
        let sent = match piece {
            Some(Piece::Data(bytes)) => {
                let waiting = self.waiting.get();
                self.waiting
                    .set(waiting.saturating_sub(bytes.len() + PIECE_COST));
                lease.session.write_body(&bytes).await
            }
            Some(Piece::End) => {
                self.request_end = Some(Instant::now());
                lease.session.finish_body().await
            }
            // The original broke off, or this one fell behind.
            None => return Err(Failure::ClientLeft),
        };
        sent.map(drop)
            .map_err(|_| Failure::UpstreamClosed { untouched: false })
    }
}

/// Whether the answer is over; `status` is its.
fn throw_away(task: Result<HttpTask, BError>, status: &mut u16) -> Result<bool, Failure> {
    match task {
        Ok(HttpTask::Failed(_)) | Err(_) => Err(Failure::UpstreamClosed { untouched: false }),
        Ok(HttpTask::Header(head, end)) => {
            *status = head.status.as_u16();
            Ok(end && !head.status.is_informational())
        }
        Ok(task) => Ok(task.is_end()),
    }
}

/// The head of the copy: its host says what it is, and that it comes from the gateway.
fn shadow_head(original: &RequestHeader) -> Option<Box<RequestHeader>> {
    let mut head = Box::new(original.clone());
    let host = shadow_host(original.headers.get(HOST)?.as_bytes());
    let host = HeaderValue::from_bytes(&host).ok()?;
    head.insert_header(HOST, host).ok()?;
    head.insert_header(X_ENVOY_INTERNAL, HeaderValue::from_static("true"))
        .ok()?;
    Some(head)
}

/// Envoy: `-shadow` is appended to the name, before the port.
fn shadow_host(host: &[u8]) -> Vec<u8> {
    let colon = host.iter().rposition(|byte| *byte == b':');
    let port = colon.filter(|colon| {
        host.get(colon + 1..)
            .is_some_and(|port| port.iter().all(u8::is_ascii_digit))
    });
    let (name, port) = host.split_at(port.unwrap_or(host.len()));
    [name, b"-shadow", port].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_gets_a_suffix_and_the_port_stays() {
        for (host, expected) in [
            ("example.com", "example.com-shadow"),
            ("example.com:80", "example.com-shadow:80"),
            ("10.0.0.1:8080", "10.0.0.1-shadow:8080"),
            ("[::1]:80", "[::1]-shadow:80"),
            ("[2001:db8::2]", "[2001:db8::2]-shadow"),
        ] {
            assert_eq!(shadow_host(host.as_bytes()), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn a_shadow_that_falls_behind_is_abandoned() {
        let (pieces, mut receiver) = unbounded_channel();
        let mirror = Mirror {
            pieces,
            waiting: Rc::default(),
            limit: 1000,
        };
        let piece = Bytes::from_static(&[0; 500]);
        let mirror = mirror.piece(&piece).unwrap().piece(&piece).unwrap();
        assert!(mirror.piece(&piece).is_none());
        assert!(matches!(receiver.try_recv(), Ok(Piece::Data(_))));
        assert!(matches!(receiver.try_recv(), Ok(Piece::Data(_))));
        assert!(receiver.try_recv().is_err(), "and no end");
    }
}
