//! Which texts does another one begin with? The longest is found first.
//!
//! Texts are filed by length. A search tries one length, goes on among the longer ones if there is a
//! text of that length and among the shorter ones if not: about as many probes as the lengths have
//! binary digits, whatever the number of texts (M. Waldvogel et al., "Scalable High Speed IP Routing
//! Lookups", 1997). Where a search for a long text must pass a shorter length, a signpost stands,
//! which knows the longest text up to there; and each text knows the next shorter one it begins
//! with.
//!
//! So a text that many others begin with is known to many. To be able to come and go as easily as
//! the others, it is filed apart, among those of its kind: a tree has two parts, and both are asked.
//!
//! Invariant: a search allocates nothing, and its cost does not depend on how many texts there are;
//! a clone is a snapshot.
//! Deliberately absent: hosts, paths and Routes.

mod planting;

use nuncio_config::Case;

use super::dictionary::{Dictionary, Scope};
use super::lengths::Lengths;
use crate::Slots;
pub(super) use planting::{Planting, Texts};

/// Trees of texts with values.
#[derive(Clone, Debug)]
pub(super) struct Prefixes<V> {
    /// All texts, and signposts.
    posts: Dictionary<Post>,
    entries: Slots<Entry<V>>,
}

/// A text's value, and the way to the next shorter text it begins with.
#[derive(Clone, Debug)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    len: u32,
    /// In `entries`, or [`NONE`].
    above: u32,
}

/// What stands at the beginning of a text, or at all of it.
#[derive(Clone, Copy, Debug, Default)]
struct Post {
    /// The longest text up to here, in `entries`, or [`NONE`].
    place: u32,
    /// How many searches must pass here.
    passing: u32,
}

/// One tree of [`Prefixes`].
#[derive(Clone, Debug)]
pub(super) struct PrefixTree {
    number: u32,
    case: Case,
    /// Of the texts that few others begin with, and of those that many do.
    lengths: [Lengths; 2],
}

/// A part of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'t> {
    scope: Scope,
    lengths: &'t Lengths,
}

/// There is no text.
const NONE: u32 = u32::MAX;

impl<V> Default for Prefixes<V> {
    fn default() -> Self {
        Self {
            posts: Dictionary::default(),
            entries: Slots::default(),
        }
    }
}

impl PrefixTree {
    /// A tree without texts. No other tree of the same [`Prefixes`] may have the same number.
    pub(super) fn new(number: u32, case: Case) -> Self {
        Self {
            number,
            case,
            lengths: Default::default(),
        }
    }

    /// Whether it has no text.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.iter().all(Lengths::is_empty)
    }

    /// Both parts.
    #[inline]
    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let numbers = [self.number * 2, self.number * 2 + 1].into_iter();
        let parts = numbers.zip(&self.lengths);
        parts.map(|(number, lengths)| Part {
            scope: Scope {
                number,
                case: self.case,
            },
            lengths,
        })
    }
}

impl Part<'_> {
    /// No text is longer.
    #[inline]
    pub(super) fn longest(&self) -> usize {
        self.lengths.longest()
    }
}

impl<V> Prefixes<V> {
    /// The longest text of the part that `bytes` begins with.
    #[inline]
    pub(super) fn longest(&self, part: Part<'_>, bytes: &[u8]) -> Option<&Entry<V>> {
        self.entry(self.place(part, bytes))
    }

    /// Whether there is no text.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, entry)| &entry.value)
    }

    /// The next shorter text that this one begins with.
    #[inline]
    pub(super) fn above(&self, entry: &Entry<V>) -> Option<&Entry<V>> {
        self.entry(entry.above)
    }

    #[inline]
    fn place(&self, Part { scope, lengths }: Part<'_>, bytes: &[u8]) -> u32 {
        let mut place = NONE;
        lengths.search(|length| {
            let start = bytes.get(..length);
            let post = start.and_then(|start| self.posts.find(scope, start));
            place = post.map_or(place, |post| post.place);
            post.is_some()
        });
        place
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry<V>> {
        self.entries.get(place as usize)
    }
}

impl<V> Entry<V> {
    /// How long the text is.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }
}

#[cfg(test)]
mod tests;
