//! The broken half of the load: clients that break the rules, leave, or ask for what cannot be had.
//!
//! Invariant: each exchange is given up after a few seconds, so that no more than so many are under way.
//! Deliberately absent: what becomes of them. `tests/edge` judges that; here they only may harm nobody.

mod frames;
mod requests;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use nuncio_load::Addresses;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::good::Half;
use crate::tally::Event;

/// Ways to go wrong.
#[derive(Clone, Copy, Debug)]
enum Way {
    Malformed,
    Aborted,
    SlowHead,
    Reset,
    UpstreamOf(&'static str),
    ResetStreams,
    FloodOfFrames,
    NoHandshake,
    HalfAStream,
}

/// Each as often as it is named.
const WAYS: [Way; 14] = [
    Way::Malformed,
    Way::UpstreamOf("/refused/"),
    Way::Aborted,
    Way::UpstreamOf("/garbage/"),
    Way::Reset,
    Way::Malformed,
    Way::UpstreamOf("/dying/"),
    Way::SlowHead,
    Way::UpstreamOf("/garbage/"),
    Way::ResetStreams,
    Way::UpstreamOf("/churn-3-0/"),
    Way::NoHandshake,
    Way::FloodOfFrames,
    Way::HalfAStream,
];

/// Exchanges under way at a time.
const MOST: usize = 400;

/// After which one is given up.
const PATIENCE: Duration = Duration::from_secs(3);

/// So many exchanges a second, until it is stopped.
pub(crate) async fn run(half: Half, rate: u32) {
    let at = half.at;
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    for (nth, way) in WAYS.iter().cycle().enumerate() {
        if half.is_over() {
            break;
        }
        ticks.tick().await;
        if under_way.len() >= MOST {
            under_way.join_next().await;
        }
        while under_way.try_join_next().is_some() {}
        let tally = Arc::clone(&half.tally);
        under_way.spawn(async move {
            // Nobody waits for what comes of it.
            drop(timeout(PATIENCE, go(*way, at, nth)).await);
            tally.happened(Event::Broken);
        });
    }
}

async fn go(way: Way, at: Addresses, nth: usize) -> std::io::Result<()> {
    match way {
        Way::Malformed => requests::malformed(at.http, nth).await,
        Way::Aborted => requests::aborted(at.http, nth).await,
        Way::SlowHead => requests::slow(at.http).await,
        Way::Reset => requests::reset(at.http).await,
        Way::UpstreamOf(path) => requests::asked(at.http, path).await,
        Way::ResetStreams => frames::reset_streams(at.http).await,
        Way::FloodOfFrames => frames::flood(at.http, nth).await,
        Way::NoHandshake => streams::no_handshake(at.https, nth).await,
        Way::HalfAStream => streams::cut(at.http, nth).await,
    }
}
