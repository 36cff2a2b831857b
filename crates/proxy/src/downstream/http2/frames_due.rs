//! What a client owes of frames, and when it is over.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use nuncio_guard::FrameFault;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::wire::FrameNotes;

/// Watches what a client of HTTP/2 sends.
#[derive(Debug)]
pub(super) struct FramesDue {
    notes: Arc<FrameNotes>,
    /// How long the rest of a frame, or of a head, is waited for.
    limit: Duration,
    /// Rings at the latest when the limit has passed.
    sleep: Option<Pin<Box<Sleep>>>,
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Fault(FrameFault),
    /// The rest of something has not come in time.
    Late,
}

impl FramesDue {
    pub(super) fn new(notes: Arc<FrameNotes>, limit: Duration) -> Self {
        Self {
            notes,
            limit,
            sleep: None,
        }
    }

    /// How many heads were too large since somebody asked.
    pub(super) fn take_oversized(&self) -> u32 {
        self.notes.take_oversized()
    }

    /// How many streams the codec has reset for what came on them.
    pub(super) fn rejections(&self) -> u32 {
        self.notes.rejections()
    }

    /// Waits until the connection cannot go on.
    ///
    /// To be polled after whoever reads from the connection, in the same task: it is woken with that.
    pub(super) async fn overdue(&mut self) -> Overdue {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Overdue> {
        if let Some(fault) = self.notes.fault() {
            return Poll::Ready(Overdue::Fault(fault));
        }
        let Some(since) = self.notes.waiting_since() else {
            return Poll::Pending;
        };
        let deadline = Instant::from_std(since + self.limit);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx).map(|()| Overdue::Late)
    }
}
