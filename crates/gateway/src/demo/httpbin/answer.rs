//! Answers one request.
//!
//! Invariant: a request's body is read to its end, or its connection is broken, before the answer starts.

use std::net::IpAddr;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Reply, Unread};
use super::echo;
use super::endpoint::{Endpoint, NoEndpoint};

/// Answers whatever comes; never fails.
pub(super) async fn answer(req: Request<Incoming>, peer: IpAddr) -> Response<Reply> {
    let (parts, body) = req.into_parts();
    let rsp = match Endpoint::of(parts.uri.path()) {
        Ok(endpoint) => match endpoint.refuses(&parts.method) {
            None => perform(endpoint, &parts, body, peer).await,
            Some(allow) => not_allowed(body, allow).await,
        },
        Err(NoEndpoint::Unknown) => refuse(body, StatusCode::NOT_FOUND, "not found\n").await,
        Err(NoEndpoint::Invalid(why)) => refuse(body, StatusCode::BAD_REQUEST, why).await,
    };
    if parts.method == Method::HEAD {
        without_body(rsp)
    } else {
        rsp
    }
}

async fn perform(
    endpoint: Endpoint,
    parts: &Parts,
    body: Incoming,
    peer: IpAddr,
) -> Response<Reply> {
    if let Endpoint::Anything | Endpoint::Post | Endpoint::Delay(_) = endpoint {
        return match body::read(body).await {
            Ok(body) => echo_body(endpoint, parts, &body, peer).await,
            Err(Unread::TooLarge) => text(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
            Err(Unread::Broken) => text(StatusCode::BAD_REQUEST, "the body broke off\n"),
        };
    }
    body::discard(body).await;
    match endpoint {
        Endpoint::Headers => pretty(&json!({ "headers": echo::headers(parts) })),
        Endpoint::Ip => pretty(&json!({ "origin": echo::origin(&parts.headers, peer) })),
        Endpoint::UserAgent => pretty(&json!({ "user-agent": echo::user_agent(&parts.headers) })),
        Endpoint::Status(status) => with_status(status, Reply::Whole(Bytes::new())),
        Endpoint::Stream(lines) => stream(lines, parts, peer),
        Endpoint::Index => text(StatusCode::OK, INDEX),
        Endpoint::Get | Endpoint::Anything | Endpoint::Post | Endpoint::Delay(_) => {
            pretty(&echo::request(parts, peer).into())
        }
    }
}

async fn echo_body(
    endpoint: Endpoint,
    parts: &Parts,
    body: &[u8],
    peer: IpAddr,
) -> Response<Reply> {
    let mut object = echo::request(parts, peer);
    echo::add_body(&mut object, parts, body);
    if endpoint == Endpoint::Anything {
        object.insert("method".into(), parts.method.as_str().into());
    }
    if let Endpoint::Delay(delay) = endpoint {
        object.remove("json");
        tokio::time::sleep(delay).await;
    }
    pretty(&object.into())
}

fn stream(lines: u32, parts: &Parts, peer: IpAddr) -> Response<Reply> {
    let object = Value::from(echo::request(parts, peer)).to_string();
    // Each line is this object with its `id` put in front.
    let rest = Bytes::from(format!("{}\n", object.trim_start_matches('{')));
    typed(
        StatusCode::OK,
        "application/json",
        Reply::Lines {
            next: 0,
            end: lines,
            rest,
        },
    )
}

async fn not_allowed(body: Incoming, allow: &'static str) -> Response<Reply> {
    let mut rsp = refuse(body, StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n").await;
    rsp.headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    rsp
}

async fn refuse(body: Incoming, status: StatusCode, why: &'static str) -> Response<Reply> {
    body::discard(body).await;
    text(status, why)
}

/// Two spaces of indent and a last line feed, as httpbin.org prints.
fn pretty(value: &Value) -> Response<Reply> {
    let body = Bytes::from(format!("{value:#}\n"));
    typed(StatusCode::OK, "application/json", Reply::Whole(body))
}

fn text(status: StatusCode, text: &'static str) -> Response<Reply> {
    let body = Bytes::from_static(text.as_bytes());
    typed(status, "text/plain; charset=utf-8", Reply::Whole(body))
}

fn typed(status: StatusCode, media_type: &'static str, body: Reply) -> Response<Reply> {
    let mut rsp = with_status(status, body);
    rsp.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    rsp
}

fn with_status(status: StatusCode, body: Reply) -> Response<Reply> {
    let mut rsp = Response::new(body);
    *rsp.status_mut() = status;
    rsp
}

/// HEAD keeps the length of what GET would have sent (RFC 9110 section 9.3.2).
fn without_body(rsp: Response<Reply>) -> Response<Reply> {
    let (mut parts, body) = rsp.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Reply::Whole(Bytes::new()))
}

const TOO_LARGE: &str = "the body is larger than 1 MiB\n";

const INDEX: &str = "\
The demo's built-in httpbin.

  /get          the request, as JSON
  /headers      its headers
  /ip           where it came from
  /user-agent   what sent it
  /anything     the request with its method and body, any method, any path below
  /post         the same for POST
  /status/N     an empty answer with status N (200 to 599)
  /delay/N      the request after N seconds (10 at most)
  /stream/N     N lines of JSON (100 at most)
";
