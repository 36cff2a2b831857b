//! Objects, their history, and the faults that were called for.
//!
//! Invariant: every write has a version of its own, greater than all before; a watch from version
//! `v` sees exactly the events of its kind after `v`, in order, or is told that they are gone.
//! Deliberately absent: HTTP.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::event::{Entry, Event};
use super::fault::Faults;
use super::journal::Written;
use super::object::{Key, Object};
use super::resource::Resource;

/// Events of a kind that are kept for watches to come.
const HISTORY: usize = 100_000;

/// One kind's objects and events.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) objects: BTreeMap<Key, Arc<Object>>,
    pub(super) history: VecDeque<Arc<Entry>>,
    /// The version of the last event that was dropped.
    pub(super) dropped: u64,
    pub(super) faults: Faults,
    /// Served versions, the stored one first; empty when not installed.
    pub(super) versions: Vec<&'static str>,
    /// Objects are answered in the version they are stored in, or not at all.
    pub(super) conversion_broken: bool,
    signal: watch::Sender<()>,
}

#[derive(Debug)]
pub(super) struct State {
    tables: BTreeMap<Resource, Table>,
    pub(super) version: u64,
    /// Whether lists may come as streams.
    pub(super) streaming: bool,
    /// The only token that is let in.
    pub(super) token: Option<String>,
    /// How many requests were not.
    pub(super) unauthorized: usize,
    /// Gateways whose requests are never answered.
    pub(super) cut_off: BTreeSet<String>,
    pub(super) journal: Vec<Written>,
}

/// The state, for whoever holds the lock.
#[derive(Debug)]
pub(super) struct Store {
    state: Mutex<State>,
}

impl Store {
    pub(super) fn new() -> Self {
        let table = |resource| (resource, Table::new(resource));
        let state = State {
            tables: Resource::ALL.into_iter().map(table).collect(),
            version: 1000,
            streaming: false,
            token: None,
            unauthorized: 0,
            cut_off: BTreeSet::new(),
            journal: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    pub(super) fn table(&mut self, resource: Resource) -> &mut Table {
        self.tables.get_mut(&resource).unwrap()
    }

    /// Changes the faults of a kind and wakes its watches.
    pub(super) fn fault(&mut self, resource: Resource, change: impl FnOnce(&mut Faults)) {
        let table = self.table(resource);
        change(&mut table.faults);
        table.signal.send_replace(());
    }

    pub(super) fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Puts an object made for the next version in the place of what was there.
    pub(super) fn insert(
        &mut self,
        resource: Resource,
        make: impl FnOnce(u64) -> Object,
    ) -> Arc<Object> {
        let version = self.next();
        let object = Arc::new(make(version));
        let table = self.table(resource);
        let before = table
            .objects
            .insert(object.key.clone(), Arc::clone(&object));
        let event = Event::Put {
            before,
            now: Arc::clone(&object),
        };
        table.tell(Entry::new(version, event));
        object
    }

    pub(super) fn delete(&mut self, resource: Resource, key: &Key) -> Option<Arc<Object>> {
        let before = self.table(resource).objects.remove(key)?;
        let version = self.next();
        let mut value = before.value();
        value["metadata"]["resourceVersion"] = serde_json::json!(version.to_string());
        let last = Arc::new(Object::new(key.clone(), &value));
        let event = Event::Deleted(Arc::clone(&last));
        self.table(resource).tell(Entry::new(version, event));
        Some(last)
    }

    /// Adds an event that concerns no object.
    pub(super) fn note(&mut self, resource: Resource, event: Event) {
        let version = self.next();
        self.table(resource).tell(Entry::new(version, event));
    }
}

impl Table {
    fn new(resource: Resource) -> Self {
        let versions = if resource.is_custom() {
            Vec::new()
        } else {
            vec!["v1"]
        };
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            dropped: 0,
            faults: Faults::default(),
            versions,
            conversion_broken: false,
            signal: watch::Sender::new(()),
        }
    }

    /// Told of every event and fault.
    pub(super) fn signal(&self) -> watch::Receiver<()> {
        self.signal.subscribe()
    }

    /// Whether something is stored in another version than the one asked for, and nobody converts.
    pub(super) fn unconvertible(&self, api: &str) -> bool {
        self.conversion_broken && self.objects.values().any(|object| object.api != api)
    }

    fn tell(&mut self, entry: Entry) {
        self.history.push_back(Arc::new(entry));
        if self.history.len() > HISTORY {
            let gone = self.history.pop_front();
            self.dropped = gone.map_or(self.dropped, |entry| entry.version);
        }
        self.signal.send_replace(());
    }
}
