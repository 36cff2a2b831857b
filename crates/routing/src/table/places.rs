//! Which places are free?
//!
//! Invariant: no place is given out twice before it is given back.
//! Deliberately absent: what is at them.

/// Places of a [`Slots`](crate::Slots).
#[derive(Debug, Default)]
pub(super) struct Places {
    free: Vec<u32>,
    next: u32,
}

impl Places {
    /// A place that nothing is at.
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Nothing is at this place any more.
    pub(super) fn give_back(&mut self, place: u32) {
        self.free.push(place);
    }
}
