//! Keeps a panic within the task, or the part of one, that it happened in.
//!
//! What panicked is reported by the process's panic hook. What it had is dropped: callers pass futures that
//! leave nothing behind half changed, but for what they look after themselves.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// It panicked; there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// What comes of `work`, unless it panics. It is pinned by the caller, since one that is moved in takes its
/// place twice.
pub(crate) async fn confined<F: Future>(mut work: Pin<&mut F>) -> Result<F::Output, Panicked> {
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(_panic) => Poll::Ready(Err(Panicked)),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        let panics = async {
            tokio::task::yield_now().await;
            panic!("on purpose")
        };
        assert_eq!(confined(pin!(panics)).await.map(|(): ()| 0), Err(Panicked));
        assert_eq!(confined(pin!(async { 7 })).await, Ok(7));
    }
}
