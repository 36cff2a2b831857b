//! What is told about a connection to whoever is outside of its codec, and by them.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::task::Poll;

use nuncio_guard::{Asked, Fault};

/// What went over one connection, for whoever wants to know from outside of it.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    peer_closed: AtomicBool,
    /// Bytes that the connection holds since the other side did not take them yet.
    backlog: AtomicUsize,
    /// Whether the next write is a whole head, whose names go in lower case.
    head_follows: AtomicBool,
    /// Whether a head has come in part.
    in_head: AtomicBool,
    /// Whether a field came by HTTP/2 that nobody may put into a table.
    has_unindexed: AtomicBool,
    /// The code of what is wrong with what came.
    fault: AtomicU8,
    /// Whether the request that went out last was for a head alone, and whether for an upgrade.
    asked: [AtomicBool; 2],
    /// Where the bytes are counted of what shares its connection with others.
    shared: Option<Arc<Self>>,
}

impl Traffic {
    /// For one stream of a connection. Frames are counted on the connection only: whichever of
    /// its streams asks first is told of all since somebody asked.
    pub(crate) fn of_stream(connection: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            shared: Some(Arc::clone(connection)),
            ..Self::default()
        })
    }

    /// Whether the bytes may be other requests'.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Bytes received and sent since the last call.
    pub(crate) fn take(&self) -> (u64, u64) {
        if let Some(connection) = &self.shared {
            return connection.take();
        }
        (self.received.swap(0, Relaxed), self.sent.swap(0, Relaxed))
    }

    /// Whether the other side closed the connection or broke it off.
    pub(crate) fn peer_closed(&self) -> bool {
        self.peer_closed.load(Relaxed)
    }

    /// Waits until everything written is sent, while somebody else reads from the connection.
    pub(crate) async fn caught_up(&self) {
        // No waker: whoever reads is in the same task, and is woken when more can be sent.
        poll_fn(|_| match self.is_backed_up() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }

    /// Whether what was written last waits for the other side to read.
    pub(crate) fn is_backed_up(&self) -> bool {
        self.backlog() > 0
    }

    /// How many bytes wait for the other side to read.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Relaxed)
    }

    /// Whether the next write is a whole head of HTTP/1 whose names go in lower case.
    pub(crate) fn expect_head(&self, expected: bool) {
        self.head_follows.store(expected, Relaxed);
    }

    pub(crate) fn is_head_expected(&self) -> bool {
        self.head_follows.load(Relaxed)
    }

    pub(crate) fn set_backlog(&self, bytes: usize) {
        self.backlog.store(bytes, Relaxed);
    }

    /// The other side was the one to end the connection.
    pub(crate) fn closed_by_peer(&self) {
        self.peer_closed.store(true, Relaxed);
    }

    /// Whether a head has come in part.
    pub(crate) fn is_in_head(&self) -> bool {
        self.in_head.load(Relaxed)
    }

    pub(super) fn set_in_head(&self, in_head: bool) {
        self.in_head.store(in_head, Relaxed);
    }

    /// Whether there has been a field, on whatever stream, that nobody on its way may put into a table
    /// (RFC 7541 section 7.1.3).
    pub(crate) fn has_unindexed(&self) -> bool {
        self.has_unindexed.load(Relaxed)
    }

    pub(super) fn set_unindexed(&self, has_unindexed: bool) {
        self.has_unindexed.store(has_unindexed, Relaxed);
    }

    /// What the request is that goes out next.
    pub(crate) fn asks(&self, asked: Asked) {
        let [head_only, upgrade] = &self.asked;
        head_only.store(asked.head_only, Relaxed);
        upgrade.store(asked.upgrade, Relaxed);
    }

    pub(super) fn asked(&self) -> Asked {
        let [head_only, upgrade] = &self.asked;
        Asked {
            head_only: head_only.load(Relaxed),
            upgrade: upgrade.load(Relaxed),
        }
    }

    /// What is wrong with what came, after which nothing more is read.
    pub(crate) fn fault(&self) -> Option<Fault> {
        Fault::from_code(self.fault.load(Relaxed))
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.fault.store(fault.code(), Relaxed);
    }

    pub(super) fn read(&self, outcome: &io::Result<()>, bytes: usize, asked: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
        if outcome.is_err() || (bytes == 0 && asked > 0) {
            self.peer_closed.store(true, Relaxed);
        }
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }
}
