//! What our own families are made from, at one moment.
//!
//! Invariant: nothing is named twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::guard::{Crowd, series_of};
use crate::listener::unix_seconds;
use crate::mapping::MappingStats;
use crate::process::Memory;
use crate::telemetry::{Handles, Telemetry};

/// The numbers that are not a handle's.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) memory: Option<Memory>,
    /// In the order of their names.
    pub(super) mappings: Vec<Arc<MappingStats>>,
    /// In the order of their names.
    pub(super) weights: Vec<MappingWeight>,
    /// When each expires, in seconds since the epoch.
    pub(super) certificates: BTreeMap<Box<str>, u64>,
    pub(super) workers: u64,
    pub(super) connections: u64,
    pub(super) requests: u64,
    pub(super) upstream_connections: u64,
    pub(super) upstream_pending: u64,
}

/// The share that a Mapping is to have.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MappingWeight {
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
    pub(super) percent: u8,
}

impl Ours {
    /// Leaves in `handles` what there is room for.
    pub(super) fn of(telemetry: &Telemetry, handles: &mut Handles) -> Self {
        let count = &telemetry.server.count;
        let requests = handles.https.iter();
        let requests = requests.map(|http| http.count.downstream_rq_active.value());
        let clusters = handles.clusters.iter();
        let traffic = clusters.map(|cluster| {
            let count = &cluster.count;
            let active = count.of_traffic(|traffic| &traffic.upstream_cx_active);
            let pending = count.of_traffic(|traffic| &traffic.upstream_rq_pending_active);
            (active.value(), pending.value())
        });
        let (upstream_connections, upstream_pending) = traffic
            .reduce(|sum, one| (sum.0 + one.0, sum.1 + one.1))
            .unwrap_or_default();
        let weights = weights(telemetry);
        let mut crowd = Crowd {
            clusters: std::mem::take(&mut handles.clusters),
            mappings: telemetry.mappings.all(),
        };
        crowd.clusters.retain(|cluster| cluster.is_active());
        let room = room(telemetry, handles, &crowd, weights.len());
        telemetry.guard.forget(
            || telemetry.remembered_clusters(),
            || telemetry.mappings.remembered(),
        );
        let Crowd { clusters, mappings } = telemetry.guard.admit(crowd, room, &telemetry.timers);
        handles.clusters = clusters;
        Self {
            mappings,
            weights,
            certificates: certificates(telemetry, handles),
            workers: count.concurrency.value(),
            connections: count.total_connections.value(),
            requests: requests.sum(),
            upstream_connections,
            upstream_pending,
            memory: handles.memory,
        }
    }
}

/// For how many series of clusters and Mappings there is room.
fn room(telemetry: &Telemetry, handles: &Handles, crowd: &Crowd, weights: usize) -> u64 {
    let configured = telemetry.configured().map_or(0, |one| one.mappings());
    // While one configuration takes the place of another there are handles of both.
    let settled = crowd.clusters.iter().filter(|one| one.has_arrived());
    let mappings = configured.max(crowd.mappings.len()).max(settled.count());
    let https = handles.https.iter().map(|http| series_of(&**http));
    let listeners = handles.listeners.iter();
    let listeners = listeners.map(|one| series_of(&**one) + series_of(&one.per_http));
    let tcps = handles.tcps.iter().map(|tcp| series_of(&**tcp));
    let fixed = OURS + series_of(&*telemetry.server) + weights as u64;
    let others = https.chain(listeners).chain(tcps).sum::<u64>();
    telemetry
        .guard
        .limit(mappings)
        .saturating_sub(fixed + others)
}

/// More than there are of our own and of diagd's, but for those of Mappings.
const OURS: u64 = 320;

fn weights(telemetry: &Telemetry) -> Vec<MappingWeight> {
    let mut weights = Vec::new();
    if let Some(configured) = telemetry.configured() {
        configured.weights(&mut |weight| {
            weights.push(MappingWeight {
                namespace: weight.namespace.into(),
                name: weight.name.into(),
                percent: weight.percent,
            });
        });
    }
    weights.sort_unstable();
    weights.dedup_by(|one, other| one.namespace == other.namespace && one.name == other.name);
    weights
}

/// Of those with one name the one that expires first.
fn certificates(telemetry: &Telemetry, handles: &Handles) -> BTreeMap<Box<str>, u64> {
    let known = telemetry.control.certificates();
    let known = known.iter();
    let mut certificates: BTreeMap<_, _> = known
        .map(|(name, not_after)| (name.clone(), unix_seconds(*not_after)))
        .collect();
    for listener in &handles.listeners {
        for certificate in listener.certificates().iter() {
            let expiry = unix_seconds(certificate.not_after);
            let first = certificates
                .entry(certificate.name.clone())
                .or_insert(expiry);
            *first = expiry.min(*first);
        }
    }
    certificates
}
