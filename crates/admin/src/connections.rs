//! Accepts connections and bounds how many there are.
//!
//! Invariant: a new connection is always taken. At the limit the oldest one makes room, so idle or
//! slow clients cannot keep a probe out.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::apps::ServerApp;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::server::ShutdownWatch;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

/// Accepts until `shutdown` turns true or its sender is gone, then gives the answers under way
/// [`FAREWELL`] to finish.
pub(crate) async fn serve<A>(app: &Arc<A>, listener: TcpListener, mut shutdown: ShutdownWatch)
where
    A: ServerApp + Send + Sync + 'static,
{
    let mut connections = Connections::default();
    let told = shutdown.clone();
    loop {
        let accepted = tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => connections.add(connection(Arc::clone(app), stream, told.clone())),
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    connections.finish().await;
}

/// The tasks of open connections, oldest first.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    by_age: VecDeque<AbortHandle>,
}

impl Connections {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.by_age.retain(|task| !task.is_finished());
        if self.by_age.len() >= MAX_CONNECTIONS
            && let Some(oldest) = self.by_age.pop_front()
        {
            debug!("too many admin connections: the oldest is closed");
            oldest.abort();
        }
        self.by_age.push_back(self.tasks.spawn(connection));
    }

    /// Whatever has not ended in time is aborted by the drop.
    async fn finish(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            debug!("admin connections cut off at the end");
        }
    }
}

async fn connection<A>(app: Arc<A>, stream: TcpStream, shutdown: ShutdownWatch)
where
    A: ServerApp + Send + Sync + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY on an admin connection");
    }
    let mut stream: Option<pingora_core::protocols::Stream> = Some(Box::new(Stream::from(stream)));
    while let Some(reusable) = stream.take() {
        stream = app.process_new(reusable, &shutdown).await;
    }
}

/// A connection that died in the queue says nothing about the next one; out of descriptors (EMFILE)
/// fails again at once, and waiting lets some be closed instead of spinning.
async fn pause_after(error: &io::Error) {
    if let io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset = error.kind() {
        return;
    }
    warn!(%error, "cannot accept an admin connection");
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// Prometheus, probes and a few people need a dozen.
pub(crate) const MAX_CONNECTIONS: usize = 256;
const FAREWELL: Duration = Duration::from_secs(5);
