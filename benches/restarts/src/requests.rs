//! Requests at a steady rate, whether or not those before were answered in time.

use std::io::{Error, Result};
use std::sync::Arc;
use std::time::Duration;

use nuncio_load::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::balance::Balance;
use crate::tally::{Kind, Tally};

/// When the requests of one connection are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    first: Duration,
    every: Duration,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Pace {
    /// Of the `nth` of so many connections, which make up `rate` requests a second together.
    pub(crate) fn of(rate: u32, connections: u32, nth: u32) -> Self {
        let every = Duration::from_secs(1) * connections / rate;
        Self {
            first: every * nth / connections,
            every,
        }
    }
}

/// Sends requests until it is `stopped`.
pub(crate) async fn send(
    pace: Pace,
    (balance, tally): (Arc<Balance>, Arc<Tally>),
    stopped: watch::Receiver<bool>,
) {
    let mut due = Instant::now() + pace.first;
    let mut client = None;
    while !*stopped.borrow() {
        sleep_until(due).await;
        let open = match client.take() {
            Some(open) => Ok(open),
            None => {
                tally.done(Kind::Connection);
                Client::connect(balance.next()).await
            }
        };
        match timeout(PATIENCE, request(open)).await {
            Ok(Ok(left)) => {
                tally.answered(due.elapsed());
                client = left;
            }
            Ok(Err(error)) => tally.failed(Kind::Request, error.to_string()),
            Err(_late) => tally.failed(Kind::Request, "no answer in time".to_owned()),
        }
        due += pace.every;
    }
}

/// One request; gives the connection back if another may follow.
async fn request(open: Result<Client>) -> Result<Option<Client>> {
    let mut client = open?;
    let answer = client.get("/requests/").await?;
    match answer.status {
        200 => Ok((!answer.closes).then_some(client)),
        other => Err(Error::other(format!("status {other}"))),
    }
}
