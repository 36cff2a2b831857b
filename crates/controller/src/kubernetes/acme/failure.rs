//! Failures to get a certificate, and when to try again.
//!
//! Pauses are of the wall clock, since the next leader goes by them, too. A failure of the future says
//! that the clock was wrong then, and puts nothing off.
//!
//! Deliberately absent: where they are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instant_acme::Error;
use nuncio_telemetry::Issued;
use serde::{Deserialize, Serialize};

use super::times::AcmeTimes;
use super::vault::Unkept;
use crate::kubernetes::failure::chain;
use crate::remark::quoted;

/// How long a rate limit is taken to last that does not say.
const RATE_LIMIT: Duration = Duration::from_hours(1);

/// An authority that asks for more patience is not believed.
const LONGEST_RATE_LIMIT: Duration = Duration::from_hours(7 * 24);

/// No pause is longer, with what is added by chance.
const LONGEST_LEFT: Duration = Duration::from_hours(8 * 24);

/// What clocks of replicas may differ by.
const SKEW: u64 = 5 * 60;

/// How long a failure is remembered after its pause, for the next one to be longer.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What is kept of a reason.
const LONGEST_REASON: usize = 300;

/// Why there is no certificate.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) outcome: Issued,
    pub(super) reason: String,
    /// When the authority wants to be asked again.
    pub(super) after: Option<Duration>,
}

/// What is remembered of failures that followed one another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Failure {
    /// How many.
    pub(super) count: u32,
    /// Seconds since the epoch when the last one was.
    #[serde(default)]
    pub(super) since: u64,
    /// Seconds since the epoch when to try again.
    pub(super) until: u64,
    /// Why the last one failed.
    pub(super) reason: String,
}

impl Failed {
    /// For a reason of our own side.
    pub(super) fn because(reason: &(impl ToString + ?Sized)) -> Self {
        Self {
            outcome: Issued::Failed,
            reason: quoted(&reason.to_string()),
            after: None,
        }
    }
}

impl From<Unkept> for Failed {
    fn from(unkept: Unkept) -> Self {
        Self::because(&unkept)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::Api(problem) => problem,
            Error::Timeout(_) => return Self::because("the authority takes too long"),
            Error::Json(_) => return Self::because("what answers there speaks no ACME"),
            other => return Self::because(&chain(other)),
        };
        let kind = problem.r#type.as_deref().unwrap_or_default();
        // What else answers with JSON is nobody's to read here.
        let Some(kind) = kind.strip_prefix("urn:ietf:params:acme:error:") else {
            return Self::because("what answers there speaks no ACME");
        };
        let outcome = match kind {
            "rateLimited" => Issued::RateLimited,
            _ => Issued::Refused,
        };
        let detail = problem.detail.as_deref().unwrap_or_default();
        Self {
            outcome,
            reason: quoted(&format!("the authority says {kind}: {detail}")),
            after: None,
        }
    }
}

impl Failure {
    /// After `before`, if there was one.
    pub(super) fn after(
        before: Option<&Self>,
        failed: &Failed,
        times: &AcmeTimes,
        now: SystemTime,
    ) -> Self {
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        let factor = 3_u32.saturating_pow(count.min(20) - 1);
        let pause = times.pause.saturating_mul(factor).min(times.longest_pause);
        let pause = pause.mul_f64(1.0 + fastrand::f64() / 10.0);
        let limit = match failed.outcome {
            Issued::RateLimited => Some(failed.after.unwrap_or(RATE_LIMIT)),
            Issued::Issued | Issued::Refused | Issued::Failed => failed.after,
        };
        let pause = limit.map_or(pause, |limit| limit.min(LONGEST_RATE_LIMIT).max(pause));
        Self {
            count,
            since: seconds(now),
            until: seconds(now).saturating_add(pause.as_secs()),
            reason: shortened(&failed.reason),
        }
    }

    /// How long to wait still.
    pub(super) fn left(&self, now: SystemTime) -> Duration {
        let now = seconds(now);
        let left = Duration::from_secs(self.until.saturating_sub(now));
        match self.since > now.saturating_add(SKEW) || left > LONGEST_LEFT {
            true => Duration::ZERO,
            false => left,
        }
    }

    /// Whether it says anything still; `self` as it was read, from whatever wrote it.
    pub(super) fn is_worth_keeping(&self, now: SystemTime) -> bool {
        let end = self.until.saturating_add(REMEMBERED.as_secs());
        end > seconds(now) && self.reason.len() <= LONGEST_REASON
    }
}

fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_REASON);
    text.get(..end).unwrap_or_default().to_owned()
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(outcome: Issued, after: Option<Duration>) -> Failed {
        Failed {
            outcome,
            after,
            ..Failed::because("no")
        }
    }

    #[test]
    fn pauses_grow_to_six_hours() {
        let (times, now) = (AcmeTimes::default(), SystemTime::now());
        let mut before = None;
        for minutes in [1, 3, 9, 27, 81, 243, 360, 360] {
            let failed = failed(Issued::Refused, None);
            let failure = Failure::after(before.as_ref(), &failed, &times, now);
            let left = failure.left(now).as_secs_f64() / 60.0;
            let expected = f64::from(minutes);
            assert!((expected * 0.99..expected * 1.12).contains(&left), "{left}");
            before = Some(failure);
        }
    }

    #[test]
    fn a_clock_that_was_ahead_puts_nothing_off() {
        let (times, now) = (AcmeTimes::default(), SystemTime::now());
        let ahead = |hours| {
            let then = now + Duration::from_hours(hours);
            Failure::after(None, &failed(Issued::Failed, None), &times, then)
        };
        for hours in [1, 24 * 365] {
            for later in [0, 30] {
                let at = now + Duration::from_mins(later);
                assert_eq!(ahead(hours).left(at), Duration::ZERO, "{hours} {later}");
            }
        }
        assert!(ahead(0).left(now) > Duration::ZERO);
        let unknown = Failure {
            since: 0,
            ..ahead(24 * 365)
        };
        assert_eq!(unknown.left(now), Duration::ZERO);
    }

    #[test]
    fn what_is_kept_of_a_failure_is_bounded() {
        let failed = Failed::because(&"é".repeat(9000));
        let failure = Failure::after(None, &failed, &AcmeTimes::default(), SystemTime::now());
        assert!(failure.reason.len() <= LONGEST_REASON);
        assert!(failure.is_worth_keeping(SystemTime::now()));
        assert!(!failure.is_worth_keeping(SystemTime::now() + Duration::from_hours(30)));
    }

    #[test]
    fn rate_limits_last_as_long_as_the_authority_says_within_reason() {
        let (times, now) = (AcmeTimes::default(), SystemTime::now());
        let left = |after| {
            let failed = failed(Issued::RateLimited, after);
            Failure::after(None, &failed, &times, now).left(now)
        };
        assert_eq!(left(Some(Duration::from_secs(7200))).as_secs(), 7200);
        assert_eq!(left(None), RATE_LIMIT);
        assert_eq!(left(Some(Duration::MAX)), LONGEST_RATE_LIMIT);
        assert!(left(Some(Duration::ZERO)) >= Duration::from_secs(59));
    }
}
