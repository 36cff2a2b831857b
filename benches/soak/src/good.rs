//! The good half of the load: clients that do nothing wrong, and get what they ask for.
//!
//! Deliberately absent: trying again. Whatever fails a client is a failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nuncio_load::{Addresses, Client, Http2, Order, Progress, call, websocket};
use nuncio_tests::tls::{Authority, Speaker};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::documents::NAME;
use crate::tally::{Good, Tally};

/// Whom either half asks, who counts, and when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Half {
    pub(crate) at: Addresses,
    pub(crate) tally: Arc<Tally>,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// Connections that stay open.
const KEPT: usize = 20;

/// New connections a second.
const FRESH: u32 = 50;

/// Connections of HTTP/2 at a time, and the requests of each.
const HTTP2: usize = 4;
const REQUESTS: u32 = 20;

/// Streams of each kind at a time; the first of each stays open from the beginning to the end.
const STREAMS: usize = 5;

/// How long the others last, in milliseconds.
const LASTS: std::ops::Range<u64> = 500..5_000;

const PATIENCE: Duration = Duration::from_secs(5);

impl Half {
    pub(crate) fn is_over(&self) -> bool {
        *self.stopped.borrow()
    }
}

/// Begins; ends once it is told to.
pub(crate) fn begin(half: &Half, rate: u32, authority: &Arc<Authority>) -> JoinSet<()> {
    let mut load = JoinSet::new();
    load.spawn(kept(half.clone(), rate));
    load.spawn(fresh(half.clone()));
    for _ in 0..HTTP2 {
        load.spawn(http2(half.clone(), Arc::clone(authority)));
    }
    for nth in 0..STREAMS {
        load.spawn(websockets(half.clone(), nth));
        load.spawn(calls(half.clone(), nth));
    }
    load
}

/// Requests at a fixed rate, on a thread of its own.
async fn kept(half: Half, rate: u32) {
    let progress = Arc::new(Progress::default());
    let order = Order {
        address: half.at.http,
        host: NAME.to_owned(),
        paths: vec!["/good/".to_owned()],
        rate,
        connections: KEPT,
        warm: Duration::ZERO,
        lasts: Duration::from_hours(24),
    };
    let theirs = Arc::clone(&progress);
    let asked = tokio::task::spawn_blocking(move || nuncio_load::run(&order, &theirs));
    let mut told = 0;
    let mut ticks = interval(Duration::from_millis(200));
    while !half.is_over() {
        ticks.tick().await;
        let (answered, _) = progress.counts();
        half.tally.done(Good::Kept, answered - told);
        told = answered;
    }
    progress.stop();
    match asked.await.map(Result::ok) {
        Ok(Some(outcome)) => {
            half.tally.done(Good::Kept, progress.counts().0 - told);
            let untold = outcome.failed - outcome.reasons.len() as u64;
            for reason in &outcome.reasons {
                half.tally.fail(Good::Kept, reason, 1);
            }
            if untold > 0 {
                half.tally.fail(Good::Kept, "and more", untold);
            }
        }
        other => half
            .tally
            .fail(Good::Kept, &format!("it broke off: {other:?}"), 1),
    }
}

async fn fresh(half: Half) {
    let mut ticks = interval(Duration::from_secs(1) / FRESH);
    let mut under_way = JoinSet::new();
    while !half.is_over() {
        ticks.tick().await;
        let (address, tally) = (half.at.http, Arc::clone(&half.tally));
        under_way.spawn(async move {
            let done = timeout(PATIENCE, one(address)).await;
            let done = done.context("no answer in time").flatten();
            tally.note(Good::Fresh, done);
        });
        while under_way.try_join_next().is_some() {}
    }
    under_way.join_all().await;
}

async fn one(address: std::net::SocketAddr) -> anyhow::Result<()> {
    let mut client = Client::connect(address).await.context("no connection")?;
    let answer = client.get("/good/").await?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(())
}

async fn http2(half: Half, authority: Arc<Authority>) {
    while !half.is_over() {
        // A new one remembers no session: whoever resumes one is shown no certificate.
        let speaker = Speaker::trusting(&authority, &["h2"]);
        if let Err(error) = connection(&half, &speaker).await {
            half.tally.note(Good::Http2, Err(error));
        }
    }
}

/// A connection with its handshake, and requests on it.
async fn connection(half: &Half, speaker: &Speaker) -> anyhow::Result<()> {
    let tls = timeout(PATIENCE, speaker.connect(half.at.https, NAME)).await?;
    let tls = tls.context("no handshake")?;
    let chain = tls.get_ref().1.peer_certificates();
    half.tally
        .saw(chain.and_then(<[_]>::first).context("no certificate")?);
    let client = Http2::over(tls).await?;
    for _ in 0..REQUESTS {
        let status = timeout(PATIENCE, client.get("/good/")).await??;
        ensure!(status == 200, "status {status}");
        half.tally.done(Good::Http2, 1);
        sleep(Duration::from_millis(25)).await;
    }
    Ok(())
}

async fn websockets(half: Half, nth: usize) {
    while !half.is_over() {
        let goes_on = goes_on(&half, nth);
        let done = websocket(half.at.http, "/tunnel/", goes_on).await;
        half.tally.note(Good::WebSocket, done);
    }
}

async fn calls(half: Half, nth: usize) {
    while !half.is_over() {
        let goes_on = goes_on(&half, nth);
        let done = call(half.at.http, "/calls/bench.Echo/Call", goes_on).await;
        half.tally.note(Good::Call, done);
    }
}

fn goes_on(half: &Half, nth: usize) -> impl Fn() -> bool {
    let end = Instant::now() + Duration::from_millis(fastrand::u64(LASTS));
    move || !half.is_over() && (nth == 0 || Instant::now() < end)
}
