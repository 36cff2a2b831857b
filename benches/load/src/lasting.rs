//! Streams that are opened and used for a while, as clients do.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::streams::Http2;

/// How often something is said.
const PAUSE: Duration = Duration::from_millis(100);

/// How long an echo may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a WebSocket at `path`, and uses it for as long as `goes_on` says so.
///
/// # Errors
/// When it does not come about, or is cut.
pub async fn websocket(
    address: SocketAddr,
    path: &str,
    goes_on: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let client = Client::connect(address).await.context("no connection")?;
    let upgraded = timeout(PATIENCE, client.upgrade(path)).await?;
    let mut tunnel = upgraded.context("no upgrade")?;
    while goes_on() {
        timeout(PATIENCE, tunnel.echo()).await??;
        sleep(PAUSE).await;
    }
    Ok(())
}

/// The same with a call of gRPC, which is ended as agreed.
///
/// # Errors
/// When it does not come about, or is cut.
pub async fn call(
    address: SocketAddr,
    path: &str,
    goes_on: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let client = Http2::connect(address).await.context("no connection")?;
    let mut call = timeout(PATIENCE, client.call(path)).await??;
    while goes_on() {
        timeout(PATIENCE, call.echo()).await??;
        sleep(PAUSE).await;
    }
    timeout(PATIENCE, call.end()).await?
}
