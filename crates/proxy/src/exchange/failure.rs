//! Why a request that was routed to a cluster got no answer from it, and what the client is told.
//!
//! Invariant: statuses and texts are Envoy's, word for word.
//!
//! Deliberately absent: how a failure came about.

use std::io::ErrorKind;

use nuncio_telemetry::{Outcome, Reset};

use super::reply::Reply;
use super::timer::Limit;
use crate::upstream::ConnectFailure;

/// Why there is no response. The client has seen nothing yet.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client went away.
    ClientLeft,
    /// The client's body is not framed as it should be.
    ClientMalformed,
    /// The client's body is larger than what may be held.
    TooLarge,
    /// A limit passed.
    OutOfTime(Limit),
    /// The cluster has nothing to connect to.
    NoEndpoint,
    NoConnection(ConnectFailure),
    /// The upstream closed the connection. `untouched`: before an answer, and everything that was
    /// sent can be sent again.
    UpstreamClosed {
        untouched: bool,
    },
    /// The upstream reset the stream; `refused`: before it looked at the request.
    UpstreamReset {
        refused: bool,
    },
    /// The upstream answered something that is not HTTP.
    UpstreamMalformed,
}

/// What of a request there was when it failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    /// Whether the client had sent all of it.
    pub(super) is_complete: bool,
    /// Whether it had been tried before.
    pub(super) is_retry: bool,
}

/// The texts of an upstream that gave up.
macro_rules! reset_by {
    ($($why:literal),+) => {
        Texts(
            concat!(
                "upstream connect error or disconnect/reset before headers. reset reason: ",
                $($why),+
            ),
            concat!(
                "upstream connect error or disconnect/reset before headers. ",
                "retried and the latest reset reason: ",
                $($why),+
            ),
        )
    };
}

impl Failure {
    /// What is counted.
    pub(super) fn outcome(&self, stage: Stage) -> Outcome {
        match self {
            Self::ClientLeft => Outcome::ClientLeft,
            Self::ClientMalformed => Outcome::Malformed {
                status: Reply::MALFORMED.status,
            },
            Self::TooLarge => Outcome::TooLarge,
            Self::OutOfTime(Limit::Whole) => Outcome::RouteTimeout,
            Self::OutOfTime(Limit::Attempt) => Outcome::AttemptTimeout,
            Self::OutOfTime(Limit::Silence) => Outcome::IdleTimeout {
                status: silence(stage),
            },
            Self::OutOfTime(Limit::Request) => Outcome::Refused { status: 408 },
            Self::NoEndpoint => Outcome::NoHealthyHost,
            Self::NoConnection(ConnectFailure::Overflow) => Outcome::Overflow,
            Self::NoConnection(ConnectFailure::NotHttp2) => Outcome::UpstreamMalformed,
            Self::NoConnection(_) => Outcome::ConnectFailed,
            // Envoy counts no reset where nothing was begun.
            Self::UpstreamClosed { .. } | Self::UpstreamReset { refused: true } => {
                Outcome::UpstreamReset(Reset::Connection)
            }
            Self::UpstreamReset { refused: false } => Outcome::UpstreamReset(Reset::Stream),
            Self::UpstreamMalformed => Outcome::UpstreamMalformed,
        }
    }

    /// What the client is told; `None` when there is nobody to tell.
    pub(super) fn reply(&self, stage: Stage) -> Option<Reply> {
        let (status, text) = match self {
            Self::ClientLeft => return None,
            Self::ClientMalformed => return Some(Reply::MALFORMED),
            Self::TooLarge => (413, "Payload Too Large"),
            Self::OutOfTime(Limit::Silence) => (silence(stage), "stream timeout"),
            Self::OutOfTime(Limit::Request) => (408, "request timeout"),
            Self::OutOfTime(Limit::Whole | Limit::Attempt) => (504, "upstream request timeout"),
            Self::NoEndpoint => (503, "no healthy upstream"),
            Self::NoConnection(ConnectFailure::NotHttp2) | Self::UpstreamMalformed => {
                (502, reset_by!("protocol error").of(stage))
            }
            Self::NoConnection(failure) => (503, connect_text(failure).of(stage)),
            Self::UpstreamClosed { .. } => (503, reset_by!("connection termination").of(stage)),
            Self::UpstreamReset { refused: true } => {
                (503, reset_by!("remote refused stream reset").of(stage))
            }
            Self::UpstreamReset { refused: false } => (503, reset_by!("remote reset").of(stage)),
        };
        Some(Reply::new(status, text))
    }

    /// Whether the endpoint is to blame, once it has a connection. (Those it has not are told of by
    /// whoever tried to make it.)
    pub(super) fn is_upstreams(&self) -> bool {
        match self {
            Self::UpstreamClosed { .. }
            | Self::UpstreamReset { .. }
            | Self::UpstreamMalformed
            | Self::OutOfTime(Limit::Whole | Limit::Attempt) => true,
            Self::ClientLeft
            | Self::ClientMalformed
            | Self::TooLarge
            | Self::OutOfTime(Limit::Silence | Limit::Request)
            | Self::NoEndpoint
            | Self::NoConnection(_) => false,
        }
    }

    /// Whether the cluster had too much to do.
    pub(super) fn is_overload(&self) -> bool {
        matches!(self, Self::NoConnection(ConnectFailure::Overflow))
    }

    /// Whether it cannot be known where the client's next request begins.
    pub(super) fn ends_connection(&self, stage: Stage) -> bool {
        match self {
            Self::ClientMalformed | Self::TooLarge | Self::OutOfTime(Limit::Request) => true,
            Self::OutOfTime(Limit::Silence) => !stage.is_complete,
            _ => false,
        }
    }
}

/// Envoy blames the client for what it has not sent.
fn silence(stage: Stage) -> u16 {
    if stage.is_complete { 504 } else { 408 }
}

/// A text for the first attempt, and one for any other.
struct Texts(&'static str, &'static str);

impl Texts {
    fn of(&self, stage: Stage) -> &'static str {
        if stage.is_retry { self.1 } else { self.0 }
    }
}

/// Envoy names the system's error, in the C library's words.
fn connect_text(failure: &ConnectFailure) -> Texts {
    macro_rules! failed {
        ($why:literal) => {
            reset_by!(
                "remote connection failure, ",
                "transport failure reason: delayed connect error: ",
                $why
            )
        };
    }
    match failure {
        ConnectFailure::TimedOut => reset_by!("connection timeout"),
        ConnectFailure::Overflow => reset_by!("overflow"),
        ConnectFailure::Failed(ErrorKind::ConnectionRefused) => failed!("Connection refused"),
        ConnectFailure::Failed(ErrorKind::ConnectionReset) => failed!("Connection reset by peer"),
        ConnectFailure::Failed(ErrorKind::HostUnreachable) => failed!("No route to host"),
        ConnectFailure::Failed(ErrorKind::NetworkUnreachable) => {
            failed!("Network is unreachable")
        }
        ConnectFailure::Failed(_) | ConnectFailure::NotHttp2 | ConnectFailure::NoCredentials => {
            failed!("Connection failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Stage = Stage {
        is_complete: true,
        is_retry: false,
    };

    fn told(failure: &Failure, stage: Stage) -> (u16, &'static str) {
        let reply = failure.reply(stage).unwrap();
        (reply.status, reply.text)
    }

    #[test]
    fn silence_is_the_clients_until_its_request_is_complete() {
        let silence = Failure::OutOfTime(Limit::Silence);
        assert_eq!(told(&silence, FIRST), (504, "stream timeout"));
        let uploading = Stage {
            is_complete: false,
            ..FIRST
        };
        assert_eq!(told(&silence, uploading), (408, "stream timeout"));
    }

    #[test]
    fn a_text_says_whether_there_was_another_attempt_before() {
        let closed = Failure::UpstreamClosed { untouched: false };
        let retried = Stage {
            is_retry: true,
            ..FIRST
        };
        assert_eq!(
            told(&closed, FIRST).1,
            "upstream connect error or disconnect/reset before headers. \
             reset reason: connection termination"
        );
        assert_eq!(
            told(&closed, retried).1,
            "upstream connect error or disconnect/reset before headers. \
             retried and the latest reset reason: connection termination"
        );
    }

    #[test]
    fn every_failure_is_counted_with_the_status_it_is_answered_with() {
        for failure in [
            Failure::ClientMalformed,
            Failure::TooLarge,
            Failure::OutOfTime(Limit::Whole),
            Failure::OutOfTime(Limit::Attempt),
            Failure::OutOfTime(Limit::Silence),
            Failure::OutOfTime(Limit::Request),
            Failure::NoEndpoint,
            Failure::NoConnection(ConnectFailure::TimedOut),
            Failure::NoConnection(ConnectFailure::Overflow),
            Failure::NoConnection(ConnectFailure::NoCredentials),
            Failure::NoConnection(ConnectFailure::NotHttp2),
            Failure::UpstreamClosed { untouched: true },
            Failure::UpstreamReset { refused: true },
            Failure::UpstreamReset { refused: false },
            Failure::UpstreamMalformed,
        ] {
            let status = failure.reply(FIRST).unwrap().status;
            assert_eq!(failure.outcome(FIRST).status(), Some(status), "{failure:?}");
        }
        assert_eq!(Failure::ClientLeft.outcome(FIRST).status(), None);
    }
}
