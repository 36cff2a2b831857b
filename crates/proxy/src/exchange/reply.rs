//! Answers of the gateway itself.
//!
//! Invariant: nothing a client sent appears in them, unless a Mapping asks for it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use http::{Method, Version};
use nuncio_routing::Settings;
use nuncio_telemetry::Outcome;
use pingora_core::Result;
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_http::{RequestHeader, ResponseHeader};
use tokio::time::timeout;

use super::course::Course;
use super::facts::ResponseFacts;
use super::{client_head, grpc, overrides, words};

/// A response the gateway makes up: `text/plain` if it has a text, as Envoy's local replies. A gRPC
/// call is answered in gRPC's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: &'static str,
    /// What is sent in place of the text.
    body: Option<Bytes>,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    pub(super) const NOT_FOUND: Self = Self::new(404, "");
    pub(super) const MALFORMED: Self = Self::new(400, "Bad Request");

    pub(super) const fn new(status: u16, text: &'static str) -> Self {
        Self {
            status,
            text,
            body: None,
            fields: Vec::new(),
        }
    }

    /// 200 with a text that is known only now.
    pub(super) fn told(body: Bytes) -> Self {
        Self {
            body: Some(body),
            ..Self::new(200, "")
        }
    }

    /// The same reply with one more field.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    #[cfg(test)]
    pub(super) fn field(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }

    /// Answers the request whose head `session` has read.
    ///
    /// # Errors
    ///
    /// When the client does not take it.
    pub(super) async fn send(
        self,
        course: &Course<'_>,
        session: &mut ServerSession,
        outcome: Outcome,
    ) -> Result<()> {
        discard_arrived_body(session).await;
        let request = session.req_header();
        let (head, body) = self.made(course, request, outcome)?;
        let bodyless = body.is_empty() || request.method == Method::HEAD;
        let head = HttpTask::Header(Box::new(head), bodyless);
        course.begin_response(session, vec![head]).await?;
        if bodyless {
            Ok(())
        } else {
            send_body(session, body).await
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
        let mut head = self.head()?;
        head.insert_header(SERVER, settings.server_name.clone())?;
        let head = HttpTask::Header(Box::new(head), false);
        session.response_duplex_vec(vec![head]).await?;
        send_body(session, self.body()).await
    }

    /// As the Mapping, or else the Module, has it.
    fn made(
        &self,
        course: &Course<'_>,
        request: &RequestHeader,
        outcome: Outcome,
    ) -> Result<(ResponseHeader, Bytes)> {
        if grpc::is_call(&request.headers) {
            return Ok((self.made_for_call(course, request, outcome)?, Bytes::new()));
        }
        let mut head = self.head()?;
        let mut body = self.body();
        let facts = || {
            let mut facts = course.facts(request);
            facts.response = ResponseFacts {
                status: Some(self.status),
                flags: words::flags(outcome),
                details: words::details(outcome),
                local_body: self.text.as_bytes(),
                ..ResponseFacts::default()
            };
            facts
        };
        if let Some(other) = overrides::replacement(course, self.status, request, facts) {
            client_head::replace(&mut head, &other)?;
            body = other.body;
        }
        Ok((client_head::finished(head, course, facts)?, body))
    }

    fn made_for_call(
        &self,
        course: &Course<'_>,
        request: &RequestHeader,
        outcome: Outcome,
    ) -> Result<ResponseHeader> {
        let mut head = grpc::head(self.status, self.text)?;
        if request.version < Version::HTTP_2 {
            head.insert_header(CONTENT_LENGTH, HeaderValue::from(0))?;
        }
        self.add_fields(&mut head)?;
        let facts = || {
            let mut facts = course.facts(request);
            facts.response = ResponseFacts {
                status: Some(grpc::HTTP_STATUS),
                flags: words::flags(outcome),
                details: words::details(outcome),
                ..ResponseFacts::default()
            };
            facts
        };
        client_head::finished(head, course, facts)
    }

    fn head(&self) -> Result<ResponseHeader> {
        let size = FIELDS + self.fields.len();
        let length = self.body().len();
        let mut head = ResponseHeader::build_no_case(self.status, Some(size))?;
        head.insert_header(CONTENT_LENGTH, HeaderValue::from(length))?;
        if length > 0 {
            head.insert_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))?;
        }
        self.add_fields(&mut head)?;
        Ok(head)
    }

    fn body(&self) -> Bytes {
        let body = self.body.as_ref();
        body.map_or_else(|| Bytes::from_static(self.text.as_bytes()), Bytes::clone)
    }

    fn add_fields(&self, head: &mut ResponseHeader) -> Result<()> {
        for (name, value) in &self.fields {
            head.append_header(name, value.clone())?;
        }
        Ok(())
    }
}

async fn send_body(session: &mut ServerSession, body: Bytes) -> Result<()> {
    let body = HttpTask::Body(Some(body), true);
    session.response_duplex_vec(vec![body]).await.map(drop)
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
