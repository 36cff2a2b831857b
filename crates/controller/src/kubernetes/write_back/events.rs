//! Events on the objects whose configuration has errors, and on their mending.
//!
//! An Event's name is made of its object and its words. So whoever tells the same of the same object
//! again, a new leader or one of another version, finds it told.
//!
//! Invariant: one Event for each object and set of errors; its count rises when the same comes back.
//! Deliberately absent: telling again when the API server forgets Events, by default after an hour.
//! The diagnostics and the status stay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use nuncio_config::ObjectRef;
use serde_json::json;

use super::desk::Desk;
use super::kinds::Kind;
use super::lane::Work;
use super::pen::{Pen, Unwritten};

/// Who reports, as `kubectl describe` shows it.
const COMPONENT: &str = "nuncio";

/// Beyond so many, what was told before is told as if it were new.
const REMEMBERED: usize = 4_096;

/// Writes Events.
pub(super) struct Events {
    pen: Arc<Pen>,
    desk: Arc<Desk>,
    instance: String,
    memory: Mutex<Memory>,
}

/// What this gateway told.
#[derive(Debug, Default)]
struct Memory {
    /// The Event by which an object's errors were told, until they are mended.
    open: BTreeMap<Arc<ObjectRef>, u64>,
    /// How often each Event was told.
    counts: BTreeMap<u64, i32>,
}

/// What is told of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Telling {
    severity: &'static str,
    reason: &'static str,
    note: Box<str>,
}

impl Events {
    pub(super) fn new((pen, desk): (Arc<Pen>, Arc<Desk>), instance: &str) -> Self {
        Self {
            pen,
            desk,
            instance: instance.to_owned(),
            memory: Mutex::default(),
        }
    }

    /// Begins a term: what was mended since the last was for others to tell.
    pub(super) fn begin_term(&self) {
        let open = &mut self.memory().open;
        open.retain(|object, _| self.desk.complaint(object).is_some());
    }

    fn telling(&self, object: &ObjectRef) -> Option<Telling> {
        if let Some(complaint) = self.desk.complaint(object) {
            let reason = if complaint.live {
                "Rejected"
            } else {
                "Invalid"
            };
            return Some(Telling {
                severity: "Warning",
                reason,
                note: complaint.note,
            });
        }
        // Only of those whose errors were told: an object that was always fine is no news.
        self.memory().open.contains_key(object).then(|| Telling {
            severity: "Normal",
            reason: "Accepted",
            note: "all of its configuration is accepted again".into(),
        })
    }

    async fn tell(&self, object: &Arc<ObjectRef>, telling: &Telling) -> Result<(), Unwritten> {
        let print = print(object, telling);
        let Some(kind) = Kind::named(&object.kind) else {
            return Ok(());
        };
        if self.memory().open.get(object) == Some(&print) {
            return Ok(());
        }
        let at = (&*object.namespace, carrier(object));
        let (api_version, metadata) = self.pen.identify(kind, at).await?;
        let involved = involved(kind, api_version, metadata);
        let event = self.event(involved, telling, print);
        match self.pen.create_event(&event).await {
            Err(Unwritten::Exists) => self.repeat(&event, print).await?,
            written => written?,
        }
        self.remember(object, telling, print);
        Ok(())
    }

    /// Counts one more of an Event that is there. One that this gateway did not write was told by a
    /// predecessor, of the same errors.
    async fn repeat(&self, event: &Event, print: u64) -> Result<(), Unwritten> {
        let Some(count) = self.memory().counts.get(&print).copied() else {
            return Ok(());
        };
        let fields = json!({
            "count": count.saturating_add(1),
            "lastTimestamp": event.last_timestamp,
            "involvedObject": {"resourceVersion": event.involved_object.resource_version},
        });
        self.pen.repeat_event(event, fields).await
    }

    fn remember(&self, object: &Arc<ObjectRef>, telling: &Telling, print: u64) {
        let mut memory = self.memory();
        if memory.counts.len() >= REMEMBERED {
            memory.counts.clear();
        }
        let count = memory.counts.entry(print).or_default();
        *count = count.saturating_add(1);
        if telling.severity == "Warning" {
            memory.open.insert(Arc::clone(object), print);
        } else {
            memory.open.remove(object);
        }
    }

    /// The forms of Event of both APIs are one object; this one is what every server takes.
    fn event(&self, involved: ObjectReference, telling: &Telling, print: u64) -> Event {
        let now = Time(Timestamp::now());
        let metadata = ObjectMeta {
            name: Some(event_name(
                involved.name.as_deref().unwrap_or_default(),
                print,
            )),
            namespace: involved.namespace.clone(),
            ..ObjectMeta::default()
        };
        Event {
            metadata,
            involved_object: involved,
            type_: Some(telling.severity.to_owned()),
            reason: Some(telling.reason.to_owned()),
            message: Some(telling.note.to_string()),
            count: Some(1),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            source: Some(EventSource {
                component: Some(COMPONENT.to_owned()),
                host: None,
            }),
            reporting_component: Some(COMPONENT.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for Events {
    const WHAT: &str = "Events";

    async fn write(&self, object: &Arc<ObjectRef>) -> Result<(), Unwritten> {
        let Some(telling) = self.telling(object) else {
            return Ok(());
        };
        let told = self.tell(object, &telling).await;
        if matches!(told, Err(Unwritten::Gone)) {
            self.memory().open.remove(object);
        }
        told
    }
}

/// The object of the API that carries a text: of a ConfigMap, each key is an object of its own.
fn carrier(object: &ObjectRef) -> &str {
    let (name, _key) = object.name.split_once('/').unwrap_or((&object.name, ""));
    name
}

fn involved(kind: &Kind, api_version: String, metadata: ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(api_version),
        kind: Some(kind.kind.to_owned()),
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        field_path: None,
    }
}

/// As client-go names Events: the object's name, a dot, and hexadecimal digits.
fn event_name(object: &str, print: u64) -> String {
    // Names of objects are ASCII, of at most 253 characters, as this one may be.
    let name: String = object.chars().take(230).collect();
    let name = name.trim_end_matches(['.', '-']);
    format!("{name}.{print:016x}")
}

fn print(object: &ObjectRef, telling: &Telling) -> u64 {
    let parts = [&*object.kind, &object.name, telling.reason, &telling.note];
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    fnv(bytes)
}

/// FNV-1a, which is the same in every version of the gateway.
pub(super) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> ObjectRef {
        ObjectRef {
            kind: "ConfigMap".into(),
            namespace: "default".into(),
            name: name.into(),
        }
    }

    fn telling(note: &str) -> Telling {
        Telling {
            severity: "Warning",
            reason: "Invalid",
            note: note.into(),
        }
    }

    #[test]
    fn an_event_is_named_by_its_object_and_its_words() {
        let name = |object: &ObjectRef, note: &str| {
            event_name(carrier(object), print(object, &telling(note)))
        };
        let (one, two) = (object("c/one.yaml"), object("c/two.yaml"));
        // Replicas of other versions must come to the same name.
        assert_eq!(name(&one, "bad"), name(&one, "bad"));
        assert!(name(&one, "bad").starts_with("c."));
        assert_ne!(name(&one, "bad"), name(&two, "bad"));
        assert_ne!(name(&one, "bad"), name(&one, "worse"));
    }

    #[test]
    fn a_name_is_one_that_the_api_takes() {
        let long = "a-".repeat(126);
        let name = event_name(&long, u64::MAX);
        assert!(name.len() <= 253, "{}", name.len());
        assert!(!name.contains("-."), "{name}");
    }
}
