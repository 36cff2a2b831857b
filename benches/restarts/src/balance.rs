//! Who is connected to: in turn, those that were ready a moment ago.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use nuncio_load::Gateway;
use tokio::time::{interval, sleep};

use crate::replica::Replica;

/// The replicas, as whoever balances sees them.
#[derive(Debug)]
pub(crate) struct Balance {
    replicas: [Seen; 2],
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Seen {
    http: SocketAddr,
    admin: SocketAddr,
    is_ready: AtomicBool,
}

/// How often it is looked who is ready.
const LOOK: Duration = Duration::from_millis(100);

/// How long it takes until that is known.
const LAG: Duration = Duration::from_millis(300);

impl Balance {
    /// Over replicas that are ready.
    pub(crate) fn over(replicas: &[Replica; 2]) -> Self {
        let seen = |replica: &Replica| Seen {
            http: replica.at.http,
            admin: replica.at.admin,
            is_ready: AtomicBool::new(true),
        };
        Self {
            replicas: replicas.each_ref().map(seen),
            turn: AtomicUsize::new(0),
        }
    }

    /// Where the next connection goes: with nobody ready, anywhere.
    pub(crate) fn next(&self) -> SocketAddr {
        let turn = self.turn.fetch_add(1, Relaxed);
        let [first, second] = &self.replicas;
        let (first, second) = match turn.is_multiple_of(2) {
            true => (first, second),
            false => (second, first),
        };
        let is_ready = |seen: &Seen| seen.is_ready.load(Relaxed);
        match is_ready(first) || !is_ready(second) {
            true => first.http,
            false => second.http,
        }
    }

    /// Looks who is ready for as long as it is polled.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            for nth in 0..self.replicas.len() {
                let this = Arc::clone(&self);
                tokio::spawn(async move { this.look(nth).await });
            }
        }
    }

    async fn look(&self, nth: usize) {
        if let Some(seen) = self.replicas.get(nth) {
            let is_ready = Gateway::is_ready(seen.admin).await;
            sleep(LAG).await;
            seen.is_ready.store(is_ready, Relaxed);
        }
    }

    /// Waits until everybody is known to be ready.
    pub(crate) async fn settled(&self) {
        while !self.replicas.iter().all(|seen| seen.is_ready.load(Relaxed)) {
            sleep(LOOK).await;
        }
    }
}
