//! How many clusters of the running configuration have one name.
//!
//! Invariant: whoever changes it holds the lock of all handles; whoever looks needs none.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A count of them; a handle is made for one that is about to come.
#[derive(Debug)]
pub(crate) struct Uses(AtomicU32);

/// Nothing was told yet.
const NEW: u32 = u32::MAX;

impl Uses {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(NEW))
    }

    /// Whether there is any, or is about to be.
    pub(super) fn are_any(&self) -> bool {
        self.0.load(Relaxed) > 0
    }

    /// Whether there is any; nobody has told of one that is about to come.
    pub(super) fn have_arrived(&self) -> bool {
        !matches!(self.0.load(Relaxed), 0 | NEW)
    }

    /// There is one more; whether there was none.
    pub(crate) fn arrive(&self) -> bool {
        let before = self.0.load(Relaxed);
        let others = if before == NEW { 0 } else { before };
        self.0.store(others + 1, Relaxed);
        before == 0
    }

    /// There is one less; whether it was the last.
    pub(crate) fn depart(&self) -> bool {
        let before = self.0.load(Relaxed);
        let others = if before == NEW {
            0
        } else {
            before.saturating_sub(1)
        };
        self.0.store(others, Relaxed);
        before > 0 && others == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_about_to_come_is_there_and_comes_once() {
        let uses = Uses::new();
        assert!(uses.are_any() && !uses.have_arrived());
        assert!(!uses.arrive() && uses.have_arrived());
        assert!(!uses.arrive());
        assert!(!uses.depart() && uses.are_any());
        assert!(uses.depart() && !uses.are_any());
        assert!(!uses.depart());
        assert!(uses.arrive() && uses.are_any());
    }

    #[test]
    fn one_that_never_came_may_go() {
        let uses = Uses::new();
        assert!(uses.depart() && !uses.are_any());
    }
}
