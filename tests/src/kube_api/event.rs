//! One event of a kind, and its lines in the streams of watches.
//!
//! Invariant: the line that all watches of a form get is made once and shared.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::{Value, json};

use super::call::Call;
use super::object::Object;
use super::resource::Resource;

#[derive(Debug)]
pub(super) enum Event {
    Put {
        before: Option<Arc<Object>>,
        now: Arc<Object>,
    },
    Deleted(Arc<Object>),
    Bookmark,
    /// A line that is sent as it is.
    Raw(String),
}

/// An event and when it was.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) version: u64,
    event: Event,
    full: OnceLock<Bytes>,
    metadata: OnceLock<Bytes>,
}

impl Entry {
    pub(super) fn new(version: u64, event: Event) -> Self {
        Self {
            version,
            event,
            full: OnceLock::new(),
            metadata: OnceLock::new(),
        }
    }

    /// The line for one watch; `None` when it is not concerned.
    pub(super) fn line(&self, call: &Call) -> Option<Bytes> {
        match &self.event {
            Event::Put { before, now } => {
                let was = before.as_ref().is_some_and(|before| call.selects(before));
                match (was, call.selects(now)) {
                    (false, false) => None,
                    // What the selectors no longer meet is gone for this watch.
                    (true, false) => Some(line("DELETED", now, call)),
                    (true, true) => Some(self.shared("MODIFIED", now, call)),
                    (false, true) if before.is_none() => Some(self.shared("ADDED", now, call)),
                    (false, true) => Some(line("ADDED", now, call)),
                }
            }
            Event::Deleted(last) if call.selects(last) => Some(self.shared("DELETED", last, call)),
            Event::Bookmark if call.flag("allowWatchBookmarks") => {
                Some(bookmark(call.resource, self.version, &json!({})))
            }
            Event::Deleted(_) | Event::Bookmark => None,
            Event::Raw(text) => Some(Bytes::from(format!("{text}\n"))),
        }
    }

    fn shared(&self, kind: &str, object: &Object, call: &Call) -> Bytes {
        let made = if call.metadata_only {
            &self.metadata
        } else if call.api() == object.api {
            &self.full
        } else {
            return line(kind, object, call);
        };
        made.get_or_init(|| line(kind, object, call)).clone()
    }
}

/// An event of one object.
pub(super) fn line(kind: &str, object: &Object, call: &Call) -> Bytes {
    let object = if call.metadata_only {
        object.metadata()
    } else {
        object.full(&call.api())
    };
    let mut line = Vec::with_capacity(object.len() + 40);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(kind.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(&object);
    line.extend_from_slice(b"}\n");
    Bytes::from(line)
}

pub(super) fn bookmark(resource: Resource, version: u64, annotations: &Value) -> Bytes {
    let metadata = json!({
        "resourceVersion": version.to_string(), "creationTimestamp": null,
        "annotations": annotations,
    });
    let object = json!({"apiVersion": "v1", "kind": resource.kind(), "metadata": metadata});
    error_or_bookmark("BOOKMARK", &object)
}

pub(super) fn error_or_bookmark(kind: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}
