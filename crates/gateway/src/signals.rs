//! How the process is asked to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// How to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// SIGTERM: go on while load balancers take notice, then finish what is in flight.
    Gently,
    /// SIGINT: somebody is waiting at a terminal.
    Quickly,
}

impl Signals {
    /// Listens from now on. Runs on the ambient runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Ask {
        tokio::select! {
            _ = self.terminate.recv() => Ask::Gently,
            _ = self.interrupt.recv() => Ask::Quickly,
        }
    }
}
