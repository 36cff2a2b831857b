//! A part of a dictionary: a small hash table that is copied as a whole.
//!
//! Invariant: at most half of the buckets are taken, so that every search meets an empty one; and
//! about as much as half of `texts` at most belongs to texts that were removed.

use std::sync::Arc;

use nuncio_config::Case;

use super::Scope;

/// A small table, shared with the dictionaries that have the same one.
#[derive(Clone, Debug)]
pub(super) struct Shard<V> {
    /// Open addressing; a power of two in number. Values lie inside, so that a hit touches two cache
    /// lines, this one and the text's.
    buckets: Arc<[Bucket<V>]>,
    /// Each text follows the number of its scope, so that both are compared on one cache line.
    texts: Arc<[u8]>,
    taken: u32,
    /// How many bytes of `texts` are of no use any more.
    wasted: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket<V> {
    pub(super) hash: u32,
    /// [`EMPTY`] where there is no text.
    start: u32,
    len: u32,
    value: V,
}

/// A text to be looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'t> {
    pub(super) scope: Scope,
    pub(super) text: &'t [u8],
    pub(super) hash: u32,
}

/// No text begins here: that of its scope would be missing.
const EMPTY: u32 = 0;

/// So many buckets has an empty table.
const FEWEST: usize = 4;

impl<V: Copy + Default> Default for Shard<V> {
    fn default() -> Self {
        Self::with_room(0)
    }
}

impl<V: Copy + Default> Shard<V> {
    pub(super) fn with_room(entries: usize) -> Self {
        let buckets = (entries * 2 + 1).next_power_of_two().max(FEWEST);
        Self {
            buckets: std::iter::repeat_n(Bucket::empty(), buckets).collect(),
            texts: Arc::default(),
            taken: 0,
            wasted: 0,
        }
    }

    /// Those of its entries that `is_kept` wants, in a table of their own.
    pub(super) fn part(&self, is_kept: impl Fn(&Bucket<V>) -> bool) -> Self {
        let kept = || self.entries().filter(|(bucket, _)| is_kept(bucket));
        let mut part = Self::with_room(kept().count());
        let mut texts = Vec::with_capacity(kept().map(|(_, text)| text.len()).sum());
        for (bucket, text) in kept() {
            let start = super::position(texts.len() + size_of::<u32>());
            texts.extend_from_slice(text);
            settle(&mut part.buckets, Bucket { start, ..*bucket });
            part.taken += 1;
        }
        part.texts = texts.into();
        part
    }

    #[inline]
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Option<&V> {
        let mut place = home(wanted.hash);
        loop {
            let bucket = self.buckets.get(place & (self.buckets.len() - 1))?;
            if bucket.start == EMPTY {
                return None;
            }
            if bucket.hash == wanted.hash && self.is(wanted, bucket) {
                return Some(&bucket.value);
            }
            place += 1;
        }
    }

    /// The value of a text that has one, to be changed.
    pub(super) fn find_mut(&mut self, wanted: Wanted<'_>) -> Option<&mut V> {
        let place = self.place(wanted)?;
        let bucket = Arc::make_mut(&mut self.buckets).get_mut(place)?;
        Some(&mut bucket.value)
    }

    /// Adds a text that is not there.
    pub(super) fn add(&mut self, wanted: Wanted<'_>, value: V) {
        let number = wanted.scope.number.to_le_bytes();
        let bucket = Bucket {
            hash: wanted.hash,
            start: super::position(self.texts.len() + number.len()),
            len: super::position(wanted.text.len()),
            value,
        };
        self.texts = [&*self.texts, &number, wanted.text].concat().into();
        self.taken += 1;
        if self.taken as usize * 2 > self.buckets.len() {
            let entered = self.buckets.iter().filter(|bucket| bucket.start != EMPTY);
            let mut larger = Self::with_room(self.taken as usize);
            entered.for_each(|bucket| settle(&mut larger.buckets, *bucket));
            self.buckets = larger.buckets;
        }
        settle(&mut self.buckets, bucket);
    }

    /// Removes a text; whether it was there.
    pub(super) fn remove(&mut self, wanted: Wanted<'_>) -> bool {
        let Some(place) = self.place(wanted) else {
            return false;
        };
        let len = vacate(Arc::make_mut(&mut self.buckets), place);
        self.taken -= 1;
        self.wasted += len + super::position(size_of::<u32>());
        if self.wasted as usize * 2 > self.texts.len() {
            *self = self.part(|_| true);
        }
        true
    }

    #[cfg(test)]
    pub(super) fn is_shared(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buckets, &other.buckets)
    }

    /// The buckets with their texts, and the numbers of scopes before these.
    fn entries(&self) -> impl Iterator<Item = (&Bucket<V>, &[u8])> {
        let entered = self.buckets.iter().filter(|bucket| bucket.start != EMPTY);
        entered.filter_map(|bucket| Some((bucket, self.text(bucket)?)))
    }

    fn place(&self, wanted: Wanted<'_>) -> Option<usize> {
        let mask = self.buckets.len() - 1;
        let mut place = home(wanted.hash) & mask;
        loop {
            let bucket = self.buckets.get(place)?;
            if bucket.start == EMPTY {
                return None;
            }
            if bucket.hash == wanted.hash && self.is(wanted, bucket) {
                return Some(place);
            }
            place = (place + 1) & mask;
        }
    }

    /// Whether the bucket is that of the text.
    #[inline]
    fn is(&self, wanted: Wanted<'_>, bucket: &Bucket<V>) -> bool {
        let stored = self.text(bucket);
        let Some((number, stored)) = stored.and_then(|stored| stored.split_first_chunk()) else {
            return false;
        };
        u32::from_le_bytes(*number) == wanted.scope.number
            && match wanted.scope.case {
                Case::Sensitive => stored == wanted.text,
                Case::Insensitive => stored.eq_ignore_ascii_case(wanted.text),
            }
    }

    #[inline]
    fn text(&self, bucket: &Bucket<V>) -> Option<&[u8]> {
        let (start, len) = (bucket.start as usize, bucket.len as usize);
        self.texts.get(start - size_of::<u32>()..start + len)
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

/// Where to begin; the lower bits have chosen the shard.
#[inline]
fn home(hash: u32) -> usize {
    (hash >> 16) as usize
}

/// Empties a bucket, and moves those behind it that searches would not find any more; how long its
/// text is.
fn vacate<V: Copy + Default>(buckets: &mut [Bucket<V>], place: usize) -> u32 {
    let mask = buckets.len() - 1;
    let len = buckets.get(place).map_or(0, |bucket| bucket.len);
    let (mut vacant, mut next) = (place, place + 1);
    while let Some(bucket) = buckets.get(next & mask).copied() {
        if bucket.start == EMPTY {
            break;
        }
        let from_home = next.wrapping_sub(home(bucket.hash)) & mask;
        if from_home >= next.wrapping_sub(vacant) & mask
            && let Some(before) = buckets.get_mut(vacant & mask)
        {
            *before = bucket;
            vacant = next;
        }
        next += 1;
    }
    if let Some(bucket) = buckets.get_mut(vacant & mask) {
        *bucket = Bucket::empty();
    }
    len
}

/// Puts a bucket where searches for it come by.
fn settle<V: Copy>(buckets: &mut Arc<[Bucket<V>]>, bucket: Bucket<V>) {
    let mask = buckets.len() - 1;
    let buckets = Arc::make_mut(buckets);
    let mut place = home(bucket.hash);
    while let Some(other) = buckets.get_mut(place & mask) {
        if other.start == EMPTY {
            *other = bucket;
            return;
        }
        place += 1;
    }
}
