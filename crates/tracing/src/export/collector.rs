//! One message to a collector, and its answer.
//!
//! Invariant: it ends in time, and what is read of an answer is bounded.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full, Limited};
use nuncio_routing::SpanFormat;
use tokio::time::timeout;

use super::Destination;
use super::connection::Connection;
use super::format::{self, Message};
use crate::span::Span;

/// The connection to a collector, opened when it is needed.
#[derive(Default)]
pub(super) struct Connected(Option<Connection>);

/// Spans were not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    #[error("no answer in {TIME:?}")]
    TimedOut,
    #[error("the answer cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer was {0}")]
    Status(StatusCode),
    #[error("the answer was gRPC status {0}")]
    GrpcStatus(Box<str>),
    #[error("it cannot be asked")]
    Unaskable(#[source] http::Error),
}

/// For connecting and asking together.
const TIME: Duration = Duration::from_secs(5);

/// Nobody has more to say.
const MAX_ANSWER: usize = 64 * 1024;

impl SendError {
    /// Whether it would end in the same way again.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Broken(_) | Self::TimedOut | Self::Unreadable(_) => false,
            Self::Status(status) => {
                status.is_client_error()
                    && !matches!(
                        *status,
                        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                    )
            }
            // OTLP, "Failures": these may be tried again.
            Self::GrpcStatus(status) => {
                !matches!(&**status, "1" | "4" | "8" | "10" | "11" | "14" | "15")
            }
            Self::Unaskable(_) => true,
        }
    }
}

impl Connected {
    /// Sends spans and waits until they are taken.
    pub(super) async fn send(
        &mut self,
        destination: &Destination,
        spans: &[Span],
    ) -> Result<(), SendError> {
        let message = format::message(destination, spans);
        let request = request(destination, message).map_err(SendError::Unaskable)?;
        let sent = timeout(TIME, self.ask(destination, request)).await;
        let sent = sent.unwrap_or(Err(SendError::TimedOut));
        if sent.is_err() {
            self.close();
        }
        sent
    }

    pub(super) fn close(&mut self) {
        self.0 = None;
    }

    async fn ask(
        &mut self,
        destination: &Destination,
        request: Request<Full<Bytes>>,
    ) -> Result<(), SendError> {
        if self
            .0
            .as_mut()
            .is_none_or(|connection| connection.is_closed())
        {
            let opened = Connection::open(destination).await;
            self.0 = Some(opened.map_err(SendError::Connect)?);
        }
        let Some(connection) = &mut self.0 else {
            return Err(SendError::TimedOut);
        };
        let answer = connection.send(request).await.map_err(SendError::Broken)?;
        let (head, body) = answer.into_parts();
        if !head.status.is_success() {
            return Err(SendError::Status(head.status));
        }
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(SendError::Unreadable)?;
        match destination.format {
            SpanFormat::OtlpGrpc => grpc_status(&head.headers, body.trailers()),
            SpanFormat::ZipkinJson
            | SpanFormat::ZipkinProto
            | SpanFormat::OtlpHttp
            | SpanFormat::Datadog => Ok(()),
        }
    }
}

/// An answer without a body has its status in the head.
fn grpc_status(head: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), SendError> {
    let mut places = trailers.into_iter().chain([head]);
    let status = places.find_map(|fields| fields.get("grpc-status"));
    match status.map(HeaderValue::as_bytes) {
        Some(b"0") => Ok(()),
        Some(other) => Err(SendError::GrpcStatus(
            String::from_utf8_lossy(other).chars().take(8).collect(),
        )),
        None => Err(SendError::GrpcStatus("unknown".into())),
    }
}

fn request(
    destination: &Destination,
    message: Message,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let collector = &destination.collector;
    let is_grpc = destination.format == SpanFormat::OtlpGrpc;
    let mut request = Request::builder()
        .method(Method::POST)
        .header(CONTENT_TYPE, message.content_type)
        .header(USER_AGENT, concat!("nuncio/", env!("CARGO_PKG_VERSION")));
    for (name, value) in message.fields {
        request = request.header(name, value);
    }
    if is_grpc {
        let framed = framed(&message.body);
        let target = format!("http://{}{}", collector.authority, collector.path);
        return request
            .version(Version::HTTP_2)
            .uri(target)
            .header(TE, "trailers")
            .body(Full::new(framed));
    }
    request
        .uri(&*collector.path)
        .header(HOST, &*collector.authority)
        .header(CONTENT_LENGTH, message.body.len())
        .body(Full::new(message.body))
}

/// A message of gRPC: not compressed, so long.
fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(message);
    framed.freeze()
}
