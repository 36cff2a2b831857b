//! What a worker does beside its connections, again after a panic.
//!
//! Invariant: what panicked begins anew after a pause, as often as that happens; connections do not wait for
//! it.

use std::pin::pin;
use std::time::Duration;

use nuncio_telemetry::{Resources, Work};
use tokio::time::sleep;
use tracing::error;

use crate::confined::confined;

/// How soon what panicked begins anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Does what `begin` gives until it is done, beginning anew whenever it panics.
pub(super) async fn kept_up<F: Future<Output = ()>>(
    name: &'static str,
    resources: &Resources,
    mut begin: impl FnMut() -> F,
) {
    while confined(pin!(begin())).await.is_err() {
        resources.panicked(Work::Upkeep);
        error!(name, pause = ?PAUSE, "a worker's upkeep panicked; it begins anew");
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use nuncio_telemetry::{BuildInfo, Telemetry};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_panics_begins_anew_and_is_counted() {
        let telemetry = Telemetry::new(BuildInfo::default());
        let attempts = Cell::new(0);
        let begun = Instant::now();
        let work = || {
            attempts.set(attempts.get() + 1);
            let attempt = attempts.get();
            async move { assert!(attempt > 3, "on purpose") }
        };
        kept_up("test", telemetry.server().resources(), work).await;
        assert_eq!(attempts.get(), 4);
        assert_eq!(begun.elapsed(), 3 * PAUSE);
        let mut page = Vec::new();
        telemetry.render(&mut page);
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("nuncio_panics_total{work=\"upkeep\"} 3\n"));
    }
}
