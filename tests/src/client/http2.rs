//! An HTTP/2 client with prior knowledge, over cleartext TCP, or over TLS.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::DEADLINE;
use super::response::{Broken, Response};

/// One connection. Ends when dropped.
pub struct Client2 {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// Why there is no whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The reason of the reset, if it was one.
    pub reason: Option<Reason>,
    /// What had come.
    pub broken: Broken,
}

impl Client2 {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self::over(tcp).await
    }

    /// Speaks over a connection that is there.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        Self {
            requests,
            driver: tokio::spawn(connection),
        }
    }

    /// A request of this kind to `path`; `fields` are further fields.
    pub fn request(method: Method, path: &str, fields: &[(&'static str, &str)]) -> Request<()> {
        let uri = format!("http://a.example{path}");
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    /// `GET`, and its response.
    pub async fn get(&self, path: &str) -> Response {
        self.exchange(Self::request(Method::GET, path, &[]))
            .await
            .expect("a whole response")
    }

    /// A request without a body, and its response.
    pub async fn exchange(&self, request: Request<()>) -> Result<Response, Rejected> {
        let (response, _) = self.start(request, true).await;
        Self::response(response).await
    }

    /// Begins a request; `ends` says that it has no body.
    pub async fn start(
        &self,
        request: Request<()>,
        ends: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let ready = timeout(DEADLINE, self.requests.clone().ready()).await;
        let mut requests = ready
            .expect("a stream in time")
            .expect("an open connection");
        requests.send_request(request, ends).unwrap()
    }

    /// Sends a whole body as it is taken.
    pub async fn send_body(stream: &mut SendStream<Bytes>, body: Bytes) {
        Self::send_piece(stream, body).await;
        stream.send_data(Bytes::new(), true).unwrap();
    }

    /// Sends a piece of a body as it is taken, or until the other side resets the stream.
    pub async fn send_piece(stream: &mut SendStream<Bytes>, mut piece: Bytes) {
        while !piece.is_empty() {
            stream.reserve_capacity(piece.len());
            let room = match stream.capacity() {
                0 => {
                    let more = std::future::poll_fn(|cx| stream.poll_capacity(cx));
                    match timeout(DEADLINE, more).await.expect("taken in time") {
                        Some(room) => room.unwrap(),
                        None => return,
                    }
                }
                room => room,
            };
            let sent = stream.send_data(piece.split_to(room.min(piece.len())), false);
            if sent.is_err() {
                return;
            }
        }
    }

    /// Sends up to `limit` bytes until no more are taken for a second; how many.
    pub async fn send_until_stalled(stream: &mut SendStream<Bytes>, limit: usize) -> usize {
        let mut sent = 0;
        while sent < limit {
            stream.reserve_capacity(limit - sent);
            let more = std::future::poll_fn(|cx| stream.poll_capacity(cx));
            let Ok(room) = timeout(Duration::from_secs(1), more).await else {
                break;
            };
            let room = room.unwrap().unwrap().min(limit - sent);
            stream.send_data(vec![b'u'; room].into(), false).unwrap();
            sent += room;
        }
        sent
    }

    /// A whole response.
    pub async fn response(response: ResponseFuture) -> Result<Response, Rejected> {
        let head = timeout(DEADLINE, response)
            .await
            .expect("a response in time");
        let rejected = |error: &h2::Error, broken| Rejected {
            reason: error.reason(),
            broken,
        };
        let (head, mut stream) = head
            .map_err(|error| rejected(&error, Broken::NoHead))?
            .into_parts();
        let mut response = Response {
            status: head.status.as_u16(),
            fields: fields(&head.headers),
            body: Vec::new(),
        };
        match timeout(DEADLINE, body(&mut stream, &mut response.body))
            .await
            .expect("in time")
        {
            Ok(()) => Ok(response),
            Err(error) => Err(rejected(&error, Broken::Body(response))),
        }
    }

    /// Waits until the gateway closes the connection, and says why.
    pub async fn closed(self) -> Result<(), h2::Error> {
        drop(self.requests);
        timeout(DEADLINE, self.driver)
            .await
            .expect("closed in time")
            .unwrap()
    }

    /// Goes away without a word.
    pub fn leave(self) {
        self.driver.abort();
    }

    /// Waits until no further request can be made.
    pub async fn refuses_requests(&self) {
        let refused = async {
            while self.requests.clone().ready().await.is_ok() && !self.driver.is_finished() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, refused).await.expect("refused in time");
    }
}

impl fmt::Debug for Client2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client2").finish_non_exhaustive()
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

async fn body(stream: &mut RecvStream, body: &mut Vec<u8>) -> Result<(), h2::Error> {
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        body.extend(&piece);
        // The window is ours to give back; the stream may have ended meanwhile.
        drop(stream.flow_control().release_capacity(piece.len()));
    }
    Ok(())
}
