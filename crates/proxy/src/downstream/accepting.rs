//! Takes connections from a queue.
//!
//! Invariant: what the kernel has accepted for us is taken, also when the queue is closed.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task;
use tokio::time::sleep;
use tracing::warn;

/// Where connections come in.
pub(super) trait Entrance {
    /// One more has come.
    fn take(&self, tcp: TcpStream, peer: SocketAddr);

    /// One has, and cannot be taken.
    fn cannot_take(&self);
}

/// How long it is waited when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// How often it is told that connections cannot be accepted.
const COMPLAINT: Duration = Duration::from_secs(10);

/// Takes each connection in, until `stopping` is over.
pub(super) async fn accept(
    queue: &TcpListener,
    stopping: impl Future<Output = ()>,
    entrance: &impl Entrance,
) {
    tokio::pin!(stopping);
    let mut complained = None;
    loop {
        tokio::select! {
            accepted = queue.accept() => match accepted {
                Ok((tcp, peer)) => {
                    entrance.take(tcp, peer);
                    // Leaves the rest of a burst to the other workers.
                    task::yield_now().await;
                }
                Err(error) if is_client_s(&error) => {}
                Err(error) => {
                    entrance.cannot_take();
                    complain(&error, &mut complained);
                    sleep(PAUSE).await;
                }
            },
            () = &mut stopping => break,
        }
    }
}

/// Closes the queue without losing what the kernel has accepted for us.
pub(super) fn empty(queue: TcpListener, entrance: &impl Entrance) {
    // The system is asked itself: the runtime would have to be waited for to tell of arrivals.
    let Ok(queue) = queue.into_std() else { return };
    // From here on newcomers are turned away by the kernel, all but one.
    drop(SockRef::from(&queue).listen(0));
    while let Ok((tcp, peer)) = queue.accept() {
        let tcp = tcp
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(tcp));
        if let Ok(tcp) = tcp {
            entrance.take(tcp, peer);
        }
    }
}

/// Whether the client gave up while it was queued.
fn is_client_s(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

fn complain(error: &io::Error, last: &mut Option<Instant>) {
    if last.is_none_or(|last| last.elapsed() >= COMPLAINT) {
        *last = Some(Instant::now());
        warn!(%error, "cannot accept connections");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use nuncio_telemetry::{BuildInfo, Telemetry};
    use tokio::time::timeout;

    use super::*;
    use crate::downstream::upkeep::kept_up;

    /// Panics over the first that comes.
    #[derive(Default)]
    struct Fragile(Cell<u32>);

    impl Entrance for Fragile {
        fn take(&self, _tcp: TcpStream, _peer: SocketAddr) {
            self.0.set(self.0.get() + 1);
            assert!(self.0.get() > 1, "on purpose");
        }

        fn cannot_take(&self) {}
    }

    #[tokio::test]
    async fn a_panic_over_a_connection_closes_no_door() {
        let queue = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = queue.local_addr().unwrap();
        let _clients = [(); 2].map(|()| std::net::TcpStream::connect(address).unwrap());
        let entrance = Fragile::default();
        let telemetry = Telemetry::new(BuildInfo::default());
        let both_taken = async {
            while entrance.0.get() < 2 {
                task::yield_now().await;
            }
        };
        let accepting = || accept(&queue, std::future::pending(), &entrance);
        let kept = kept_up("accept", telemetry.server().resources(), accepting);
        let kept = timeout(Duration::from_secs(20), async {
            tokio::select! { () = kept => {}, () = both_taken => {} }
        });
        assert!(kept.await.is_ok());
    }
}
