//! Watches: the history after a version, then everything as it comes.
//!
//! Invariant: a watch ends with its connection, at its `timeoutSeconds`, or when a fault says so.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::call::Call;
use super::http::{Chunks, refuse, status};
use super::store::{Entry, Event, Expiry, Resource, State, Store};

pub(super) fn watch(call: Call, store: Arc<Store>) -> Response<Chunks> {
    if call.flag("sendInitialEvents") {
        let message = "sendInitialEvents is forbidden for watch unless WatchList is enabled";
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    }
    let version = call.number("resourceVersion").unwrap_or(0);
    let mut state = store.lock();
    let faults = state.faults(call.resource);
    let id = faults.watches;
    faults.watches += 1;
    if let Some(refusal) = call.watch_refusal(faults) {
        return refusal;
    }
    if matches!(faults.oldest, Some((oldest, Expiry::Status)) if version < oldest) {
        return refuse(StatusCode::GONE, "Expired", "too old resource version");
    }
    drop(state);
    let (sender, receiver) = mpsc::channel(64);
    // Ends with the connection, whose end shuts the channel.
    tokio::spawn(
        Watching {
            call,
            id,
            version,
            sender,
        }
        .run(store),
    );
    Response::new(Chunks(receiver))
}

/// One watch under way.
struct Watching {
    call: Call,
    id: usize,
    version: u64,
    sender: mpsc::Sender<Bytes>,
}

impl Watching {
    async fn run(mut self, store: Arc<Store>) {
        let mut signal = store.signal();
        let seconds = self.call.number("timeoutSeconds").unwrap_or(300);
        let deadline = tokio::time::sleep(Duration::from_secs(seconds));
        tokio::pin!(deadline);
        loop {
            let stalled = store
                .lock()
                .faults(self.call.resource)
                .stalled
                .contains(&self.id);
            let Some(lines) = self.lines(&mut store.lock()) else {
                return;
            };
            for line in lines {
                if self.sender.send(Bytes::from(line + "\n")).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                _ = signal.changed() => {}
                () = self.sender.closed() => return,
                () = &mut deadline, if !stalled => return,
            }
        }
    }

    /// What to send now; `None` to end.
    fn lines(&mut self, state: &mut State) -> Option<Vec<String>> {
        let faults = state.faults(self.call.resource);
        if faults.stalled.contains(&self.id) {
            return Some(Vec::new());
        }
        if self.id < faults.cut {
            return None;
        }
        if matches!(faults.oldest, Some((oldest, Expiry::Event)) if self.version < oldest) {
            // Sent once: the version then is beyond all that is to come.
            self.version = u64::MAX;
            let status = status(StatusCode::GONE, "Expired", "too old resource version");
            return Some(vec![json!({"type": "ERROR", "object": status}).to_string()]);
        }
        let seen = state
            .history
            .partition_point(|entry| entry.version <= self.version);
        let new = state.history.iter().skip(seen);
        let ours = new.filter(|entry| entry.resource == self.call.resource);
        let lines = ours.filter_map(|entry| self.line(entry)).collect();
        self.version = self.version.max(state.version);
        Some(lines)
    }

    fn line(&self, entry: &Entry) -> Option<String> {
        let event = |kind: &str, object: &Value| {
            let line = || json!({"type": kind, "object": self.call.shown(object)}).to_string();
            self.call.selects(object).then(line)
        };
        match &entry.event {
            Event::Added(object) => event("ADDED", object),
            Event::Modified(object) => event("MODIFIED", object),
            Event::Deleted(object) => event("DELETED", object),
            Event::Bookmark if self.call.flag("allowWatchBookmarks") => {
                Some(bookmark(self.call.resource, entry.version))
            }
            Event::Bookmark => None,
            Event::Raw(line) => Some(line.clone()),
        }
    }
}

fn bookmark(resource: Resource, version: u64) -> String {
    let metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
    let object = json!({"apiVersion": "v1", "kind": resource.kind(), "metadata": metadata});
    json!({"type": "BOOKMARK", "object": object}).to_string()
}
