//! Values at places that stay theirs, in a vector whose unchanged parts are shared.
//!
//! Invariant: a clone is a snapshot: nothing done to either is seen in the other. Changing one value
//! copies the chunk it lies in and the two lists that lead there, whatever the number of values.
//! Deliberately absent: choosing places.

use std::array;
use std::sync::Arc;

/// Values by place.
#[derive(Clone, Debug)]
pub struct Slots<T> {
    spans: Vec<Arc<Span<T>>>,
    len: usize,
}

/// Chunks side by side.
type Span<T> = [Option<Arc<Chunk<T>>>; CHUNKS];

type Chunk<T> = [Option<T>; CHUNK];

/// Small enough to copy for one change.
const CHUNK: usize = 16;

/// So many that the list of spans is short, and few enough to copy as well.
const CHUNKS: usize = 32;

const SPAN: usize = CHUNK * CHUNKS;

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            spans: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Slots<T> {
    /// The value at a place.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        let chunk = self.chunk(place / CHUNK)?;
        chunk.get(place % CHUNK)?.as_ref()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values with their places, in the order of places.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let chunks = self.spans.iter().flat_map(|span| span.iter()).enumerate();
        chunks.flat_map(|(nth, chunk)| {
            let filled = chunk.iter().flat_map(|chunk| chunk.iter()).enumerate();
            filled.filter_map(move |(at, value)| Some((nth * CHUNK + at, value.as_ref()?)))
        })
    }

    /// The places in chunks that `before` does not share: whatever differs is at one of them. Costs
    /// what differs, and a comparison of pointers for each span.
    pub fn unshared<'s>(&'s self, before: &'s Self) -> impl Iterator<Item = usize> + 's {
        let spans = self.spans.len().max(before.spans.len());
        let differing =
            (0..spans).filter(|nth| !same(self.spans.get(*nth), before.spans.get(*nth)));
        let chunks = differing.flat_map(|span| span * CHUNKS..(span + 1) * CHUNKS);
        let differing = chunks.filter(|nth| !same(self.chunk(*nth), before.chunk(*nth)));
        differing.flat_map(|nth| nth * CHUNK..(nth + 1) * CHUNK)
    }

    #[inline]
    fn chunk(&self, nth: usize) -> Option<&Arc<Chunk<T>>> {
        let span = self.spans.get(nth / CHUNKS)?;
        span.get(nth % CHUNKS)?.as_ref()
    }
}

impl<T: Clone> Slots<T> {
    /// Puts a value at a place, or nothing; gives what was there.
    pub fn set(&mut self, place: usize, value: Option<T>) -> Option<T> {
        let Some(value) = value else {
            return self.clear(place);
        };
        while self.spans.len() <= place / SPAN {
            self.spans.push(Arc::new([const { None }; CHUNKS]));
        }
        let span = Arc::make_mut(self.spans.get_mut(place / SPAN)?);
        let chunk = span.get_mut(place % SPAN / CHUNK)?;
        let chunk = chunk.get_or_insert_with(|| Arc::new(array::from_fn(|_| None)));
        let before = Arc::make_mut(chunk).get_mut(place % CHUNK)?.replace(value);
        self.len += usize::from(before.is_none());
        before
    }

    /// The value at a place, to be changed.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.get(place)?;
        let span = Arc::make_mut(self.spans.get_mut(place / SPAN)?);
        let chunk = Arc::make_mut(span.get_mut(place % SPAN / CHUNK)?.as_mut()?);
        chunk.get_mut(place % CHUNK)?.as_mut()
    }

    /// Lets go of a chunk that becomes empty, and of empty spans at the end.
    fn clear(&mut self, place: usize) -> Option<T> {
        self.get(place)?;
        let span = Arc::make_mut(self.spans.get_mut(place / SPAN)?);
        let slot = span.get_mut(place % SPAN / CHUNK)?;
        let chunk = Arc::make_mut(slot.as_mut()?);
        let before = chunk.get_mut(place % CHUNK)?.take();
        if chunk.iter().all(Option::is_none) {
            *slot = None;
        }
        self.len -= usize::from(before.is_some());
        while self
            .spans
            .pop_if(|last| last.iter().all(Option::is_none))
            .is_some()
        {}
        before
    }
}

fn same<T>(now: Option<&Arc<T>>, then: Option<&Arc<T>>) -> bool {
    match (now, then) {
        (Some(now), Some(then)) => Arc::ptr_eq(now, then),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_it_had() {
        let mut slots = Slots::default();
        slots.set(3, Some('a'));
        let before = slots.clone();
        assert_eq!(slots.set(3, Some('b')), Some('a'));
        assert_eq!((before.get(3), slots.get(3)), (Some(&'a'), Some(&'b')));
        assert_eq!((before.len(), slots.len()), (1, 1));
    }

    #[test]
    fn what_differs_is_named_and_little_else() {
        let mut slots = Slots::default();
        for place in 0..1_000 {
            slots.set(place, Some(place));
        }
        let before = slots.clone();
        assert_eq!(slots.unshared(&before).count(), 0);
        slots.set(500, None);
        let unshared: Vec<_> = slots.unshared(&before).collect();
        assert!(unshared.contains(&500) && unshared.len() <= CHUNK);
        assert_eq!(slots.iter().count(), 999);
    }

    #[test]
    fn a_value_is_changed_in_its_place() {
        let mut slots = Slots::default();
        slots.set(700, Some(1));
        let before = slots.clone();
        *slots.get_mut(700).unwrap() += 1;
        assert_eq!((before.get(700), slots.get(700)), (Some(&1), Some(&2)));
        assert_eq!(slots.get_mut(701), None);
        assert_eq!((slots.set(700, None), slots.len()), (Some(2), 0));
    }

    #[test]
    fn what_is_empty_takes_no_room() {
        let mut slots = Slots::default();
        slots.set(1_000, Some(()));
        slots.set(1_000, None);
        assert!(slots.is_empty() && slots.spans.is_empty());
        assert_eq!(slots.set(5_000, None), None);
        assert!(slots.spans.is_empty());
    }
}
