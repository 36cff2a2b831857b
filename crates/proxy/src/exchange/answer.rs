//! Who answers a request: the gateway itself, or an upstream.

use std::time::Instant;

use nuncio_routing::{Action, Draw, RequestHead, Route};
use nuncio_telemetry::Outcome;
use pingora_core::protocols::http::ServerSession;

use super::head::{self, Refusal};
use super::reply::Reply;
use super::{Account, Afterwards, forward};
use crate::downstream::Connection;
use crate::live::Live;

/// Answers the request, by whoever is responsible for it.
pub(super) async fn answer<'a>(
    connection: &Connection,
    live: &'a Live,
    session: &mut ServerSession,
    started: Instant,
) -> Account<'a> {
    let route = match choose(live, session) {
        Ok(Some(route)) => route,
        Ok(None) if !live.is_configured() => {
            let reply = Reply { status: 503, text: "no configuration yet" };
            return local(live, session, Outcome::Refused { status: 503 }, reply).await;
        }
        Ok(None) => return local(live, session, Outcome::NoRoute, Reply::NOT_FOUND).await,
        Err(refusal) => return refuse(live, session, refusal).await,
    };
    match &route.action {
        Action::Probe(probe) => {
            let (status, text) = connection.worker().probe(*probe);
            local(live, session, Outcome::Direct { status }, Reply { status, text }).await
        }
        Action::Forward(to) => {
            forward::forward(connection, live, session, to, started).await
        }
    }
}

fn choose<'a>(live: &'a Live, session: &ServerSession) -> Result<Option<&'a Route>, Refusal> {
    let received = session.req_header();
    let (target, _) = head::read(received)?;
    let request = RequestHead {
        method: &received.method,
        host: target.host,
        path: target.path,
        headers: &received.headers,
    };
    let draw = Draw::from_random(fastrand::u64(..));
    Ok(live.routes().find(&request, draw).map(AsRef::as_ref))
}

async fn refuse<'a>(
    live: &'a Live,
    session: &mut ServerSession,
    refusal: Refusal,
) -> Account<'a> {
    let status = refusal.status();
    // What follows a head that was refused cannot be trusted to be the next request.
    session.set_keepalive(None);
    let outcome = match refusal {
        Refusal::HeadTooLarge => Outcome::Malformed { status },
        Refusal::Malformed
        | Refusal::UpgradeForbidden
        | Refusal::MethodForbidden
        | Refusal::VersionTooOld => Outcome::Refused { status },
    };
    local(live, session, outcome, Reply { status, text: "" }).await
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
