//! What goes wrong with a kind, and what was asked of it.

use std::collections::BTreeSet;
use std::ops::Range;

/// How a server says that it does not have a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// No longer (410), as the answer to the watch request.
    Status,
    /// No longer (410), as an `ERROR` event in the stream.
    Event,
    /// Not yet (504), as after its store was restored from a backup.
    TooLarge,
}

/// The faults of one kind.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Lists and watches are answered with 403.
    pub(super) forbidden: bool,
    /// Lists are granted, watches are not.
    pub(super) watch_forbidden: bool,
    /// Nothing is written.
    pub(super) writes_forbidden: bool,
    /// Lists and new watches are never answered.
    pub(super) hanging: bool,
    /// Versions before this one are gone, and how that is said.
    pub(super) oldest: Option<(u64, Expiry)>,
    /// Which lists to come are answered with 500, counted from the first ever.
    pub(super) failing_lists: Range<usize>,
    /// Which lists to come are answered with nothing, though there is something.
    pub(super) empty_lists: Range<usize>,
    /// Watches begun so far that never send anything again.
    pub(super) stalled: BTreeSet<usize>,
    /// Watches begun so far that send half of what is next, and then nothing.
    pub(super) torn: BTreeSet<usize>,
    /// Bytes a second that pages of lists come with; as fast as they can when 0.
    pub(super) pace: u64,
    /// Watches begun so far that are to end.
    pub(super) cut: usize,
    pub(super) lists: usize,
    pub(super) watches: usize,
    /// Path and query of everything that was asked.
    pub(super) asked: Vec<String>,
    /// Bytes of bodies of lists and watches.
    pub(super) sent: u64,
}
