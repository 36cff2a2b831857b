//! Who answers a request: the gateway itself, or an upstream.

use std::pin::pin;

use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, Version};
use nuncio_routing::{Action, Draw, Forward, RequestHead, Route, Treatment, VirtualHost};
use nuncio_telemetry::{Outcome, Work};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;

use super::course::Course;
use super::fields::Nominated;
use super::forwarding::{Forwarding, Scheme, Trust};
use super::head::{self, Refusal, RequestTarget};
use super::reply::Reply;
use super::upstream_head::{BodyFraming, Outbound};
use super::virtual_host::{self, Standing};
use super::{
    Account, Afterwards, Timing, aliases, clients, cors, forward, grpc, redirect, upgrade,
};
use crate::confined::confined;
use crate::upstream::Affinity;

/// Who is to answer.
enum Decision<'a> {
    /// An upstream.
    Forward(&'a Forward),
    /// The gateway.
    Reply(Outcome, Reply),
}

/// Answers the request, by whoever is responsible for it.
pub(super) async fn answer<'a>(
    course: &mut Course<'a>,
    session: &mut ServerSession,
) -> Account<'a> {
    let body = BodyFraming::of(session);
    let decision = decide(course, session.req_header_mut(), body);
    if course.client_leaves {
        session.set_keepalive(None);
    }
    match decision {
        Ok(Decision::Forward(to)) => forward::forward(course, session, to).await,
        Ok(Decision::Reply(outcome, reply)) => local(course, session, outcome, reply).await,
        Err(refusal) => refuse(course, session, refusal).await,
    }
}

/// Everything that is decided by the head alone, in one reading of it.
///
/// The order is that of Emissary's filters: who may come in, whose pages may read, where it goes.
fn decide<'a>(
    course: &mut Course<'a>,
    head: &mut RequestHeader,
    body: BodyFraming,
) -> Result<Decision<'a>, Refusal> {
    let live = course.live;
    let connections = &live.settings().connections;
    let checked = head::check(head, connections)?;
    course.client_leaves = checked.nominated.closes();
    course.has_underscores = checked.has_underscores;
    if checked.has_underscores {
        aliases::treat(head, connections.underscores)?;
    }
    let trust = Trust::of(connections, course.listener);
    course.forwarding = Forwarding::read(&head.headers, course.connection, connections, trust);
    if let Some(tracer) = live.tracer() {
        let begun = tracer.begin(&head.headers, course.forwarding.request_id());
        course.trace = Some(begun.trace);
        course.forwarding.say_in_request_id(begun.request_id);
    }
    course.forwarding.impose(head, live.watches_forwarding());
    let head = &*head;
    if let Some(decision) = keep_out(course) {
        return Ok(decision);
    }
    if head::is_for_server(head) && live.is_configured() {
        course.connection.listener().http().target_refused();
        let outcome = Outcome::Refused { status: 404 };
        return Ok(Decision::Reply(outcome, Reply::NOT_FOUND));
    }
    let port = course.connection.local().port();
    let target = head::target(head, connections, port);
    let target = target.ok_or_else(|| head::why_no_target(head))?;
    if let Some(reply) = before_routes(course, head, &target) {
        return Ok(direct(reply));
    }
    let route = match admitted(course, head, &target) {
        Ok(route) => route,
        Err(decision) => {
            course.outbound = Outbound::unsent(&target);
            return Ok(decision);
        }
    };
    course.route = Some(route);
    if let Some(decision) = preflight(course, route, head) {
        return Ok(decision);
    }
    match &route.action {
        Action::Forward(to) => forwarded(course, to, (head, &target), (body, checked.nominated)),
        Action::Redirect(to) => {
            course.outbound = Outbound::unsent(&target);
            let reply = redirect::elsewhere(to, course.forwarding.scheme, &target);
            Ok(direct(reply))
        }
        Action::Probe(probe) => {
            let (status, text) = course.connection.worker().probe(*probe);
            Ok(direct(Reply::new(status, text)))
        }
    }
}

/// What is answered whatever Routes there are.
fn before_routes(
    course: &Course<'_>,
    head: &RequestHeader,
    target: &RequestTarget<'_>,
) -> Option<Reply> {
    let challenge = challenge(course, head, target);
    challenge.or_else(|| is_for_https(course).then(|| redirect::to_https(target)))
}

/// The answer to an authority that asks whether a name leads here. Tokens that are not known are for
/// Routes, of which one may belong to somebody else who proves names.
fn challenge(
    course: &Course<'_>,
    head: &RequestHeader,
    target: &RequestTarget<'_>,
) -> Option<Reply> {
    let asks = matches!(head.method, Method::GET | Method::HEAD);
    let told = asks.then(|| course.live.challenge(&target.path))?;
    told.map(Reply::told)
}

/// What goes to an upstream, unless there is no memory for it.
fn forwarded<'a>(
    course: &mut Course<'a>,
    to: &'a Forward,
    (head, target): (&RequestHeader, &RequestTarget<'_>),
    (body, nominated): (BodyFraming, Nominated),
) -> Result<Decision<'a>, Refusal> {
    if course.connection.worker().is_short_of_memory() {
        course.outbound = Outbound::unsent(target);
        // Connections take memory, too.
        course.client_leaves = true;
        let reply = Reply::new(503, "overloaded");
        let reply = reply.with(RETRY_AFTER, HeaderValue::from_static("1"));
        return Ok(Decision::Reply(Outcome::Shed, reply));
    }
    let asked = upgrade::asked(head, to)?;
    course.outbound = Outbound::new(to, target, course.live)
        .framed(body, nominated)
        .upgraded(asked);
    let client = course.forwarding.client.ip();
    course.affinity = Affinity::of(to.hash_on.as_deref(), &head.headers, client);
    Ok(Decision::Forward(to))
}

/// The Route that takes the request, if its VirtualHost lets it in there.
fn admitted<'a>(
    course: &mut Course<'a>,
    head: &RequestHeader,
    target: &RequestTarget<'_>,
) -> Result<&'a Route, Decision<'a>> {
    let host = match virtual_host::standing(course, target.host) {
        Standing::Of(host) => host,
        Standing::Unknown => return Err(no_route(course)),
        Standing::Misdirected => {
            // Clients would go on to ask the same of a connection that they keep.
            course.client_leaves |= head.version < Version::HTTP_2;
            let outcome = Outcome::Refused { status: 421 };
            return Err(Decision::Reply(outcome, Reply::new(421, "")));
        }
    };
    let route = match route(course, head, (host, target)) {
        Found::Route(route) => route,
        Found::Ambiguous => {
            let outcome = Outcome::Refused { status: 400 };
            return Err(Decision::Reply(outcome, Reply::MALFORMED));
        }
        Found::Nothing => return Err(no_route(course)),
    };
    match virtual_host::treatment(course, host, route) {
        Treatment::Serve => Ok(route),
        Treatment::SendToHttps => Err(direct(redirect::to_https(target))),
        Treatment::Ignore => Err(no_route(course)),
    }
}

/// Who takes a request.
enum Found<'a> {
    Route(&'a Route),
    /// It depends on how its path is read.
    Ambiguous,
    Nothing,
}

fn route<'a>(
    course: &Course<'a>,
    head: &RequestHeader,
    (host, target): (&VirtualHost, &RequestTarget<'_>),
) -> Found<'a> {
    let request = RequestHead {
        method: &head.method,
        host: target.host,
        path: &target.path,
        query: target.query,
        headers: &head.headers,
    };
    let draw = Draw::from_random(fastrand::u64(..));
    let routes = course.live.routes();
    let selector = &host.selector;
    let Some(route) = routes.find_selected(&request, draw, selector) else {
        return Found::Nothing;
    };
    let refuses = course.settings().connections.reject_ambiguous_paths;
    match refuses && routes.is_ambiguous(&request, (draw, selector), route) {
        true => Found::Ambiguous,
        false => Found::Route(route),
    }
}

/// The gateway's answer to those whom the Module keeps out, whatever they ask for.
fn keep_out<'a>(course: &Course<'a>) -> Option<Decision<'a>> {
    let rules = course.settings().ip_rules.as_ref()?;
    let http = course.connection.listener().http();
    let (peer, client) = (course.connection.peer(), course.forwarding.client);
    if clients::are_served(rules, peer, client) {
        http.client_admitted();
        return None;
    }
    http.client_denied();
    let outcome = Outcome::Refused { status: 403 };
    let reply = Reply::new(403, "RBAC: access denied");
    Some(Decision::Reply(outcome, reply))
}

/// Whether the Module sends the request to TLS.
fn is_for_https(course: &Course<'_>) -> bool {
    let connections = &course.settings().connections;
    // Where nobody is believed every request came in plain text, and the client would never arrive.
    let is_told = Trust::of(connections, course.listener).is_any();
    connections.forwarded_proto_redirect && is_told && course.forwarding.scheme == Scheme::Http
}

/// The answer to a CORS preflight. Takes note of the origin of other requests.
fn preflight<'a>(
    course: &mut Course<'a>,
    route: &Route,
    head: &RequestHeader,
) -> Option<Decision<'a>> {
    let cors = route.response.cors.as_ref()?;
    let origin = cors::origin(head)?;
    let http = course.connection.listener().http();
    if !cors::allows(cors, origin) {
        http.cors_origin_invalid();
        return None;
    }
    http.cors_origin_valid();
    if cors::is_preflight(head) {
        let reply = cors::preflight(cors, origin);
        // Envoy's filter answers before its router, whose rules so do not apply.
        course.route = None;
        return Some(Decision::Reply(Outcome::Refused { status: 200 }, reply));
    }
    course.origin = Some(origin.clone());
    None
}

fn direct<'a>(reply: Reply) -> Decision<'a> {
    let status = reply.status;
    Decision::Reply(Outcome::Direct { status }, reply)
}

fn no_route<'a>(course: &Course<'_>) -> Decision<'a> {
    if course.live.is_configured() {
        return Decision::Reply(Outcome::NoRoute, Reply::NOT_FOUND);
    }
    let outcome = Outcome::Refused { status: 503 };
    Decision::Reply(outcome, Reply::new(503, "no configuration yet"))
}

async fn refuse<'a>(
    course: &Course<'a>,
    session: &mut ServerSession,
    refusal: Refusal,
) -> Account<'a> {
    let reply = refusal.reply();
    let status = reply.status;
    let refused = course.connection.worker().refused();
    refused.request(refusal.label());
    if refusal == Refusal::UpgradeForbidden {
        course.connection.listener().http().upgrade_refused();
    }
    // What follows a head that was refused cannot be trusted to be the next request.
    session.set_keepalive(None);
    let outcome = match refusal {
        Refusal::HeadTooLarge
        | Refusal::Malformed
        | Refusal::FramingAlias
        | Refusal::Underscore
        | Refusal::VersionTooOld => Outcome::Malformed { status },
        Refusal::HostMissing | Refusal::UpgradeForbidden | Refusal::MethodForbidden => {
            Outcome::Refused { status }
        }
    };
    let mut account = local(course, session, outcome, reply).await;
    if refusal == Refusal::UpgradeForbidden {
        // Its end is that of what was to follow.
        account.timing = Timing::CUT_SHORT;
    }
    account
}

/// Answers a request that could not be served for a panic, unless an answer has begun.
pub(super) async fn apologize<'a>(course: &Course<'a>, session: &mut ServerSession) -> Account<'a> {
    course
        .connection
        .worker()
        .resources()
        .panicked(Work::Request);
    let outcome = Outcome::Panicked;
    let mut account = Account::local(outcome, Afterwards::Abort);
    // Where the codec stands in the request is not known.
    session.set_keepalive(None);
    if let Some(begun) = session.response_written() {
        account.told = Some(begun.status.as_u16());
        return account;
    }
    let answered = local(course, session, outcome, Reply::new(500, ""));
    confined(pin!(answered)).await.unwrap_or(account)
}

/// Has the gateway answer by itself.
pub(super) async fn local<'a>(
    course: &Course<'a>,
    session: &mut ServerSession,
    outcome: Outcome,
    reply: Reply,
) -> Account<'a> {
    let text = reply.text;
    let mut account = match reply.send(course, session, outcome).await {
        Ok(()) => {
            let is_call = grpc::is_call(&session.req_header().headers);
            let mut account = Account::local(outcome, Afterwards::Finish);
            if !session.is_body_done() {
                account.timing = Timing::CUT_SHORT;
            }
            account.told = is_call.then_some(grpc::HTTP_STATUS);
            account
        }
        Err(_) => Account::local(Outcome::ClientLeft, Afterwards::Abort),
    };
    account.particulars.text = text;
    account
}
