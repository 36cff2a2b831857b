//! The wire: requests of the Kubernetes API, answered from the store.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::call::Call;
use super::discovery;
use super::listing::list;
use super::reply::{self, Chunks, not_found, refusal, refuse};
use super::store::{State, Store};
use super::watching::watch;
use super::writing::{Mode, delete, write};

pub(super) async fn answer(
    req: Request<Incoming>,
    store: Arc<Store>,
) -> Result<Response<Chunks>, Infallible> {
    let (head, body) = req.into_parts();
    if let Some(answer) = answered_apart(&head, &mut store.lock()) {
        return Ok(answer);
    }
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let (path, query) = (head.uri.path(), head.uri.query());
    let Some(call) = Call::of(path, query, header(ACCEPT)) else {
        return Ok(not_found("no such path"));
    };
    if head.method == Method::GET {
        let asked = head.uri.to_string();
        store.lock().table(call.resource).faults.asked.push(asked);
    }
    if store.lock().table(call.resource).faults.hanging {
        store.lock().table(call.resource).faults.lists += 1;
        return pending().await;
    }
    let content_type = header(CONTENT_TYPE).unwrap_or_default().as_bytes();
    if let Some(mode) = Mode::of(&head.method, content_type) {
        let Ok(body) = body.collect().await else {
            return Ok(refuse(StatusCode::BAD_REQUEST, "BadRequest", "no body"));
        };
        return Ok(write(&call, &mut store.lock(), &body.to_bytes(), mode));
    }
    Ok(match (head.method, call.name.is_some()) {
        (Method::GET, false) if call.flag("watch") => watch(call, &store),
        (Method::GET, false) => list(&call, &mut store.lock()),
        (Method::GET, true) => get(&call, &mut store.lock()),
        (Method::DELETE, true) => delete(&call, &mut store.lock()),
        _ => {
            let code = StatusCode::METHOD_NOT_ALLOWED;
            refuse(code, "MethodNotAllowed", "not served here")
        }
    })
}

/// Who is not let in, and what is no object.
fn answered_apart(head: &Parts, state: &mut State) -> Option<Response<Chunks>> {
    let token = head.headers.get(AUTHORIZATION);
    let right = |expected: &String| token.is_some_and(|t| *t == format!("Bearer {expected}"));
    if !state.token.as_ref().is_none_or(right) {
        state.unauthorized += 1;
        let code = StatusCode::UNAUTHORIZED;
        return Some(refuse(code, "Unauthorized", "Unauthorized"));
    }
    if head.method != Method::GET {
        return None;
    }
    discovery::answer(head.uri.path(), state)
}

fn get(call: &Call, state: &mut State) -> Response<Chunks> {
    let table = state.table(call.resource);
    if let Some(refusal) = refusal(call, table) {
        return refusal;
    }
    let object = call.key().and_then(|key| table.objects.get(&key));
    match object {
        Some(object) if call.metadata_only => reply::ok(object.metadata()),
        Some(object) => reply::ok(object.full(&call.api())),
        None => not_found("not found"),
    }
}
