//! Finds what belongs to a text with one probe, however many texts there are.
//!
//! The texts are spread over shards, small tables that grow in number with the texts, one at a time
//! (W. Litwin, "Linear Hashing", 1980). A clone shares them all; a change copies the one it is in.
//!
//! Invariant: a value is found only by its text, in the scope it was entered in; the hash decides
//! where to look and never what is equal. It is seeded at random, so nobody can write texts that
//! meet in one bucket. A clone is a snapshot.
//! Deliberately absent: fewer shards when texts go, before the last one has gone; and prefixes.

mod hash;
mod shard;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use nuncio_config::Case;

use hash::hash;
use shard::{Shard, Wanted};

/// Texts of many scopes with small values, in one hash table.
#[derive(Clone, Debug)]
pub(super) struct Dictionary<V> {
    shards: Arc<[Shard<V>]>,
    /// One less than the power of two that is not below the number of shards.
    mask: u32,
    taken: usize,
    seed: u64,
}

/// Keeps equal texts apart, and says how texts compare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) number: u32,
    pub(super) case: Case,
}

/// So many texts has a shard on average, before there is one more. Copying so many costs about as
/// much as counting the references to the shards of a large dictionary.
const CROWD: usize = 192;

impl<V> Default for Dictionary<V> {
    fn default() -> Self {
        Self {
            shards: Arc::default(),
            mask: 0,
            taken: 0,
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl<V: Copy + Default> Dictionary<V> {
    /// The value of `text`.
    #[inline]
    pub(super) fn find(&self, scope: Scope, text: &[u8]) -> Option<&V> {
        let wanted = self.wanted(scope, text);
        self.shards.get(self.shard(wanted.hash))?.find(wanted)
    }

    /// Gives a text another value, made from the one it has. Letters of a scope that knows no case
    /// are kept as they are first written.
    pub(super) fn change(&mut self, scope: Scope, text: &[u8], change: impl FnOnce(&mut V)) {
        if self.shards.is_empty() {
            self.shards = Arc::new([Shard::default()]);
        }
        let wanted = self.wanted(scope, text);
        let at = self.shard(wanted.hash);
        let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(at) else {
            return;
        };
        if let Some(value) = shard.find_mut(wanted) {
            return change(value);
        }
        let mut value = V::default();
        change(&mut value);
        shard.add(wanted, value);
        self.taken += 1;
        if self.taken > CROWD * self.shards.len() {
            self.split();
        }
    }

    /// Takes a text out.
    pub(super) fn remove(&mut self, scope: Scope, text: &[u8]) {
        let wanted = self.wanted(scope, text);
        let at = self.shard(wanted.hash);
        let shard = Arc::make_mut(&mut self.shards).get_mut(at);
        self.taken -= usize::from(shard.is_some_and(|shard| shard.remove(wanted)));
        if self.taken == 0 {
            (self.shards, self.mask) = (Arc::default(), 0);
        }
    }

    /// Whether there is no text.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Adds a shard, and gives it its part of the one where its texts have been.
    fn split(&mut self) {
        let added = self.shards.len();
        self.mask = position((added + 1).next_power_of_two() - 1);
        let parted = added & (self.mask >> 1) as usize;
        let Some(before) = self.shards.get(parted).cloned() else {
            return;
        };
        let mut shards = self.shards.to_vec();
        shards.push(Shard::default());
        self.shards = shards.into();
        for at in [parted, added] {
            let part = before.part(|bucket| self.shard(bucket.hash) == at);
            if let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(at) {
                *shard = part;
            }
        }
    }

    /// Which shard a hash belongs to.
    #[inline]
    fn shard(&self, hash: u32) -> usize {
        let at = (hash & self.mask) as usize;
        match at < self.shards.len() {
            true => at,
            false => at & (self.mask >> 1) as usize,
        }
    }

    #[inline]
    fn wanted<'t>(&self, scope: Scope, text: &'t [u8]) -> Wanted<'t> {
        let seed = self.seed ^ u64::from(scope.number);
        let hash = hash(seed, text, scope.case);
        Wanted { scope, text, hash }
    }
}

/// A position in a flat vector. Saturates: such a table would not fit into memory anyway.
pub(super) fn position(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope = Scope {
        number: 7,
        case: Case::Sensitive,
    };

    fn scope(number: u32, case: Case) -> Scope {
        Scope { number, case }
    }

    fn texts() -> Vec<String> {
        (0..2_000)
            .map(|n| "x".repeat(n % 40) + &n.to_string())
            .collect()
    }

    fn filled(texts: &[String]) -> Dictionary<usize> {
        let mut dictionary = Dictionary::default();
        for (number, text) in texts.iter().enumerate() {
            dictionary.change(SCOPE, text.as_bytes(), |value| *value = number);
        }
        dictionary
    }

    #[test]
    fn a_text_is_found_in_its_scope_only() {
        let mut dictionary = Dictionary::default();
        for number in 0..2 {
            let scope = scope(number, Case::Sensitive);
            dictionary.change(scope, b"/a/", |value| *value = number);
        }
        let find = |number, text| dictionary.find(scope(number, Case::Sensitive), text);
        assert_eq!(find(0, b"/a/"), Some(&0));
        assert_eq!(find(1, b"/a/"), Some(&1));
        assert_eq!(find(2, b"/a/"), None);
        assert_eq!(find(0, b"/a"), None);
        assert_eq!(find(0, b"/A/"), None);
    }

    #[test]
    fn texts_of_all_lengths_are_found_after_growing() {
        let texts = texts();
        let dictionary = filled(&texts);
        assert!(dictionary.shards.len() > 8);
        for (number, text) in texts.iter().enumerate() {
            let found = dictionary.find(SCOPE, text.as_bytes());
            assert_eq!(found, Some(&number), "{text}");
        }
    }

    #[test]
    fn what_is_removed_is_gone_and_the_rest_stays() {
        let texts = texts();
        let mut dictionary = filled(&texts);
        let before = dictionary.clone();
        let removed = |number: usize| number.is_multiple_of(3);
        for (number, text) in texts.iter().enumerate() {
            if removed(number) {
                dictionary.remove(SCOPE, text.as_bytes());
                dictionary.remove(SCOPE, text.as_bytes());
            }
        }
        for (number, text) in texts.iter().enumerate() {
            let expected = (!removed(number)).then_some(&number);
            assert_eq!(dictionary.find(SCOPE, text.as_bytes()), expected, "{text}");
            assert_eq!(before.find(SCOPE, text.as_bytes()), Some(&number), "{text}");
        }
    }

    #[test]
    fn a_change_copies_one_shard() {
        let texts = texts();
        let mut dictionary = filled(&texts);
        let before = dictionary.clone();
        dictionary.change(SCOPE, texts[0].as_bytes(), |value| *value = 7);
        let shards = dictionary.shards.iter().zip(&*before.shards);
        let copied = shards.filter(|(now, then)| !now.is_shared(then));
        assert_eq!(copied.count(), 1);
        assert_eq!(before.find(SCOPE, texts[0].as_bytes()), Some(&0));
        assert_eq!(dictionary.find(SCOPE, texts[0].as_bytes()), Some(&7));
    }

    #[test]
    fn an_empty_dictionary_takes_no_room() {
        let texts = texts();
        let mut dictionary = filled(&texts);
        for text in &texts {
            dictionary.remove(SCOPE, text.as_bytes());
        }
        assert!(dictionary.is_empty() && dictionary.shards.is_empty());
        assert_eq!(dictionary.find(SCOPE, b"x1"), None);
    }

    #[test]
    fn a_scope_may_know_no_case() {
        let mut dictionary = Dictionary::default();
        let scope = scope(0, Case::Insensitive);
        for (text, number) in ["/a@[`{z/é", "/ab"].into_iter().zip(0..) {
            dictionary.change(scope, text.as_bytes(), |value| *value = number);
        }
        assert_eq!(dictionary.find(scope, "/A@[`{Z/é".as_bytes()), Some(&0));
        assert_eq!(dictionary.find(scope, "/a`{`{z/é".as_bytes()), None);
        assert_eq!(dictionary.find(scope, b"/AB"), Some(&1));
    }
}
