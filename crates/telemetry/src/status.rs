//! Responses counted by status class and by status code.
//!
//! Invariant: a status outside 100..=599 belongs to no class and is counted nowhere.

use std::sync::OnceLock;

use crate::value::Counter;

/// One counter per status class, 1xx to 5xx.
#[derive(Debug, Default)]
pub(crate) struct Classes([Counter; CLASSES]);

const CLASSES: usize = 5;

impl Classes {
    pub(crate) const fn new() -> Self {
        Self([const { Counter::new() }; CLASSES])
    }

    pub(crate) fn count(&self, status: u16) {
        if let Some(counter) = class_index(status).and_then(|index| self.0.get(index)) {
            counter.inc();
        }
    }

    /// The counter of one class, `4` for 4xx.
    pub(crate) fn counter(&self, digit: u16) -> Option<&Counter> {
        self.0.get(usize::from(digit).checked_sub(1)?)
    }

    /// `(class digit, count)` for all five classes, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        (1..).zip(self.0.iter().map(Counter::value))
    }

    /// The count of one class, `4` for 4xx.
    pub(crate) fn class(&self, digit: u16) -> u64 {
        self.counter(digit).map_or(0, Counter::value)
    }
}

/// The place of all codes beyond [`MOST_CODES`].
pub(crate) const OTHER_CODES: u16 = 0;

/// Codes of one cluster that are told apart; there are 62 in the registry of RFC 9110, and an
/// upstream may make up any.
const MOST_CODES: usize = 40;

/// One counter per status code, 100 to 599; a code takes memory (40 bytes) from its first response
/// on. A cluster answers with a handful of them, the first of which is mostly the most frequent.
#[derive(Debug, Default)]
pub(crate) struct Codes(OnceLock<Box<Code>>);

/// One code, and those that were seen later.
#[derive(Debug)]
struct Code {
    status: u16,
    count: Counter,
    later: Codes,
}

impl Codes {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn count(&self, status: u16) {
        if let Some(counter) = self.code(status).filter(|_| status != OTHER_CODES) {
            counter.inc();
        }
    }

    /// The counter of one code, or of all others.
    pub(crate) fn code(&self, status: u16) -> Option<&Counter> {
        let has_class = class_index(status).is_some_and(|class| class < CLASSES);
        if !has_class && status != OTHER_CODES {
            return None;
        }
        let (mut codes, mut others) = (self, None);
        for _ in 0..MOST_CODES {
            let code = codes.0.get_or_init(|| Box::new(Code::of(status)));
            if code.status == status {
                return Some(&code.count);
            }
            if code.status == OTHER_CODES {
                others = Some(&code.count);
            }
            codes = &code.later;
        }
        let last = || {
            &codes
                .0
                .get_or_init(|| Box::new(Code::of(OTHER_CODES)))
                .count
        };
        Some(others.unwrap_or_else(last))
    }

    /// `(code, count)` of every code seen so far, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        let first = self.0.get();
        let seen = std::iter::successors(first, |code| code.later.0.get());
        let mut seen: Vec<_> = seen
            .map(|code| (code.status, code.count.value()))
            .filter(|&(_, count)| count > 0)
            .collect();
        seen.sort_unstable();
        seen.into_iter()
    }
}

impl Code {
    fn of(status: u16) -> Self {
        Self {
            status,
            count: Counter::new(),
            later: Codes::new(),
        }
    }
}

fn class_index(status: u16) -> Option<usize> {
    usize::from(status / 100).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_one_by_one_and_listed_in_order() {
        let codes = Codes::default();
        for status in [503, 200, 503, 599, 100] {
            codes.count(status);
        }
        assert_eq!(
            codes.iter().collect::<Vec<_>>(),
            [(100, 1), (200, 1), (503, 2), (599, 1)]
        );
    }

    #[test]
    fn codes_that_are_made_up_share_a_place() {
        let codes = Codes::default();
        for status in 100..600 {
            codes.count(status);
            codes.count(200);
        }
        let counted: Vec<_> = codes.iter().collect();
        assert_eq!(counted.len(), MOST_CODES + 1);
        assert_eq!(counted.iter().map(|(_, count)| count).sum::<u64>(), 1_000);
        assert_eq!(counted[0].0, OTHER_CODES);
    }

    #[test]
    fn a_place_that_is_shared_is_the_same_one_when_counts_go_on() {
        let codes = Codes::default();
        codes.code(OTHER_CODES).unwrap().add(7);
        (100..600).for_each(|status| codes.count(status));
        let others = codes.iter().filter(|(code, _)| *code == OTHER_CODES);
        assert_eq!(others.count(), 1);
    }

    #[test]
    fn a_status_outside_all_classes_is_counted_nowhere() {
        let (codes, classes) = (Codes::default(), Classes::default());
        for status in [0, 99, 600, 999, u16::MAX] {
            codes.count(status);
            classes.count(status);
        }
        assert_eq!(codes.iter().count(), 0);
        assert!(classes.iter().all(|(_, count)| count == 0));
    }
}
