//! The stream of a watch.
//!
//! Invariant: a connection that died without a word ends the stream within a minute.

use std::fmt;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use kube::core::WatchEvent;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::WATCH_SECONDS;

/// One event, whose object is not read yet.
pub(super) type Line = WatchEvent<Box<RawValue>>;

/// Events as they come.
pub(super) struct Lines(BoxStream<'static, kube::Result<Line>>);

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// A server ends a watch in time; one that is silent for so much longer has died.
const IDLE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

impl Lines {
    pub(super) fn new(events: impl Stream<Item = kube::Result<Line>> + Send + 'static) -> Self {
        Self(events.boxed())
    }

    /// The next event; `None` at the end, or when there was none for too long.
    pub(super) async fn next(&mut self) -> Option<kube::Result<Line>> {
        timeout(IDLE, self.0.next()).await.ok().flatten()
    }
}
