//! Values at places that stay theirs, in a vector whose unchanged parts are shared.
//!
//! Invariant: a clone is a snapshot: nothing done to either is seen in the other. Changing one value
//! copies the chunk it lies in and the list of chunks, whatever the number of values.
//! Deliberately absent: choosing places.

use std::array;
use std::sync::Arc;

/// Values by place.
#[derive(Clone, Debug)]
pub struct Slots<T> {
    chunks: Vec<Arc<Chunk<T>>>,
    len: usize,
}

type Chunk<T> = [Option<T>; CHUNK];

/// Small enough to copy for one change, large enough that a list of chunks is short.
const CHUNK: usize = 64;

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Slots<T> {
    /// The value at a place.
    pub fn get(&self, place: usize) -> Option<&T> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref()
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
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(nth, chunk)| {
            let filled = chunk.iter().enumerate();
            filled.filter_map(move |(at, value)| Some((nth * CHUNK + at, value.as_ref()?)))
        })
    }

    /// The places in chunks that `before` does not share: whatever differs is at one of them. Costs
    /// what differs, and a comparison of pointers for each chunk.
    pub fn unshared<'s>(&'s self, before: &'s Self) -> impl Iterator<Item = usize> + 's {
        let chunks = self.chunks.len().max(before.chunks.len());
        let differs = |nth: &usize| match (self.chunks.get(*nth), before.chunks.get(*nth)) {
            (Some(now), Some(then)) => !Arc::ptr_eq(now, then),
            (Some(_), None) | (None, Some(_)) => true,
            (None, None) => false,
        };
        let differing = (0..chunks).filter(differs);
        differing.flat_map(|nth| nth * CHUNK..(nth + 1) * CHUNK)
    }
}

impl<T: Clone> Slots<T> {
    /// Puts a value at a place, or nothing; gives what was there.
    pub fn set(&mut self, place: usize, value: Option<T>) -> Option<T> {
        let nth = place / CHUNK;
        if value.is_none() && self.chunks.len() <= nth {
            return None;
        }
        while self.chunks.len() <= nth {
            self.chunks.push(Arc::new(array::from_fn(|_| None)));
        }
        let chunk = Arc::make_mut(self.chunks.get_mut(nth)?);
        let slot = chunk.get_mut(place % CHUNK)?;
        let is_some = value.is_some();
        let before = std::mem::replace(slot, value);
        self.len = self.len + usize::from(is_some) - usize::from(before.is_some());
        self.shrink();
        before
    }

    /// Lets go of empty chunks at the end.
    fn shrink(&mut self) {
        while self
            .chunks
            .pop_if(|last| last.iter().all(Option::is_none))
            .is_some()
        {}
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
    fn what_is_empty_takes_no_room() {
        let mut slots = Slots::default();
        slots.set(1_000, Some(()));
        slots.set(1_000, None);
        assert!(slots.is_empty() && slots.chunks.is_empty());
        assert_eq!(slots.set(5_000, None), None);
        assert!(slots.chunks.is_empty());
    }
}
