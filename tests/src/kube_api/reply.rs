//! Answers: bodies, and the `Status` objects of refusals.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::call::Call;
use super::store::Table;

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

pub(super) fn ok(body: Bytes) -> Response<Chunks> {
    reply(StatusCode::OK, body)
}

pub(super) fn json(body: &Value) -> Response<Chunks> {
    ok(Bytes::from(body.to_string()))
}

pub(super) fn reply(code: StatusCode, body: Bytes) -> Response<Chunks> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(body).unwrap();
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    response.body(Chunks(receiver)).unwrap()
}

/// A body that comes with so many bytes a second.
pub(super) fn dripping(body: Bytes, pace: u64) -> Response<Chunks> {
    const EACH_SECOND: u64 = 50;
    let piece = usize::try_from(pace / EACH_SECOND).unwrap().max(1);
    let (sender, receiver) = mpsc::channel(1);
    // Ends with the connection, whose end shuts the channel.
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / EACH_SECOND as u32);
        for start in (0..body.len()).step_by(piece) {
            ticks.tick().await;
            let part = body.slice(start..body.len().min(start + piece));
            if sender.send(part).await.is_err() {
                return;
            }
        }
    });
    let response = Response::builder().header("content-type", "application/json");
    response.body(Chunks(receiver)).unwrap()
}

pub(super) fn refuse(code: StatusCode, reason: &str, message: &str) -> Response<Chunks> {
    let body = Bytes::from(status(code, reason, message).to_string());
    reply(code, body)
}

pub(super) fn not_found(message: &str) -> Response<Chunks> {
    refuse(StatusCode::NOT_FOUND, "NotFound", message)
}

pub(super) fn status(code: StatusCode, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    })
}

/// Why nothing of the kind is written, if nothing is.
pub(super) fn write_refusal(call: &Call, table: &Table) -> Option<Response<Chunks>> {
    let forbidden = || forbidden(call, "write");
    unserved(call, table).or_else(|| table.faults.writes_forbidden.then(forbidden))
}

/// Why nothing of the kind is answered in the version asked for, if nothing is.
pub(super) fn refusal(call: &Call, table: &Table) -> Option<Response<Chunks>> {
    if let Some(unserved) = unserved(call, table) {
        return Some(unserved);
    }
    if table.faults.forbidden {
        return Some(forbidden(call, "list"));
    }
    let message = || format!("conversion webhook for {} failed", call.api());
    let broken = table.unconvertible(&call.api());
    broken.then(|| {
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        refuse(code, "InternalError", &message())
    })
}

fn unserved(call: &Call, table: &Table) -> Option<Response<Chunks>> {
    let served = table.versions.contains(&&*call.version);
    (!served).then(|| not_found("the server could not find the requested resource"))
}

fn forbidden(call: &Call, verb: &str) -> Response<Chunks> {
    let plural = call.resource.plural();
    let message = format!("{plural} is forbidden: User \"test\" cannot {verb} resource");
    refuse(StatusCode::FORBIDDEN, "Forbidden", &message)
}
