//! Upstreams that die with all their connections, and come back.

use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nuncio_load::Upstream;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::tally::{Event, Tally};

/// How long it lives, and how long it is dead.
const ALIVE: Duration = Duration::from_millis(2_000);
const DEAD: Duration = Duration::from_millis(700);

/// An upstream that is at this address now and then, until it is stopped.
pub(crate) async fn die(
    address: SocketAddr,
    tally: Arc<Tally>,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    while !*stopped.borrow() {
        let upstream = Upstream::at(address).await?;
        sleep(ALIVE).await;
        drop(upstream);
        tally.happened(Event::Death);
        sleep(DEAD).await;
    }
    Ok(())
}
