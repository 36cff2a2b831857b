//! The handles of a page, with what is written of each again and again.
//!
//! Invariant: a tail is what follows the name of a family in a sample that is 0.

use std::ops::Range;

use crate::family::Scope;

/// Handles of one scope. `H` holds a handle `S` alive.
#[derive(Debug)]
pub(super) struct Rows<H, S> {
    held: Vec<H>,
    handle: fn(&H) -> &S,
    tails: Vec<u8>,
    /// Where each tail ends.
    ends: Vec<usize>,
}

/// What one handle's samples have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'r, S> {
    pub(super) handle: &'r S,
    /// `{envoy_cluster_name="httpbin"} 0\n`
    tail: &'r [u8],
}

/// What follows the labels in a sample that is 0.
const ZERO: &[u8] = b"} 0\n";

impl<H, S: Scope> Rows<H, S> {
    pub(super) fn of(held: Vec<H>, handle: fn(&H) -> &S) -> Self {
        let mut tails = Vec::with_capacity(held.len() * 48);
        let mut ends = Vec::with_capacity(held.len());
        for one in &held {
            tails.push(b'{');
            for piece in handle(one).series().labels() {
                tails.extend_from_slice(piece.as_bytes());
            }
            tails.extend_from_slice(ZERO);
            ends.push(tails.len());
        }
        Self {
            held,
            handle,
            tails,
            ends,
        }
    }

    /// The rows in this range, as far as there are any.
    pub(super) fn range(&self, range: Range<usize>) -> impl Iterator<Item = Row<'_, S>> {
        let first = range.start.checked_sub(1);
        let mut start = first.and_then(|before| self.ends.get(before)).copied();
        let end = range.end.min(self.held.len());
        let range = range.start.min(end)..end;
        let rows = self.held.get(range.clone()).unwrap_or_default();
        let ends = self.ends.get(range).unwrap_or_default();
        rows.iter().zip(ends).map(move |(held, &end)| Row {
            handle: (self.handle)(held),
            tail: self
                .tails
                .get(start.replace(end).unwrap_or(0)..end)
                .unwrap_or_default(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }
}

impl<'r, S> Row<'r, S> {
    /// `{envoy_cluster_name="httpbin"} 0\n`
    pub(super) fn zero(&self) -> &'r [u8] {
        self.tail
    }

    /// `{envoy_cluster_name="httpbin"} `
    pub(super) fn labels(&self) -> &'r [u8] {
        self.without(2)
    }

    /// `{envoy_cluster_name="httpbin"`, to be followed by another label.
    pub(super) fn open(&self) -> &'r [u8] {
        self.without(ZERO.len())
    }

    /// `envoy_cluster_name="httpbin"} `, to follow another label.
    pub(super) fn rest(&self) -> &'r [u8] {
        self.labels().get(1..).unwrap_or_default()
    }

    fn without(&self, bytes: usize) -> &'r [u8] {
        let length = self.tail.len().saturating_sub(bytes);
        self.tail.get(..length).unwrap_or_default()
    }
}
