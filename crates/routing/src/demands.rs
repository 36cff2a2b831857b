//! What has to be at hand before a Snapshot can be served, besides its clusters.
//!
//! Invariant: follows from the Routes, the clusters, the settings and who is listened to; counted, so that a Route that
//! comes or goes costs no look at the others.
//! Deliberately absent: reading files, finding endpoints, and telling where a request comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nuncio_config::{ErrorResponseOverride, HashOn, OverrideBody};

use crate::{Action, Cluster, Credential, Discovery, Listening, Route, ServicePort};

/// What the Routes of a Snapshot need as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Whether a Route looks at what the gateway says of where a request comes from
    /// (`x-request-id`, `x-forwarded-for`, `x-forwarded-proto`): to match it, or to balance by it.
    pub forwarding: bool,
    /// The files that errors are answered with, sorted.
    pub error_pages: Arc<[Box<str>]>,
    /// Whose endpoints clusters have to be told.
    pub endpoints: Arc<BTreeSet<ServicePort>>,
    /// What TLS needs from elsewhere.
    pub credentials: Arc<BTreeSet<Credential>>,
}

/// Demands by the number of those who have them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    forwarding: usize,
    error_pages: Counted<Box<str>>,
    endpoints: Counted<ServicePort>,
    credentials: Counted<Credential>,
    demands: Arc<Demands>,
}

impl Tally {
    pub(crate) fn add_route(&mut self, route: &Route) {
        self.forwarding += usize::from(watches_forwarding(route));
        self.add_pages(&route.response.error_overrides);
    }

    pub(crate) fn remove_route(&mut self, route: &Route) {
        self.forwarding -= usize::from(watches_forwarding(route));
        self.remove_pages(&route.response.error_overrides);
    }

    pub(crate) fn add_cluster(&mut self, cluster: &Cluster) {
        if let Discovery::Endpoints(of) = &cluster.discovery {
            self.endpoints.add(of);
        }
        for credential in cluster.tls.iter().flat_map(|tls| tls.credentials()) {
            self.credentials.add(&credential);
        }
    }

    pub(crate) fn remove_cluster(&mut self, cluster: &Cluster) {
        if let Discovery::Endpoints(of) = &cluster.discovery {
            self.endpoints.remove(of);
        }
        for credential in cluster.tls.iter().flat_map(|tls| tls.credentials()) {
            self.credentials.remove(&credential);
        }
    }

    pub(crate) fn add_listening(&mut self, listening: &Listening) {
        for credential in credentials(listening) {
            self.credentials.add(&credential);
        }
    }

    pub(crate) fn remove_listening(&mut self, listening: &Listening) {
        for credential in credentials(listening) {
            self.credentials.remove(&credential);
        }
    }

    pub(crate) fn add_pages(&mut self, overrides: &[ErrorResponseOverride]) {
        files(overrides).for_each(|file| self.error_pages.add(file));
    }

    pub(crate) fn remove_pages(&mut self, overrides: &[ErrorResponseOverride]) {
        files(overrides).for_each(|file| self.error_pages.remove(file));
    }

    /// The demands, the same value as before unless they have changed.
    pub(crate) fn demands(&mut self) -> Arc<Demands> {
        let before = &self.demands;
        let pages = self.error_pages.changed();
        let pages = pages.map(|pages| pages.cloned().collect());
        let endpoints = self.endpoints.changed();
        let endpoints = endpoints.map(|endpoints| Arc::new(endpoints.cloned().collect()));
        let credentials = self.credentials.changed();
        let credentials = credentials.map(|credentials| Arc::new(credentials.cloned().collect()));
        let demands = Demands {
            forwarding: self.forwarding > 0,
            error_pages: pages.unwrap_or_else(|| Arc::clone(&before.error_pages)),
            endpoints: endpoints.unwrap_or_else(|| Arc::clone(&before.endpoints)),
            credentials: credentials.unwrap_or_else(|| Arc::clone(&before.credentials)),
        };
        if demands != **before {
            self.demands = Arc::new(demands);
        }
        Arc::clone(&self.demands)
    }
}

/// Values with the number of those who want them.
#[derive(Debug)]
struct Counted<T> {
    wanted: BTreeMap<T, usize>,
    changed: bool,
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self {
            wanted: BTreeMap::new(),
            changed: false,
        }
    }
}

impl<T: Ord + Clone> Counted<T> {
    fn add(&mut self, value: &T) {
        if let Some(count) = self.wanted.get_mut(value) {
            *count += 1;
            return;
        }
        self.wanted.insert(value.clone(), 1);
        self.changed = true;
    }

    fn remove(&mut self, value: &T) {
        let Some(count) = self.wanted.get_mut(value) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.wanted.remove(value);
            self.changed = true;
        }
    }

    /// What is wanted, unless it is what was wanted when this was last asked.
    fn changed(&mut self) -> Option<impl Iterator<Item = &T>> {
        std::mem::take(&mut self.changed).then(|| self.wanted.keys())
    }
}

fn credentials(listening: &Listening) -> impl Iterator<Item = Credential> {
    let terminations = listening.terminations.iter();
    terminations.flat_map(|termination| termination.credentials())
}

fn files(overrides: &[ErrorResponseOverride]) -> impl Iterator<Item = &Box<str>> {
    overrides.iter().filter_map(|rule| match &rule.body {
        OverrideBody::File(name) => Some(name),
        OverrideBody::Text(_) | OverrideBody::Json(_) => None,
    })
}

fn watches_forwarding(route: &Route) -> bool {
    let hashed = match &route.action {
        Action::Forward(to) => match to.hash_on.as_deref() {
            Some(HashOn::Header(name)) => Some(&**name),
            Some(HashOn::Cookie { .. } | HashOn::SourceIp) | None => None,
        },
        Action::Redirect(_) | Action::Probe(_) => None,
    };
    let matched = route.headers.iter().map(|header| header.name.as_str());
    matched.chain(hashed).any(is_told_by_gateway)
}

fn is_told_by_gateway(name: &str) -> bool {
    ["x-request-id", "x-forwarded-for", "x-forwarded-proto"]
        .iter()
        .any(|told| told.eq_ignore_ascii_case(name))
}
