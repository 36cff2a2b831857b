//! Gets an answer from the cluster a request was routed to, in as many attempts as the route allows.
//!
//! Invariant: a request that an upstream may have acted on is sent again only where the route says
//! so. Whatever is tried, the time is the route's.
//!
//! Deliberately absent: telling the client what came of it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use http::HeaderValue;
use nuncio_routing::Forward;
use nuncio_telemetry::RetryCause;
use pingora_http::RequestHeader;
use tokio::time::sleep;

use super::course::Course;
use super::failure::Failure;
use super::relay::{Culprit, Relay, Relayed, Rules};
use super::request::Request;
use super::retry::Retries;
use super::spans::{self, AttemptSpan};
use super::timer::{Limit, Limits, Timer};
use super::upstream_head::{self, X_ENVOY_EXPECTED_TIMEOUT};
use crate::upstream::{ConnectFailure, Endpoint, Lease, Pick, Reuse, Upstream};

/// The attempts at one request.
pub(super) struct Attempts<'c, 'a> {
    course: &'c Course<'a>,
    upstream: &'a Arc<Upstream>,
    to: &'a Forward,
    retries: Option<Retries<'a>>,
    /// The request's head, while it may have to be sent again.
    spare: Option<Box<RequestHeader>>,
    reuse: Reuse,
    pick: Pick,
    sent: Sent,
    /// Those of a sampled request.
    spans: Vec<AttemptSpan>,
}

/// What went to the cluster and came from it, all attempts together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// How often the request was sent, or was to be.
    pub(super) attempts: u32,
    /// Where it was sent last.
    pub(super) endpoint: Option<SocketAddr>,
    /// Bytes received and sent.
    pub(super) traffic: (u64, u64),
    /// Whether the last connection had served a request before.
    reused: bool,
}

/// What follows an attempt.
enum Next {
    Return,
    /// Another attempt with this head, granted by the route, after a pause.
    Retry(Box<RequestHeader>),
    /// Another attempt with this head at once, over a new connection.
    Repeat(Box<RequestHeader>),
}

impl<'c, 'a> Attempts<'c, 'a> {
    pub(super) fn new(
        course: &'c Course<'a>,
        upstream: &'a Arc<Upstream>,
        to: &'a Forward,
    ) -> Self {
        let pick = Pick {
            hash: course.affinity.hash,
            tried: Vec::new(),
        };
        Self {
            course,
            upstream,
            to,
            retries: Retries::of(to, upstream),
            spare: None,
            reuse: Reuse::Allowed,
            pick,
            sent: Sent::default(),
            spans: Vec::new(),
        }
    }

    /// Sends the request until there is an answer to pass on, or no more attempt.
    pub(super) async fn run(
        &mut self,
        request: &mut Request<'_>,
        timer: &mut Timer<'_>,
        mut head: Box<RequestHeader>,
    ) -> Relayed {
        self.spare = self.retries.is_some().then(|| head.clone());
        loop {
            let span = spans::begin_attempt(self.course, &mut head);
            let relayed = self.attempt(request, timer, head).await;
            let span = span.map(|span| span.ended(&relayed, self.sent.endpoint));
            self.spans.extend(span);
            head = match self.next(request, &relayed) {
                Next::Return => return relayed,
                Next::Repeat(head) => head,
                Next::Retry(spare) => match self.pause(request, timer).await {
                    Ok(()) => self.with_time_left(spare, request),
                    Err(failure) => return Relayed::Failed(failure),
                },
            };
        }
    }

    pub(super) fn sent(&self) -> Sent {
        self.sent
    }

    /// The attempts' spans, if the request is sampled.
    pub(super) fn into_spans(self) -> Vec<AttemptSpan> {
        self.spans
    }

    /// Whether there was an answer, and not at the first attempt.
    pub(super) fn retried_well(&self, relayed: &Relayed) -> bool {
        let answered = matches!(relayed, Relayed::Complete { .. } | Relayed::Broken { .. });
        let granted = self.retries.as_ref().is_none_or(Retries::succeeded);
        self.sent.attempts > 1 && answered && granted
    }

    /// Whether there would have been another attempt, but for their number.
    pub(super) fn is_exhausted(&self) -> bool {
        self.retries.as_ref().is_some_and(Retries::is_exhausted)
    }

    async fn attempt(
        &mut self,
        request: &mut Request<'_>,
        timer: &mut Timer<'_>,
        head: Box<RequestHeader>,
    ) -> Relayed {
        self.sent.attempts += 1;
        self.sent.reused = false;
        let (mut lease, endpoint) = match self.lease(request, timer).await {
            Ok(leased) => leased,
            Err(failure) => return Relayed::Failed(failure),
        };
        self.sent.reused = lease.reused;
        let rules = Rules {
            course: self.course,
            endpoint: &endpoint,
            stats: &self.upstream.stats,
            retries: self.retries.as_mut(),
            silence: self.to.idle_timeout,
        };
        let relay = Relay::new(request, &mut lease, rules);
        let relayed = relay.run(timer, head).await;
        tell(&endpoint, &relayed);
        self.conclude(lease, relayed).await
    }

    async fn lease(
        &mut self,
        request: &mut Request<'_>,
        timer: &mut Timer<'_>,
    ) -> Result<(Lease, Endpoint), Failure> {
        let stats = &self.upstream.stats;
        let leasing = pin!(self.connect());
        let given_up = tokio::select! {
            biased;
            leased = timer.limit(leasing) => match leased {
                Ok(leased) => return leased,
                Err(limit) => Failure::OutOfTime(limit),
            },
            failure = request.left() => failure,
        };
        stats.pending_cancelled();
        Err(given_up)
    }

    async fn connect(&mut self) -> Result<(Lease, Endpoint), Failure> {
        let patience = self.upstream.cluster.connect_timeout;
        let endpoint = self.upstream.endpoint(patience, &self.pick).await;
        let endpoint = endpoint.ok_or(Failure::NoEndpoint)?;
        self.sent.endpoint = Some(endpoint.address());
        // The next attempt goes elsewhere, if there is anywhere else.
        let tried = &mut self.pick.tried;
        if self.retries.is_some() && !tried.contains(&endpoint.address()) {
            tried.push(endpoint.address());
        }
        let connector = self.course.connection.worker().connector();
        let lease = connector.lease(self.upstream, &endpoint, self.reuse, self.to.priority);
        let lease = lease.await.map_err(Failure::NoConnection)?;
        Ok((lease, endpoint))
    }

    /// Counts what went over the connection, and keeps it if it can serve another request.
    async fn conclude(&mut self, lease: Lease, mut relayed: Relayed) -> Relayed {
        let (received, sent) = lease.traffic.take();
        let traffic = &mut self.sent.traffic;
        *traffic = (traffic.0 + received, traffic.1 + sent);
        match &mut relayed {
            // Part of an answer is an answer. What came over a shared connection may be others'.
            Relayed::Failed(Failure::UpstreamClosed { untouched }) => {
                *untouched &= received == 0 || lease.traffic.is_shared();
            }
            Relayed::Failed(Failure::OutOfTime(Limit::Attempt)) => {
                self.upstream.stats.attempt_timed_out();
            }
            Relayed::Complete { request_sent, .. } => {
                let request_sent = *request_sent;
                let connector = self.course.connection.worker().connector();
                connector.give_back(lease, request_sent).await;
            }
            Relayed::Discarded { whole, .. } => {
                let whole = *whole;
                let connector = self.course.connection.worker().connector();
                connector.give_back(lease, whole).await;
            }
            Relayed::Failed(_) | Relayed::Broken { .. } => {}
        }
        relayed
    }

    fn next(&mut self, request: &mut Request<'_>, relayed: &Relayed) -> Next {
        let failure = match relayed {
            Relayed::Failed(failure) => failure,
            Relayed::Discarded { .. } => return self.granted(),
            Relayed::Complete { .. } | Relayed::Broken { .. } => return Next::Return,
        };
        let is_stale =
            self.sent.reused && matches!(failure, Failure::UpstreamClosed { untouched: true });
        if is_stale {
            // The next idle one may be as old.
            self.reuse = Reuse::Refused;
        }
        let by_route = request.can_be_sent_again()
            && self
                .retries
                .as_mut()
                .is_some_and(|retries| retries.after_failure(failure));
        match by_route {
            true => self.granted(),
            false if is_stale || self.is_unseen(failure) => self.repeated(request, is_stale),
            false => Next::Return,
        }
    }

    /// Whether nobody has looked at the request, whatever its method, and somebody may.
    fn is_unseen(&mut self, failure: &Failure) -> bool {
        match failure {
            Failure::NoConnection(ConnectFailure::Failed(_) | ConnectFailure::TimedOut) => {
                self.pick.tried.extend(self.sent.endpoint);
                self.upstream.has_untried(&self.pick)
            }
            // RFC 9113 section 8.7.
            Failure::UpstreamReset { refused } => *refused,
            Failure::ClientLeft
            | Failure::ClientMalformed
            | Failure::TooLarge
            | Failure::OutOfTime(_)
            | Failure::NoEndpoint
            | Failure::NoConnection(_)
            | Failure::UpstreamClosed { .. }
            | Failure::UpstreamMalformed => false,
        }
    }

    fn granted(&mut self) -> Next {
        self.spare.clone().map_or(Next::Return, Next::Retry)
    }

    /// Once, if the upstream could not be reached, refused the stream, or was closing the idle connection
    /// at that moment (RFC 9110 section 9.2.2).
    fn repeated(&mut self, request: &mut Request<'_>, is_stale: bool) -> Next {
        let is_safe = !is_stale || request.session.req_header().method.is_idempotent();
        if !is_safe || !request.can_be_sent_again() || self.sent.attempts > 1 {
            return Next::Return;
        }
        let head = match self.spare.clone() {
            Some(head) => Some(head),
            // Made anew, since it is seldom wanted again.
            None => upstream_head::build(self.course, self.to, request.session.req_header()).ok(),
        };
        let Some(head) = head else {
            return Next::Return;
        };
        self.upstream.stats.retried(RetryCause::Failure);
        Next::Repeat(head)
    }

    async fn pause(
        &mut self,
        request: &mut Request<'_>,
        timer: &mut Timer<'_>,
    ) -> Result<(), Failure> {
        let Some(retries) = &mut self.retries else {
            return Ok(());
        };
        let pause = pin!(sleep(retries.pause()));
        tokio::select! {
            paused = timer.limit(pause) => paused.map_err(Failure::OutOfTime),
            failure = request.left() => Err(failure),
        }
    }

    /// Tells the upstream how much time this attempt has, if it is told at all.
    fn with_time_left(
        &self,
        mut head: Box<RequestHeader>,
        request: &Request<'_>,
    ) -> Box<RequestHeader> {
        let elapsed = request.end().map(|end| end.elapsed()).unwrap_or_default();
        if let Some(expected) = Limits::of(self.to).expected(elapsed)
            && head.headers.contains_key(X_ENVOY_EXPECTED_TIMEOUT)
        {
            // Zero would mean that there is no limit.
            let ms = u64::try_from(expected.as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            // A number is a header value.
            drop(head.insert_header(X_ENVOY_EXPECTED_TIMEOUT, HeaderValue::from(ms)));
        }
        head
    }
}

/// Tells the endpoint of an answer that did not come, or not to its end; of the others it has heard
/// when their head came.
fn tell(endpoint: &Endpoint, relayed: &Relayed) {
    match relayed {
        Relayed::Broken {
            by: Culprit::Upstream | Culprit::UpstreamStream,
            ..
        } => endpoint.failed(),
        Relayed::Failed(failure) if failure.is_upstreams() => endpoint.failed(),
        Relayed::Complete { .. }
        | Relayed::Broken { .. }
        | Relayed::Discarded { .. }
        | Relayed::Failed(_) => {}
    }
}
