//! When a request is sent again, and how long after.
//!
//! Invariant: what is counted, and in which order the reasons not to are looked at, is Envoy's.
//!
//! Deliberately absent: whether the request can be sent again at all, and sending it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use nuncio_config::{Priority, RetryOn};
use nuncio_routing::{Forward, Retry};
use nuncio_telemetry::{RetryCause, RetryRefused};
use pingora_http::ResponseHeader;

use super::failure::Failure;
use super::timer::Limit;
use crate::upstream::{ConnectFailure, Permit, Upstream};

/// What is left of a route's retries for one request.
pub(super) struct Retries<'a> {
    on: RetryOn,
    upstream: &'a Arc<Upstream>,
    priority: Priority,
    left: u32,
    /// Below this is the next pause.
    pause: Duration,
    /// Of the retry under way.
    permit: Option<Permit>,
    succeeded: bool,
    exhausted: bool,
}

/// Envoy's `retry_back_off`: jittered, exponential.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

const X_ENVOY_RATELIMITED: HeaderName = HeaderName::from_static("x-envoy-ratelimited");

impl<'a> Retries<'a> {
    /// `None` when the route has none.
    pub(super) fn of(route: &Forward, upstream: &'a Arc<Upstream>) -> Option<Self> {
        let Retry {
            on, num_retries, ..
        } = route.retry?;
        Some(Self {
            on,
            upstream,
            priority: route.priority,
            left: num_retries,
            pause: FIRST_PAUSE,
            permit: None,
            succeeded: false,
            exhausted: false,
        })
    }

    /// Whether this answer is thrown away for another attempt.
    pub(super) fn after_answer(&mut self, head: &ResponseHeader) -> bool {
        let status = head.status.as_u16();
        if retries_answer(self.on, head) {
            return self.is_granted(RetryCause::Response(status));
        }
        self.succeeded = self.permit.take().is_some();
        false
    }

    /// Whether there is another attempt after this one came to nothing.
    pub(super) fn after_failure(&mut self, failure: &Failure) -> bool {
        retries_failure(self.on, failure) && self.is_granted(RetryCause::Failure)
    }

    /// The request has become too large to be kept: it will not be sent again.
    pub(super) fn abandon(&self) {
        self.upstream.stats.retry_abandoned();
    }

    /// How long to wait before the attempt that was just granted.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.pause.mul_f64(fastrand::f64());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// Whether it took another attempt to get the answer that was passed on.
    pub(super) fn succeeded(&self) -> bool {
        self.succeeded
    }

    /// Whether another attempt was wanted when none was left.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    fn is_granted(&mut self, cause: RetryCause) -> bool {
        // The retry under way is over, whatever becomes of the next.
        self.permit = None;
        let stats = &self.upstream.stats;
        let Some(left) = self.left.checked_sub(1) else {
            self.exhausted = true;
            stats.retry_refused(RetryRefused::LimitExceeded);
            return false;
        };
        self.left = left;
        self.permit = self.upstream.admit_retry(self.priority);
        if self.permit.is_none() {
            stats.retry_refused(RetryRefused::Overflow);
            return false;
        }
        stats.retried(cause);
        true
    }
}

fn retries_answer(on: RetryOn, head: &ResponseHeader) -> bool {
    // Envoy: what a rate limit refused is not to be asked again.
    if head.headers.contains_key(X_ENVOY_RATELIMITED) {
        return false;
    }
    let status = head.status.as_u16();
    match on {
        RetryOn::FiveXx => status >= 500,
        RetryOn::GatewayError => matches!(status, 502..=504),
        RetryOn::Retriable4xx => status == 409,
        RetryOn::ConnectFailure | RetryOn::RefusedStream | RetryOn::RetriableStatusCodes => false,
    }
}

fn retries_failure(on: RetryOn, failure: &Failure) -> bool {
    match failure {
        Failure::ClientLeft
        | Failure::ClientMalformed
        | Failure::TooLarge
        | Failure::OutOfTime(Limit::Whole | Limit::Silence | Limit::Request)
        | Failure::NoEndpoint
        | Failure::NoConnection(ConnectFailure::Overflow | ConnectFailure::NoCredentials) => false,
        Failure::NoConnection(_) => {
            matches!(
                on,
                RetryOn::FiveXx | RetryOn::GatewayError | RetryOn::ConnectFailure
            )
        }
        Failure::UpstreamReset { refused: true } => {
            matches!(
                on,
                RetryOn::FiveXx | RetryOn::GatewayError | RetryOn::RefusedStream
            )
        }
        Failure::OutOfTime(Limit::Attempt)
        | Failure::UpstreamClosed { .. }
        | Failure::UpstreamReset { refused: false }
        | Failure::UpstreamMalformed => matches!(on, RetryOn::FiveXx | RetryOn::GatewayError),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    const ALL: [RetryOn; 6] = [
        RetryOn::FiveXx,
        RetryOn::GatewayError,
        RetryOn::ConnectFailure,
        RetryOn::Retriable4xx,
        RetryOn::RefusedStream,
        RetryOn::RetriableStatusCodes,
    ];

    fn answer(status: u16) -> ResponseHeader {
        ResponseHeader::build_no_case(status, None).unwrap()
    }

    fn retried_by(retries: impl Fn(RetryOn) -> bool) -> Vec<RetryOn> {
        ALL.into_iter().filter(|on| retries(*on)).collect()
    }

    #[test]
    fn an_answer_is_thrown_away_by_its_status() {
        use RetryOn::{FiveXx, GatewayError, Retriable4xx};
        for (status, expected) in [
            (200, &[][..]),
            (404, &[]),
            (409, &[Retriable4xx]),
            (429, &[]),
            (500, &[FiveXx]),
            (501, &[FiveXx]),
            (502, &[FiveXx, GatewayError]),
            (503, &[FiveXx, GatewayError]),
            (504, &[FiveXx, GatewayError]),
            (505, &[FiveXx]),
            (599, &[FiveXx]),
        ] {
            let head = answer(status);
            assert_eq!(
                retried_by(|on| retries_answer(on, &head)),
                expected,
                "{status}"
            );
        }
    }

    #[test]
    fn what_a_rate_limit_refused_is_not_asked_again() {
        let mut head = answer(503);
        head.insert_header(X_ENVOY_RATELIMITED, "true").unwrap();
        assert_eq!(retried_by(|on| retries_answer(on, &head)), []);
    }

    #[test]
    fn what_came_to_nothing_is_tried_again_by_its_cause() {
        use RetryOn::{ConnectFailure as Connect, FiveXx, GatewayError, RefusedStream};
        let refused = ConnectFailure::Failed(ErrorKind::ConnectionRefused);
        for (failure, expected) in [
            (
                Failure::NoConnection(refused),
                &[FiveXx, GatewayError, Connect][..],
            ),
            (
                Failure::NoConnection(ConnectFailure::TimedOut),
                &[FiveXx, GatewayError, Connect],
            ),
            (
                Failure::UpstreamClosed { untouched: false },
                &[FiveXx, GatewayError],
            ),
            (
                Failure::UpstreamReset { refused: false },
                &[FiveXx, GatewayError],
            ),
            (
                Failure::UpstreamReset { refused: true },
                &[FiveXx, GatewayError, RefusedStream],
            ),
            (Failure::UpstreamMalformed, &[FiveXx, GatewayError]),
            (Failure::OutOfTime(Limit::Attempt), &[FiveXx, GatewayError]),
            (Failure::OutOfTime(Limit::Whole), &[]),
            (Failure::OutOfTime(Limit::Silence), &[]),
            (Failure::NoConnection(ConnectFailure::Overflow), &[]),
            (Failure::NoConnection(ConnectFailure::NoCredentials), &[]),
            (Failure::NoEndpoint, &[]),
            (Failure::ClientLeft, &[]),
            (Failure::ClientMalformed, &[]),
            (Failure::TooLarge, &[]),
        ] {
            let retried = retried_by(|on| retries_failure(on, &failure));
            assert_eq!(retried, expected, "{failure:?}");
        }
    }
}
