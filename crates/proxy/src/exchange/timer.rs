//! How long an exchange may take, and how long it may be silent.
//!
//! Invariant: one timer of the runtime for one exchange, however many limits hold. It is set anew
//! only when a limit comes nearer; that a limit has moved away is seen when the timer rings.
//!
//! Deliberately absent: what is done about it.

use std::pin::Pin;
use std::time::Duration;

use nuncio_routing::Forward;
use tokio::time::{Instant, Sleep};

/// The limits of a route, and of its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// For the whole response, from the end of the request.
    pub(super) whole: Option<Duration>,
    /// For an attempt to get the response's head, from the end of the request.
    pub(super) attempt: Option<Duration>,
    /// For silence of both sides.
    pub(super) silence: Option<Duration>,
    /// For silence of a client that is listened to, until its request is complete or answered.
    pub(super) body: Option<Duration>,
    /// For the whole request.
    pub(super) request: Option<Duration>,
}

/// A limit that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Whole,
    Attempt,
    Silence,
    Request,
}

/// When which limit passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    limits: Limits,
    /// When the request was complete; `None` while its body is still coming.
    request_end: Option<Instant>,
    /// When the attempt under way got its connection; `None` once it was answered.
    attempt_since: Option<Instant>,
    /// When something came or went last.
    moved: Instant,
    /// Since when the client has been listened to without a word; `None` while it is not.
    client_silent: Option<Instant>,
    /// When the request has to be complete.
    request_until: Option<Instant>,
}

/// Watches over one exchange.
pub(super) struct Timer<'a> {
    sleep: Pin<&'a mut Sleep>,
    deadlines: Deadlines,
}

/// Far enough not to come, near enough not to overflow.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Limits {
    /// Those of `route`. A limit for each attempt that is no less than the one for all is none, as
    /// in Envoy.
    pub(super) fn of(route: &Forward) -> Self {
        let attempt = route.retry.and_then(|retry| retry.per_try_timeout);
        Self {
            whole: route.timeout,
            attempt: attempt.filter(|attempt| route.timeout.is_none_or(|whole| *attempt < whole)),
            silence: route.idle_timeout,
            ..Self::default()
        }
    }

    /// How long the upstream is told it has, `elapsed` after the end of the request.
    pub(super) fn expected(&self, elapsed: Duration) -> Option<Duration> {
        let left = self.whole.map(|whole| whole.saturating_sub(elapsed));
        match (self.attempt, left) {
            (Some(attempt), Some(left)) => Some(attempt.min(left)),
            (attempt, left) => attempt.or(left),
        }
    }
}

impl Deadlines {
    pub(super) fn new(limits: Limits, started: Instant, request_end: Option<Instant>) -> Self {
        Self {
            limits,
            request_end,
            attempt_since: None,
            moved: started,
            client_silent: request_end.is_none().then_some(started),
            request_until: limits.request.map(|limit| started + limit),
        }
    }

    /// The first of them.
    pub(super) fn next(&self) -> Instant {
        let of_answer = [self.whole(), self.attempt(), self.silence()];
        let of_request = [self.body(), self.request()];
        let deadlines = of_answer.into_iter().chain(of_request);
        deadlines
            .flatten()
            .min()
            .unwrap_or_else(|| self.moved + FOR_EVER)
    }

    fn passed(&self, now: Instant) -> Option<Limit> {
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        match () {
            () if is_over(self.whole()) => Some(Limit::Whole),
            () if is_over(self.attempt()) => Some(Limit::Attempt),
            () if is_over(self.silence()) || is_over(self.body()) => Some(Limit::Silence),
            () if is_over(self.request()) => Some(Limit::Request),
            () => None,
        }
    }

    fn whole(&self) -> Option<Instant> {
        Some(self.request_end? + self.limits.whole?)
    }

    fn attempt(&self) -> Option<Instant> {
        Some(self.attempt_since?.max(self.request_end?) + self.limits.attempt?)
    }

    fn body(&self) -> Option<Instant> {
        Some(self.client_silent? + self.limits.body?)
    }

    fn request(&self) -> Option<Instant> {
        self.request_until.filter(|_| self.request_end.is_none())
    }

    fn silence(&self) -> Option<Instant> {
        Some(self.moved + self.limits.silence?)
    }
}

impl<'a> Timer<'a> {
    /// `sleep` is to end at the first of `deadlines`.
    pub(super) fn new(sleep: Pin<&'a mut Sleep>, deadlines: Deadlines) -> Self {
        Self { sleep, deadlines }
    }

    /// Waits until a limit has passed.
    pub(super) async fn rings(&mut self) -> Limit {
        loop {
            self.sleep.as_mut().await;
            if let Some(limit) = self.deadlines.passed(Instant::now()) {
                return limit;
            }
            self.sleep.as_mut().reset(self.deadlines.next());
        }
    }

    /// What `work` comes to, unless a limit passes first.
    pub(super) async fn limit<F: Future>(
        &mut self,
        mut work: Pin<&mut F>,
    ) -> Result<F::Output, Limit> {
        tokio::select! {
            biased;
            done = &mut work => Ok(done),
            limit = self.rings() => Err(limit),
        }
    }

    /// Something came or went.
    pub(super) fn moved(&mut self) {
        self.deadlines.moved = Instant::now();
    }

    /// Whether the client is listened to, and has more to say before it is answered.
    pub(super) fn awaits_client(&mut self, awaited: bool) {
        match (awaited, self.deadlines.client_silent) {
            (true, None) => {
                self.deadlines.client_silent = Some(Instant::now());
                self.hasten();
            }
            (false, Some(_)) => self.deadlines.client_silent = None,
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Something came from the client.
    pub(super) fn heard_client(&mut self) {
        self.moved();
        let since = &mut self.deadlines.client_silent;
        *since = since.map(|_| self.deadlines.moved);
    }

    /// The request is complete since `end`, if it is; told as often as one likes.
    pub(super) fn request_ended(&mut self, end: Option<Instant>) {
        if self.deadlines.request_end != end {
            self.deadlines.request_end = end;
            self.hasten();
        }
    }

    /// An attempt has its connection.
    pub(super) fn attempt_began(&mut self) {
        if self.deadlines.limits.attempt.is_some() {
            self.deadlines.attempt_since = Some(Instant::now());
            self.hasten();
        }
    }

    /// The attempt was answered, or is over.
    pub(super) fn attempt_ended(&mut self) {
        self.deadlines.attempt_since = None;
    }

    fn hasten(&mut self) {
        let next = self.deadlines.next();
        if next < self.sleep.deadline() {
            self.sleep.as_mut().reset(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn limits(whole: u64, attempt: u64, silence: u64) -> Limits {
        let limit = |seconds| (seconds > 0).then_some(s(seconds));
        Limits {
            whole: limit(whole),
            attempt: limit(attempt),
            silence: limit(silence),
            ..Limits::default()
        }
    }

    #[test]
    fn while_the_request_is_on_its_way_only_silence_counts() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(limits(3, 1, 300), now, None);
        deadlines.attempt_since = Some(now);
        assert_eq!(deadlines.next(), now + s(300));
        deadlines.request_end = Some(now + s(200));
        assert_eq!(deadlines.next(), now + s(201));
        deadlines.attempt_since = None;
        assert_eq!(deadlines.next(), now + s(203));
    }

    #[test]
    fn an_attempt_that_begins_after_the_request_has_all_of_its_time() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(limits(10, 2, 0), now, Some(now));
        deadlines.attempt_since = Some(now + s(3));
        assert_eq!(deadlines.next(), now + s(5));
        assert_eq!(deadlines.passed(now + s(4)), None);
        assert_eq!(deadlines.passed(now + s(5)), Some(Limit::Attempt));
        assert_eq!(deadlines.passed(now + s(10)), Some(Limit::Whole));
    }

    #[test]
    fn silence_begins_anew_whenever_something_moves() {
        let now = Instant::now();
        let mut deadlines = Deadlines::new(limits(0, 0, 5), now, Some(now));
        assert_eq!(deadlines.passed(now + s(5)), Some(Limit::Silence));
        deadlines.moved = now + s(1);
        assert_eq!(deadlines.passed(now + s(5)), None);
        assert_eq!(deadlines.next(), now + s(6));
    }

    #[test]
    fn a_client_is_waited_for_only_while_it_is_listened_to() {
        let now = Instant::now();
        let limits = Limits {
            body: Some(s(60)),
            ..limits(3, 0, 300)
        };
        let mut deadlines = Deadlines::new(limits, now, None);
        assert_eq!(deadlines.next(), now + s(60));
        assert_eq!(deadlines.passed(now + s(60)), Some(Limit::Silence));
        deadlines.client_silent = None;
        assert_eq!(deadlines.next(), now + s(300));
        deadlines.client_silent = Some(now + s(100));
        assert_eq!(deadlines.next(), now + s(160));
        assert_eq!(Deadlines::new(limits, now, Some(now)).next(), now + s(3));
    }

    #[test]
    fn a_request_has_its_time_until_it_is_complete() {
        let now = Instant::now();
        let limits = Limits {
            request: Some(s(10)),
            ..limits(0, 0, 0)
        };
        let mut deadlines = Deadlines::new(limits, now, None);
        deadlines.moved = now + s(9);
        assert_eq!(deadlines.passed(now + s(10)), Some(Limit::Request));
        deadlines.request_end = Some(now + s(9));
        assert_eq!(deadlines.passed(now + s(10)), None);
    }

    #[test]
    fn without_limits_nothing_passes() {
        let now = Instant::now();
        let deadlines = Deadlines::new(limits(0, 0, 0), now, Some(now));
        assert_eq!(deadlines.passed(now + s(1_000_000)), None);
        assert!(deadlines.next() > now + s(1_000_000));
    }

    #[test]
    fn the_upstream_is_told_the_nearer_of_its_limits() {
        assert_eq!(limits(10, 4, 1).expected(s(0)), Some(s(4)));
        assert_eq!(limits(10, 4, 1).expected(s(7)), Some(s(3)));
        assert_eq!(limits(10, 0, 1).expected(s(0)), Some(s(10)));
        assert_eq!(limits(0, 4, 1).expected(s(9)), Some(s(4)));
        assert_eq!(limits(0, 0, 1).expected(s(0)), None);
    }

    #[tokio::test]
    async fn a_limit_that_comes_nearer_is_seen() {
        let now = Instant::now();
        let deadlines = Deadlines::new(
            Limits {
                whole: Some(Duration::from_millis(1)),
                ..limits(0, 0, 300)
            },
            now,
            None,
        );
        let sleep = pin!(tokio::time::sleep_until(deadlines.next()));
        let mut timer = Timer::new(sleep, deadlines);
        timer.request_ended(Some(now));
        assert_eq!(timer.rings().await, Limit::Whole);
        let never = std::future::pending::<()>();
        assert_eq!(timer.limit(pin!(never)).await, Err(Limit::Whole));
        assert_eq!(timer.limit(pin!(async { 7 })).await, Ok(7));
    }
}
