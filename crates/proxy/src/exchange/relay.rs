//! Carries one request over one upstream connection, and the response back.
//!
//! Invariant: both directions run at once and neither is ever held in memory; what is read from
//! one side is written to the other before more is read.
//!
//! Deliberately absent: choosing the connection, and trying again.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use pingora_core::protocols::http::{HttpTask, ServerSession};
use pingora_core::{BError, ErrorType, RetryType};
use pingora_http::{RequestHeader, ResponseHeader};
use tokio::time::{Instant, sleep_until};

use super::client_head;
use super::course::Course;
use super::response_body::ResponseBody;
use crate::upstream::{Lease, UpstreamSession};
use crate::wire::Traffic;

/// One attempt at a request.
pub(super) struct Relay<'a> {
    session: &'a mut ServerSession,
    upstream: &'a mut UpstreamSession,
    /// Of the upstream connection.
    traffic: &'a Traffic,
    course: &'a Course<'a>,
    body: ResponseBody,
    /// For the whole response, from the end of the request; `None` = no limit.
    timeout: Option<Duration>,
    /// When the request was complete; `None` while its body is still coming.
    request_end: Option<Instant>,
    /// Whether anything of the body was taken from the client, who will not send it again.
    body_begun: bool,
    /// Whether the upstream still takes the request's body.
    upload: Upload,
    /// Whether the client is still listened to.
    client: Listening,
    /// The status passed on to the client, once it was.
    status: Option<u16>,
    interim_answers: u8,
}

/// How one attempt ended.
#[derive(Debug)]
pub(super) enum Relayed {
    /// The response is whole. `request_sent`: so was the request.
    Complete {
        status: u16,
        upstream_time: Duration,
        request_sent: bool,
    },
    /// It broke off after the client had seen its head.
    Broken { status: u16, by: Culprit },
    /// The client has seen nothing yet.
    Failed(Failure),
}

/// Who broke off a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    Client,
    Upstream,
    /// The upstream, by resetting the stream only.
    UpstreamStream,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client went away.
    ClientLeft,
    /// The client's body stopped coming.
    ClientStalled,
    /// The client's body is not framed as it should be.
    ClientMalformed,
    /// The route's timeout passed.
    TimedOut,
    /// The upstream closed the connection. `untouched`: before an answer, and before any of the
    /// body was taken from the client.
    UpstreamClosed { untouched: bool },
    /// The upstream reset the stream, not the connection.
    UpstreamReset,
    /// The upstream took back its offer of a stream: it has not looked at the request.
    StreamRefused,
    /// The upstream answered something that is not HTTP.
    UpstreamMalformed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upload {
    Open,
    Finished,
    /// The upstream takes no more; its answer may be there all the same.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    Yes,
    /// It has sent the beginning of its next request; this connection ends with this response.
    NoMore,
}

enum Event {
    FromUpstream(Result<HttpTask, BError>),
    FromClient(Result<Option<Bytes>, BError>),
    /// The upstream has taken what it was sent.
    CaughtUp,
    Deadline,
}

/// More answers before the answer than anybody needs.
const MAX_INTERIM_ANSWERS: u8 = 16;

impl<'a> Relay<'a> {
    pub(super) fn new(
        session: &'a mut ServerSession,
        lease: &'a mut Lease,
        course: &'a Course<'a>,
        timeout: Option<Duration>,
        request_end: Option<std::time::Instant>,
    ) -> Self {
        Self {
            session,
            upstream: &mut lease.session,
            traffic: &lease.traffic,
            course,
            body: ResponseBody::default(),
            timeout,
            request_end: request_end.map(Instant::from_std),
            body_begun: false,
            upload: if request_end.is_some() {
                Upload::Finished
            } else {
                Upload::Open
            },
            client: Listening::Yes,
            status: None,
            interim_answers: 0,
        }
    }

    /// Sends `head` and relays until the response is whole or cannot become so.
    pub(super) async fn run(mut self, head: Box<RequestHeader>) -> Relayed {
        if let Err(error) = self.upstream.write_request_header(head).await {
            tracing::debug!(%error, "the upstream did not take the request");
            return Relayed::Failed(match error.etype() {
                ErrorType::InvalidHTTPHeader => Failure::ClientMalformed,
                _ if error.retry == RetryType::Decided(true) => Failure::StreamRefused,
                _ => Failure::UpstreamClosed { untouched: true },
            });
        }
        let mut deadline = pin!(sleep_until(self.deadline()));
        loop {
            let event = tokio::select! {
                biased;
                task = self.upstream.read_response_task() => Event::FromUpstream(task),
                body = self.session.read_body_or_idle(self.request_end.is_some()),
                    if self.client == Listening::Yes && !self.traffic.is_backed_up()
                    => Event::FromClient(body),
                () = self.traffic.caught_up(), if self.traffic.is_backed_up() => Event::CaughtUp,
                () = &mut deadline => Event::Deadline,
            };
            let uploading = self.request_end.is_none();
            let ended = match event {
                Event::FromUpstream(Ok(task)) => tokio::select! {
                    biased;
                    ended = self.pass_on(task) => ended,
                    // A client that does not read does not get more time.
                    () = &mut deadline => Some(self.out_of_time()),
                },
                Event::FromUpstream(Err(error)) => Some(self.upstream_failed(&error)),
                Event::FromClient(Ok(body)) => {
                    self.upload(body).await;
                    None
                }
                Event::FromClient(Err(error)) => self.client_failed(&error),
                Event::CaughtUp => None,
                Event::Deadline => Some(self.out_of_time()),
            };
            if let Some(relayed) = ended {
                return relayed;
            }
            if uploading {
                deadline.as_mut().reset(self.deadline());
            }
        }
    }

    /// The route's timeout starts when the request is complete, as Envoy's does. Until then it is
    /// silence that ends an exchange.
    fn deadline(&self) -> Instant {
        match (self.request_end, self.timeout) {
            (Some(end), Some(timeout)) => end + timeout,
            (Some(_), None) => Instant::now() + FOR_EVER,
            (None, _) => Instant::now() + STREAM_IDLE_TIMEOUT,
        }
    }

    fn out_of_time(&self) -> Relayed {
        match self.request_end {
            Some(_) => self.broken(Culprit::Upstream, Failure::TimedOut),
            None => self.broken(Culprit::Client, Failure::ClientStalled),
        }
    }

    async fn pass_on(&mut self, task: HttpTask) -> Option<Relayed> {
        let task = match task {
            HttpTask::Header(head, _) if head.status.is_informational() => {
                return self.interim(&head);
            }
            HttpTask::Header(head, end) => match self.client_head(&head) {
                Some(head) => HttpTask::Header(Box::new(head), end),
                None => return Some(Relayed::Failed(Failure::UpstreamMalformed)),
            },
            HttpTask::Failed(error) => return Some(self.upstream_failed(&error)),
            task @ (HttpTask::Body(..)
            | HttpTask::UpgradedBody(..)
            | HttpTask::Trailer(_)
            | HttpTask::Done) => task,
        };
        let end = task.is_end();
        let tasks = self.body.pass(task);
        if tasks.is_empty() {
            return None;
        }
        match self.session.response_duplex_vec(tasks).await {
            Ok(_) if end => Some(self.complete()),
            Ok(_) => None,
            Err(_) => Some(self.broken(Culprit::Client, Failure::ClientLeft)),
        }
    }

    /// The gateway has answered `Expect` itself, and offers no upgrade: nothing to pass on.
    fn interim(&mut self, head: &ResponseHeader) -> Option<Relayed> {
        self.interim_answers += 1;
        let hostile = head.status == http::StatusCode::SWITCHING_PROTOCOLS
            || self.interim_answers > MAX_INTERIM_ANSWERS;
        hostile.then_some(Relayed::Failed(Failure::UpstreamMalformed))
    }

    fn client_head(&mut self, received: &ResponseHeader) -> Option<ResponseHeader> {
        if !client_head::is_framed_soundly(received) {
            return None;
        }
        let took = self.request_end.map_or(Duration::ZERO, |end| end.elapsed());
        let request = self.session.req_header();
        let (head, body) = client_head::build(self.course, request, received, took).ok()?;
        self.body = body;
        self.status = Some(received.status.as_u16());
        Some(head)
    }

    async fn upload(&mut self, body: Option<Bytes>) {
        self.body_begun = true;
        // An empty chunk would end the body (RFC 9112 section 7.1); the codec gives an empty piece
        // before trailers, and for an empty DATA frame.
        if let (Some(bytes), Upload::Open) = (&body, self.upload)
            && !bytes.is_empty()
            && self.upstream.write_body(bytes).await.is_err()
        {
            self.upload = Upload::Refused;
        }
        if self.request_end.is_none() && (body.is_none() || self.session.is_body_done()) {
            self.request_end = Some(Instant::now());
            if self.upload == Upload::Open {
                let finished = self.upstream.finish_body().await;
                self.upload = if finished.is_ok() {
                    Upload::Finished
                } else {
                    Upload::Refused
                };
            }
        }
    }

    fn complete(&self) -> Relayed {
        let upstream_time = self.request_end.map_or(Duration::ZERO, |end| end.elapsed());
        let request_sent = self.upload == Upload::Finished;
        // A response without a status cannot be: `pass_on` saw its head first.
        let status = self.status.unwrap_or_default();
        Relayed::Complete {
            status,
            upstream_time,
            request_sent,
        }
    }

    fn broken(&self, by: Culprit, failure: Failure) -> Relayed {
        match self.status {
            Some(status) => Relayed::Broken { status, by },
            None => Relayed::Failed(failure),
        }
    }

    fn upstream_failed(&self, error: &BError) -> Relayed {
        tracing::debug!(%error, "the upstream failed");
        let failure = match error.etype() {
            ErrorType::ConnectionClosed if error.retry == RetryType::Decided(true) => {
                match self.body_begun {
                    true => Failure::UpstreamClosed { untouched: false },
                    false => Failure::StreamRefused,
                }
            }
            ErrorType::H2Error => {
                return self.broken(Culprit::UpstreamStream, Failure::UpstreamReset);
            }
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => {
                let sent_nothing =
                    self.interim_answers == 0 && error.retry == RetryType::ReusedOnly;
                let untouched = sent_nothing && !self.body_begun;
                Failure::UpstreamClosed { untouched }
            }
            _ => Failure::UpstreamMalformed,
        };
        self.broken(Culprit::Upstream, failure)
    }

    fn client_failed(&mut self, error: &BError) -> Option<Relayed> {
        let failure = match error.etype() {
            // Pingora's word for bytes behind the end of the request: a pipelined request. It is
            // not served on this connection, and this one is not harmed.
            ErrorType::ConnectError => {
                self.client = Listening::NoMore;
                self.session.set_keepalive(None);
                return None;
            }
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::H2Error => {
                Failure::ClientLeft
            }
            ErrorType::ReadTimedout => Failure::ClientStalled,
            _ => Failure::ClientMalformed,
        };
        Some(self.broken(Culprit::Client, failure))
    }
}

/// How long both sides of an upload may be silent: Envoy's stream idle timeout.
pub(crate) const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Far enough not to come, near enough not to overflow.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);
