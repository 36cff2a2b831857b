//! The demo's upstream: a small httpbin, built in so that a trial needs neither a cluster nor the internet.
//!
//! Invariant: memory is bounded whatever a client sends; what is echoed is at most [`body::ECHO_LIMIT`].
//! Deliberately absent: TLS, compression, cookies, redirects, and everything else httpbin.org has
//! that the tutorial does not show.

mod answer;
mod body;
mod echo;
mod endpoint;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// Serves HTTP/1.1 and HTTP/2 (prior knowledge) until `shutdown` turns true or its sender is gone,
/// then finishes the requests under way.
pub(crate) async fn serve(listener: TcpListener, mut shutdown: watch::Receiver<bool>) {
    let stopping = shutdown.clone();
    let mut stopped = pin!(stop_requested(&mut shutdown));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => break,
            _ = connections.join_next(), if connections.len() >= MAX_CONNECTIONS => continue,
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection(stream, peer.ip(), stopping.clone()));
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: IpAddr, mut shutdown: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY on a demo connection");
    }
    let service = service_fn(move |req: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer::answer(req, peer).await)
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop_requested(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "demo connection ended");
    }
}

/// Returns when `shutdown` is true; a vanished sender counts as a request to stop.
async fn stop_requested(shutdown: &mut watch::Receiver<bool>) {
    drop(shutdown.wait_for(|stop| *stop).await);
}

/// Out of descriptors (EMFILE) fails again at once: waiting lets connections end instead of spinning.
async fn pause_after(error: &io::Error) {
    warn!(%error, "demo upstream cannot accept");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

const MAX_CONNECTIONS: usize = 4096;

#[cfg(test)]
mod tests;
