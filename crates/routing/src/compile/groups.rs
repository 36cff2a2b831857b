//! Mappings that match the same requests form one group, whose members share them by weight.
//!
//! Emissary rejects a Mapping that differs from its group in certain attributes
//! (`IRHTTPMappingGroup.CoreMappingKeys`). Of these `prefix`, `method` and `headers` make up the
//! group key, so only a text that is a regular expression in one of them can differ. [`form`] is
//! where the comparison of others belongs.

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
    let mut groups = Vec::<(Matching<'r>, Vec<_>)>::new();
    let rules: Vec<_> = mappings
        .map(|(resource, mapping)| (resource, mapping, Matching::of(mapping)))
        .collect();
    let mut places = HashMap::with_capacity(rules.len());
    for (resource, mapping, matching) in &rules {
        if matching.host_len() > MAX_HOST_LEN {
            report.error(
                resource,
                "the host can never match: it is longer than any name",
            );
            continue;
        }
        let place = *places.entry(matching.key()).or_insert(groups.len());
        let Some((first, members)) = groups.get_mut(place) else {
            groups.push((matching.clone(), vec![(*resource, *mapping)]));
            continue;
        };
        match first.disagreement(matching) {
            None => members.push((*resource, *mapping)),
            Some(attribute) => report.error(
                resource,
                format_args!("refused: `{attribute}` is not as in the first Mapping of its group"),
            ),
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
