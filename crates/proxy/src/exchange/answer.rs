//! Who answers a request: the gateway itself, or an upstream.

use std::time::Instant;

use nuncio_routing::{Action, Draw, Forward, Probe, RequestHead};
use nuncio_telemetry::Outcome;
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;

use super::head::{self, Refusal};
use super::reply::Reply;
use super::upstream_head::{BodyFraming, UpstreamHead};
use super::{Account, Afterwards, forward};
use crate::downstream::Connection;
use crate::live::Live;

/// Who is to answer.
enum Plan<'a> {
    NoRoute,
    Probe(Probe),
    /// An upstream, with the request as it is sent there.
    Forward(&'a Forward, Box<RequestHeader>),
}

/// Answers the request, by whoever is responsible for it.
pub(super) async fn answer<'a>(
    connection: &Connection,
    live: &'a Live,
    session: &mut ServerSession,
    started: Instant,
) -> Account<'a> {
    if head::is_framed_twice(session) {
        return refuse(live, session, Refusal::Malformed).await;
    }
    let body = BodyFraming::of(session);
    match plan(connection, live, session.req_header(), body) {
        Ok(Plan::Forward(to, head)) => {
            forward::forward(connection, live, session, (to, head), started).await
        }
        Ok(Plan::Probe(probe)) => {
            let (status, text) = connection.worker().probe(probe);
            local(
                live,
                session,
                Outcome::Direct { status },
                Reply { status, text },
            )
            .await
        }
        Ok(Plan::NoRoute) if live.is_configured() => {
            local(live, session, Outcome::NoRoute, Reply::NOT_FOUND).await
        }
        Ok(Plan::NoRoute) => {
            let reply = Reply {
                status: 503,
                text: "no configuration yet",
            };
            local(
                live,
                session,
                Outcome::Refused {
                    status: reply.status,
                },
                reply,
            )
            .await
        }
        Err(refusal) => refuse(live, session, refusal).await,
    }
}

/// Everything that is decided by the head alone, in one reading of it.
fn plan<'a>(
    connection: &Connection,
    live: &'a Live,
    received: &RequestHeader,
    body: BodyFraming,
) -> Result<Plan<'a>, Refusal> {
    let (target, nominated) = head::read(received)?;
    let request = RequestHead {
        method: &received.method,
        host: target.host,
        path: &target.path,
        query: target.query,
        headers: &received.headers,
    };
    let draw = Draw::from_random(fastrand::u64(..));
    let Some(route) = live.routes().find(&request, draw) else {
        return Ok(Plan::NoRoute);
    };
    match &route.action {
        Action::Probe(probe) => Ok(Plan::Probe(*probe)),
        // Not answered yet.
        Action::Redirect(_) => Ok(Plan::NoRoute),
        Action::Forward(_) if head::asks_for_upgrade(received) => Err(Refusal::UpgradeForbidden),
        Action::Forward(to) => {
            let head = UpstreamHead {
                received,
                nominated: &nominated,
                target: &target,
                forward: to,
                client: connection.client(),
                body,
                envoy_headers: !live.settings().suppress_envoy_headers,
            };
            // What is no request target after rewriting was none before.
            let head = head.build().map_err(|_| Refusal::Malformed)?;
            Ok(Plan::Forward(to, head))
        }
    }
}

/// The head that [`plan`] made, made again.
pub(super) fn head_again(
    connection: &Connection,
    live: &Live,
    session: &mut ServerSession,
    to: &Forward,
) -> Option<Box<RequestHeader>> {
    let body = BodyFraming::of(session);
    let received = session.req_header();
    let (target, nominated) = head::read(received).ok()?;
    let head = UpstreamHead {
        received,
        nominated: &nominated,
        target: &target,
        forward: to,
        client: connection.client(),
        body,
        envoy_headers: !live.settings().suppress_envoy_headers,
    };
    head.build().ok()
}

async fn refuse<'a>(live: &'a Live, session: &mut ServerSession, refusal: Refusal) -> Account<'a> {
    let reply = refusal.reply();
    let status = reply.status;
    // What follows a head that was refused cannot be trusted to be the next request.
    session.set_keepalive(None);
    let outcome = match refusal {
        Refusal::HeadTooLarge
        | Refusal::Malformed
        | Refusal::VersionTooOld
        | Refusal::CodingUnknown => Outcome::Malformed { status },
        Refusal::UpgradeForbidden | Refusal::MethodForbidden => Outcome::Refused { status },
    };
    local(live, session, outcome, reply).await
}

pub(super) async fn local<'a>(
    live: &'a Live,
    session: &mut ServerSession,
    outcome: Outcome,
    reply: Reply,
) -> Account<'a> {
    match reply.send(session, live.settings()).await {
        Ok(()) => Account::local(outcome, Afterwards::Finish),
        Err(_) => Account::local(Outcome::ClientLeft, Afterwards::Abort),
    }
}
