//! What can be said of a request and its response.
//!
//! Invariant: borrowed, and cheap to gather: what costs something (clocks, texts of addresses) is
//! worked out only when an operator asks for it. What is not known yet, or never will be, is `None`.
//!
//! Deliberately absent: how it is written; see [`fact`](super::fact) and [`format`](super::format).

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, Method, Version};
use nuncio_config::{FieldName, Operator};
use nuncio_tracing::Trace;

use super::fact::Fact;
use super::forwarding::Forwarding;

/// Everything known of one exchange.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) request: RequestFacts<'a>,
    pub(crate) connection: ConnectionFacts,
    /// The Mapping's name.
    pub(crate) route: Option<&'a str>,
    pub(crate) upstream: UpstreamFacts<'a>,
    pub(crate) response: ResponseFacts<'a>,
    pub(crate) clock: Clock,
    /// The trace it belongs to.
    pub(crate) trace: Option<Trace>,
}

/// The request, as it is sent on when it is.
#[derive(Clone, Copy)]
pub(crate) struct RequestFacts<'a> {
    pub(crate) method: &'a Method,
    /// With the query; after rewriting.
    pub(crate) path: &'a str,
    /// Before rewriting, if the upstream is told: `x-envoy-original-path`.
    pub(crate) original_path: Option<&'a [u8]>,
    /// After rewriting.
    pub(crate) host: &'a [u8],
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    /// Whose it is; stands before what [`Self::headers`] say of that.
    pub(crate) forwarding: &'a Forwarding,
    /// Bytes of the body that came.
    pub(crate) body_bytes: u64,
}

/// Who talks to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionFacts {
    pub(crate) id: u64,
    /// Whose request it is, as `x-forwarded-for` is trusted; port 0 when that named it.
    pub(crate) client: SocketAddr,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// Our end.
    pub(crate) local: SocketAddr,
}

/// Where the request went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpstreamFacts<'a> {
    /// The cluster's name in statistics, once it is known what came of the request.
    pub(crate) cluster: Option<&'a str>,
    /// The cluster's name.
    pub(crate) cluster_name: Option<&'a str>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    /// Why there was no connection.
    pub(crate) failure: Option<&'a str>,
    /// How often it was sent.
    pub(crate) attempts: u32,
}

/// The response.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResponseFacts<'a> {
    pub(crate) status: Option<u16>,
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) trailers: Option<&'a HeaderMap>,
    /// Envoy's short flags, comma-separated; empty when there are none.
    pub(crate) flags: &'a str,
    /// Envoy's words for who decided on the status.
    pub(crate) details: Option<&'a str>,
    /// The text of an answer of the gateway itself.
    pub(crate) local_body: &'a [u8],
    /// Bytes of the body that were sent.
    pub(crate) body_bytes: u64,
}

/// When things happened, counted from the start of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) started: Started,
    pub(crate) request_end: Option<Duration>,
    pub(crate) response_start: Option<Duration>,
    /// The end of the response; `None` while it is not over.
    pub(crate) end: Option<Duration>,
}

/// The start of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Started {
    /// By the clock that never jumps.
    At(Instant),
    /// By the wall clock.
    #[cfg(test)]
    On(SystemTime),
}

impl Facts<'_> {
    /// What `operator` stands for; `None` when that is not known or does not exist.
    pub(crate) fn of<'f>(&'f self, operator: &'f Operator) -> Option<Fact<'f>> {
        match operator {
            Operator::RequestHeader(name, other) => either(|name| self.field(name), name, other),
            Operator::ResponseHeader(name, other) => {
                either(|name| self.response.field(name), name, other)
            }
            Operator::ResponseTrailer(name, other) => {
                either(|name| field(self.response.trailers?, name), name, other)
            }
            Operator::Protocol => Some(text(protocol(self.request.version))),
            Operator::BytesReceived => Some(Fact::Number(self.request.body_bytes)),
            Operator::RouteName => self.route.map(text),
            Operator::Hostname => hostname().map(text),
            Operator::ConnectionId => Some(Fact::Number(self.connection.id)),
            Operator::Absent(_) => None,
            Operator::TraceId => self.trace.map(|trace| Fact::Trace(trace.id)),
            Operator::SpanId => self.trace.map(|trace| Fact::Span(trace.span)),
            Operator::StartTime(_)
            | Operator::Duration
            | Operator::RequestDuration
            | Operator::ResponseDuration
            | Operator::ResponseTxDuration => self.clock.fact(operator),
            Operator::ResponseCode
            | Operator::ResponseCodeDetails
            | Operator::ResponseFlags
            | Operator::ResponseFlagsLong
            | Operator::BytesSent
            | Operator::LocalReplyBody => self.response.fact(operator),
            Operator::UpstreamHost
            | Operator::UpstreamCluster
            | Operator::UpstreamLocalAddress
            | Operator::UpstreamRemoteAddress
            | Operator::UpstreamRemoteAddressWithoutPort
            | Operator::UpstreamRemotePort
            | Operator::UpstreamTransportFailureReason
            | Operator::UpstreamRequestAttemptCount => self.upstream.fact(operator),
            Operator::DownstreamRemoteAddress
            | Operator::DownstreamRemoteAddressWithoutPort
            | Operator::DownstreamRemotePort
            | Operator::DownstreamDirectRemoteAddress
            | Operator::DownstreamDirectRemoteAddressWithoutPort
            | Operator::DownstreamDirectRemotePort
            | Operator::DownstreamLocalAddress
            | Operator::DownstreamLocalAddressWithoutPort
            | Operator::DownstreamLocalPort => self.connection.fact(operator),
        }
    }

    /// A header of the request as it is sent on.
    fn field(&self, name: &FieldName) -> Option<Fact<'_>> {
        let request = &self.request;
        match name {
            FieldName::Method => Some(text(request.method.as_str())),
            FieldName::Path => Some(text(request.path)),
            FieldName::Authority => Some(bytes(request.host)),
            FieldName::Scheme => Some(text(request.forwarding.scheme.as_str())),
            FieldName::Status => None,
            FieldName::Field(header) => match header.as_str() {
                "host" => Some(bytes(request.host)),
                "x-envoy-original-path" => request.original_path.map(bytes),
                _ => match request.forwarding.field(header) {
                    Some(value) => Some(bytes(value.as_bytes())),
                    None => field(request.headers, name),
                },
            },
        }
    }
}

impl ResponseFacts<'_> {
    fn field(&self, name: &FieldName) -> Option<Fact<'_>> {
        match name {
            FieldName::Status => self.status.map(|status| Fact::Number(status.into())),
            _ => field(self.headers?, name),
        }
    }

    fn fact(&self, operator: &Operator) -> Option<Fact<'_>> {
        match operator {
            Operator::ResponseCode => Some(Fact::Number(self.status.unwrap_or(0).into())),
            Operator::ResponseCodeDetails => self.details.map(text),
            Operator::ResponseFlags if self.flags.is_empty() => Some(text("-")),
            Operator::ResponseFlags => Some(text(self.flags)),
            Operator::ResponseFlagsLong => Some(Fact::LongFlags(self.flags)),
            Operator::BytesSent => Some(Fact::Number(self.body_bytes)),
            Operator::LocalReplyBody => {
                (!self.local_body.is_empty()).then(|| bytes(self.local_body))
            }
            _ => None,
        }
    }
}

impl UpstreamFacts<'_> {
    fn fact(&self, operator: &Operator) -> Option<Fact<'_>> {
        match operator {
            Operator::UpstreamHost | Operator::UpstreamRemoteAddress => {
                self.address.map(Fact::Address)
            }
            Operator::UpstreamRemoteAddressWithoutPort => {
                self.address.map(|address| Fact::Ip(address.ip()))
            }
            Operator::UpstreamRemotePort => self
                .address
                .map(|address| Fact::Number(address.port().into())),
            Operator::UpstreamLocalAddress => self.local.map(Fact::Address),
            Operator::UpstreamCluster => self.cluster.map(text),
            Operator::UpstreamTransportFailureReason => self.failure.map(text),
            Operator::UpstreamRequestAttemptCount => Some(Fact::Number(self.attempts.into())),
            _ => None,
        }
    }
}

impl ConnectionFacts {
    fn fact(&self, operator: &Operator) -> Option<Fact<'static>> {
        Some(match operator {
            Operator::DownstreamRemoteAddress => Fact::Address(self.client),
            Operator::DownstreamRemoteAddressWithoutPort => Fact::Ip(self.client.ip()),
            Operator::DownstreamRemotePort => Fact::Number(self.client.port().into()),
            Operator::DownstreamDirectRemoteAddress => Fact::Address(self.peer),
            Operator::DownstreamDirectRemoteAddressWithoutPort => Fact::Ip(self.peer.ip()),
            Operator::DownstreamDirectRemotePort => Fact::Number(self.peer.port().into()),
            Operator::DownstreamLocalAddress => Fact::Address(self.local),
            Operator::DownstreamLocalAddressWithoutPort => Fact::Ip(self.local.ip()),
            Operator::DownstreamLocalPort => Fact::Number(self.local.port().into()),
            _ => return None,
        })
    }
}

impl Clock {
    /// Of a request of which no more is known than when it started.
    pub(crate) fn started(at: Instant) -> Self {
        Self {
            started: Started::At(at),
            request_end: None,
            response_start: None,
            end: None,
        }
    }

    fn fact<'f>(&self, operator: &'f Operator) -> Option<Fact<'f>> {
        let lasted = match operator {
            Operator::StartTime(format) => {
                return Some(Fact::Time(self.started_on(), format.as_deref()));
            }
            Operator::Duration => self.end,
            Operator::RequestDuration => self.request_end,
            Operator::ResponseDuration => self.response_start,
            Operator::ResponseTxDuration => match (self.end, self.response_start) {
                (Some(end), Some(start)) => Some(end.saturating_sub(start)),
                _ => None,
            },
            _ => None,
        }?;
        Some(Fact::Number(
            u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
        ))
    }

    /// The start by the wall clock. What is over has only just ended, so that one clock is asked.
    fn started_on(&self) -> SystemTime {
        match self.started {
            Started::At(instant) => {
                let now = SystemTime::now();
                let ago = self.end.unwrap_or_else(|| instant.elapsed());
                now.checked_sub(ago).unwrap_or(now)
            }
            #[cfg(test)]
            Started::On(time) => time,
        }
    }
}

impl Started {
    /// By the clock that never jumps.
    pub(crate) fn at(self) -> Instant {
        match self {
            Self::At(instant) => instant,
            #[cfg(test)]
            Self::On(_) => Instant::now(),
        }
    }
}

/// What the request is said to be spoken in.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// The system's name: the pod's.
pub(super) fn hostname() -> Option<&'static str> {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    })
    .as_deref()
}

fn either<'f>(
    find: impl Fn(&FieldName) -> Option<Fact<'f>>,
    name: &FieldName,
    other: &Option<FieldName>,
) -> Option<Fact<'f>> {
    find(name).or_else(|| find(other.as_ref()?))
}

/// The first value: Envoy reads no further, except for the few headers that it joins itself.
fn field<'h>(headers: &'h HeaderMap, name: &FieldName) -> Option<Fact<'h>> {
    let FieldName::Field(name) = name else {
        return None;
    };
    headers.get(name).map(|value| bytes(value.as_bytes()))
}

fn text(text: &str) -> Fact<'_> {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Fact<'_> {
    Fact::Text(bytes)
}
