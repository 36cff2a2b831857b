//! Which streams a client has opened, and which it has ended.
//!
//! Invariant: it has one size, however many streams there are. Of streams older than the last 1,024 it
//! knows nothing.
//!
//! Deliberately absent: what we have sent on them, but for whether it was a part of an answer.

/// How many of the last streams are known.
const KNOWN: u32 = 1024;

const WORDS: usize = KNOWN as usize / 64;

/// The streams of a connection, as the client knows them.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    /// The highest that was opened; 0 = none.
    highest: u32,
    opened: Bits,
    ended: Bits,
    answered: Bits,
}

/// One bit for each of the last streams.
#[derive(Clone, Debug)]
struct Bits([u64; WORDS]);

/// What a stream is to its client (RFC 9113 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Higher than any that was opened.
    Idle,
    /// Passed over when a higher one was opened.
    Skipped,
    Open,
    /// The client has said that nothing follows.
    Ended,
    /// Too old to be known.
    Forgotten,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self {
            highest: 0,
            opened: Bits([0; WORDS]),
            ended: Bits([0; WORDS]),
            answered: Bits([0; WORDS]),
        }
    }

    /// Of an id that clients may use: odd.
    pub(super) fn state(&self, id: u32) -> State {
        if id > self.highest {
            return State::Idle;
        }
        if (self.highest - id) / 2 >= KNOWN {
            return State::Forgotten;
        }
        match (self.opened.has(id), self.ended.has(id)) {
            (false, _) => State::Skipped,
            (true, false) => State::Open,
            (true, true) => State::Ended,
        }
    }

    /// An idle one is opened, and all before it that are idle cannot be any more.
    pub(super) fn open(&mut self, id: u32) {
        // From the lowest that is passed over; before the first one that is 1.
        let lowest = match self.highest {
            0 => 1,
            highest => highest + 2,
        };
        let lowest = lowest.max(id.saturating_sub(2 * (KNOWN - 1)));
        for passed in (lowest..=id).step_by(2) {
            self.opened.set(passed, false);
            self.ended.set(passed, false);
            self.answered.set(passed, false);
        }
        self.opened.set(id, true);
        self.highest = id;
    }

    /// A part of its answer goes to the client.
    pub(super) fn answer(&mut self, id: u32) {
        if matches!(self.state(id), State::Open | State::Ended) {
            self.answered.set(id, true);
        }
    }

    /// Whether a part of its answer went to the client, or may have: it is too long ago.
    pub(super) fn is_answered(&self, id: u32) -> bool {
        match self.state(id) {
            State::Idle | State::Skipped => false,
            State::Open | State::Ended => self.answered.has(id),
            State::Forgotten => true,
        }
    }

    /// The client sends no more on it.
    pub(super) fn end(&mut self, id: u32) {
        if matches!(self.state(id), State::Open) {
            self.ended.set(id, true);
        }
    }
}

impl Bits {
    fn place(id: u32) -> (usize, u64) {
        let at = (id / 2) % KNOWN;
        ((at / 64) as usize, 1 << (at % 64))
    }

    fn has(&self, id: u32) -> bool {
        let (word, bit) = Self::place(id);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn set(&mut self, id: u32, value: bool) {
        let (word, bit) = Self::place(id);
        if let Some(word) = self.0.get_mut(word) {
            match value {
                true => *word |= bit,
                false => *word &= !bit,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_idle_then_open_then_ended() {
        let mut streams = Streams::new();
        assert_eq!(streams.state(1), State::Idle);
        streams.open(1);
        assert_eq!(streams.state(1), State::Open);
        streams.open(3);
        streams.end(1);
        assert_eq!(
            (streams.state(1), streams.state(3), streams.state(5)),
            (State::Ended, State::Open, State::Idle)
        );
    }

    #[test]
    fn streams_that_were_passed_over_are_known() {
        let mut streams = Streams::new();
        streams.open(5);
        assert_eq!(streams.state(1), State::Skipped);
        assert_eq!(streams.state(3), State::Skipped);
        streams.open(11);
        assert_eq!(streams.state(5), State::Open);
        assert_eq!(streams.state(9), State::Skipped);
        streams.open(u32::MAX >> 1);
        assert_eq!(streams.state((u32::MAX >> 1) - 2), State::Skipped);
        assert_eq!(streams.state(11), State::Forgotten);
    }

    #[test]
    fn what_was_long_ago_is_forgotten_and_taken_for_nothing_else() {
        let mut streams = Streams::new();
        for id in (1..5_001).step_by(2) {
            streams.open(id);
            if id % 3 == 0 {
                streams.end(id);
            }
        }
        assert_eq!(streams.state(2_951), State::Forgotten);
        assert_eq!(streams.state(4_999 - 2 * 1_023), State::Open);
        assert_eq!(streams.state(4_995), State::Ended);
        streams.end(1);
        assert_eq!(streams.state(1), State::Forgotten);
    }
}
