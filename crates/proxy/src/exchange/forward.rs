//! Gets an answer from the cluster a request was routed to.
//!
//! Invariant: a request that an upstream may have acted on is not sent twice.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use http::Version;
use http::header::EXPECT;
use nuncio_routing::Forward;
use nuncio_telemetry::{Ending, Outcome, Reset, RetryCause};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use tokio::time::{Instant as Deadline, timeout_at};

use super::course::Course;
use super::relay::{Culprit, Failure, Relay, Relayed};
use super::reply::Reply;
use super::{Account, Afterwards, upstream_head};
use crate::upstream::{ConnectFailure, Lease, Pick, Reuse, Upstream};

/// A request on its way to its cluster.
struct Forwarding<'c, 'a> {
    course: &'c Course<'a>,
    upstream: &'a Arc<Upstream>,
    to: &'a Forward,
    /// When the request was complete; `None` while its body is still to come.
    request_end: Option<Instant>,
    attempts: u8,
    traffic: (u64, u64),
}

/// How forwarding ended, before it is told to the client.
enum Forwarded {
    Relayed(Relayed),
    NoEndpoint,
    NoConnection(ConnectFailure),
    /// The route's timeout passed before there was a connection.
    TimedOut,
}

/// Forwards the request and answers the client.
pub(super) async fn forward<'a>(
    course: &Course<'a>,
    session: &mut ServerSession,
    to: &'a Forward,
) -> Account<'a> {
    let Some(upstream) = course.live.upstream(to.cluster) else {
        let reply = Reply::new(503, "");
        return super::answer::local(course, session, Outcome::NoCluster, reply).await;
    };
    let Ok(head) = upstream_head::build(course, to, session.req_header()) else {
        // What is no request target after rewriting was none before.
        let status = Reply::MALFORMED.status();
        let outcome = Outcome::Malformed { status };
        return super::answer::local(course, session, outcome, Reply::MALFORMED).await;
    };
    let request_end = session.is_body_empty().then_some(course.started);
    let mut forwarding = Forwarding {
        course,
        upstream,
        to,
        request_end,
        attempts: 0,
        traffic: (0, 0),
    };
    let forwarded = forwarding.run(session, head).await;
    let traffic = forwarding.traffic;
    let retried = forwarding.attempts > 1;
    let mut account = conclude(course, session, forwarded).await;
    account.cluster = Some(&upstream.stats);
    account.upstream_bytes = traffic;
    account.retried = retried;
    account
}

impl Forwarding<'_, '_> {
    async fn run(&mut self, session: &mut ServerSession, head: Box<RequestHeader>) -> Forwarded {
        invite_body(session).await;
        let lease = match self.lease(Reuse::Allowed).await {
            Ok(lease) => lease,
            Err(forwarded) => return forwarded,
        };
        let may_repeat = lease.reused && session.req_header().method.is_idempotent();
        let relayed = self.relay(session, lease, head).await;
        let again = match relayed {
            // An idle connection that its server was closing at that moment.
            Relayed::Failed(Failure::UpstreamClosed { untouched: true }) if may_repeat => {
                Some(Reuse::Refused)
            }
            // RFC 9113 section 8.7: whatever the method.
            Relayed::Failed(Failure::StreamRefused) => Some(Reuse::Allowed),
            _ => None,
        };
        if let Some(reuse) = again
            && let Ok(head) = upstream_head::build(self.course, self.to, session.req_header())
        {
            self.upstream.stats.retried(RetryCause::Failure);
            return match self.lease(reuse).await {
                Ok(lease) => Forwarded::Relayed(self.relay(session, lease, head).await),
                Err(forwarded) => forwarded,
            };
        }
        Forwarded::Relayed(relayed)
    }

    async fn lease(&self, reuse: Reuse) -> Result<Lease, Forwarded> {
        let patience = self.upstream.cluster.connect_timeout;
        let leasing = async {
            let pick = Pick::default();
            let Some(endpoint) = self.upstream.endpoint(patience, &pick).await else {
                return Err(Forwarded::NoEndpoint);
            };
            let connector = self.course.connection.worker().connector();
            connector
                .lease(self.upstream, &endpoint, reuse, self.to.priority)
                .await
                .map_err(Forwarded::NoConnection)
        };
        match self.deadline() {
            Some(deadline) => timeout_at(deadline, leasing)
                .await
                .unwrap_or(Err(Forwarded::TimedOut)),
            None => leasing.await,
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        Some(Deadline::from_std(self.request_end? + self.to.timeout?))
    }

    async fn relay(
        &mut self,
        session: &mut ServerSession,
        mut lease: Lease,
        head: Box<RequestHeader>,
    ) -> Relayed {
        self.attempts += 1;
        let relay = Relay::new(
            session,
            &mut lease,
            self.course,
            self.to.timeout,
            self.request_end,
        );
        let mut relayed = relay.run(head).await;
        let (received, sent) = lease.traffic.take();
        // Part of an answer is an answer.
        if let Relayed::Failed(Failure::UpstreamClosed { untouched }) = &mut relayed {
            *untouched &= received == 0;
        }
        self.traffic = (self.traffic.0 + received, self.traffic.1 + sent);
        if let Relayed::Complete { request_sent, .. } = relayed {
            self.course
                .connection
                .worker()
                .connector()
                .give_back(lease, request_sent)
                .await;
        }
        relayed
    }
}

/// Answers `Expect: 100-continue` (RFC 9110 section 10.1.1) as Envoy does: at once, by itself.
async fn invite_body(session: &mut ServerSession) {
    let head = session.req_header();
    let expects = head.version == Version::HTTP_11
        && head
            .headers
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !expects || session.is_body_done() {
        return;
    }
    let keepalive = session.get_keepalive();
    // A client that is gone shows when its body is read.
    drop(session.write_continue_response().await);
    // The codec gives up connections that it answers before the end of the body, also for this.
    session.set_keepalive(keepalive);
}

/// Answers the client where the upstream did not, in Envoy's words.
async fn conclude<'a>(
    course: &Course<'a>,
    session: &mut ServerSession,
    forwarded: Forwarded,
) -> Account<'a> {
    let (outcome, reply) = match forwarded {
        Forwarded::Relayed(Relayed::Complete {
            status,
            upstream_time,
            ..
        }) => {
            let outcome = Outcome::Upstream {
                status,
                ending: Ending::Complete,
            };
            let mut account = Account::local(outcome, Afterwards::Finish);
            account.upstream_time = Some(upstream_time);
            return account;
        }
        Forwarded::Relayed(Relayed::Broken { status, by }) => {
            let ending = match by {
                Culprit::Client => Ending::ClientLeft,
                Culprit::Upstream => Ending::UpstreamReset(Reset::Connection),
                Culprit::UpstreamStream => Ending::UpstreamReset(Reset::Stream),
            };
            return Account::local(Outcome::Upstream { status, ending }, Afterwards::Abort);
        }
        Forwarded::Relayed(Relayed::Failed(Failure::ClientLeft)) => {
            return Account::local(Outcome::ClientLeft, Afterwards::Abort);
        }
        Forwarded::Relayed(Relayed::Failed(failure)) => {
            if matches!(failure, Failure::ClientMalformed | Failure::ClientStalled) {
                // Where its next request would begin cannot be known.
                session.set_keepalive(None);
            }
            failed(failure)
        }
        Forwarded::NoEndpoint => (Outcome::NoHealthyHost, unavailable("no healthy upstream")),
        Forwarded::NoConnection(ConnectFailure::Overflow) => (
            Outcome::Overflow,
            unavailable(
                "upstream connect error or disconnect/reset before headers. \
                 reset reason: overflow",
            ),
        ),
        Forwarded::NoConnection(ConnectFailure::NotHttp2) => failed(Failure::UpstreamMalformed),
        Forwarded::NoConnection(failure) => {
            (Outcome::ConnectFailed, unavailable(connect_text(&failure)))
        }
        Forwarded::TimedOut => failed(Failure::TimedOut),
    };
    super::answer::local(course, session, outcome, reply).await
}

fn failed(failure: Failure) -> (Outcome, Reply) {
    match failure {
        Failure::ClientLeft => (Outcome::ClientLeft, Reply::new(400, "")),
        Failure::ClientStalled => (
            Outcome::Refused { status: 408 },
            Reply::new(408, "stream timeout"),
        ),
        Failure::ClientMalformed => {
            let status = Reply::MALFORMED.status();
            (Outcome::Malformed { status }, Reply::MALFORMED)
        }
        Failure::TimedOut => {
            let reply = Reply::new(504, "upstream request timeout");
            (Outcome::RouteTimeout, reply)
        }
        Failure::UpstreamClosed { .. } => (
            Outcome::UpstreamReset(Reset::Connection),
            unavailable(
                "upstream connect error or disconnect/reset before headers. \
                 reset reason: connection termination",
            ),
        ),
        Failure::UpstreamReset => (
            Outcome::UpstreamReset(Reset::Stream),
            unavailable(
                "upstream connect error or disconnect/reset before headers. \
                 reset reason: remote reset",
            ),
        ),
        Failure::StreamRefused => (
            Outcome::UpstreamReset(Reset::Connection),
            unavailable(
                "upstream connect error or disconnect/reset before headers. \
                 reset reason: remote refused stream reset",
            ),
        ),
        Failure::UpstreamMalformed => (
            Outcome::UpstreamMalformed,
            Reply::new(
                502,
                "upstream connect error or disconnect/reset before headers. \
                       reset reason: protocol error",
            ),
        ),
    }
}

fn unavailable(text: &'static str) -> Reply {
    Reply::new(503, text)
}

/// Envoy names the system's error, in the C library's words.
fn connect_text(failure: &ConnectFailure) -> &'static str {
    macro_rules! failed {
        ($why:literal) => {
            concat!(
                "upstream connect error or disconnect/reset before headers. ",
                "reset reason: remote connection failure, ",
                "transport failure reason: delayed connect error: ",
                $why
            )
        };
    }
    match failure {
        ConnectFailure::TimedOut => {
            "upstream connect error or disconnect/reset before headers. \
             reset reason: connection timeout"
        }
        ConnectFailure::Failed(ErrorKind::ConnectionRefused) => failed!("Connection refused"),
        ConnectFailure::Failed(ErrorKind::ConnectionReset) => failed!("Connection reset by peer"),
        ConnectFailure::Failed(ErrorKind::HostUnreachable) => failed!("No route to host"),
        ConnectFailure::Failed(ErrorKind::NetworkUnreachable) => {
            failed!("Network is unreachable")
        }
        ConnectFailure::Failed(_) | ConnectFailure::NotHttp2 | ConnectFailure::Overflow => {
            failed!("Connection failed")
        }
    }
}
