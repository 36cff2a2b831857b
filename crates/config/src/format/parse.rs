//! Takes texts with operators apart: `%NAME%`, `%NAME(argument)%`, `%NAME(argument):length%`.
//!
//! Invariant: linear in the text. Unlike Envoy's first parsers, nothing that looks like an operator
//! is passed on as text: a lone `%` is a mistake.

use std::str::FromStr;

use http::HeaderName;

use super::{FieldName, Format, Operator, Piece};
use crate::quote::quoted;

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                literal.push('%');
                rest = after;
                continue;
            }
            let (command, after) = Command::split(after)?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
            }
            pieces.push(Piece::Operator(command.operator()?, command.length));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal.into()));
        }
        Ok(Self(pieces.into()))
    }
}

/// Why a text is no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFormat {
    /// A `%` at this place neither begins an operator nor is written twice.
    #[error("has a lone `%`{0}: a percent sign is written `%%`")]
    LonePercent(Box<str>),
    /// Envoy has no operator of this name.
    #[error("has the operator {0}, which is not known")]
    Unknown(Box<str>),
    /// This operator needs something in parentheses.
    #[error("has the operator `%{0}%` without the parentheses that it needs")]
    NoArgument(Box<str>),
    /// This operator takes nothing in parentheses.
    #[error("has the operator `%{0}%` with parentheses that it does not take")]
    Argument(Box<str>),
    /// What stands in parentheses is no header, nor two with a `?` between.
    #[error("has the operator `%{0}%` with {1}, which is no header name")]
    Header(Box<str>, Box<str>),
}

/// An operator as written.
struct Command<'t> {
    name: &'t str,
    argument: Option<&'t str>,
    length: Option<usize>,
}

impl<'t> Command<'t> {
    /// Reads what follows a `%`; also gives what follows the operator.
    fn split(text: &'t str) -> Result<(Self, &'t str), InvalidFormat> {
        Self::try_split(text).ok_or_else(|| {
            InvalidFormat::LonePercent(match text {
                "" => " at its end".into(),
                _ => format!(" before {}", quoted(text)).into(),
            })
        })
    }

    fn try_split(text: &'t str) -> Option<(Self, &'t str)> {
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let (name, rest) = text.split_at(text.find(|c| !is_name(c))?);
        if name.is_empty() {
            return None;
        }
        let (argument, (length, after)) = match rest.strip_prefix('(') {
            None => (None, end(rest)?),
            // What stands in parentheses may hold `%` and `)`.
            Some(inner) => inner.match_indices(')').find_map(|(at, _)| {
                let (argument, rest) = inner.split_at(at);
                Some((Some(argument), end(rest.strip_prefix(')')?)?))
            })?,
        };
        let command = Self {
            name,
            argument,
            length,
        };
        Some((command, after))
    }

    fn operator(&self) -> Result<Operator, InvalidFormat> {
        let name = || Box::from(self.name);
        match (self.name, self.argument) {
            ("START_TIME", format) => Ok(Operator::StartTime(
                format.filter(|text| !text.is_empty()).map(Box::from),
            )),
            ("REQ" | "RESP" | "TRAILER", Some(argument)) => self.header(argument),
            ("REQ" | "RESP" | "TRAILER", None) => Err(InvalidFormat::NoArgument(name())),
            _ => match plain(self.name) {
                Some(_) if self.argument.is_some() => Err(InvalidFormat::Argument(name())),
                Some(operator) => Ok(operator),
                None if is_absent(self.name) => Ok(Operator::Absent(name())),
                None => Err(InvalidFormat::Unknown(quoted(self.name).into())),
            },
        }
    }

    fn header(&self, argument: &str) -> Result<Operator, InvalidFormat> {
        let field = |text: &str| {
            field(text).ok_or_else(|| InvalidFormat::Header(self.name.into(), quoted(text).into()))
        };
        let (first, second) = match argument.split_once('?') {
            Some((first, second)) => (field(first)?, Some(field(second)?)),
            None => (field(argument)?, None),
        };
        Ok(match self.name {
            "REQ" => Operator::RequestHeader(first, second),
            "RESP" => Operator::ResponseHeader(first, second),
            _ => Operator::ResponseTrailer(first, second),
        })
    }
}

/// `%` or `:length%`, and what follows.
fn end(text: &str) -> Option<(Option<usize>, &str)> {
    if let Some(after) = text.strip_prefix('%') {
        return Some((None, after));
    }
    let text = text.strip_prefix(':')?;
    let (digits, after) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    Some((Some(digits.parse().ok()?), after.strip_prefix('%')?))
}

fn field(text: &str) -> Option<FieldName> {
    Some(match text.to_ascii_lowercase().as_str() {
        ":method" => FieldName::Method,
        ":path" => FieldName::Path,
        ":authority" | "host" => FieldName::Authority,
        ":scheme" => FieldName::Scheme,
        ":status" => FieldName::Status,
        name => FieldName::Field(HeaderName::from_bytes(name.as_bytes()).ok()?),
    })
}

fn plain(name: &str) -> Option<Operator> {
    Some(match name {
        "PROTOCOL" => Operator::Protocol,
        "RESPONSE_CODE" => Operator::ResponseCode,
        "RESPONSE_CODE_DETAILS" => Operator::ResponseCodeDetails,
        "RESPONSE_FLAGS" => Operator::ResponseFlags,
        "RESPONSE_FLAGS_LONG" => Operator::ResponseFlagsLong,
        "BYTES_RECEIVED" => Operator::BytesReceived,
        "BYTES_SENT" => Operator::BytesSent,
        "DURATION" => Operator::Duration,
        "REQUEST_DURATION" => Operator::RequestDuration,
        "RESPONSE_DURATION" => Operator::ResponseDuration,
        "RESPONSE_TX_DURATION" => Operator::ResponseTxDuration,
        "UPSTREAM_HOST" => Operator::UpstreamHost,
        "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => Operator::UpstreamCluster,
        "UPSTREAM_LOCAL_ADDRESS" => Operator::UpstreamLocalAddress,
        "UPSTREAM_REMOTE_ADDRESS" => Operator::UpstreamRemoteAddress,
        "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT" => Operator::UpstreamRemoteAddressWithoutPort,
        "UPSTREAM_REMOTE_PORT" => Operator::UpstreamRemotePort,
        "UPSTREAM_TRANSPORT_FAILURE_REASON" => Operator::UpstreamTransportFailureReason,
        "UPSTREAM_REQUEST_ATTEMPT_COUNT" => Operator::UpstreamRequestAttemptCount,
        "ROUTE_NAME" => Operator::RouteName,
        "HOSTNAME" => Operator::Hostname,
        "CONNECTION_ID" => Operator::ConnectionId,
        "TRACE_ID" => Operator::TraceId,
        "SPAN_ID" => Operator::SpanId,
        "LOCAL_REPLY_BODY" => Operator::LocalReplyBody,
        _ => return downstream(name),
    })
}

fn downstream(name: &str) -> Option<Operator> {
    Some(match name {
        "DOWNSTREAM_REMOTE_ADDRESS" => Operator::DownstreamRemoteAddress,
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT" => Operator::DownstreamRemoteAddressWithoutPort,
        "DOWNSTREAM_REMOTE_PORT" => Operator::DownstreamRemotePort,
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS" => Operator::DownstreamDirectRemoteAddress,
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT" => {
            Operator::DownstreamDirectRemoteAddressWithoutPort
        }
        "DOWNSTREAM_DIRECT_REMOTE_PORT" => Operator::DownstreamDirectRemotePort,
        "DOWNSTREAM_LOCAL_ADDRESS" => Operator::DownstreamLocalAddress,
        "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT" => Operator::DownstreamLocalAddressWithoutPort,
        "DOWNSTREAM_LOCAL_PORT" => Operator::DownstreamLocalPort,
        _ => return None,
    })
}

/// Envoy's operators about TLS, metadata, filter state, wire bytes and other things of Envoy's own.
fn is_absent(name: &str) -> bool {
    let families = [
        "DOWNSTREAM_PEER_",
        "DOWNSTREAM_TLS_",
        "DOWNSTREAM_LOCAL_",
        "DOWNSTREAM_WIRE_",
        "DOWNSTREAM_HEADER_",
        "UPSTREAM_PEER_",
        "UPSTREAM_TLS_",
        "UPSTREAM_LOCAL_",
        "UPSTREAM_WIRE_",
        "UPSTREAM_HEADER_",
        "TLS_JA",
        "GRPC_STATUS",
    ];
    families.iter().any(|family| name.starts_with(family)) || ABSENT.contains(&name)
}

const ABSENT: [&str; 28] = [
    "ACCESS_LOG_TYPE",
    "CLUSTER_METADATA",
    "COMMON_DURATION",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DYNAMIC_METADATA",
    "EMIT_TIME",
    "ENVIRONMENT",
    "FILTER_CHAIN_NAME",
    "FILTER_STATE",
    "METADATA",
    "PATH",
    "PER_REQUEST_STATE",
    "QUERY_PARAM",
    "REQUESTED_SERVER_NAME",
    "REQUEST_TX_DURATION",
    "ROUNDTRIP_DURATION",
    "START_TIME_LOCAL",
    "STREAM_ID",
    "UNIQUE_ID",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    "UPSTREAM_FILTER_STATE",
    "UPSTREAM_METADATA",
    "UPSTREAM_PROTOCOL",
    "VIRTUAL_CLUSTER_NAME",
];

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::super::{FieldName, Format, Operator, Piece};
    use super::InvalidFormat;

    fn parsed(text: &str) -> Vec<Piece> {
        text.parse::<Format>().unwrap().0.into()
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn field(name: &'static str) -> FieldName {
        FieldName::Field(HeaderName::from_static(name))
    }

    #[test]
    fn operators_stand_between_texts_and_two_percent_signs_are_one() {
        let protocol = Piece::Operator(Operator::Protocol, None);
        assert_eq!(
            parsed("100%% %PROTOCOL%%PROTOCOL% end"),
            [text("100% "), protocol.clone(), protocol, text(" end")]
        );
        assert_eq!(parsed(""), []);
    }

    #[test]
    fn headers_may_have_an_alternative_and_a_length() {
        let path = Operator::RequestHeader(field("x-envoy-original-path"), Some(FieldName::Path));
        assert_eq!(
            parsed("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):12%"),
            [Piece::Operator(path, Some(12))]
        );
        let server = Operator::ResponseHeader(field("server"), None);
        assert_eq!(parsed("%RESP(Server)%"), [Piece::Operator(server, None)]);
    }

    #[test]
    fn formats_of_the_start_time_hold_percent_signs_and_parentheses() {
        let format = Operator::StartTime(Some("%Y/%m (%s)".into()));
        assert_eq!(
            parsed("[%START_TIME(%Y/%m (%s))%]"),
            [text("["), Piece::Operator(format, None), text("]")]
        );
        let plain = Piece::Operator(Operator::StartTime(None), None);
        assert_eq!(parsed("%START_TIME%%START_TIME()%"), [plain.clone(), plain]);
    }

    #[test]
    fn what_the_gateway_does_not_have_is_absent_whatever_its_argument() {
        let format: Format = "%DYNAMIC_METADATA(a:b)%%UPSTREAM_METADATA([\"a\", \"b\"])%%PROTOCOL%"
            .parse()
            .unwrap();
        let absent: Vec<&str> = format.absent().collect();
        assert_eq!(absent, ["DYNAMIC_METADATA", "UPSTREAM_METADATA"]);
    }

    #[test]
    fn mistakes_name_the_operator() {
        let lone = |place: &str| InvalidFormat::LonePercent(place.into());
        let unknown = InvalidFormat::Unknown("`PROTOCLO`".into());
        for (text, why) in [
            ("%PROTOCLO%", unknown),
            ("%REQ%", InvalidFormat::NoArgument("REQ".into())),
            ("%PROTOCOL(x)%", InvalidFormat::Argument("PROTOCOL".into())),
            ("100%", lone(" at its end")),
            ("100% sure", lone(" before ` sure`")),
            ("%REQ(a", lone(" before `REQ(a`")),
            ("%REQ(a):x%", lone(" before `REQ(a):x%`")),
            (
                "%REQ(a b)%",
                InvalidFormat::Header("REQ".into(), "`a b`".into()),
            ),
            (
                "%REQ(a?b?c)%",
                InvalidFormat::Header("REQ".into(), "`b?c`".into()),
            ),
        ] {
            assert_eq!(text.parse::<Format>(), Err(why), "{text}");
        }
    }
}
