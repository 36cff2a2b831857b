//! What was done, and what failed of it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// What the good half does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Good {
    /// A request on a connection that stays open.
    Kept,
    /// A request on a connection of its own.
    Fresh,
    /// A request over HTTP/2 and TLS.
    Http2,
    /// A WebSocket, from its beginning to its end.
    WebSocket,
    /// A call of gRPC, likewise.
    Call,
}

/// What else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An exchange of the broken half.
    Broken,
    /// A change of configuration.
    Change,
    /// A certificate that was written.
    Rotation,
    /// An upstream that died.
    Death,
}

/// Counts of all of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    good: [AtomicU64; Good::ALL.len()],
    events: [AtomicU64; 4],
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
    certificates: Mutex<HashSet<Vec<u8>>>,
}

/// How many failures are told one by one.
const TOLD: usize = 20;

impl Good {
    pub(crate) const ALL: [Self; 5] = [
        Self::Kept,
        Self::Fresh,
        Self::Http2,
        Self::WebSocket,
        Self::Call,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kept => "HTTP/1.1, kept connections",
            Self::Fresh => "HTTP/1.1, new connections",
            Self::Http2 => "HTTP/2 over TLS",
            Self::WebSocket => "WebSockets",
            Self::Call => "gRPC streams",
        }
    }
}

impl Tally {
    /// Counts what went well, and notes what did not.
    pub(crate) fn note(&self, kind: Good, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => self.done(kind, 1),
            Err(error) => self.fail(kind, &format!("{error:#}"), 1),
        }
    }

    pub(crate) fn done(&self, kind: Good, count: u64) {
        if let Some(of) = self.good.get(kind as usize) {
            of.fetch_add(count, Relaxed);
        }
    }

    pub(crate) fn fail(&self, kind: Good, why: &str, count: u64) {
        self.failed.fetch_add(count, Relaxed);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < TOLD {
            failures.push(format!("{}: {why}", kind.name()));
        }
    }

    pub(crate) fn happened(&self, event: Event) {
        if let Some(of) = self.events.get(event as usize) {
            of.fetch_add(1, Relaxed);
        }
    }

    /// A handshake was made with this certificate.
    pub(crate) fn saw(&self, certificate: &[u8]) {
        let seen = &self.certificates;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(certificate) {
            seen.insert(certificate.to_vec());
        }
    }

    /// How many different certificates were seen.
    pub(crate) fn certificates(&self) -> u64 {
        let seen = self.certificates.lock();
        seen.unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    pub(crate) fn count(&self, kind: Good) -> u64 {
        self.good
            .get(kind as usize)
            .map_or(0, |of| of.load(Relaxed))
    }

    pub(crate) fn all_good(&self) -> u64 {
        Good::ALL.iter().map(|kind| self.count(*kind)).sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(crate) fn events(&self, event: Event) -> u64 {
        let of = self.events.get(event as usize);
        of.map_or(0, |of| of.load(Relaxed))
    }

    /// The first few failures.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failures = self.failures.lock();
        failures.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
