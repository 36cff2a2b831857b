//! The wire: requests of the Kubernetes API, answered from the store.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::ACCEPT;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::call::Call;
use super::store::{Key, State, Store};
use super::watching::watch;

/// A response body fed through a channel; it ends when the sender is gone.
pub(super) struct Chunks(pub(super) mpsc::Receiver<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

pub(super) async fn answer(
    req: Request<Incoming>,
    store: Arc<Store>,
) -> Result<Response<Chunks>, Infallible> {
    let (head, body) = req.into_parts();
    if head.uri.path() == "/version" {
        return Ok(reply(StatusCode::OK, &json!({"major": "1", "minor": "31"})));
    }
    let accept = head
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    let Some(call) = Call::of(head.uri.path(), head.uri.query(), accept) else {
        return Ok(refuse(StatusCode::NOT_FOUND, "NotFound", "no such path"));
    };
    Ok(match (head.method, call.name.is_some()) {
        (Method::GET, false) if call.flag("watch") => watch(call, store),
        (Method::GET, false) => list(&call, &store),
        (Method::GET, true) => found(
            call.key()
                .and_then(|key| store.lock().get(call.resource, &key).cloned()),
        ),
        (Method::DELETE, true) => found(
            call.key()
                .and_then(|key| store.change(|s| s.delete(call.resource, &key))),
        ),
        (Method::POST | Method::PUT | Method::PATCH, _) => {
            let Ok(body) = body.collect().await else {
                return Ok(refuse(StatusCode::BAD_REQUEST, "BadRequest", "no body"));
            };
            let merge = head
                .headers
                .get("content-type")
                .is_some_and(|value| value.as_bytes().starts_with(b"application/merge-patch"));
            write(&call, &store, &body.to_bytes(), merge)
        }
        _ => refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "not served here",
        ),
    })
}

fn list(call: &Call, store: &Store) -> Response<Chunks> {
    let mut state = store.lock();
    let faults = state.faults(call.resource);
    let number = faults.lists;
    faults.lists += 1;
    if let Some(refusal) = call.refusal(faults) {
        return refusal;
    }
    if faults.failing_lists.contains(&number) {
        return refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "etcdserver: timeout",
        );
    }
    reply(StatusCode::OK, &page(call, &state))
}

/// One page. A continue token is the version of the first page and how many objects were sent.
fn page(call: &Call, state: &State) -> Value {
    let token = call
        .query
        .get("continue")
        .and_then(|token| token.split_once('|'));
    let (version, sent) = token.unwrap_or(("", "0"));
    let (version, sent) = (
        version.parse().unwrap_or(state.version),
        sent.parse::<usize>().unwrap_or(0),
    );
    let limit = call
        .number("limit")
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let objects = state.objects.get(&call.resource);
    let all = objects.into_iter().flat_map(|objects| objects.values());
    let mut rest = all.filter(|object| call.selects(object)).skip(sent);
    let items: Vec<Value> = rest
        .by_ref()
        .take(limit)
        .map(|object| call.shown(object))
        .collect();
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if rest.next().is_some() {
        metadata["continue"] = json!(format!("{version}|{}", sent + items.len()));
    }
    let (api, kind) = if call.metadata_only {
        ("meta.k8s.io/v1", "PartialObjectMetadataList".to_owned())
    } else {
        ("v1", format!("{}List", call.resource.kind()))
    };
    json!({"apiVersion": api, "kind": kind, "metadata": metadata, "items": items})
}

fn write(call: &Call, store: &Store, body: &[u8], merge: bool) -> Response<Chunks> {
    let Ok(mut object) = serde_json::from_slice::<Value>(body) else {
        return refuse(StatusCode::BAD_REQUEST, "BadRequest", "not JSON");
    };
    let name = call
        .name
        .clone()
        .or_else(|| object["metadata"]["name"].as_str().map(str::to_owned));
    let Some(name) = name else {
        return refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            "metadata.name: required",
        );
    };
    let key = Key {
        namespace: call.namespace.clone().unwrap_or_default(),
        name,
    };
    let object = store.change(|state| {
        if merge && let Some(before) = state.get(call.resource, &key) {
            let patch = std::mem::replace(&mut object, before.clone());
            merge_patch(&mut object, patch);
        }
        state.put(call.resource, key, object)
    });
    reply(StatusCode::OK, &object)
}

/// RFC 7386.
fn merge_patch(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&name);
        } else {
            merge_patch(&mut target[name], value);
        }
    }
}

fn found(object: Option<Value>) -> Response<Chunks> {
    match object {
        Some(object) => reply(StatusCode::OK, &object),
        None => refuse(StatusCode::NOT_FOUND, "NotFound", "not found"),
    }
}

pub(super) fn refuse(code: StatusCode, reason: &str, message: &str) -> Response<Chunks> {
    reply(code, &status(code, reason, message))
}

pub(super) fn status(code: StatusCode, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    })
}

fn reply(code: StatusCode, body: &Value) -> Response<Chunks> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(Bytes::from(body.to_string())).unwrap();
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    response.body(Chunks(receiver)).unwrap()
}
