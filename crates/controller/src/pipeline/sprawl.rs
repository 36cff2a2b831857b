//! When memory is to be gathered, after most objects are gone.
//!
//! What is left of many objects lies scattered among what was freed, and memory goes back to the
//! system by the page. So what is left moves together once in a while: when half of the objects are
//! gone and changes pause, since it costs a compile of all.
//!
//! Invariant: an object is moved at most once for each that was deleted, and few are never moved.
//! Deliberately absent: moving, and clocks.

/// How far objects may have spread.
#[derive(Debug, Default)]
pub(crate) struct Sprawl {
    /// The most objects there were since they were last moved together.
    most: usize,
    /// The generation at which a pause was begun to be waited for.
    waiting: Option<u64>,
}

/// So many, of a few kilobytes each, are not worth a thought.
const FEW: usize = 1_000;

impl Sprawl {
    /// Takes notice of how many objects a snapshot has. Answers whether a pause is to be waited for
    /// from now on.
    pub(crate) fn published(&mut self, generation: u64, objects: usize) -> bool {
        self.most = self.most.max(objects);
        let is_due = self.most > FEW && objects <= self.most / 2;
        let begins = is_due && self.waiting.is_none();
        if begins {
            self.waiting = Some(generation);
        }
        begins
    }

    /// A while is over.
    pub(crate) fn waited(&mut self, generation: u64, objects: usize) -> After {
        let was_quiet = self.waiting.take() == Some(generation);
        if objects > self.most / 2 {
            return After::Rest;
        }
        if was_quiet {
            self.most = objects;
            return After::Gather;
        }
        self.waiting = Some(generation);
        After::WaitOn
    }
}

/// What follows a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Changes have paused: now.
    Gather,
    /// They have not: another while.
    WaitOn,
    /// So many came back that there is no need.
    Rest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_gathered_when_half_is_gone_and_changes_pause() {
        let mut sprawl = Sprawl::default();
        assert!(!sprawl.published(1, 4_000));
        assert!(!sprawl.published(2, 2_001));
        assert!(sprawl.published(3, 2_000));
        assert!(!sprawl.published(4, 1_000));
        assert_eq!(sprawl.waited(4, 1_000), After::WaitOn);
        assert_eq!(sprawl.waited(4, 1_000), After::Gather);
        assert!(!sprawl.published(5, 1_000));
    }

    #[test]
    fn what_comes_back_needs_no_gathering() {
        let mut sprawl = Sprawl::default();
        sprawl.published(1, 4_000);
        assert!(sprawl.published(2, 0));
        sprawl.published(3, 4_000);
        assert_eq!(sprawl.waited(3, 4_000), After::Rest);
        assert!(sprawl.published(4, 0));
    }

    #[test]
    fn a_few_objects_are_never_moved() {
        let mut sprawl = Sprawl::default();
        sprawl.published(1, FEW);
        assert!(!sprawl.published(2, 0));
    }
}
