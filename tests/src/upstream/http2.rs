//! An upstream that speaks HTTP/2 with prior knowledge, and does with each stream what it is told.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use h2::server::{self, Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::control::eventually;

/// A running upstream on loopback. Ends when dropped, with all its connections.
pub struct Upstream2 {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// One request, and the means to answer it.
#[derive(Debug)]
pub struct Call {
    /// The connection it came by, counted from 0.
    pub connection: u64,
    /// Its head and its body.
    pub request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
}

type Answering = Pin<Box<dyn Future<Output = ()> + Send>>;
type Script = dyn Fn(Call) -> Answering + Send + Sync;

struct State {
    script: Box<Script>,
    builder: Builder,
    /// `None` = plain text.
    tls: Option<TlsAcceptor>,
    received: watch::Sender<Vec<Request<()>>>,
    accepted: AtomicU64,
    open: AtomicU64,
    leaving: watch::Sender<()>,
}

impl Upstream2 {
    /// Answers each request as `script` says, once its head is there.
    pub async fn start<F>(script: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::with(Builder::new(), script).await
    }

    /// As [`Upstream2::start`], behind TLS, where it is agreed by ALPN to speak HTTP/2.
    pub async fn behind_tls<F>(script: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::begin((Builder::new(), Some(tls())), script).await
    }

    /// As [`Upstream2::start`], with these SETTINGS.
    pub async fn with<F>(
        builder: Builder,
        script: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::begin((builder, None), script).await
    }

    async fn begin<F>(
        (builder, tls): (Builder, Option<TlsAcceptor>),
        script: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Box::new(move |call| Box::pin(script(call))),
            builder,
            tls,
            received: watch::Sender::default(),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            leaving: watch::Sender::new(()),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            task,
        }
    }

    /// Answers every request with `200` and this body.
    pub async fn ok(body: &'static str) -> Self {
        Self::start(async move |call: Call| call.answer(body)).await
    }

    /// `127.0.0.1:port`, for `service:`.
    pub fn service(&self) -> String {
        self.address.to_string()
    }

    /// The heads of all requests so far.
    pub fn received(&self) -> Vec<Request<()>> {
        let heads = self.state.received.borrow();
        heads.iter().map(head).collect()
    }

    /// The request that came last.
    ///
    /// # Panics
    /// When there was none.
    pub fn last(&self) -> Request<()> {
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

    /// Says GOAWAY on all connections there are.
    pub fn leave(&self) {
        self.state.leaving.send_replace(());
    }
}

impl Drop for Upstream2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Upstream2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream2")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// `200` with this body, whether or not there is more of the request.
    pub fn answer(self, body: &'static str) {
        let mut stream = self.head(&[]).1;
        stream
            .send_data(Bytes::from_static(body.as_bytes()), true)
            .unwrap();
    }

    /// The head of a `200` with these fields; what there is of the request, and where to send on.
    pub fn head(mut self, fields: &[(&'static str, &str)]) -> (RecvStream, SendStream<Bytes>) {
        let head = response(fields);
        let stream = self.respond.send_response(head, false).unwrap();
        (self.request.into_body(), stream)
    }

    /// A `200` that is a head alone.
    pub fn head_only(mut self, fields: &[(&'static str, &str)]) {
        self.respond.send_response(response(fields), true).unwrap();
    }

    /// Sends an informational answer.
    pub fn inform(&mut self, head: Response<()>) {
        self.respond.send_informational(head).unwrap();
    }

    /// Resets the stream.
    pub fn reset(mut self, reason: Reason) {
        self.respond.send_reset(reason);
    }

    /// Waits until the other side resets the stream; the reason.
    pub async fn until_reset(mut self) -> Reason {
        poll_fn(|cx| self.respond.poll_reset(cx)).await.unwrap()
    }
}

/// The next piece of a body, whose window is given back at once.
pub async fn piece(body: &mut RecvStream) -> Option<Bytes> {
    let piece = body.data().await?.unwrap();
    drop(body.flow_control().release_capacity(piece.len()));
    Some(piece)
}

/// All of a body, and its trailers.
pub async fn whole(body: &mut RecvStream) -> (Vec<u8>, Option<HeaderMap>) {
    let mut all = Vec::new();
    while let Some(piece) = piece(body).await {
        all.extend(&piece);
    }
    (all, body.trailers().await.unwrap())
}

/// Trailers with these fields.
pub fn trailers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
}

fn response(fields: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::builder();
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap()
}

fn head<T>(request: &Request<T>) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.headers_mut() = request.headers().clone();
    head
}

/// With a certificate of nobody, which serves no other purpose.
fn tls() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
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
    let Some(tls) = open.0.tls.clone() else {
        return speak(open, tcp, number).await;
    };
    // A client that agrees to nothing is left alone, and its test fails.
    if let Ok(stream) = tls.accept(tcp).await
        && stream.get_ref().1.alpn_protocol() == Some(b"h2")
    {
        speak(open, stream, number).await;
    }
}

async fn speak(open: Open, io: impl AsyncRead + AsyncWrite + Unpin, number: u64) {
    let Ok(mut connection) = open.0.builder.handshake::<_, Bytes>(io).await else {
        return;
    };
    let mut leaving = open.0.leaving.subscribe();
    let mut leaves = false;
    let mut calls = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = server::Connection::accept(&mut connection) => accepted,
            asked = leaving.changed(), if !leaves => {
                asked.unwrap();
                leaves = true;
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else {
            return;
        };
        open.0.received.send_modify(|all| all.push(head(&request)));
        calls.spawn((open.0.script)(Call {
            connection: number,
            request,
            respond,
        }));
        while calls.try_join_next().is_some() {}
    }
}

/// A connection that is counted as open.
struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
