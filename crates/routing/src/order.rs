//! The order in which Routes are tried.
//!
//! Invariant: total, and a Route's own: it follows from the Route's Mapping and those of its group,
//! never from the other Routes, so that adding one moves no other.

use std::cmp::Reverse;
use std::sync::Arc;

use nuncio_config::Location;

use crate::MappingId;
use crate::compile::Precedence;

/// Where a Route stands among all others; the least is tried first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    pub(crate) group: Arc<GroupOrder>,
    /// Its place in the group.
    pub(crate) member: u32,
}

/// Where a group stands: greater [`Precedence`] first, ties in reversed order of insertion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupOrder(
    pub(crate) Reverse<Precedence>,
    pub(crate) Reverse<Insertion>,
);

impl GroupOrder {
    /// The group's first Mapping; `None` for what is built in.
    pub(crate) fn mapping(&self) -> Option<&Arc<MappingId>> {
        match &self.1.0 {
            Insertion::Mapping(_, id) => Some(id),
            Insertion::BuiltIn(_) => None,
        }
    }
}

/// When a group came to be: with its first Mapping.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Insertion {
    /// A Mapping's place, namespace and name.
    Mapping(Location, Arc<MappingId>),
    /// What is built in comes after all Mappings, in this order.
    BuiltIn(u8),
}
