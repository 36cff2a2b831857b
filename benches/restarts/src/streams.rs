//! WebSockets and gRPC streams that go on for a while, one after the other.
//!
//! Invariant: none lasts longer than a replica's time to drain, so that none may be cut.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_load::{call, websocket};
use tokio::sync::watch;

use crate::balance::Balance;
use crate::tally::{Kind, Tally};

/// How long a stream lasts, in milliseconds.
const LASTS: std::ops::Range<u64> = 500..3_000;

/// Opens WebSockets until it is `stopped`.
pub(crate) async fn websockets(by: (Arc<Balance>, Arc<Tally>), stopped: watch::Receiver<bool>) {
    let (balance, tally) = by;
    while !*stopped.borrow() {
        match websocket(balance.next(), "/requests/", a_while()).await {
            Ok(()) => tally.done(Kind::WebSocket),
            Err(error) => tally.failed(Kind::WebSocket, format!("{error:#}")),
        }
    }
}

/// Makes calls until it is `stopped`.
pub(crate) async fn calls(by: (Arc<Balance>, Arc<Tally>), stopped: watch::Receiver<bool>) {
    let (balance, tally) = by;
    while !*stopped.borrow() {
        match call(balance.next(), "/calls/bench.Echo/Call", a_while()).await {
            Ok(()) => tally.done(Kind::Call),
            Err(error) => tally.failed(Kind::Call, format!("{error:#}")),
        }
    }
}

fn a_while() -> impl Fn() -> bool {
    let end = Instant::now() + Duration::from_millis(fastrand::u64(LASTS));
    move || Instant::now() < end
}
