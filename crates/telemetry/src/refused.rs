//! What did not pass the gateway, by reason.
//!
//! Invariant: a reason is one of [`REFUSAL_REASONS`]; it is shown once it has happened.
//!
//! Deliberately absent: what becomes of it, which is counted as any request is.

use std::array;

use crate::names::REFUSAL_REASONS;
use crate::value::Counter;

/// Requests, connections and answers that were refused.
#[derive(Debug)]
pub struct Refused {
    requests: Reasons,
    answers: Reasons,
}

/// In the order of [`REFUSAL_REASONS`].
type Reasons = [Counter; REFUSAL_REASONS.len()];

impl Refused {
    /// A client's request, or its connection, was refused.
    pub fn request(&self, reason: &str) {
        count(&self.requests, reason);
    }

    /// An upstream's answer was.
    pub fn answer(&self, reason: &str) {
        count(&self.answers, reason);
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = (&'static str, u64)> {
        seen(&self.requests)
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        seen(&self.answers)
    }
}

impl Default for Refused {
    fn default() -> Self {
        Self {
            requests: array::from_fn(|_| Counter::default()),
            answers: array::from_fn(|_| Counter::default()),
        }
    }
}

fn count(reasons: &Reasons, reason: &str) {
    let nth = REFUSAL_REASONS.iter().position(|one| *one == reason);
    if let Some(count) = nth.and_then(|nth| reasons.get(nth)) {
        count.inc();
    }
}

fn seen(reasons: &Reasons) -> impl Iterator<Item = (&'static str, u64)> {
    let counts = REFUSAL_REASONS.into_iter().zip(reasons);
    counts
        .map(|(reason, count)| (reason, count.value()))
        .filter(|(_, count)| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_happened_is_shown() {
        let refused = Refused::default();
        refused.request("underscore");
        refused.request("underscore");
        refused.request("something that nobody knows");
        refused.answer("status_line");
        assert!(refused.requests().eq([("underscore", 2)]));
        assert!(refused.answers().eq([("status_line", 1)]));
    }

    #[test]
    fn reasons_are_sorted_and_no_two_are_one() {
        assert!(REFUSAL_REASONS.is_sorted_by(|one, other| one < other));
    }
}
