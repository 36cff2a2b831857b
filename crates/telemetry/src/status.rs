//! Responses counted by status class and by status code.
//!
//! Invariant: a status outside 100..=599 belongs to no class and is counted nowhere.

use std::array;
use std::sync::OnceLock;

use crate::value::Counter;

/// One counter per status class, 1xx to 5xx.
#[derive(Debug, Default)]
pub(crate) struct Classes([Counter; 5]);

impl Classes {
    pub(crate) fn count(&self, status: u16) {
        if let Some(counter) = class_index(status).and_then(|index| self.0.get(index)) {
            counter.inc();
        }
    }

    /// `(class digit, count)` for all five classes, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        (1..).zip(self.0.iter().map(Counter::value))
    }

    /// The count of one class, `4` for 4xx.
    pub(crate) fn class(&self, digit: u16) -> u64 {
        self.iter()
            .find(|&(class, _)| class == digit)
            .map_or(0, |(_, count)| count)
    }
}

/// One counter per status code, 100 to 599; a class takes memory (800 bytes) from its first
/// response on.
#[derive(Debug, Default)]
pub(crate) struct Codes([OnceLock<Box<[Counter; 100]>>; 5]);

impl Codes {
    pub(crate) fn count(&self, status: u16) {
        let Some(class) = class_index(status).and_then(|index| self.0.get(index)) else {
            return;
        };
        let codes = class.get_or_init(|| Box::new(array::from_fn(|_| Counter::new())));
        if let Some(counter) = codes.get(usize::from(status % 100)) {
            counter.inc();
        }
    }

    /// `(code, count)` of every code seen so far, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        (100..)
            .step_by(100)
            .zip(&self.0)
            .filter_map(|(base, class)| Some((base, class.get()?)))
            .flat_map(|(base, codes): (u16, _)| (base..).zip(codes.iter().map(Counter::value)))
            .filter(|&(_, count)| count > 0)
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
