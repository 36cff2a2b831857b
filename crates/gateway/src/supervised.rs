//! Work of the control side that goes on after a panic.
//!
//! Invariant: what is served does not depend on it; it begins anew, from what is known then, soon at first
//! and seldom when it panics again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_telemetry::{Telemetry, Work};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::error;

/// How soon what panicked begins anew.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest that it waits, when it panics again and again.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Work that went on for so long is well again.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// How long to wait before it begins anew.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    pause: Option<Duration>,
}

impl Backoff {
    /// The next pause, for what went on for so long.
    pub(crate) fn next(&mut self, lasted: Duration) -> Duration {
        let pause = match self.pause {
            Some(last) if lasted < WELL_AFTER => (last * 2).min(LAST_PAUSE),
            Some(_) | None => FIRST_PAUSE,
        };
        self.pause = Some(pause);
        pause
    }
}

/// Does what `begin` gives until it is done, beginning anew whenever it panics.
pub(crate) async fn supervised<F>(
    name: &'static str,
    telemetry: Arc<Telemetry>,
    mut begin: impl FnMut() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::default();
    loop {
        let started = Instant::now();
        // Ends with this future.
        let mut task = JoinSet::new();
        task.spawn(begin());
        match task.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {
                telemetry.server().resources().panicked(Work::Control);
                let pause = backoff.next(started.elapsed());
                error!(name, ?pause, "a task panicked; it begins anew");
                sleep(pause).await;
            }
            Some(Ok(()) | Err(_)) | None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use nuncio_telemetry::BuildInfo;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_panics_begins_anew_until_it_is_done() {
        let telemetry = Telemetry::new(BuildInfo::default());
        let attempts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&attempts);
        let begun = tokio::time::Instant::now();
        let work = move || {
            let attempt = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(attempt >= 3, "on purpose") }
        };
        supervised("test", Arc::clone(&telemetry), work).await;
        assert_eq!(attempts.load(Ordering::Relaxed), 4);
        assert!(begun.elapsed() >= Duration::from_millis(700));
        let mut page = Vec::new();
        telemetry.render(&mut page);
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("nuncio_panics_total{work=\"control\"} 3\n"));
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_short_again_after_a_good_time() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..12).map(|_| backoff.next(Duration::ZERO)).collect();
        assert_eq!(pauses[..2], [FIRST_PAUSE, FIRST_PAUSE * 2]);
        assert_eq!(pauses[11], LAST_PAUSE);
        assert_eq!(backoff.next(WELL_AFTER), FIRST_PAUSE);
    }
}
