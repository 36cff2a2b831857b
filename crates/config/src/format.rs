//! Texts with `%OPERATORS%`: values of headers, error bodies and the access log.
//!
//! Invariant: every operator is one that the gateway can evaluate; the names are Envoy's.
//! Deliberately absent: evaluation.

mod parse;
mod read;

use http::HeaderName;

pub use parse::InvalidFormat;
pub(crate) use read::{read, read_fields};

/// A text in which operators stand for facts of a request and its response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Format(pub Box<[Piece]>);

impl Format {
    /// The operators about something that the gateway does not have, by name.
    pub fn absent(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Operator(Operator::Absent(name), _) => Some(&**name),
            Piece::Operator(..) | Piece::Text(_) => None,
        })
    }
}

/// A piece of a [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// This text. `%%` is one `%`.
    Text(Box<str>),
    /// What this operator says, cut to so many characters.
    Operator(Operator, Option<usize>),
}

/// What can be said of a request and its response. Named as Envoy names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `%REQ(A?B):Z%`: the request header `A`, else `B`. `:method`, `:path`, `:authority` and
    /// `:scheme` are headers here.
    RequestHeader(FieldName, Option<FieldName>),
    /// `%RESP(A?B):Z%`: the response header.
    ResponseHeader(FieldName, Option<FieldName>),
    /// `%TRAILER(A?B):Z%`: the response trailer.
    ResponseTrailer(FieldName, Option<FieldName>),
    /// `%START_TIME%`, with an optional `strftime` format.
    StartTime(Option<Box<str>>),
    /// `%PROTOCOL%`: `HTTP/1.1`, `HTTP/2`.
    Protocol,
    /// `%RESPONSE_CODE%`; 0 when there was none.
    ResponseCode,
    /// `%RESPONSE_CODE_DETAILS%`
    ResponseCodeDetails,
    /// `%RESPONSE_FLAGS%`: the short flags; `-` when there are none.
    ResponseFlags,
    /// `%RESPONSE_FLAGS_LONG%`: the flags in words; `-` when there are none.
    ResponseFlagsLong,
    /// `%BYTES_RECEIVED%`: of the request's body.
    BytesReceived,
    /// `%BYTES_SENT%`: of the response's body.
    BytesSent,
    /// `%DURATION%`: ms from the start of the request to the end of the response.
    Duration,
    /// `%REQUEST_DURATION%`: ms from the start of the request to its end.
    RequestDuration,
    /// `%RESPONSE_DURATION%`: ms from the start of the request to the first byte of the response.
    ResponseDuration,
    /// `%RESPONSE_TX_DURATION%`: ms from the first byte of the response to its end.
    ResponseTxDuration,
    /// `%UPSTREAM_HOST%`: address and port.
    UpstreamHost,
    /// `%UPSTREAM_CLUSTER%`: the cluster's name.
    UpstreamCluster,
    /// `%UPSTREAM_LOCAL_ADDRESS%`
    UpstreamLocalAddress,
    /// `%UPSTREAM_REMOTE_ADDRESS%`
    UpstreamRemoteAddress,
    /// `%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`
    UpstreamRemoteAddressWithoutPort,
    /// `%UPSTREAM_REMOTE_PORT%`
    UpstreamRemotePort,
    /// `%UPSTREAM_TRANSPORT_FAILURE_REASON%`
    UpstreamTransportFailureReason,
    /// `%UPSTREAM_REQUEST_ATTEMPT_COUNT%`
    UpstreamRequestAttemptCount,
    /// `%DOWNSTREAM_REMOTE_ADDRESS%`: the client's, as trusted, with port.
    DownstreamRemoteAddress,
    /// `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`
    DownstreamRemoteAddressWithoutPort,
    /// `%DOWNSTREAM_REMOTE_PORT%`
    DownstreamRemotePort,
    /// `%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%`: the peer's.
    DownstreamDirectRemoteAddress,
    /// `%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%`
    DownstreamDirectRemoteAddressWithoutPort,
    /// `%DOWNSTREAM_DIRECT_REMOTE_PORT%`
    DownstreamDirectRemotePort,
    /// `%DOWNSTREAM_LOCAL_ADDRESS%`
    DownstreamLocalAddress,
    /// `%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%`
    DownstreamLocalAddressWithoutPort,
    /// `%DOWNSTREAM_LOCAL_PORT%`
    DownstreamLocalPort,
    /// `%ROUTE_NAME%`: the Mapping's name.
    RouteName,
    /// `%HOSTNAME%`: of the system.
    Hostname,
    /// `%CONNECTION_ID%`
    ConnectionId,
    /// `%TRACE_ID%`: of the trace that the request belongs to, while a TracingService counts.
    TraceId,
    /// `%SPAN_ID%`: of the gateway's span in it.
    SpanId,
    /// `%LOCAL_REPLY_BODY%`: the text of an answer of the gateway itself.
    LocalReplyBody,
    /// An operator of Envoy about something the gateway does not have (TLS details, metadata,
    /// filter state): written as `-` in logs, as nothing in headers.
    Absent(Box<str>),
}

/// A header or pseudo header.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldName {
    /// `:method`
    Method,
    /// `:path`, with the query.
    Path,
    /// `:authority`
    Authority,
    /// `:scheme`
    Scheme,
    /// `:status`
    Status,
    /// Any other.
    Field(HeaderName),
}
