//! Whether this gateway is alive, and whether it should be given traffic.
//!
//! Invariant: ready means every [`Latch`] is set and neither a drain nor a death was announced. A
//! latch is never released, so nothing a user writes can make a ready gateway unready.
//! Deliberately absent: polling. Whoever knows a fact announces it here, once.

use std::sync::atomic::{AtomicU8, Ordering};

use http::StatusCode;
use nuncio_routing::Probe;
use tracing::info;

/// What must have happened once before traffic is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latch {
    /// Every source of configuration has been listed completely.
    Sources,
    /// The first snapshot of that complete list is what the proxy runs.
    Snapshot,
    /// What that snapshot needs for TLS was looked for: what there is of it can be served.
    Credentials,
    /// All listeners accept connections.
    Listeners,
}

/// The state behind the two probes; shared by whoever sets it and whoever answers from it.
#[derive(Debug, Default)]
pub struct Readiness {
    facts: AtomicU8,
}

impl Readiness {
    /// Alive and not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Announces that a latch's fact has come true; more than once does no harm.
    pub fn set(&self, latch: Latch) {
        let before = self.facts.fetch_or(latch.bit(), Ordering::AcqRel);
        if before != READY && before | latch.bit() == READY {
            info!("ready");
        }
    }

    /// Announces that this process is about to end: not ready from now on, but alive.
    pub fn start_draining(&self) {
        self.facts.fetch_or(DRAINING, Ordering::AcqRel);
    }

    /// Announces that the data path has ended and only a restart helps.
    pub fn declare_dead(&self) {
        self.facts.fetch_or(DEAD, Ordering::AcqRel);
    }

    /// Whether a restart would not help.
    pub fn is_alive(&self) -> bool {
        self.facts.load(Ordering::Acquire) & DEAD == 0
    }

    /// Whether traffic is welcome.
    pub fn is_ready(&self) -> bool {
        self.facts.load(Ordering::Acquire) == READY
    }

    /// The latches that are not set yet.
    pub fn missing(&self) -> impl Iterator<Item = Latch> + use<> {
        let facts = self.facts.load(Ordering::Acquire);
        Latch::ALL
            .into_iter()
            .filter(move |latch| facts & latch.bit() == 0)
    }

    /// What a probe is answered, with the texts of Emissary 3.
    pub fn reply(&self, probe: Probe) -> ProbeReply {
        let (well, body) = match (probe, self.is_alive(), self.is_ready()) {
            (Probe::Alive, true, _) => (true, "Ambassador is alive and well\n"),
            (Probe::Alive, false, _) => (false, "Ambassador is not alive\n"),
            (Probe::Ready, _, true) => (true, "Ambassador is ready and waiting\n"),
            (Probe::Ready, _, false) => (false, "Ambassador is not ready\n"),
        };
        let status = if well {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        ProbeReply { status, body }
    }
}

/// The answer to a probe, the same on every port that answers it; `text/plain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeReply {
    /// 200 or 503.
    pub status: StatusCode,
    /// One line, for people.
    pub body: &'static str,
}

impl Latch {
    const ALL: [Self; 4] = [
        Self::Sources,
        Self::Snapshot,
        Self::Credentials,
        Self::Listeners,
    ];

    /// The name that diagnostics show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sources => "sources",
            Self::Snapshot => "snapshot",
            Self::Credentials => "credentials",
            Self::Listeners => "listeners",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Sources => 1,
            Self::Snapshot => 1 << 1,
            Self::Credentials => 1 << 2,
            Self::Listeners => 1 << 3,
        }
    }
}

/// All latches, and nothing else.
const READY: u8 = 0b1111;
const DRAINING: u8 = 1 << 4;
const DEAD: u8 = 1 << 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Readiness {
        let readiness = Readiness::new();
        Latch::ALL
            .into_iter()
            .for_each(|latch| readiness.set(latch));
        readiness
    }

    #[test]
    fn ready_takes_every_latch_in_any_order() {
        for order in [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]] {
            let readiness = Readiness::new();
            let [rest @ .., last] = order;
            for latch in rest {
                readiness.set(Latch::ALL[latch]);
                readiness.set(Latch::ALL[latch]);
            }
            assert!(!readiness.is_ready());
            assert_eq!(readiness.missing().collect::<Vec<_>>(), [Latch::ALL[last]]);
            readiness.set(Latch::ALL[last]);
            assert!(readiness.is_ready());
            assert_eq!(readiness.missing().count(), 0);
        }
    }

    #[test]
    fn draining_is_alive_but_never_ready_again() {
        let readiness = ready();
        readiness.start_draining();
        readiness.set(Latch::Snapshot);
        assert!(readiness.is_alive() && !readiness.is_ready());
    }

    #[test]
    fn a_dead_gateway_is_not_ready_either() {
        let readiness = ready();
        readiness.declare_dead();
        assert!(!readiness.is_alive() && !readiness.is_ready());
    }

    #[test]
    fn replies_are_emissarys_words() {
        let reply = |readiness: &Readiness, probe| {
            let ProbeReply { status, body } = readiness.reply(probe);
            (status.as_u16(), body)
        };
        let readiness = ready();
        assert_eq!(
            reply(&readiness, Probe::Alive),
            (200, "Ambassador is alive and well\n")
        );
        assert_eq!(
            reply(&readiness, Probe::Ready),
            (200, "Ambassador is ready and waiting\n")
        );
        readiness.declare_dead();
        assert_eq!(
            reply(&readiness, Probe::Alive),
            (503, "Ambassador is not alive\n")
        );
        assert_eq!(
            reply(&readiness, Probe::Ready),
            (503, "Ambassador is not ready\n")
        );
    }
}
