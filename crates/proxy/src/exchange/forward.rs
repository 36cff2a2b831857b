//! Forwards a request to the cluster it was routed to, and answers the client.
//!
//! Invariant: whatever happens upstream, the client gets one answer: the upstream's, or what Envoy
//! would say in its place.

use std::pin::pin;

use http::header::{CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderName, Version};
use nuncio_routing::Forward;
use nuncio_telemetry::{Ending, Outcome, Reset};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use tokio::time::{Instant as Moment, sleep_until};

use super::access_log::Particulars;
use super::attempts::Attempts;
use super::course::Course;
use super::failure::{Failure, Stage};
use super::relay::{Culprit, Relayed};
use super::reply::Reply;
use super::request::Request;
use super::timer::{Deadlines, Limit, Limits, Timer};
use super::{Account, Afterwards, Timing, grpc, shadow, upstream_head};

const X_ENVOY_OVERLOADED: HeaderName = HeaderName::from_static("x-envoy-overloaded");

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
        let status = Reply::MALFORMED.status;
        let outcome = Outcome::Malformed { status };
        return super::answer::local(course, session, outcome, Reply::MALFORMED).await;
    };
    let upgrade = course.outbound.upgrade.as_ref();
    let _upgrade = upgrade.map(|_| course.connection.listener().http().upgrading());
    let started = Moment::from_std(course.started);
    // The timer watches over both.
    session.set_read_timeout(None);
    session.set_write_timeout(to.idle_timeout);
    invite_body(session).await;
    let mut request = Request::new(session, course.connection.traffic(), started);
    let limits = limits((course, to), request.session.req_header());
    let deadlines = Deadlines::new(limits, started, request.end());
    let sleep = pin!(sleep_until(deadlines.next()));
    let mut timer = Timer::new(sleep, deadlines);
    let mut attempts = Attempts::new(course, upstream, to);
    let relayed = match prepare((course, to), &mut request, &mut timer, head).await {
        Ok(head) => attempts.run(&mut request, &mut timer, head).await,
        Err(failure) => Relayed::Failed(failure),
    };
    let sent = attempts.sent();
    let retried = attempts.retried_well(&relayed);
    let stage = Stage {
        is_complete: request.end().is_some(),
        is_retry: sent.attempts > 1,
    };
    let mut particulars = Particulars {
        upstream: sent.endpoint,
        attempts: sent.attempts,
        is_exhausted: attempts.is_exhausted(),
        request_end: request.end().map(Moment::into_std),
        response_start: request.answered().map(Moment::into_std),
        text: "",
    };
    let timing = Timing {
        answered_early: request.was_answered_early(),
        unfinished: request.was_answered_early() && !stage.is_complete,
    };
    let mut account = conclude(course, session, relayed, stage).await;
    if particulars.response_start.is_some() {
        account.timing = timing;
    }
    if is_upgraded(account.outcome) {
        // What follows is the rest of the request.
        account.timing = Timing::CUT_SHORT;
        account.upstream_time = None;
    }
    particulars.text = account.particulars.text;
    account.particulars = particulars;
    account.cluster = Some(&upstream.stats);
    account.upstream_bytes = sent.traffic;
    account.retried = retried;
    account.attempts = attempts.into_spans();
    account
}

/// Sees to it that as much of the body is kept as may be wanted later, and that a shadow gets its
/// copy.
async fn prepare(
    (course, to): (&Course<'_>, &Forward),
    request: &mut Request<'_>,
    timer: &mut Timer<'_>,
    mut head: Box<RequestHeader>,
) -> Result<Box<RequestHeader>, Failure> {
    let settings = course.settings();
    if let Some(limit) = settings.buffer_max_request_bytes
        && request.end().is_none()
    {
        hold(request, timer, limit).await?;
        head.remove_header(&TRANSFER_ENCODING);
        let length = HeaderValue::from(request.kept(0).len());
        head.insert_header(CONTENT_LENGTH, length)
            .map_err(|_| Failure::ClientMalformed)?;
    } else if to.retry.is_some() {
        request.keep_up_to(settings.connections.buffer_limit);
    }
    // What goes through a tunnel is nobody else's.
    if to.shadow.is_some() && course.outbound.upgrade.is_none() {
        shadow::start((course, to), request, &head);
    }
    Ok(head)
}

/// How long everything may take. Calls of gRPC may be silent for as long as the route allows: a stream that
/// is open both ways has no end to wait for.
fn limits((course, to): (&Course<'_>, &Forward), received: &RequestHeader) -> Limits {
    let of_route = Limits::of(to);
    if grpc::is_call(&received.headers) {
        return of_route;
    }
    let of_clients = course.connection.limits();
    Limits {
        body: Some(of_clients.body_timeout),
        request: of_clients.request_timeout,
        ..of_route
    }
}

/// Takes all of the body before anything is sent on: `buffer` of Ambassador's Module.
async fn hold(request: &mut Request<'_>, timer: &mut Timer<'_>, limit: u64) -> Result<(), Failure> {
    let announced = super::head::content_length(&request.session.req_header().headers);
    if announced.is_some_and(|length| length > limit) {
        return Err(Failure::TooLarge);
    }
    request.keep_up_to(limit);
    while request.end().is_none() {
        let read = timer.limit(pin!(request.next())).await;
        match read.map_err(Failure::OutOfTime)? {
            Ok(body) => drop(request.took(body)),
            Err(error) => return Err(request.failed(&error)),
        }
        timer.heard_client();
        if request.is_too_large() {
            return Err(Failure::TooLarge);
        }
    }
    timer.request_ended(request.end());
    Ok(())
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
    relayed: Relayed,
    stage: Stage,
) -> Account<'a> {
    let failure = match relayed {
        Relayed::Failed(failure) => failure,
        // An attempt is thrown away only for another one, and that ends some other way.
        Relayed::Discarded { .. } => Failure::UpstreamClosed { untouched: false },
        Relayed::Broken { status, by } => {
            let ending = ending(by);
            return Account::local(Outcome::Upstream { status, ending }, Afterwards::Abort);
        }
        Relayed::Complete {
            status,
            upstream_time,
            ..
        } => {
            let ending = Ending::Complete;
            let outcome = Outcome::Upstream { status, ending };
            let mut account = Account::local(outcome, Afterwards::Finish);
            // As in Envoy: of an answer that did not wait for its request there is no time.
            account.upstream_time = stage.is_complete.then_some(upstream_time);
            return account;
        }
    };
    if matches!(failure, Failure::OutOfTime(Limit::Request)) {
        course.connection.listener().http().request_late();
    }
    let outcome = failure.outcome(stage);
    let Some(mut reply) = failure.reply(stage) else {
        return Account::local(outcome, Afterwards::Abort);
    };
    if failure.is_overload() && !course.settings().suppress_envoy_headers {
        reply = reply.with(X_ENVOY_OVERLOADED, HeaderValue::from_static("true"));
    }
    // It is the gateway's own, whatever the route allows its upstream.
    let silence = course.connection.limits().stream_idle_timeout;
    session.set_write_timeout(Some(silence));
    if failure.ends_connection(stage) {
        // Where its next request would begin cannot be known.
        session.set_keepalive(None);
    }
    super::answer::local(course, session, outcome, reply).await
}

fn is_upgraded(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Upstream { status: 101, .. })
}

fn ending(by: Culprit) -> Ending {
    match by {
        Culprit::Client => Ending::ClientLeft,
        Culprit::Upstream => Ending::UpstreamReset(Reset::Connection),
        Culprit::UpstreamStream => Ending::UpstreamReset(Reset::Stream),
        Culprit::Limit(Limit::Silence | Limit::Request) => Ending::IdleTimeout,
        Culprit::Limit(Limit::Whole | Limit::Attempt) => Ending::RouteTimeout,
    }
}
