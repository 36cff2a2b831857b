//! Carries one attempt at a request over one upstream connection, and the response back.
//!
//! Invariant: both directions run at once, and neither is held in memory beyond what the request
//! was told to keep; what is read from one side is written to the other before more is read.
//!
//! Deliberately absent: choosing the connection, and trying again.

mod pace;
mod response;
mod upload;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use nuncio_telemetry::{Backlog, ClusterStats};
use pingora_core::protocols::http::HttpTask;
use pingora_core::{BError, ErrorType, RetryType};
use pingora_http::RequestHeader;

use super::course::Course;
use super::failure::Failure;
use super::request::Request;
use super::response_body::ResponseBody;
use super::retry::Retries;
use super::timer::{Limit, Timer};
use super::tunnel::Tunnel;
use crate::conduit::{End, Ended};
use crate::upstream::{Endpoint, Lease, UpstreamSession};
use crate::wire::Traffic;
use upload::Upload;

/// One attempt at a request.
pub(super) struct Relay<'a, 'r, 'u> {
    request: &'a mut Request<'r>,
    upstream: &'a mut UpstreamSession,
    /// Of the upstream connection.
    traffic: &'a Traffic,
    rules: Rules<'a, 'u>,
    upload: Upload,
    body: ResponseBody,
    /// The status passed on to the client, once it was.
    status: Option<u16>,
    interim_answers: u8,
    /// Whether both sides have agreed to speak something else.
    upgraded: bool,
    /// What the upstream does not take yet.
    backlog: Option<Backlog>,
}

/// What an answer is treated by.
pub(super) struct Rules<'a, 'u> {
    pub(super) course: &'a Course<'u>,
    /// Hears how it answers.
    pub(super) endpoint: &'a Endpoint,
    /// Of its cluster.
    pub(super) stats: &'a Arc<ClusterStats>,
    /// `None` when every answer is passed on.
    pub(super) retries: Option<&'a mut Retries<'u>>,
    /// How long an upgraded connection may be silent.
    pub(super) silence: Option<Duration>,
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
    /// It is thrown away for another attempt. `whole`: nothing is left of it.
    Discarded { status: u16, whole: bool },
    /// The client has seen nothing yet.
    Failed(Failure),
}

/// Who broke off a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    Client,
    /// The upstream, by closing its connection or by something that is not HTTP.
    Upstream,
    /// The upstream, by resetting the stream.
    UpstreamStream,
    /// The gateway.
    Limit(Limit),
}

enum Event {
    FromUpstream(Result<HttpTask, BError>),
    FromClient(Result<Option<Bytes>, BError>),
    /// The upstream has taken what it was sent.
    CaughtUp,
    OutOfTime(Limit),
}

impl<'a, 'r, 'u> Relay<'a, 'r, 'u> {
    pub(super) fn new(
        request: &'a mut Request<'r>,
        lease: &'a mut Lease,
        rules: Rules<'a, 'u>,
    ) -> Self {
        let upload = Upload::of(request);
        Self {
            request,
            upstream: &mut lease.session,
            traffic: &lease.traffic,
            rules,
            upload,
            body: ResponseBody::default(),
            status: None,
            interim_answers: 0,
            upgraded: false,
            backlog: None,
        }
    }

    /// Sends `head` and relays until the response is whole or cannot become so.
    pub(super) async fn run(mut self, timer: &mut Timer<'_>, head: Box<RequestHeader>) -> Relayed {
        if matches!(self.upstream, UpstreamSession::Http1(_)) {
            self.traffic
                .expect_head(self.rules.course.spells_in_lower_case());
        }
        if let Err(error) = self.upstream.write_request_header(head).await {
            tracing::debug!(%error, "the upstream did not take the request");
            return Relayed::Failed(match error.etype() {
                ErrorType::InvalidHTTPHeader => Failure::ClientMalformed,
                _ if error.retry == RetryType::Decided(true) => {
                    Failure::UpstreamReset { refused: true }
                }
                _ => Failure::UpstreamClosed { untouched: true },
            });
        }
        timer.attempt_began();
        let relayed = loop {
            self.send_kept().await;
            self.count_backlog();
            timer.awaits_client(self.awaits_client());
            let event = tokio::select! {
                biased;
                task = self.upstream.read_response_task() => Event::FromUpstream(task),
                body = self.request.next(), if self.hears_client() => Event::FromClient(body),
                () = self.traffic.caught_up(), if self.traffic.is_backed_up() => Event::CaughtUp,
                limit = timer.rings() => Event::OutOfTime(limit),
            };
            if let Some(relayed) = self.on(event, timer).await {
                break relayed;
            }
        };
        timer.attempt_ended();
        match self.upgraded {
            true => self.tunnel().await,
            false => relayed,
        }
    }

    /// Carries what follows an upgrade. The route's limits for an answer are kept by then; only
    /// silence ends it.
    async fn tunnel(self) -> Relayed {
        const STATUS: u16 = StatusCode::SWITCHING_PROTOCOLS.as_u16();
        let upstream_time = self.took();
        let broken = |by| Relayed::Broken { status: STATUS, by };
        let Some(tunnel) = Tunnel::dig(self.request.session, self.upstream).await else {
            return broken(Culprit::Upstream);
        };
        let buffers = self.rules.course.connection.worker().buffers();
        match tunnel.run(buffers, self.rules.silence).await {
            Ended::Closed(_) => Relayed::Complete {
                status: STATUS,
                upstream_time,
                request_sent: false,
            },
            Ended::Broken(End::Client) => broken(Culprit::Client),
            Ended::Broken(End::Upstream) => broken(Culprit::Upstream),
            Ended::Silent => broken(Culprit::Limit(Limit::Silence)),
        }
    }

    async fn on(&mut self, event: Event, timer: &mut Timer<'_>) -> Option<Relayed> {
        match event {
            Event::FromUpstream(task) => {
                timer.moved();
                timer.awaits_client(false);
                let answered = timer.limit(pin!(self.answer_at_its_pace(task))).await;
                match answered {
                    Ok(None) if self.status.is_some() => {
                        timer.attempt_ended();
                        None
                    }
                    Ok(ended) => ended,
                    // A client that does not read does not get more time.
                    Err(limit) => Some(self.out_of_time(limit)),
                }
            }
            Event::FromClient(Ok(body)) => {
                timer.heard_client();
                self.take(body).await;
                timer.request_ended(self.request.end());
                None
            }
            Event::FromClient(Err(error)) => {
                let failure = self.request.failed(&error);
                Some(self.broken(Culprit::Client, failure))
            }
            Event::CaughtUp => {
                timer.moved();
                None
            }
            Event::OutOfTime(limit) => Some(self.out_of_time(limit)),
        }
    }

    fn out_of_time(&self, limit: Limit) -> Relayed {
        self.broken(Culprit::Limit(limit), Failure::OutOfTime(limit))
    }

    fn broken(&self, by: Culprit, failure: Failure) -> Relayed {
        match self.status {
            Some(status) => Relayed::Broken { status, by },
            None => Relayed::Failed(failure),
        }
    }
}
