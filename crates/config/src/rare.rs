//! What most authors say nothing about, kept where they do.
//!
//! Invariant: takes the room of a pointer unless something was said, and reads as the usual value
//! then.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// A value that mostly is the usual one. Equal to another when what both read as is.
#[derive(Clone)]
pub struct Rare<T>(Option<Box<T>>);

/// What a value is when nothing was said about it.
pub trait Usual: Sized + 'static {
    /// The value of who says nothing.
    const USUAL: &'static Self;
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Usual + PartialEq> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != *T::USUAL).then(|| Box::new(value)))
    }
}

impl<T: Usual> Deref for Rare<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::USUAL)
    }
}

impl<T: Usual + Clone> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::USUAL.clone()))
    }
}

impl<T: Usual + fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Usual + PartialEq> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Usual + Eq> Eq for Rare<T> {}

#[cfg(test)]
mod tests {
    use super::{Rare, Usual};

    impl Usual for u32 {
        const USUAL: &'static Self = &7;
    }

    #[test]
    fn the_usual_value_takes_no_room() {
        assert!(Rare::from(7).0.is_none());
        assert_eq!((*Rare::<u32>::default(), *Rare::from(8)), (7, 8));
    }

    #[test]
    fn what_was_changed_to_the_usual_value_equals_it() {
        let mut changed = Rare::<u32>::from(8);
        *changed = 7;
        assert_eq!(changed, Rare::default());
        let mut first = Rare::<u32>::default();
        *first += 1;
        assert_eq!((*first, changed == first), (8, false));
    }
}
