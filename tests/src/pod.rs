//! A Pod that answers every request, and ends as a well-behaved one does: it takes no more
//! connections, finishes the requests it has, and closes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// A running Pod. Ends at once when dropped.
#[derive(Debug)]
pub struct Pod {
    address: SocketAddr,
    requests: Arc<Requests>,
    stop: watch::Sender<bool>,
    killed: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What a Pod was asked.
#[derive(Debug)]
struct Requests {
    since: Instant,
    count: AtomicU64,
    /// When the last one came, in microseconds.
    last: AtomicU64,
}

impl Pod {
    /// Listens at this address.
    ///
    /// # Panics
    /// When somebody else does.
    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Requests {
            since: Instant::now(),
            count: AtomicU64::new(0),
            last: AtomicU64::new(0),
        });
        let (stop, stopping) = watch::channel(false);
        let killed = watch::Sender::new(false);
        let death = killed.subscribe();
        let task = tokio::spawn(serve(listener, Arc::clone(&requests), (stopping, death)));
        Self {
            address,
            requests,
            stop,
            killed,
            task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.requests.count.load(Relaxed)
    }

    /// When the last request came.
    pub fn last_request(&self) -> Instant {
        let micros = self.requests.last.load(Relaxed);
        self.requests.since + std::time::Duration::from_micros(micros)
    }

    /// Ends as SIGKILL has a process end: nothing is finished, and who is connected is reset.
    pub async fn kill(mut self) {
        self.killed.send_replace(true);
        drop((&mut self.task).await);
    }

    /// Begins to end. Who connects from now on is refused.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    requests: Arc<Requests>,
    (mut stopping, mut death): (watch::Receiver<bool>, watch::Receiver<bool>),
) {
    let mut connections = JoinSet::new();
    let (stop, killed) = (stopping.clone(), death.clone());
    loop {
        // Who has connected already is served.
        let accepted = tokio::select! {
            biased;
            _killed = death.wait_for(|killed| *killed) => break,
            accepted = listener.accept() => accepted,
            _stop = stopping.wait_for(|stop| *stop) => break,
        };
        let Ok((tcp, _)) = accepted else { break };
        connections.spawn(connection(
            tcp,
            Arc::clone(&requests),
            (stop.clone(), killed.clone()),
        ));
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    tcp: TcpStream,
    requests: Arc<Requests>,
    (mut stop, mut death): (watch::Receiver<bool>, watch::Receiver<bool>),
) {
    tcp.set_nodelay(true).unwrap();
    let (tcp, handle) = twice(tcp);
    let (asked, mut has_asked) = watch::channel(false);
    let answer = service_fn(move |_req: hyper::Request<Incoming>| {
        asked.send_replace(true);
        requests.count.fetch_add(1, Relaxed);
        let micros = requests.since.elapsed().as_micros();
        requests.last.store(u64::try_from(micros).unwrap(), Relaxed);
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok")))) }
    });
    let mut served = pin!(http1::Builder::new().serve_connection(TokioIo::new(tcp), answer));
    tokio::select! {
        _ended = &mut served => return,
        // What is closed without lingering is reset.
        _killed = death.wait_for(|killed| *killed) => return handle.set_zero_linger().unwrap(),
        // Who has just connected still gets an answer.
        _stop = async { drop(stop.wait_for(|stop| *stop).await); drop(has_asked.wait_for(|asked| *asked).await) } => {}
    }
    served.as_mut().graceful_shutdown();
    // A connection that breaks is the gateway's affair.
    drop(served.await);
}

/// Two handles of one connection.
fn twice(tcp: TcpStream) -> (TcpStream, TcpStream) {
    let first = tcp.into_std().unwrap();
    let second = first.try_clone().unwrap();
    let handle = |tcp| TcpStream::from_std(tcp).unwrap();
    (handle(first), handle(second))
}
