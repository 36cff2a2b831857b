//! Follows the configuration for as long as the process serves.
//!
//! Invariant: what is served stays when following it fails. A panic of any of its tasks ends all of them,
//! and they begin anew with fresh lists; nothing is published before those are whole, but for what nobody
//! can list within a minute. A run that has ended publishes nothing more. An error is one of the start
//! alone: later ones are tried again.

mod turn;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_controller::{Begin, ControlError, Options, Publish};
use nuncio_telemetry::{Telemetry, Work};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::error;

use crate::supervised::Backoff;
use turn::Turn;

/// Follows until `shutdown` is true; an error is one of the start.
pub(crate) async fn follow(
    options: Options,
    publish: Arc<dyn Publish>,
    telemetry: Arc<Telemetry>,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ControlError> {
    let mut backoff = Backoff::default();
    let mut turn = Turn::first(&publish);
    let mut begin = Begin::First;
    loop {
        let started = Instant::now();
        // Ends with this future.
        let mut task = JoinSet::new();
        task.spawn(nuncio_controller::run_from(
            begin,
            options.clone(),
            (Arc::clone(&turn) as _, Arc::clone(&telemetry)),
            shutdown.clone(),
        ));
        let ended = task.join_next().await;
        turn.end();
        let pause = backoff.next(started.elapsed());
        match ended {
            Some(Ok(Err(ControlError::Ended)) | Err(_)) => panicked(&telemetry, pause),
            // Directories are swapped while the gateway runs.
            Some(Ok(Err(ControlError::Directory(error)))) if begin != Begin::First => {
                error!(?pause, %error, "the control path cannot begin; it tries again");
            }
            Some(Ok(ended)) => return ended,
            None => return Ok(()),
        }
        (turn, begin) = (Turn::later(&publish), Begin::Again);
        let stop = shutdown.wait_for(|stop| *stop);
        if timeout(pause, stop).await.is_ok() {
            return Ok(());
        }
    }
}

fn panicked(telemetry: &Telemetry, pause: Duration) {
    telemetry.server().resources().panicked(Work::Control);
    error!(?pause, "the control path panicked; it begins anew");
}

#[cfg(test)]
mod tests;
