//! Objects, their history, and the faults that were called for.
//!
//! Invariant: every write has a version of its own, greater than all before; a watch from version
//! `v` sees exactly the events after `v`, in order.
//! Deliberately absent: HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::watch;

/// The kinds that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// `v1` Service.
    Services,
    /// `v1` Secret.
    Secrets,
    /// `v1` ConfigMap.
    ConfigMaps,
    /// `v1` Namespace.
    Namespaces,
}

impl Resource {
    /// The object's kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Services => "Service",
            Self::Secrets => "Secret",
            Self::ConfigMaps => "ConfigMap",
            Self::Namespaces => "Namespace",
        }
    }
}

impl FromStr for Resource {
    type Err = ();

    fn from_str(plural: &str) -> Result<Self, ()> {
        match plural {
            "services" => Ok(Self::Services),
            "secrets" => Ok(Self::Secrets),
            "configmaps" => Ok(Self::ConfigMaps),
            "namespaces" => Ok(Self::Namespaces),
            _ => Err(()),
        }
    }
}

/// How a server says that it no longer has a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As the answer to the watch request.
    Status,
    /// As an `ERROR` event in the stream.
    Event,
}

/// Which object of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Empty for kinds without namespaces.
    pub(super) namespace: String,
    pub(super) name: String,
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) resource: Resource,
    pub(super) event: Event,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    Added(Value),
    Modified(Value),
    Deleted(Value),
    Bookmark,
    /// A line that is sent as it is.
    Raw(String),
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) version: u64,
    pub(super) objects: BTreeMap<Resource, BTreeMap<Key, Value>>,
    pub(super) history: Vec<Entry>,
    pub(super) faults: BTreeMap<Resource, Faults>,
}

/// What was called for, and what happened, for one kind.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) forbidden: bool,
    /// Lists are answered, watches are not.
    pub(super) watch_forbidden: bool,
    /// Versions before this one are gone, and how that is said.
    pub(super) oldest: Option<(u64, Expiry)>,
    /// Which lists to come are answered with 500, counted from the first ever.
    pub(super) failing_lists: Range<usize>,
    /// Watches begun so far that never send anything again.
    pub(super) stalled: BTreeSet<usize>,
    /// Watches begun so far that are to end.
    pub(super) cut: usize,
    pub(super) lists: usize,
    pub(super) watches: usize,
}

/// The state, and a signal for each time it changes.
#[derive(Debug)]
pub(super) struct Store {
    state: Mutex<State>,
    signal: watch::Sender<()>,
}

impl Store {
    pub(super) fn new() -> Self {
        let state = State {
            version: 1000,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            signal: watch::Sender::new(()),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes the state and wakes every watch.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.signal.send_replace(());
        result
    }

    pub(super) fn signal(&self) -> watch::Receiver<()> {
        self.signal.subscribe()
    }
}

impl State {
    pub(super) fn faults(&mut self, resource: Resource) -> &mut Faults {
        self.faults.entry(resource).or_default()
    }

    pub(super) fn get(&self, resource: Resource, key: &Key) -> Option<&Value> {
        self.objects.get(&resource)?.get(key)
    }

    /// Creates or replaces an object; what is equal to before leaves no trace, as on a real server.
    pub(super) fn put(&mut self, resource: Resource, key: Key, mut object: Value) -> Value {
        let before = self.get(resource, &key).cloned();
        self.complete(resource, &key, &mut object, before.as_ref());
        if before.as_ref() == Some(&object) {
            return object;
        }
        let version = self.next();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        self.objects
            .entry(resource)
            .or_default()
            .insert(key, object.clone());
        let event = match before {
            Some(_) => Event::Modified(object.clone()),
            None => Event::Added(object.clone()),
        };
        self.history.push(Entry {
            version,
            resource,
            event,
        });
        object
    }

    pub(super) fn delete(&mut self, resource: Resource, key: &Key) -> Option<Value> {
        let mut object = self.objects.get_mut(&resource)?.remove(key)?;
        let version = self.next();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let event = Event::Deleted(object.clone());
        self.history.push(Entry {
            version,
            resource,
            event,
        });
        Some(object)
    }

    /// Adds an entry that concerns no object.
    pub(super) fn note(&mut self, resource: Resource, event: Event) {
        let version = self.next();
        self.history.push(Entry {
            version,
            resource,
            event,
        });
    }

    pub(super) fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Fills in what the server sets; the version stays as before so that equal objects are equal.
    fn complete(&self, resource: Resource, key: &Key, object: &mut Value, before: Option<&Value>) {
        object["apiVersion"] = json!("v1");
        object["kind"] = json!(resource.kind());
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(key.name);
        if !key.namespace.is_empty() {
            metadata["namespace"] = json!(key.namespace);
        }
        let before = before.map(|object| &object["metadata"]);
        metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        metadata["uid"] = before.map_or_else(|| json!(self.uid()), |b| b["uid"].clone());
        metadata["resourceVersion"] = before.map_or(Value::Null, |b| b["resourceVersion"].clone());
    }

    fn uid(&self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.version)
    }
}
