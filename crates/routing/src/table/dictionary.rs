//! Finds what belongs to a text with one probe, however many texts there are.
//!
//! Invariant: a value is found only by its text, in the scope it was entered in; the hash decides
//! where to look and never what is equal. It is seeded at random, so nobody can write texts that
//! meet in one bucket.
//! Deliberately absent: removal (a new dictionary is built instead), and prefixes.

use std::hash::{BuildHasher, RandomState};

use nuncio_config::Case;

/// Texts of many scopes with small values, in one hash table.
#[derive(Debug)]
pub(super) struct Dictionary<V> {
    /// Open addressing; a power of two in number, at most half of them taken. Values lie inside, so
    /// that a hit touches two cache lines, this one and the text's.
    buckets: Vec<Bucket<V>>,
    taken: usize,
    /// Each text follows the number of its scope, so that both are compared on one cache line.
    texts: Vec<u8>,
    seed: u64,
}

/// Keeps equal texts apart, and says how texts compare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) number: u32,
    pub(super) case: Case,
}

/// A text that was stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    start: u32,
}

#[derive(Clone, Copy, Debug)]
struct Bucket<V> {
    hash: u32,
    /// [`EMPTY`] where there is no text.
    start: u32,
    len: u32,
    value: V,
}

/// No text begins here: that of its scope would be missing.
const EMPTY: u32 = 0;

impl<V: Copy + Default> Default for Dictionary<V> {
    fn default() -> Self {
        Self {
            buckets: vec![Bucket::empty(); 16],
            taken: 0,
            texts: Vec::new(),
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl<V: Copy + Default> Dictionary<V> {
    /// The value of `text`.
    #[inline]
    pub(super) fn find(&self, scope: Scope, text: &[u8]) -> Option<&V> {
        let hash = self.hash(scope, text);
        let mut place = hash as usize;
        loop {
            let bucket = self.bucket(place)?;
            if bucket.start == EMPTY {
                return None;
            }
            if bucket.hash == hash && self.is(scope, text, bucket) {
                return Some(&bucket.value);
            }
            place += 1;
        }
    }

    /// Stores a text, in lower case if its scope knows no case, to be entered whole or in part.
    pub(super) fn store(&mut self, scope: Scope, text: &[u8]) -> Stored {
        self.texts.extend_from_slice(&scope.number.to_le_bytes());
        let start = position(self.texts.len());
        self.texts.extend_from_slice(text);
        Stored { start }
    }

    /// Gives a value to the first `len` bytes of a stored text, unless they have one.
    pub(super) fn enter(&mut self, scope: Scope, (stored, len): (Stored, usize), value: V) {
        let start = stored.start as usize;
        let Some(text) = self.texts.get(start..start + len) else {
            return;
        };
        if self.find(scope, text).is_some() {
            return;
        }
        let bucket = Bucket {
            hash: self.hash(scope, text),
            start: stored.start,
            len: position(len),
            value,
        };
        self.taken += 1;
        if self.taken * 2 > self.buckets.len() {
            let emptied = vec![Bucket::empty(); self.buckets.len() * 2];
            let buckets = std::mem::replace(&mut self.buckets, emptied);
            let entered = buckets.iter().filter(|bucket| bucket.start != EMPTY);
            entered.for_each(|bucket| self.settle(*bucket));
        }
        self.settle(bucket);
    }

    fn settle(&mut self, bucket: Bucket<V>) {
        let mask = self.buckets.len() - 1;
        let mut place = bucket.hash as usize;
        while let Some(other) = self.buckets.get_mut(place & mask) {
            if other.start == EMPTY {
                *other = bucket;
                return;
            }
            place += 1;
        }
    }

    #[inline]
    fn bucket(&self, place: usize) -> Option<&Bucket<V>> {
        self.buckets.get(place & (self.buckets.len() - 1))
    }

    /// Whether the bucket is that of `text`.
    #[inline]
    fn is(&self, scope: Scope, text: &[u8], bucket: &Bucket<V>) -> bool {
        let (start, len) = (bucket.start as usize, bucket.len as usize);
        let stored = self.texts.get(start - size_of::<u32>()..start + len);
        let Some((number, stored)) = stored.and_then(|stored| stored.split_first_chunk()) else {
            return false;
        };
        u32::from_le_bytes(*number) == scope.number
            && match scope.case {
                Case::Sensitive => stored == text,
                Case::Insensitive => stored.eq_ignore_ascii_case(text),
            }
    }

    #[inline]
    fn hash(&self, scope: Scope, text: &[u8]) -> u32 {
        let seed = self.seed ^ u64::from(scope.number);
        match scope.case {
            Case::Sensitive => hash(seed, text, |word| word),
            Case::Insensitive => hash(seed, text, lower_case),
        }
    }
}

impl<V: Default> Bucket<V> {
    fn empty() -> Self {
        Self {
            hash: 0,
            start: EMPTY,
            len: 0,
            value: V::default(),
        }
    }
}

/// A position in a flat vector. Saturates: such a table would not fit into memory anyway.
pub(super) fn position(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Multiplies and folds, eight bytes at a time.
#[inline]
fn hash(seed: u64, text: &[u8], spelled: impl Fn(u64) -> u64) -> u32 {
    let mut state = folded(seed, MULTIPLIERS[0]);
    let (words, rest) = text.as_chunks();
    for word in words {
        state = folded(state ^ spelled(u64::from_le_bytes(*word)), MULTIPLIERS[1]);
    }
    let last = match (text.last_chunk(), rest) {
        (_, []) => 0,
        (Some(last), _) => u64::from_le_bytes(*last),
        (None, few) => few
            .iter()
            .fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    let hash = folded(state ^ spelled(last), MULTIPLIERS[2] ^ text.len() as u64);
    // The upper half is the better mixed one.
    (hash >> 32) as u32
}

/// Digits of pi.
const MULTIPLIERS: [u64; 3] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
];

#[inline]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Lower-cases the ASCII letters among eight bytes.
#[inline]
fn lower_case(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low_bits = word & (0x7f * EACH);
    let from_a = low_bits + u64::from(0x80 - b'A') * EACH;
    let beyond_z = low_bits + u64::from(0x7f - b'Z') * EACH;
    let is_upper = (from_a ^ beyond_z) & !word & (0x80 * EACH);
    word | is_upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(number: u32, case: Case) -> Scope {
        Scope { number, case }
    }

    #[test]
    fn a_text_is_found_in_its_scope_only() {
        let mut dictionary = Dictionary::default();
        for number in 0..2 {
            let scope = scope(number, Case::Sensitive);
            let stored = dictionary.store(scope, b"/a/");
            dictionary.enter(scope, (stored, 3), number);
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
        let mut dictionary = Dictionary::default();
        let scope = scope(7, Case::Sensitive);
        let texts: Vec<_> = (0..2_000)
            .map(|n| "x".repeat(n % 40) + &n.to_string())
            .collect();
        for (text, number) in texts.iter().zip(0..) {
            let stored = dictionary.store(scope, text.as_bytes());
            dictionary.enter(scope, (stored, text.len()), number);
        }
        for (text, number) in texts.iter().zip(0..) {
            assert_eq!(
                dictionary.find(scope, text.as_bytes()),
                Some(&number),
                "{text}"
            );
        }
    }

    #[test]
    fn a_scope_may_know_no_case() {
        let mut dictionary = Dictionary::default();
        let scope = scope(0, Case::Insensitive);
        for (text, number) in ["/a@[`{z/é", "/ab"].into_iter().zip(0..) {
            let stored = dictionary.store(scope, text.as_bytes());
            dictionary.enter(scope, (stored, text.len()), number);
        }
        assert_eq!(dictionary.find(scope, "/A@[`{Z/é".as_bytes()), Some(&0));
        assert_eq!(dictionary.find(scope, "/a`{`{z/é".as_bytes()), None);
        assert_eq!(dictionary.find(scope, b"/AB"), Some(&1));
    }

    #[test]
    fn every_byte_is_lower_cased_as_ascii() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([byte, b'A', byte, b'z', byte, 0xff, byte, byte]);
            let lower = word.to_le_bytes().map(|byte| byte.to_ascii_lowercase());
            assert_eq!(lower_case(word).to_le_bytes(), lower, "{byte}");
        }
    }

    #[test]
    fn the_first_value_of_a_text_stays() {
        let mut dictionary = Dictionary::default();
        let scope = scope(0, Case::Sensitive);
        let stored = dictionary.store(scope, b"/ab");
        dictionary.enter(scope, (stored, 2), 1);
        dictionary.enter(scope, (stored, 2), 2);
        assert_eq!(dictionary.find(scope, b"/a"), Some(&1));
        assert_eq!(dictionary.find(scope, b"/ab"), None);
    }
}
