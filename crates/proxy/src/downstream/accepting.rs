//! Takes connections from a queue.
//!
//! Invariant: what the kernel has accepted for us is taken, also when the queue is closed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task;
use tokio::time::sleep;
use tracing::warn;

/// How long it is waited when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Gives each connection to `start`, until `stopping` is over.
pub(super) async fn accept(
    queue: &TcpListener,
    stopping: impl Future<Output = ()>,
    start: impl Fn((TcpStream, SocketAddr)),
) {
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            accepted = queue.accept() => match accepted {
                Ok(accepted) => {
                    start(accepted);
                    // Leaves the rest of a burst to the other workers.
                    task::yield_now().await;
                }
                Err(error) => pause(&error).await,
            },
            () = &mut stopping => break,
        }
    }
}

/// Closes the queue without losing what the kernel has accepted for us.
pub(super) fn empty(queue: TcpListener, start: impl Fn((TcpStream, SocketAddr))) {
    // The system is asked itself: the runtime would have to be waited for to tell of arrivals.
    let Ok(queue) = queue.into_std() else { return };
    // From here on newcomers are turned away by the kernel, all but one.
    drop(SockRef::from(&queue).listen(0));
    while let Ok((tcp, peer)) = queue.accept() {
        let tcp = tcp
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(tcp));
        if let Ok(tcp) = tcp {
            start((tcp, peer));
        }
    }
}

async fn pause(error: &io::Error) {
    match error.kind() {
        // The client gave up while it was queued.
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {}
        _ => {
            warn!(%error, "cannot accept connections");
            sleep(PAUSE).await;
        }
    }
}
