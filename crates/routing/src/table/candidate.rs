//! The Routes of one host and path.
//!
//! Invariant: they are sorted as they are tried, and what decides between them without looking at
//! the Routes themselves stands beside them.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::{MappingSelector, Order, Route, Share};

/// The numbers that an [`Order`] begins with, as one; what is greater is tried first. Routes with
/// the same must be compared in full. Numbers too large for it are all the same to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lead(u64);

/// What can be told of a Route without looking at it.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) lead: Lead,
    pub(super) route: Arc<Route>,
    pub(super) share: Share,
    pub(super) is_conditional: bool,
    /// Whether Hosts that select nothing do not have it.
    pub(super) is_reserved: bool,
}

/// At least one candidate, sorted.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    first: Candidate,
    others: Option<Arc<[Candidate]>>,
}

/// Of each of the four numbers.
const BITS: u32 = 16;

const LIMIT: u64 = (1 << BITS) - 1;

impl Lead {
    pub(super) const LEAST: Self = Self(0);
    pub(super) const GREATEST: Self = Self(u64::MAX);

    pub(super) fn of(order: &Order) -> Self {
        let (precedence, lengths) = order.group.0.0.numbers();
        let [mut lead, highest] = [precedence, i64::MAX].map(|precedence| {
            let limits = (i64::from(i16::MIN), i64::from(i16::MAX));
            (precedence.clamp(limits.0, limits.1) - limits.0).unsigned_abs()
        });
        let mut is_exact = lead > 0 && lead < highest;
        for length in lengths {
            let length = u64::from(length).min(LIMIT);
            lead = lead << BITS | if is_exact { length } else { 0 };
            is_exact &= length < LIMIT;
        }
        Self(lead)
    }

    /// The greatest of those with the same precedence and a path of `len` bytes at most.
    #[inline]
    pub(super) fn limited_to(self, len: usize) -> Self {
        let precedence = self.0 >> (3 * BITS);
        let len = (len as u64).min(LIMIT);
        Self((precedence << BITS | len) << (2 * BITS) | ((1 << (2 * BITS)) - 1))
    }
}

impl Candidate {
    pub(super) fn new(route: &Arc<Route>) -> Self {
        Self {
            lead: Lead::of(&route.order),
            route: Arc::clone(route),
            share: route.share,
            is_conditional: route.is_conditional(),
            is_reserved: route.selected_by.is_reserved(),
        }
    }

    /// Whether a Host has it.
    #[inline]
    pub(super) fn is_of(&self, host: &MappingSelector) -> bool {
        match host {
            MappingSelector::Any => !self.is_reserved,
            MappingSelector::Labelled(_) | MappingSelector::Nothing => {
                self.route.selected_by.has(host)
            }
        }
    }

    /// Whether it is tried before the other one.
    #[inline]
    pub(super) fn is_before(&self, other: &Self) -> bool {
        match self.lead.cmp(&other.lead) {
            Ordering::Greater => true,
            Ordering::Equal => self.route.order < other.route.order,
            Ordering::Less => false,
        }
    }
}

impl Slot {
    /// As they are tried.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        let others = self.others.iter().flat_map(|others| others.iter());
        std::iter::once(&self.first).chain(others)
    }

    /// With one more candidate, which takes the place of one of the same order.
    pub(super) fn with(slot: Option<&Self>, candidate: Candidate) -> Option<Self> {
        let mut all = Self::except(slot, &candidate.route.order);
        let at = all.partition_point(|other| other.is_before(&candidate));
        all.insert(at, candidate);
        Self::from_sorted(all)
    }

    /// Without the candidate of this order.
    pub(super) fn without(slot: Option<&Self>, order: &Order) -> Option<Self> {
        Self::from_sorted(Self::except(slot, order))
    }

    fn except(slot: Option<&Self>, order: &Order) -> Vec<Candidate> {
        let all = slot.into_iter().flat_map(Self::iter);
        let rest = all.filter(|candidate| candidate.route.order != *order);
        rest.cloned().collect()
    }

    fn from_sorted(sorted: Vec<Candidate>) -> Option<Self> {
        let mut sorted = sorted.into_iter();
        let first = sorted.next()?;
        let others = (sorted.len() > 0).then(|| sorted.collect());
        Some(Self { first, others })
    }
}
