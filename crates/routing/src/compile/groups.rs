//! Mappings that match the same requests form one group, whose members share them by weight.
//!
//! Deliberately absent: who may be a member, which [`membership`](super::membership) decides.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use nuncio_config::{Mapping, Module, Resource};

use super::matching::Matching;
use super::membership::Gathering;
use super::precedence::Precedence;
use super::report::Report;
use crate::Probe;
use crate::order::{GroupOrder, Insertion};
use crate::table::MAX_HOST_LEN;

/// What takes the same requests.
#[derive(Debug)]
pub(super) struct Group<'r> {
    pub(super) order: Arc<GroupOrder>,
    pub(super) matching: Matching<'r>,
    pub(super) members: Members<'r>,
}

/// Who takes a group's requests.
#[derive(Debug)]
pub(super) enum Members<'r> {
    /// Services.
    Forwarding {
        /// In insertion order; there is at least one.
        members: Vec<Member<'r>>,
        /// Who gets copies.
        shadow: Option<Member<'r>>,
    },
    /// Nobody: the client is sent elsewhere.
    Redirect(Member<'r>),
    /// The gateway itself.
    Probe(Probe),
}

/// A Mapping in a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'r> {
    pub(super) resource: &'r Resource,
    pub(super) mapping: &'r Mapping,
}

impl<'r> Group<'r> {
    pub(super) fn new(matching: Matching<'r>, inserted: Insertion, members: Members<'r>) -> Self {
        let order = GroupOrder(Reverse(Precedence::of(&matching)), Reverse(inserted));
        Self {
            order: Arc::new(order),
            matching,
            members,
        }
    }

    /// The Mappings that take its requests.
    pub(super) fn takers(&self) -> &[Member<'r>] {
        match &self.members {
            Members::Forwarding { members, .. } => members,
            Members::Redirect(member) => std::slice::from_ref(member),
            Members::Probe(_) => &[],
        }
    }
}

/// Forms groups, in insertion order of their first members.
pub(super) fn form<'r>(
    mappings: impl Iterator<Item = Member<'r>>,
    module: &Module,
    report: &mut Report,
) -> Vec<Group<'r>> {
    let rules: Vec<_> = mappings
        .map(|member| (member, Matching::of(member.mapping)))
        .collect();
    let mut places = HashMap::with_capacity(rules.len());
    let mut groups = Vec::<Gathering<'_, 'r>>::with_capacity(rules.len());
    for (member, matching) in &rules {
        if matching.host_len() > MAX_HOST_LEN {
            report.error(
                member.resource,
                "the host can never match: it is longer than any name",
            );
            continue;
        }
        let place = *places.entry(matching.key()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.admit(*member, matching, report),
            None => groups.push(Gathering::begin(matching, *member, module, report)),
        }
    }
    let complete = |group: Gathering<'_, 'r>| group.complete(report);
    groups.into_iter().filter_map(complete).collect()
}

/// Sorts groups as they are tried.
pub(super) fn sort(groups: &mut [Group<'_>]) {
    groups.sort_unstable_by(|a, b| a.order.cmp(&b.order));
}
