//! Simulates an expression: all its states at once, byte by byte.
//!
//! Invariant: takes time for the bytes times the states, and no memory but the stack's. Says what a
//! table of the same states would say.

use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;

/// How many states an expression may have to be simulated.
pub(super) const MAX_STATES: usize = 1_024;

/// Whether the text of these bytes brings `states` to a match at its end.
pub(super) fn simulate(states: &NFA, mut bytes: impl Iterator<Item = u8>) -> bool {
    let mut active = StateSet::default();
    let mut previous = None;
    let mut pending = Stack::default();
    active.insert(states.start_anchored());
    loop {
        let next = bytes.next();
        active.close(states, Place { previous, next }, &mut pending);
        let Some(byte) = next else {
            return active
                .iter()
                .any(|state| matches!(states.state(state), State::Match { .. }));
        };
        let mut reached = StateSet::default();
        for state in active.iter() {
            if let Some(next) = step(states.state(state), byte) {
                reached.insert(next);
            }
        }
        if reached.is_empty() {
            return false;
        }
        active = reached;
        previous = next;
    }
}

fn step(state: &State, byte: u8) -> Option<StateID> {
    match state {
        State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
        State::Sparse(transitions) => transitions.matches_byte(byte),
        State::Dense(transitions) => transitions.matches_byte(byte),
        State::Look { .. }
        | State::Union { .. }
        | State::BinaryUnion { .. }
        | State::Capture { .. }
        | State::Fail
        | State::Match { .. } => None,
    }
}

/// Between two bytes.
#[derive(Clone, Copy)]
struct Place {
    previous: Option<u8>,
    next: Option<u8>,
}

impl Place {
    /// Whether `look` holds here. It never looks further than one byte.
    fn allows(self, states: &NFA, look: Look) -> bool {
        let both = [self.previous, self.next].map(Option::unwrap_or_default);
        let window = match (self.previous, self.next) {
            (Some(_), Some(_)) => both.get(..),
            (Some(_), None) => both.get(..1),
            (None, Some(_)) => both.get(1..),
            (None, None) => None,
        };
        let (window, at) = (window.unwrap_or_default(), self.previous.iter().len());
        states.look_matcher().matches(look, window, at)
    }
}

/// A set of states, as bits.
struct StateSet([u64; MAX_STATES / 64]);

impl Default for StateSet {
    fn default() -> Self {
        Self([0; MAX_STATES / 64])
    }
}

impl StateSet {
    /// Whether it was not in the set.
    fn insert(&mut self, state: StateID) -> bool {
        let (word, bit) = (state.as_usize() / 64, 1 << (state.as_usize() % 64));
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn iter(&self) -> impl Iterator<Item = StateID> {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let bits = std::iter::successors(Some(*bits), |bits| Some(bits & bits.wrapping_sub(1)));
            bits.take_while(|bits| *bits != 0)
                .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
                .filter_map(|state| StateID::new(state).ok())
        })
    }

    /// Adds what is reached from it without a byte.
    fn close(&mut self, states: &NFA, place: Place, pending: &mut Stack) {
        self.iter().for_each(|state| pending.push(state));
        while let Some(state) = pending.pop() {
            let mut reach = |next: StateID| {
                if self.insert(next) {
                    pending.push(next);
                }
            };
            match states.state(state) {
                State::Union { alternates } => alternates.iter().copied().for_each(reach),
                State::BinaryUnion { alt1, alt2 } => [*alt1, *alt2].into_iter().for_each(reach),
                State::Capture { next, .. } => reach(*next),
                State::Look { look, next } if place.allows(states, *look) => reach(*next),
                State::Look { .. }
                | State::ByteRange { .. }
                | State::Sparse(_)
                | State::Dense(_)
                | State::Fail
                | State::Match { .. } => {}
            }
        }
    }
}

/// States to visit; each is pushed once, so there is room for all.
struct Stack {
    states: [u16; MAX_STATES],
    len: usize,
}

impl Default for Stack {
    fn default() -> Self {
        Self {
            states: [0; MAX_STATES],
            len: 0,
        }
    }
}

impl Stack {
    fn push(&mut self, state: StateID) {
        if let (Some(place), Ok(state)) = (
            self.states.get_mut(self.len),
            u16::try_from(state.as_usize()),
        ) {
            *place = state;
            self.len += 1;
        }
    }

    fn pop(&mut self) -> Option<StateID> {
        self.len = self.len.checked_sub(1)?;
        let state = self.states.get(self.len)?;
        StateID::new(usize::from(*state)).ok()
    }
}
