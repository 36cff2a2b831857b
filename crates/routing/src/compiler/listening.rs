//! The live resources that decide who is listened to.
//!
//! Invariant: all of them are compiled together when one of them changes, or something that one of them
//! names: that costs as much as there are Hosts, and no Route.

use std::sync::Arc;

use nuncio_config::{Host, Kind, Listener, Resource, TcpMapping};

use super::assembly::{Assembly, Held};
use crate::Cluster;
use crate::compile::{Class, Listened, Report, Selectors, Surroundings, Told, told};

/// All of them.
#[derive(Debug)]
pub(super) struct Listening {
    /// In insertion order.
    hosts: Vec<Told>,
    /// In insertion order.
    listeners: Vec<Told>,
    /// In insertion order.
    tcp_mappings: Vec<Told>,
    touched: bool,
    held: Held,
    clusters: Vec<Arc<Cluster>>,
}

impl Default for Listening {
    /// Nobody says anything, which means something as well.
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            listeners: Vec::new(),
            tcp_mappings: Vec::new(),
            touched: true,
            held: Held::default(),
            clusters: Vec::new(),
        }
    }
}

impl Listening {
    pub(super) fn add(&mut self, class: Class, told: Told) {
        if let Some(all) = self.of(class) {
            told::insert(all, told);
        }
    }

    pub(super) fn remove(&mut self, class: Class, told: &Told) {
        if let Some(all) = self.of(class) {
            told::take(all, told);
        }
    }

    /// Something that matters has changed.
    pub(super) fn touch(&mut self) {
        self.touched = true;
    }

    /// Something has changed that matters to those who want clusters.
    pub(super) fn touch_clusters(&mut self) {
        self.touched |= !self.tcp_mappings.is_empty();
    }

    /// The selectors of the Hosts, if these may be others than before.
    pub(super) fn selectors(&self, any_label: bool) -> Option<Selectors> {
        let hosts = || all(&self.hosts, as_host).into_iter().map(|(_, host)| host);
        self.touched.then(|| Selectors::of(hosts(), any_label))
    }

    pub(super) fn settle(&mut self, surroundings: &Surroundings<'_>, assembly: &mut Assembly) {
        if !std::mem::take(&mut self.touched) {
            return;
        }
        let listened = Listened {
            hosts: all(&self.hosts, as_host),
            listeners: all(&self.listeners, as_listener),
            tcp_mappings: all(&self.tcp_mappings, as_tcp_mapping),
        };
        let mut report = Report::default();
        let roster = &mut assembly.roster;
        let (listening, clusters) = surroundings.listen(&listened, roster, &mut report);
        for cluster in std::mem::replace(&mut self.clusters, clusters) {
            assembly.roster.release(&cluster);
        }
        assembly.listen(listening);
        assembly.report(&mut self.held, report);
    }

    fn of(&mut self, class: Class) -> Option<&mut Vec<Told>> {
        match class {
            Class::Host => Some(&mut self.hosts),
            Class::Listener => Some(&mut self.listeners),
            Class::TcpMapping => Some(&mut self.tcp_mappings),
            Class::Mapping
            | Class::Module
            | Class::CircuitBreaker
            | Class::OutlierDetection
            | Class::Resolver
            | Class::TracingService
            | Class::TlsContext
            | Class::TlsModule => None,
        }
    }
}

/// Those of one kind.
fn all<T>(told: &[Told], of: fn(&Kind) -> Option<&T>) -> Vec<(&Resource, &T)> {
    let resources = told.iter().filter_map(Told::resource);
    let all = resources.filter_map(|resource| Some((resource, of(&resource.kind)?)));
    all.collect()
}

fn as_host(kind: &Kind) -> Option<&Host> {
    let Kind::Host(host) = kind else { return None };
    Some(host)
}

fn as_listener(kind: &Kind) -> Option<&Listener> {
    let Kind::Listener(listener) = kind else {
        return None;
    };
    Some(listener)
}

fn as_tcp_mapping(kind: &Kind) -> Option<&TcpMapping> {
    let Kind::TcpMapping(mapping) = kind else {
        return None;
    };
    Some(mapping)
}
