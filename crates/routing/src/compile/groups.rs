//! Mappings that match the same requests form one group, whose members share them by weight.
//!
//! Emissary rejects a Mapping that differs from its group in certain attributes
//! (`IRHTTPMappingGroup.CoreMappingKeys`). Of these `prefix`, `method` and `headers` make up the
//! group key, so they cannot differ, and Mappings do not have the others yet: the timeouts and
//! breakers of clusters, load balancing, labels, regex and exact prefixes. [`form`] is where their
//! comparison belongs.

use std::collections::HashMap;

use nuncio_config::{Mapping, Resource};

use super::matching::Matching;
use super::precedence::Precedence;
use super::report::Report;
use crate::Probe;
use crate::table::MAX_HOST_LEN;

/// What takes the same requests.
#[derive(Debug)]
pub(super) struct Group<'r> {
    order: Precedence,
    pub(super) matching: Matching<'r>,
    pub(super) members: Members<'r>,
}

/// Who takes a group's requests.
#[derive(Debug)]
pub(super) enum Members<'r> {
    /// Mappings in insertion order.
    Mappings(Vec<(&'r Resource, &'r Mapping)>),
    /// The gateway itself.
    Probe(Probe),
}

impl<'r> Group<'r> {
    pub(super) fn new(matching: Matching<'r>, members: Members<'r>) -> Self {
        Self {
            order: Precedence::of(&matching),
            matching,
            members,
        }
    }
}

/// Forms groups, in insertion order of their first members.
pub(super) fn form<'r>(
    mappings: impl Iterator<Item = (&'r Resource, &'r Mapping)>,
    report: &mut Report,
) -> Vec<Group<'r>> {
    let mut places = HashMap::new();
    let mut groups = Vec::<(Matching<'r>, Vec<_>)>::new();
    for (resource, mapping) in mappings {
        let matching = Matching::of(mapping);
        if matching.host_len() > MAX_HOST_LEN {
            report.error(
                resource,
                "the host can never match: it is longer than any name",
            );
            continue;
        }
        let place = *places.entry(matching.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, members)) => members.push((resource, mapping)),
            None => groups.push((matching, vec![(resource, mapping)])),
        }
    }
    let group = |(matching, members)| Group::new(matching, Members::Mappings(members));
    groups.into_iter().map(group).collect()
}

/// Sorts groups, given in insertion order, as they are tried.
pub(super) fn sort(groups: &mut [Group<'_>]) {
    groups.reverse();
    groups.sort_by(|a, b| b.order.cmp(&a.order));
}
