//! Watches: what is there if that is asked for, the history after a version, then everything as it
//! comes.
//!
//! Invariant: a watch ends with its connection, at its `timeoutSeconds`, or when a fault says so.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::call::Call;
use super::event::{bookmark, error_or_bookmark, line};
use super::fault::Expiry;
use super::reply::{Chunks, refusal, refuse, status};
use super::store::{State, Store};

pub(super) fn watch(call: Call, store: &Arc<Store>) -> Response<Chunks> {
    let mut guard = store.lock();
    let state = &mut *guard;
    let id = state.table(call.resource).faults.watches;
    state.table(call.resource).faults.watches += 1;
    if let Some(refusal) = watch_refusal(&call, state) {
        return refusal;
    }
    let asked = call.number("resourceVersion").unwrap_or(0);
    let initial = asked == 0 || call.flag("sendInitialEvents");
    let pending = if initial {
        initial_lines(&call, state)
    } else {
        Vec::new()
    };
    let watching = Watching {
        id,
        version: if initial { state.version } else { asked },
        signal: state.table(call.resource).signal(),
        call,
    };
    drop(guard);
    let (sender, receiver) = mpsc::channel(64);
    // Ends with the connection, whose end shuts the channel.
    tokio::spawn(watching.run(pending, sender, Arc::clone(store)));
    Response::new(Chunks(receiver))
}

/// One watch under way.
struct Watching {
    call: Call,
    id: usize,
    version: u64,
    signal: watch::Receiver<()>,
}

impl Watching {
    async fn run(mut self, pending: Vec<Bytes>, sender: mpsc::Sender<Bytes>, store: Arc<Store>) {
        let seconds = self.call.number("timeoutSeconds").unwrap_or(300);
        let deadline = tokio::time::sleep(Duration::from_secs(seconds));
        tokio::pin!(deadline);
        let mut chunk = pending.concat();
        loop {
            let Some(lines) = self.lines(&mut store.lock()) else {
                return;
            };
            chunk.extend(lines.concat());
            let stalled = {
                let mut state = store.lock();
                let faults = &mut state.table(self.call.resource).faults;
                if !chunk.is_empty() && faults.torn.remove(&self.id) {
                    chunk.truncate(chunk.len() / 2);
                    faults.stalled.insert(self.id);
                }
                faults.sent += chunk.len() as u64;
                faults.stalled.contains(&self.id)
            };
            let ready = Bytes::from(std::mem::take(&mut chunk));
            if !ready.is_empty() && sender.send(ready).await.is_err() {
                return;
            }
            tokio::select! {
                _ = self.signal.changed() => {}
                () = sender.closed() => return,
                () = &mut deadline, if !stalled => {
                    let farewell = self.farewell(&store.lock());
                    drop(sender.send(farewell).await);
                    return;
                }
            }
        }
    }

    /// A server sends a last bookmark shortly before it ends a watch.
    fn farewell(&self, state: &State) -> Bytes {
        if self.call.flag("allowWatchBookmarks") {
            return bookmark(self.call.resource, state.version, &json!({}));
        }
        Bytes::new()
    }

    /// What to send now; `None` to end.
    fn lines(&mut self, state: &mut State) -> Option<Vec<Bytes>> {
        let current = state.version;
        let table = state.table(self.call.resource);
        if table.faults.stalled.contains(&self.id) {
            return Some(Vec::new());
        }
        if self.id < table.faults.cut {
            return None;
        }
        let expired = matches!(table.faults.oldest, Some((v, Expiry::Event)) if self.version < v);
        if expired || self.version < table.dropped {
            // Sent once: the version then is beyond all that is to come.
            self.version = u64::MAX;
            let status = status(StatusCode::GONE, "Expired", "too old resource version");
            return Some(vec![error_or_bookmark("ERROR", &status)]);
        }
        let seen = table
            .history
            .partition_point(|entry| entry.version <= self.version);
        let new = table.history.range(seen..);
        let lines = new.filter_map(|entry| entry.line(&self.call)).collect();
        self.version = self.version.max(current);
        Some(lines)
    }
}

/// Why the watch does not begin, if it does not.
fn watch_refusal(call: &Call, state: &mut State) -> Option<Response<Chunks>> {
    let (streaming, current) = (state.streaming, state.version);
    let table = state.table(call.resource);
    if let Some(refusal) = refusal(call, table) {
        return Some(refusal);
    }
    if table.faults.watch_forbidden {
        let message = "cannot watch resource";
        return Some(refuse(StatusCode::FORBIDDEN, "Forbidden", message));
    }
    if call.flag("sendInitialEvents") {
        // Servers without streaming lists know resourceVersionMatch for lists alone.
        let message = "sendInitialEvents is forbidden for watch unless WatchList is enabled";
        let code = StatusCode::UNPROCESSABLE_ENTITY;
        return (!streaming).then(|| refuse(code, "Invalid", message));
    }
    let version = call.number("resourceVersion").filter(|asked| *asked > 0)?;
    let too_large = matches!(table.faults.oldest, Some((v, Expiry::TooLarge)) if version < v);
    if too_large || version > current {
        let message = format!("Too large resource version: {version}, current: 1");
        return Some(refuse(StatusCode::GATEWAY_TIMEOUT, "Timeout", &message));
    }
    let expired = matches!(table.faults.oldest, Some((v, Expiry::Status)) if version < v);
    (expired || version < table.dropped)
        .then(|| refuse(StatusCode::GONE, "Expired", "too old resource version"))
}

/// Everything that is there, and its end when that is asked for.
fn initial_lines(call: &Call, state: &mut State) -> Vec<Bytes> {
    let version = state.version;
    let table = state.table(call.resource);
    let ours = table.objects.values().filter(|object| call.selects(object));
    let mut lines: Vec<Bytes> = ours.map(|object| line("ADDED", object, call)).collect();
    if call.flag("sendInitialEvents") {
        let end = json!({"k8s.io/initial-events-end": "true"});
        lines.push(bookmark(call.resource, version, &end));
    }
    lines
}
