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
    #[error("the answer was gRPC status {status}")]
    GrpcStatus {
        status: Box<str>,
        /// It says when to try again.
        is_paced: bool,
    },
    #[error("it cannot be asked")]
    Unaskable(#[source] http::Error),
}

/// For connecting and asking together.
const TIME: Duration = Duration::from_secs(5);

/// Nobody has more to say.
const MAX_ANSWER: usize = 64 * 1024;

impl SendError {
    /// Whether it would end in the same way again.
    pub(super) fn is_final(&self, format: SpanFormat) -> bool {
        match self {
            Self::Connect(_) | Self::Broken(_) | Self::TimedOut | Self::Unreadable(_) => false,
            Self::Status(status) => !may_pass(*status, format),
            // OTLP, "Failures": these may be tried again.
            Self::GrpcStatus { status, is_paced } => match &**status {
                "8" => !is_paced,
                status => !matches!(status, "1" | "4" | "10" | "11" | "14" | "15"),
            },
            Self::Unaskable(_) => true,
        }
    }

    /// Whether it may be for what was sent. Who cannot be reached has not seen it.
    pub(super) fn is_of_batch(&self) -> bool {
        !matches!(self, Self::Connect(_))
    }
}

/// Whether what got this answer may be taken later.
fn may_pass(status: StatusCode, format: SpanFormat) -> bool {
    match format {
        // OTLP, "Retryable Response Codes": no others.
        SpanFormat::OtlpGrpc | SpanFormat::OtlpHttp => {
            matches!(status.as_u16(), 429 | 502 | 503 | 504)
        }
        SpanFormat::ZipkinJson | SpanFormat::ZipkinProto | SpanFormat::Datadog => {
            status.is_server_error() || matches!(status.as_u16(), 408 | 429)
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
    let places = || trailers.into_iter().chain([head]);
    let status = places().find_map(|fields| fields.get("grpc-status"));
    let status = match status.map(HeaderValue::as_bytes) {
        Some(b"0") => return Ok(()),
        Some(other) => String::from_utf8_lossy(other).chars().take(8).collect(),
        None => "unknown".into(),
    };
    let details = places().find_map(|fields| fields.get("grpc-status-details-bin"));
    let is_paced = details.is_some_and(|details| has_retry_info(details.as_bytes()));
    Err(SendError::GrpcStatus { status, is_paced })
}

/// Whether details, a `google.rpc.Status` in base64, hold a `RetryInfo`.
fn has_retry_info(details: &[u8]) -> bool {
    const NAME: &[u8] = b"/google.rpc.RetryInfo";
    let decoded = from_base64(details).unwrap_or_default();
    decoded.windows(NAME.len()).any(|part| part == NAME)
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.iter().take_while(|digit| **digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(decoded)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_says_decides_whether_it_is_asked_again() {
        use SpanFormat::{OtlpGrpc, OtlpHttp, ZipkinJson};
        for (status, format, is_final) in [
            (429, OtlpHttp, false),
            (500, OtlpHttp, true),
            (302, OtlpHttp, true),
            (503, OtlpGrpc, false),
            (500, ZipkinJson, false),
            (302, ZipkinJson, true),
            (400, ZipkinJson, true),
        ] {
            let error = SendError::Status(StatusCode::from_u16(status).unwrap());
            assert_eq!(error.is_final(format), is_final, "{status} {format:?}");
        }
    }

    #[test]
    fn who_is_exhausted_is_asked_again_where_it_says_when() {
        let info = "CAgaKgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbw==";
        for (status, details, is_final) in [
            ("8", "", true),
            ("8", "CAg", true),
            ("8", "%", true),
            ("8", info, false),
            ("8", info.trim_end_matches('='), false),
            ("14", "", false),
            ("3", info, true),
        ] {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            trailers.insert("grpc-status-details-bin", details.parse().unwrap());
            let error = grpc_status(&HeaderMap::new(), Some(&trailers)).unwrap_err();
            let found = error.is_final(SpanFormat::OtlpGrpc);
            assert_eq!(found, is_final, "{status} {details}");
        }
    }
}
