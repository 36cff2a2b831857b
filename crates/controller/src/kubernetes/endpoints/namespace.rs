//! The Services of one namespace whose endpoints are wanted, and the watches of their slices.
//!
//! Invariant: a watch that was replaced is not listened to any more, whatever it still has to say;
//! what it told before stays until its successor has listed.
//! Deliberately absent: publishing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kube::Client;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::followed::{Followed, Known};
use super::slice::Slice;
use super::watch::{Heard, Named, Watch, WatchId, What};
use crate::kubernetes::cover::{Cover, Limits, Listing, Scope};
use crate::kubernetes::outage::Outage;

/// The names of 32 Services fit into a URL many times over.
const LIMITS: Limits = Limits {
    selected: 32,
    watches: 4,
    beside: 4,
};

/// Names of Services of one namespace.
type Names = BTreeSet<Box<str>>;

/// One namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    name: Arc<str>,
    services: BTreeMap<Box<str>, Followed>,
    cover: Cover<Box<str>, Running>,
}

/// Starts watches.
pub(super) struct Watches {
    client: Client,
    outage: Arc<Outage>,
    heard: mpsc::Sender<Heard>,
    last: u64,
}

/// A watch under way; ends when dropped.
#[derive(Debug)]
struct Running {
    id: WatchId,
    _task: JoinSet<()>,
}

impl Namespace {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            services: BTreeMap::new(),
            cover: Cover::new(LIMITS),
        }
    }

    /// The Service, followed from now on; and whether it was not before.
    pub(super) fn follow(&mut self, service: &str) -> (&mut Followed, bool) {
        let is_new = !self.services.contains_key(service);
        let followed = self.services.entry(service.into()).or_default();
        (followed, is_new)
    }

    pub(super) fn service(&mut self, service: &str) -> Option<&mut Followed> {
        self.services.get_mut(service)
    }

    pub(super) fn forget(&mut self, service: &str) {
        self.services.remove(service);
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(|service| &**service)
    }

    /// Starts and ends watches as the Services ask for; whether there is any left.
    pub(super) fn fit(&mut self, watches: &mut Watches) -> bool {
        let wanted: Names = self.services.keys().cloned().collect();
        let (namespace, services) = (&self.name, &self.services);
        self.cover.fit((&wanted, Listing::Now), |scope| {
            let mut covered = scope.names.iter().filter_map(|name| services.get(name));
            let known = covered.any(Followed::has_slices);
            watches.start(namespace, scope, known)
        });
        !wanted.is_empty()
    }

    /// Takes what a watch has to say; answers whom it concerns.
    pub(super) fn hear(&mut self, watch: WatchId, what: What) -> Names {
        match what {
            What::Listed(slices) => self.listed(watch, slices),
            What::Refused(_) => {
                let refused = |followed: &mut Followed| followed.slices = Known::Refused;
                self.for_all(watch, refused)
            }
            What::Applied(Named {
                service,
                name,
                slice,
            }) => self.for_one(watch, &service, |slices| drop(slices.insert(name, slice))),
            What::Removed { service, slice } => {
                self.for_one(watch, &service, |slices| drop(slices.remove(&slice)))
            }
        }
    }

    fn listed(&mut self, watch: WatchId, slices: Vec<Named>) -> Names {
        let concerned = self.for_all(watch, |followed| {
            followed.slices = Known::Is(HashMap::new());
        });
        for Named {
            service,
            name,
            slice,
        } in slices
        {
            self.for_one(watch, &service, |slices| drop(slices.insert(name, slice)));
        }
        concerned
    }

    fn for_all(&mut self, watch: WatchId, act: impl Fn(&mut Followed)) -> Names {
        let is_it = |running: &Running| running.id == watch;
        let concerned = self.cover.names(is_it).cloned().unwrap_or_default();
        for service in &concerned {
            if let Some(followed) = self.services.get_mut(service) {
                act(followed);
            }
        }
        concerned
    }

    fn for_one(
        &mut self,
        watch: WatchId,
        service: &str,
        act: impl FnOnce(&mut HashMap<Box<str>, Slice>),
    ) -> Names {
        let running = self.cover.of(service);
        if running.is_some_and(|running| running.id == watch)
            && let Some(followed) = self.services.get_mut(service)
            && let Known::Is(slices) = &mut followed.slices
        {
            act(slices);
            return [service.into()].into();
        }
        Names::new()
    }
}

impl Watches {
    pub(super) fn new(
        (client, outage): (&Client, &Arc<Outage>),
        heard: mpsc::Sender<Heard>,
    ) -> Self {
        Self {
            client: client.clone(),
            outage: Arc::clone(outage),
            heard,
            last: 0,
        }
    }

    fn start(&mut self, namespace: &Arc<str>, scope: Scope<Box<str>>, known: bool) -> Running {
        self.last += 1;
        let id = WatchId(self.last);
        let watch = Watch::new(
            (id, scope),
            (&self.client, &self.outage),
            namespace,
            self.heard.clone(),
        );
        let mut task = JoinSet::new();
        task.spawn(watch.succeeding(known).run());
        Running { id, _task: task }
    }
}
