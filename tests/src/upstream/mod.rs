//! An upstream that records what it is sent, to the byte, and answers as badly as it is told to.

mod connection;
pub mod http2;
mod received;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::control::eventually;
pub use received::Received;

/// A running upstream on loopback. Ends when dropped, with all its connections.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// What an upstream does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Reads the body, sends these bytes, and keeps the connection.
    Bytes(Bytes),
    /// Reads the body, sends these bytes, and closes the connection.
    BytesThenClose(Bytes),
    /// Sends these bytes at once, and goes on reading the body.
    Early(Bytes),
    /// Sends these bytes at once, and closes without reading the body.
    EarlyThenClose(Bytes),
    /// Sends the pieces one after the other, with a pause after each.
    Drip(Vec<Bytes>, Duration),
    /// Reads the body and never answers.
    Silence,
    /// Reads not even the body, until [`Upstream::release`]; then answers with these bytes.
    Deaf(Bytes),
    /// Answers with the body, piece by piece as it comes, each piece this many times.
    Echo(usize),
    /// Answers with that many bytes; what the connection took of them is [`Upstream::flooded`].
    Flood(usize),
    /// Sends `opening`, then every byte back as it comes; when there are no more, `farewell`.
    Tunnel {
        /// Sent right behind the `101`.
        opening: Bytes,
        /// Sent when the other side has ended.
        farewell: Bytes,
    },
    /// As [`Answer::Tunnel`] with nothing to say at the end, but only after [`Upstream::release`].
    LateTunnel(Bytes),
}

impl Answer {
    /// Sends `text`, with `\n` for line ends in its head, and keeps the connection.
    pub fn text(text: &str) -> Self {
        Self::Bytes(wire(text))
    }

    /// `200` with this body.
    pub fn ok(body: &str) -> Self {
        Self::text(&format!(
            "HTTP/1.1 200 OK\ncontent-length: {}\n\n{body}",
            body.len()
        ))
    }
}

/// The bytes of a message written with `\n` for line ends; a body must not contain any.
pub fn wire(text: &str) -> Bytes {
    text.replace('\n', "\r\n").into()
}

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

/// What connections share.
pub(crate) struct State {
    script: Box<Script>,
    received: watch::Sender<Vec<Received>>,
    accepted: AtomicU64,
    open: AtomicU64,
    flooded: AtomicU64,
    released: watch::Sender<bool>,
}

impl Upstream {
    /// Answers each request as `script` says, once its head is there.
    pub async fn start(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::on((Ipv4Addr::LOCALHOST, 0).into(), script).await
    }

    /// As [`Upstream::start`], at this address.
    pub async fn on(
        address: SocketAddr,
        script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Box::new(script),
            received: watch::Sender::default(),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            flooded: AtomicU64::new(0),
            released: watch::Sender::new(false),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            task,
        }
    }

    /// Answers every request with `answer`.
    pub async fn always(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    /// Answers every request with `200` and this body.
    pub async fn ok(body: &str) -> Self {
        Self::always(Answer::ok(body)).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `127.0.0.1:port`, for `service:`.
    pub fn service(&self) -> String {
        self.address.to_string()
    }

    /// Its `envoy_cluster_name`.
    pub fn stats_name(&self) -> String {
        self.service().replace(['.', ':'], "_")
    }

    /// Every request so far, in the order of their heads.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// The request that came last.
    ///
    /// # Panics
    /// When there was none.
    pub fn last(&self) -> Received {
        self.received().pop().expect("a request was received")
    }

    /// Waits until `count` heads of requests have come.
    pub async fn until_received(&self, count: usize) {
        eventually("the upstream has its requests", || {
            self.state.received.borrow().len() >= count
        })
        .await;
    }

    /// How many connections there were.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Relaxed)
    }

    /// How many connections are open.
    pub fn open(&self) -> u64 {
        self.state.open.load(Relaxed)
    }

    /// How many bytes [`Answer::Flood`] got rid of.
    pub fn flooded(&self) -> u64 {
        self.state.flooded.load(Relaxed)
    }

    /// Ends the deafness of [`Answer::Deaf`].
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Upstreams at 127.0.0.1, 127.0.0.2 and so on, all with the same port and script.
pub async fn replicas<S>(count: u8, script: S) -> Vec<Upstream>
where
    S: Fn(&Received) -> Answer + Clone + Send + Sync + 'static,
{
    let mut all = vec![Upstream::start(script.clone()).await];
    let port = all[0].address.port();
    for n in 2..=count {
        let address = ([127, 0, 0, n], port).into();
        all.push(Upstream::on(address, script.clone()).await);
    }
    all
}

/// A port nobody listens on: bound by nobody since it was given back to the system.
pub async fn closed_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let number = state.accepted.fetch_add(1, Relaxed);
        state.open.fetch_add(1, Relaxed);
        connections.spawn(serve(Open(Arc::clone(&state)), tcp, number));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(open: Open, tcp: TcpStream, number: u64) {
    tcp.set_nodelay(true).unwrap();
    // A connection that breaks is closed; what the test expects of it shows elsewhere.
    drop(connection::serve(&open.0, tcp, number).await);
}

/// A connection that is counted as open.
struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
