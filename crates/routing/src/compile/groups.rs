//! Mappings that match the same requests form one group, whose members share them by weight.
//!
//! Deliberately absent: who may be a member, which [`membership`](super::membership) decides.

use std::cmp::Reverse;
use std::sync::Arc;

use nuncio_config::{Mapping, Module, Resource};

use super::matching::Matching;
use super::membership::Gathering;
use super::precedence::Precedence;
use super::report::Report;
use crate::order::{GroupOrder, Insertion};
use crate::{Probe, SelectedBy};

/// What takes the same requests.
#[derive(Debug)]
pub(crate) struct Group<'r> {
    pub(super) order: Arc<GroupOrder>,
    pub(super) matching: Matching<'r>,
    pub(super) members: Members<'r>,
    pub(super) selected_by: SelectedBy,
}

/// Who takes a group's requests.
#[derive(Debug)]
pub(crate) enum Members<'r> {
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
pub(crate) struct Member<'r> {
    pub(crate) resource: &'r Resource,
    pub(crate) mapping: &'r Mapping,
}

impl<'r> Group<'r> {
    pub(super) fn new(matching: Matching<'r>, inserted: Insertion, members: Members<'r>) -> Self {
        let order = GroupOrder(Reverse(Precedence::of(&matching)), Reverse(inserted));
        Self {
            order: Arc::new(order),
            matching,
            members,
            selected_by: SelectedBy::default(),
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

/// Forms the group of Mappings with one key, which are in insertion order and can be live; `None` when
/// nobody takes its requests.
pub(super) fn form<'r>(
    members: &[Member<'r>],
    module: &Module,
    report: &mut Report,
) -> Option<Group<'r>> {
    let (first, others) = members.split_first()?;
    let matching = Matching::of(first.mapping);
    let mut group = Gathering::begin(&matching, *first, module, report);
    for member in others {
        group.admit(*member, &Matching::of(member.mapping), report);
    }
    group.complete(report)
}
