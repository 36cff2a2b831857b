//! Works through a queue, one object at a time.
//!
//! Invariant: what cannot be written for now goes to the end of the queue, and the next attempt
//! waits the longer the longer the trouble lasts; one line tells of it.

use std::sync::Arc;
use std::time::Duration;

use nuncio_config::ObjectRef;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::pace::{Bucket, Queue, Rate};
use super::pen::Unwritten;
use crate::kubernetes::retry::{Retry, Run};

/// What is written about one object.
pub(super) trait Work: Sync {
    /// What operators call it.
    const WHAT: &str;

    /// Brings what is written about the object up to date.
    fn write(&self, object: &Arc<ObjectRef>) -> impl Future<Output = Result<(), Unwritten>> + Send;
}

/// Attempts at something that is done once.
#[derive(Debug, Default)]
pub(super) struct Attempts(Retry);

impl Attempts {
    /// Whether to try again, which it waits for.
    pub(super) async fn more_after(&mut self, done: Result<(), Unwritten>) -> bool {
        // Of refusals the pen tells; what is not installed needs nothing.
        let Err(Unwritten::Trouble(_)) = done else {
            return false;
        };
        self.0.failed(Instant::now());
        sleep(self.0.delay(Duration::ZERO)).await;
        true
    }
}

/// Works for ever.
pub(super) async fn run<W: Work>(work: &W, queue: &Queue, rate: Rate) {
    let (mut bucket, mut retry) = (Bucket::new(rate), Retry::default());
    loop {
        let object = queue.next().await;
        bucket.take().await;
        let Err(Unwritten::Trouble(reason)) = work.write(&object).await else {
            // Of refusals the pen tells; what is gone needs nothing.
            retry.progressed();
            continue;
        };
        queue.push(&object);
        if retry.failed(Instant::now()) == Run::Begins {
            let reason = super::one_line(&reason);
            warn!(reason, "{} cannot be written; trying again", W::WHAT);
        }
        sleep(retry.delay(Duration::ZERO)).await;
    }
}
