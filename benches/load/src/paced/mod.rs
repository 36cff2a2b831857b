//! Requests at a fixed rate, whether or not those before were answered: an open loop.
//!
//! Invariant: a time begins when its request was due, so what waits for a connection or for this program
//! waits in the figures (no coordinated omission).
//! Deliberately absent: TLS, bodies of requests, and more than one request at a time on a connection.

mod connection;
mod engine;
mod schedule;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::times::Times;

/// What is to be asked.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whom.
    pub address: SocketAddr,
    /// As which host.
    pub host: String,
    /// For which paths, in turn.
    pub paths: Vec<String>,
    /// How often a second, over all connections.
    pub rate: u32,
    /// On how many connections that stay open.
    pub connections: usize,
    /// How long at first no times are taken.
    pub warm: Duration,
    /// How long after that.
    pub lasts: Duration,
}

/// What has been done so far, for who looks on from elsewhere; and how to end it before its time.
#[derive(Debug, Default)]
pub struct Progress {
    answered: AtomicU64,
    failed: AtomicU64,
    stop: AtomicBool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Of answers with a status below 400, from when each request was due.
    pub times: Times,
    /// From when a request was due until it was sent, where a connection was free: this program's own part.
    pub late: Times,
    /// Requests that were sent, those of the beginning left out.
    pub sent: u64,
    /// Requests that were due and for which there was no connection until the end.
    pub unsent: u64,
    /// Those without an answer, or with another status, from the very beginning.
    pub failed: u64,
    /// Why, of the first few.
    pub reasons: Vec<String>,
    /// From the end of the beginning to the last answer.
    pub lasted: Duration,
}

/// How many failures are told one by one.
const TOLD: usize = 10;

impl Progress {
    /// Requests that were answered, and that failed.
    pub fn counts(&self) -> (u64, u64) {
        (self.answered.load(Relaxed), self.failed.load(Relaxed))
    }

    /// Nothing more is sent.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.times.count() as f64 / self.lasted.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        if self.reasons.len() < TOLD {
            self.reasons.push(why);
        }
    }
}

/// Asks as ordered, on the calling thread.
///
/// # Errors
/// When the system refuses what it takes to wait for answers; whatever the other side does is counted.
pub fn run(order: &Order, progress: &Progress) -> io::Result<Outcome> {
    engine::Engine::new(order, progress)?.run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Upstream;

    fn order(port: u16) -> Order {
        Order {
            address: ([127, 0, 0, 1], port).into(),
            host: "bench.example".to_owned(),
            paths: vec!["/".to_owned()],
            rate: 1_000,
            connections: 4,
            warm: Duration::ZERO,
            lasts: Duration::from_millis(300),
        }
    }

    async fn outcome(order: Order) -> Outcome {
        let run = move || run(&order, &Progress::default());
        tokio::task::spawn_blocking(run).await.unwrap().unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn as_many_are_sent_as_are_due_and_each_is_answered() {
        let upstream = Upstream::start().await.unwrap();
        let outcome = outcome(order(upstream.port)).await;
        assert_eq!(outcome.failed, 0, "{:?}", outcome.reasons);
        assert_eq!(outcome.sent + outcome.unsent, 300);
        assert_eq!(outcome.times.count() as u64, outcome.sent);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_stall_is_in_the_times_of_all_that_were_due_meanwhile() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let order = Order {
            connections: 1,
            rate: 100,
            ..order(port)
        };
        // Of the 30 requests the first is answered after 200 ms, when 20 are due.
        let stalled = std::thread::spawn(move || stall(&listener, Duration::from_millis(200)));
        let mut outcome = outcome(order).await;
        stalled.join().unwrap();
        assert!(outcome.times.percentile(50.0) > Duration::from_millis(50));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn where_nobody_listens_everything_fails() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let outcome = outcome(order(port)).await;
        assert_eq!(outcome.failed, 300);
        assert!(!outcome.reasons.is_empty());
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "time that passes is what is tested"
    )]
    fn stall(listener: &std::net::TcpListener, first: Duration) {
        use std::io::{Read, Write};
        let (mut tcp, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let mut pause = first;
        while tcp.read(&mut request).is_ok_and(|length| length > 0) {
            std::thread::sleep(std::mem::take(&mut pause));
            let answered = tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            answered.unwrap();
        }
    }
}
