//! What has to be at hand before a Snapshot can be served, besides its clusters.
//!
//! Invariant: follows from the Routes, the clusters and the settings; counted, so that a Route that
//! comes or goes costs no look at the others.
//! Deliberately absent: reading files, finding endpoints, and telling where a request comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nuncio_config::{ErrorResponseOverride, HashOn, OverrideBody};

use crate::{Action, Cluster, Discovery, Route, ServicePort};

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
}

/// Demands by the number of those who have them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    forwarding: usize,
    error_pages: BTreeMap<Box<str>, usize>,
    endpoints: BTreeMap<ServicePort, usize>,
}

impl Tally {
    pub(crate) fn add_route(&mut self, route: &Route) {
        self.forwarding += usize::from(watches_forwarding(route));
        self.add_pages(&route.response.error_overrides);
    }

    pub(crate) fn add_cluster(&mut self, cluster: &Cluster) {
        if let Discovery::Endpoints(of) = &cluster.discovery {
            *self.endpoints.entry(of.clone()).or_default() += 1;
        }
    }

    pub(crate) fn add_pages(&mut self, overrides: &[ErrorResponseOverride]) {
        for file in files(overrides) {
            *self.error_pages.entry(file.clone()).or_default() += 1;
        }
    }

    pub(crate) fn demands(&self) -> Demands {
        Demands {
            forwarding: self.forwarding > 0,
            error_pages: self.error_pages.keys().cloned().collect(),
            endpoints: Arc::new(self.endpoints.keys().cloned().collect()),
        }
    }
}

fn files(overrides: &[ErrorResponseOverride]) -> impl Iterator<Item = &Box<str>> {
    overrides.iter().filter_map(|rule| match &rule.body {
        OverrideBody::File(name) => Some(name),
        OverrideBody::Text(_) | OverrideBody::Json(_) => None,
    })
}

fn watches_forwarding(route: &Route) -> bool {
    let hashed = match &route.action {
        Action::Forward(to) => match &to.hash_on {
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
