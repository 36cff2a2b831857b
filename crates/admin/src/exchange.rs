//! One request and its answer on a connection.
//!
//! Invariant: every wait on a client has a limit, and nothing of a request's body is kept.
//! Deliberately absent: HTTP/2; probes and scrapers speak HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Version};
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_core::{Error, ErrorType, OrErr, Result};
use pingora_http::ResponseHeader;
use tokio::time::timeout;
use tracing::debug;

use crate::accept_encoding::takes_gzip;
use crate::metrics::Metrics;
use crate::page::{Page, Refused};
use crate::reply::{Body, Reply};
use crate::{Admin, AdminRoutes};

/// What one listener serves.
pub(crate) struct Door {
    pub(crate) admin: Arc<Admin>,
    pub(crate) routes: AdminRoutes,
}

#[async_trait]
impl HttpServerApp for Door {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let mut reply = match read_head(&mut session, shutdown.clone()).await {
            Head::Complete => {
                discard_body(&mut session).await;
                self.answer(&session)
            }
            Head::Malformed => Reply::text(StatusCode::BAD_REQUEST, "Bad request\n"),
            Head::None => return None,
        };
        if *shutdown.borrow() {
            session.set_keepalive(None);
        }
        let written = write(&mut session, &mut reply).await;
        if let Body::Whole(page) = reply.body {
            self.admin.give_back(page);
        }
        match written {
            Ok(()) => finish(session).await,
            Err(error) => {
                debug!(%error, "an admin answer was not taken");
                None
            }
        }
    }
}

impl Door {
    fn answer(&self, session: &ServerSession) -> Reply {
        let head = session.req_header();
        let mut reply = match Page::of(self.routes, &head.method, &head.uri) {
            Ok(page) => {
                let page = page.as_accepted(&head.headers);
                self.admin.show(page, head.uri.query())
            }
            Err(Refused::NotFound) => Reply::text(StatusCode::NOT_FOUND, "Not found\n"),
            Err(Refused::MethodNotAllowed) => {
                Reply::text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed\n")
                    .with(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
            }
        };
        if let Body::Metrics(metrics) = &mut reply.body {
            encode(metrics, &mut reply.headers, &head.headers);
            // To a client of HTTP/1.0 the page ends where the connection does.
            if head.version == Version::HTTP_11 {
                let chunked = HeaderValue::from_static("chunked");
                reply.headers.insert(header::TRANSFER_ENCODING, chunked);
            }
        }
        if head.method == Method::HEAD
            && let Body::Whole(page) = std::mem::take(&mut reply.body)
        {
            self.admin.give_back(page);
        }
        reply
    }
}

fn encode(metrics: &mut Metrics, of_reply: &mut HeaderMap, of_request: &HeaderMap) {
    if takes_gzip(of_request) {
        metrics.gzip();
        of_reply.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
}

enum Head {
    Complete,
    Malformed,
    /// The client left, said nothing in time, or the gateway is closing.
    None,
}

async fn read_head(session: &mut ServerSession, mut shutdown: ShutdownWatch) -> Head {
    // Pingora's own limit is per read, which a client that drips bytes never meets.
    session.set_keepalive(Some(0));
    let read = tokio::select! {
        biased;
        read = timeout(IDLE, session.read_request()) => read,
        _ = shutdown.wait_for(|stop| *stop) => return Head::None,
    };
    match read {
        Ok(Ok(true)) => Head::Complete,
        Ok(Err(error)) if *error.etype() == ErrorType::InvalidHTTPHeader => {
            session.set_keepalive(None);
            Head::Malformed
        }
        Ok(Ok(false) | Err(_)) | Err(_) => Head::None,
    }
}

async fn write(session: &mut ServerSession, reply: &mut Reply) -> Result<()> {
    let mut head = ResponseHeader::build(reply.status, Some(reply.headers.len() + 2))?;
    for (name, value) in &reply.headers {
        head.insert_header(name, value)?;
    }
    // Text that strangers wrote is on some pages; no browser is to guess what else it could be.
    head.insert_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
    in_time(session.write_response_header(Box::new(head))).await?;
    match &mut reply.body {
        Body::Whole(page) => {
            let mut rest = page.clone();
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(PIECE));
                in_time(session.write_response_body(piece, rest.is_empty())).await?;
            }
            Ok(())
        }
        Body::Metrics(metrics) => write_metrics(session, metrics).await,
    }
}

async fn write_metrics(session: &mut ServerSession, metrics: &mut Metrics) -> Result<()> {
    let mut text = Vec::new();
    loop {
        let next = metrics.next(&mut text).await;
        let piece = next.or_err(ErrorType::InternalError, "a page cannot be compressed")?;
        let Some(piece) = piece else {
            return in_time(session.write_response_body(Bytes::new(), true)).await;
        };
        in_time(session.write_response_body(piece, false)).await?;
    }
}

async fn in_time(step: impl Future<Output = Result<()>>) -> Result<()> {
    match timeout(STALLED, step).await {
        Ok(written) => written,
        Err(_) => Error::e_explain(ErrorType::WriteTimedout, "the client takes nothing"),
    }
}

/// Closing a socket that holds unread bytes resets it, and the client might lose the answer; a small
/// body is read away, a large one is not worth it.
async fn discard_body(session: &mut ServerSession) {
    if session.is_body_empty() {
        return;
    }
    let discard = async {
        let mut discarded = 0;
        while let Ok(Some(bytes)) = session.read_request_body().await {
            discarded += bytes.len();
            if discarded > PIECE {
                break;
            }
        }
    };
    drop(timeout(Duration::from_secs(1), discard).await);
}

async fn finish(session: ServerSession) -> Option<ReusedHttpStream> {
    let settings = HttpPersistentSettings::for_session(&session);
    let stream = session.finish().await.ok()??;
    Some(ReusedHttpStream::from_reusable_stream(stream, settings))
}

/// For the next request to arrive completely. Longer than the usual longest scrape interval, one
/// minute, so that the connection is still there when its scraper comes back.
const IDLE: Duration = Duration::from_secs(75);
/// For a client to take one [`PIECE`].
const STALLED: Duration = Duration::from_secs(10);
const PIECE: usize = 64 * 1024;
