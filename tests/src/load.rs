//! A steady stream of requests, beside which something goes wrong.
//!
//! Invariant: every request that was sent is an answer or a failure; nothing is sent twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::client::Client;
use crate::control::eventually;

/// Requests of a few connections at a steady rate. Ends when dropped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    clients: JoinSet<Seen>,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Seen {
    /// Answers with 200.
    pub answered: usize,
    /// When a request failed, and how: its status, or that the connection broke.
    pub failed: Vec<(Instant, String)>,
    /// How long each answer took.
    pub times: Vec<Duration>,
}

impl Load {
    /// Asks for each of the paths in turn, on so many connections, so often a second altogether.
    pub fn start(
        address: SocketAddr,
        paths: &[&str],
        (connections, per_second): (u32, u32),
    ) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let period = Duration::from_secs(1) * connections / per_second;
        let paths: Arc<[String]> = paths.iter().map(|path| (*path).to_owned()).collect();
        let mut clients = JoinSet::new();
        for first in 0..connections as usize {
            let of = (Arc::clone(&paths), first);
            let until = (Arc::clone(&stop), Arc::clone(&sent));
            clients.spawn(client(address, of, (period, until)));
        }
        Self {
            stop,
            sent,
            clients,
        }
    }

    /// Waits until so many more requests were sent.
    ///
    /// # Panics
    /// When they do not go on.
    pub async fn go_on(&self, more: u64) {
        let until = self.sent.load(Relaxed) + more;
        loop {
            let sent = self.sent.load(Relaxed);
            if sent >= until {
                return;
            }
            // A machine that is busy building sends them slowly.
            eventually("requests go on", || self.sent.load(Relaxed) > sent).await;
        }
    }

    /// Ends; what became of the requests.
    ///
    /// # Panics
    /// When an answer did not come in time.
    pub async fn end(mut self) -> Seen {
        self.stop.store(true, Relaxed);
        let mut all = Seen::default();
        while let Some(ended) = self.clients.join_next().await {
            let seen = ended.unwrap();
            all.answered += seen.answered;
            all.failed.extend(seen.failed);
            all.times.extend(seen.times);
        }
        all.times.sort_unstable();
        all
    }
}

impl Seen {
    /// How many requests were sent.
    pub fn sent(&self) -> usize {
        self.answered + self.failed.len()
    }

    /// How long the slowest answer of this share took.
    pub fn percentile(&self, share: f64) -> Duration {
        let place = (self.times.len() as f64 * share) as usize;
        self.times
            .get(place.min(self.times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    /// For people: how many, and how long they took.
    pub fn brief(&self) -> String {
        format!(
            "{} requests, {} failed, p50 {:?}, p99 {:?}, slowest {:?}",
            self.sent(),
            self.failed.len(),
            self.percentile(0.5),
            self.percentile(0.99),
            self.percentile(1.0)
        )
    }

    /// # Panics
    /// When a request failed, or none was sent.
    pub fn none_failed(&self) {
        assert!(self.answered > 0, "nothing was asked for");
        let some: Vec<_> = self.failed.iter().take(5).collect();
        assert!(some.is_empty(), "{}: {some:?}", self.brief());
    }
}

type Until = (Arc<AtomicBool>, Arc<AtomicU64>);

async fn client(
    address: SocketAddr,
    (paths, first): (Arc<[String]>, usize),
    (period, (stop, sent)): (Duration, Until),
) -> Seen {
    let mut seen = Seen::default();
    let mut client = Client::connect(address).await;
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for path in paths.iter().cycle().skip(first) {
        if stop.load(Relaxed) {
            break;
        }
        ticks.tick().await;
        let begun = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a.example\r\n\r\n");
        let failed = match client.try_send(request.as_bytes()).await {
            Err(error) => Some(error.to_string()),
            Ok(()) => match client.response_to("GET").await {
                Err(broken) => Some(format!("{path}: {broken:?}")),
                Ok(answer) if answer.status == 200 => None,
                Ok(answer) => Some(format!("{path}: {} {}", answer.status, answer.text())),
            },
        };
        sent.fetch_add(1, Relaxed);
        match failed {
            None => {
                seen.answered += 1;
                seen.times.push(begun.elapsed());
            }
            Some(how) => {
                seen.failed.push((Instant::now(), how));
                client = Client::connect(address).await;
            }
        }
    }
    seen
}
