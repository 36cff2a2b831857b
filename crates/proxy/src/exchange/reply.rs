//! Answers of the gateway itself.
//!
//! Invariant: nothing a client sent appears in them.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SERVER};
use nuncio_routing::Settings;
use pingora_core::Result;
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_http::ResponseHeader;
use tokio::time::timeout;

/// A response the gateway makes up: `text/plain` if it has a text, as Envoy's local replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: &'static str,
}

impl Reply {
    pub(super) const NOT_FOUND: Self = Self {
        status: 404,
        text: "",
    };
    pub(super) const MALFORMED: Self = Self {
        status: 400,
        text: "Bad Request",
    };

    /// Answers the request whose head `session` has read.
    ///
    /// # Errors
    ///
    /// When the client does not take it.
    pub(super) async fn send(self, session: &mut ServerSession, settings: &Settings) -> Result<()> {
        discard_arrived_body(session).await;
        let bodyless = self.text.is_empty() || session.req_header().method == Method::HEAD;
        let head = HttpTask::Header(Box::new(self.head(settings)?), bodyless);
        session.response_duplex_vec(vec![head]).await?;
        if bodyless {
            Ok(())
        } else {
            self.send_text(session).await
        }
    }

    /// Answers what could not be read as a request; the connection ends with it.
    ///
    /// # Errors
    ///
    /// When the client does not take it.
    pub(super) async fn send_unread(
        self,
        session: &mut ServerSession,
        settings: &Settings,
    ) -> Result<()> {
        let head = HttpTask::Header(Box::new(self.head(settings)?), false);
        session.response_duplex_vec(vec![head]).await?;
        self.send_text(session).await
    }

    async fn send_text(self, session: &mut ServerSession) -> Result<()> {
        let body = HttpTask::Body(Some(Bytes::from_static(self.text.as_bytes())), true);
        session.response_duplex_vec(vec![body]).await.map(drop)
    }

    fn head(self, settings: &Settings) -> Result<ResponseHeader> {
        let mut head = ResponseHeader::build_no_case(self.status, Some(FIELDS))?;
        head.insert_header(CONTENT_LENGTH, HeaderValue::from(self.text.len()))?;
        if !self.text.is_empty() {
            head.insert_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))?;
        }
        head.insert_header(SERVER, settings.server_name.clone())?;
        Ok(head)
    }
}

/// Three of ours, and `date` and `connection` from the codec.
const FIELDS: usize = 5;

/// How much of an unwanted body is read so that the connection can be kept.
const MAX_DISCARDED: usize = 64 * 1024;

/// Takes what has already arrived of the body: a small one then does not cost the client its
/// connection. Nothing is waited for; the rest of a larger one is refused by closing.
async fn discard_arrived_body(session: &mut ServerSession) {
    let mut discarded = 0;
    while discarded < MAX_DISCARDED && !session.is_body_done() {
        match timeout(Duration::ZERO, session.read_request_body()).await {
            Ok(Ok(Some(bytes))) => discarded += bytes.len(),
            Ok(Ok(None) | Err(_)) | Err(_) => return,
        }
    }
}
