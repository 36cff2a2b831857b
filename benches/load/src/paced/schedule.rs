//! When requests are due.

use std::time::{Duration, Instant};

/// The requests of one order, one after the other.
#[derive(Debug)]
pub(super) struct Schedule {
    begun: Instant,
    rate: u64,
    /// The number of the request that is due next.
    next: u64,
    /// How many there are in all.
    last: u64,
}

impl Schedule {
    pub(super) fn new(begun: Instant, rate: u32, lasts: Duration) -> Self {
        let last = lasts.as_micros() * u128::from(rate) / 1_000_000;
        Self {
            begun,
            rate: u64::from(rate.max(1)),
            next: 0,
            last: u64::try_from(last).unwrap_or(u64::MAX),
        }
    }

    /// When the next one is due; `None` when there is no more.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.next < self.last).then(|| self.at(self.next))
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    /// Which one is due next.
    pub(super) fn number(&self) -> usize {
        usize::try_from(self.next).unwrap_or(usize::MAX)
    }

    /// When all that there are have been due.
    pub(super) fn end(&self) -> Instant {
        self.at(self.last)
    }

    /// There is no more than was due by now; how much of that is left.
    pub(super) fn cut(&mut self, now: Instant) -> u64 {
        let mut left = 0;
        while self.due().is_some_and(|due| due <= now) {
            self.advance();
            left += 1;
        }
        self.last = self.next;
        left
    }

    fn at(&self, number: u64) -> Instant {
        let (seconds, rest) = (number / self.rate, number % self.rate);
        let nanos = rest * 1_000_000_000 / self.rate;
        self.begun + Duration::from_secs(seconds) + Duration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_evenly_apart_and_as_many_as_there_is_time_for() {
        let begun = Instant::now();
        let mut schedule = Schedule::new(begun, 4, Duration::from_secs(1));
        let mut due = Vec::new();
        while let Some(next) = schedule.due() {
            due.push((next - begun).as_millis());
            schedule.advance();
        }
        assert_eq!(due, [0, 250, 500, 750]);
    }

    #[test]
    fn what_was_due_when_it_is_cut_is_left() {
        let begun = Instant::now();
        let mut schedule = Schedule::new(begun, 4, Duration::from_secs(1));
        schedule.advance();
        assert_eq!(schedule.cut(begun + Duration::from_millis(600)), 2);
        assert_eq!(schedule.due(), None);
    }
}
