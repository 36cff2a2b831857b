//! Texts with operators, as they are written.

use std::fmt;

use nuncio_config::{FieldName, Format, Operator, Piece};

/// Shows a [`Format`] with its operators, control characters escaped.
pub(super) struct AsWritten<'f>(pub(super) &'f Format);

impl fmt::Display for AsWritten<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0.0 {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Operator(operator, None) => write!(f, "%{}%", Written(operator))?,
                Piece::Operator(operator, Some(length)) => {
                    write!(f, "%{}:{length}%", Written(operator))?;
                }
            }
        }
        Ok(())
    }
}

struct Written<'o>(&'o Operator);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, name, field: &FieldName, other: &Option<_>| {
            write!(f, "{name}({}", field_name(field))?;
            if let Some(other) = other {
                write!(f, "?{}", field_name(other))?;
            }
            f.write_str(")")
        };
        match self.0 {
            Operator::RequestHeader(field, other) => fields(f, "REQ", field, other),
            Operator::ResponseHeader(field, other) => fields(f, "RESP", field, other),
            Operator::ResponseTrailer(field, other) => fields(f, "TRAILER", field, other),
            Operator::StartTime(Some(format)) => write!(f, "START_TIME({format})"),
            Operator::Absent(text) => f.write_str(text),
            other => f.write_str(keyword(other)),
        }
    }
}

fn field_name(field: &FieldName) -> &str {
    match field {
        FieldName::Method => ":method",
        FieldName::Path => ":path",
        FieldName::Authority => ":authority",
        FieldName::Scheme => ":scheme",
        FieldName::Status => ":status",
        FieldName::Field(name) => name.as_str(),
    }
}

fn keyword(operator: &Operator) -> &'static str {
    match operator {
        Operator::RequestHeader(..) => "REQ",
        Operator::ResponseHeader(..) => "RESP",
        Operator::ResponseTrailer(..) => "TRAILER",
        Operator::StartTime(_) => "START_TIME",
        Operator::Protocol => "PROTOCOL",
        Operator::ResponseCode => "RESPONSE_CODE",
        Operator::ResponseCodeDetails => "RESPONSE_CODE_DETAILS",
        Operator::ResponseFlags => "RESPONSE_FLAGS",
        Operator::ResponseFlagsLong => "RESPONSE_FLAGS_LONG",
        Operator::BytesReceived => "BYTES_RECEIVED",
        Operator::BytesSent => "BYTES_SENT",
        Operator::Duration => "DURATION",
        Operator::RequestDuration => "REQUEST_DURATION",
        Operator::ResponseDuration => "RESPONSE_DURATION",
        Operator::ResponseTxDuration => "RESPONSE_TX_DURATION",
        Operator::UpstreamHost => "UPSTREAM_HOST",
        Operator::UpstreamCluster => "UPSTREAM_CLUSTER",
        Operator::UpstreamLocalAddress => "UPSTREAM_LOCAL_ADDRESS",
        Operator::UpstreamRemoteAddress => "UPSTREAM_REMOTE_ADDRESS",
        Operator::UpstreamRemoteAddressWithoutPort => "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
        Operator::UpstreamRemotePort => "UPSTREAM_REMOTE_PORT",
        Operator::UpstreamTransportFailureReason => "UPSTREAM_TRANSPORT_FAILURE_REASON",
        Operator::UpstreamRequestAttemptCount => "UPSTREAM_REQUEST_ATTEMPT_COUNT",
        Operator::DownstreamRemoteAddress => "DOWNSTREAM_REMOTE_ADDRESS",
        Operator::DownstreamRemoteAddressWithoutPort => "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
        Operator::DownstreamRemotePort => "DOWNSTREAM_REMOTE_PORT",
        Operator::DownstreamDirectRemoteAddress => "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
        Operator::DownstreamDirectRemoteAddressWithoutPort => {
            "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"
        }
        Operator::DownstreamDirectRemotePort => "DOWNSTREAM_DIRECT_REMOTE_PORT",
        Operator::DownstreamLocalAddress => "DOWNSTREAM_LOCAL_ADDRESS",
        Operator::DownstreamLocalAddressWithoutPort => "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
        Operator::DownstreamLocalPort => "DOWNSTREAM_LOCAL_PORT",
        Operator::RouteName => "ROUTE_NAME",
        Operator::Hostname => "HOSTNAME",
        Operator::ConnectionId => "CONNECTION_ID",
        Operator::TraceId => "TRACE_ID",
        Operator::SpanId => "SPAN_ID",
        Operator::LocalReplyBody => "LOCAL_REPLY_BODY",
        Operator::Absent(_) => "-",
    }
}
