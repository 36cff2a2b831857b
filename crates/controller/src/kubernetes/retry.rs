//! When to ask the API server again.
//!
//! Invariant: delays double from 0.2 s to 30 s within a run of failures, each with jitter so that
//! many gateways do not return at once. A run ends with an object event, or a quiet minute.
//! Deliberately absent: sleeping.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// Longer than the longest delay and an attempt's own timeouts, so that one outage is one run.
const QUIET: Duration = Duration::from_mins(2);

/// Counts the failures of one watch.
#[derive(Debug, Default)]
pub(super) struct Retry {
    failures: u32,
    last: Option<Instant>,
}

/// How a failure stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// The first after things went well: worth a line in the log.
    Begins,
    /// One more of the same outage.
    GoesOn,
}

impl Retry {
    /// Counts one failure.
    pub(super) fn failed(&mut self, now: Instant) -> Run {
        let quiet = self
            .last
            .is_none_or(|last| now.duration_since(last) > QUIET);
        self.last = Some(now);
        self.failures = if quiet {
            1
        } else {
            self.failures.saturating_add(1)
        };
        if self.failures == 1 {
            Run::Begins
        } else {
            Run::GoesOn
        }
    }

    /// An object event arrived: the next failure begins a new run.
    ///
    /// A list alone does not end a run: a server that answers every watch with 410 is then asked
    /// for lists ever more slowly.
    pub(super) fn progressed(&mut self) {
        *self = Self::default();
    }

    /// Ends a run where more time than its delays passed without a failure.
    pub(super) fn rested(&mut self, now: Instant) {
        let rest = LONGEST + Duration::from_secs(6);
        if self
            .last
            .is_some_and(|last| now.duration_since(last) > rest)
        {
            self.progressed();
        }
    }

    /// How long to wait after the last failure: between half of the doubled delay and the whole,
    /// and at least `least` and up to a fifth more.
    pub(super) fn delay(&self, least: Duration) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(10);
        let doubled = FIRST.saturating_mul(1 << doublings).min(LONGEST);
        let jitter = fastrand::f64();
        doubled
            .mul_f64(0.5 + jitter / 2.0)
            .max(least.mul_f64(1.0 + jitter / 5.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(failures: u32) -> Retry {
        Retry {
            failures,
            last: Some(Instant::now()),
        }
    }

    #[test]
    fn delays_double_up_to_half_a_minute() {
        let whole = |failures| {
            (
                after(failures).delay(Duration::ZERO).as_secs_f64(),
                failures,
            )
        };
        for (delay, failures) in (1..=40).map(whole) {
            let limit = (0.2 * 2_f64.powi(failures as i32 - 1)).min(30.0);
            assert!(
                (limit / 2.0..=limit).contains(&delay),
                "failure {failures}: {delay} s"
            );
        }
    }

    #[test]
    fn a_refusal_waits_its_least() {
        let delay = after(1).delay(Duration::from_secs(5));
        assert!((5.0..=6.0).contains(&delay.as_secs_f64()), "{delay:?}");
    }

    #[test]
    fn one_outage_is_one_run() {
        let mut retry = Retry::default();
        let start = Instant::now();
        let later = start + LONGEST + Duration::from_secs(57);
        assert_eq!(retry.failed(start), Run::Begins);
        assert_eq!(retry.failed(later), Run::GoesOn);
        assert_eq!(retry.failed(later + QUIET * 2), Run::Begins);
        retry.progressed();
        assert_eq!(retry.failed(later + QUIET * 2), Run::Begins);
    }

    /// A minute of refused connections, for both kinds together.
    #[test]
    fn a_dead_server_sees_few_attempts() {
        let mut elapsed = 0.0;
        let attempts = (1..).take_while(|&failures| {
            elapsed += after(failures).delay(Duration::ZERO).as_secs_f64();
            elapsed < 60.0
        });
        assert!(attempts.count() <= 15);
    }
}
