//! `kind: TracingService`: where spans of requests are sent, and of which requests.
//!
//! Invariant: `None` means that the document does not say; defaults live with whoever applies them.
//! Deliberately absent: environment variables, which a tag may name but nobody reads here.

mod read;

use http::HeaderName;

pub(crate) use read::read;

use crate::Service;

/// A TracingService. Field names are Ambassador's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracingService {
    /// What the collector understands.
    pub driver: TracingDriver,
    /// The collector.
    pub service: Service,
    /// Of which requests spans are sent.
    pub sampling: TraceSampling,
    /// `custom_tags`, after what `tag_headers` asks for.
    pub tags: Box<[CustomTag]>,
    /// `config.collector_endpoint`: the path at the collector.
    pub collector_endpoint: Option<Box<str>>,
    /// `config.collector_endpoint_version`: how spans are written.
    pub collector_endpoint_version: Option<CollectorVersion>,
    /// `config.collector_hostname`: the `Host` that the collector is asked for.
    pub collector_hostname: Option<Box<str>>,
    /// `config.trace_id_128bit`: whether new traces have ids of 128 bits; true by default.
    pub trace_id_128bit: Option<bool>,
    /// `config.service_name`: who the gateway is in traces.
    pub service_name: Option<Box<str>>,
    /// `config.propagation_modes`: in which headers traces come and go on; the driver's by default.
    pub propagation_modes: Option<Box<[Propagation]>>,
}

/// `driver`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TracingDriver {
    /// `zipkin`
    Zipkin,
    /// `opentelemetry`
    OpenTelemetry,
    /// `datadog`
    Datadog,
}

impl TracingDriver {
    /// As documents spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zipkin => "zipkin",
            Self::OpenTelemetry => "opentelemetry",
            Self::Datadog => "datadog",
        }
    }
}

/// `sampling`; `None` = all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceSampling {
    /// Of the requests with `x-client-trace-id`.
    pub client: Option<Percent>,
    /// Of the others.
    pub random: Option<Percent>,
    /// Of all, whatever the other two have chosen.
    pub overall: Option<Percent>,
}

/// A share in hundredths of a percent, at most all: as finely as Envoy tells requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u16);

impl Percent {
    /// Everything.
    pub const ALL: Self = Self(10_000);

    /// `None` for more than all.
    pub fn new(hundredths: u16) -> Option<Self> {
        (hundredths <= Self::ALL.0).then_some(Self(hundredths))
    }

    /// Of 10 000.
    pub fn of_ten_thousand(self) -> u16 {
        self.0
    }
}

/// `collector_endpoint_version`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectorVersion {
    /// `HTTP_JSON`
    Json,
    /// `HTTP_PROTO`
    Proto,
}

/// Headers by which a trace goes from one program to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// `B3`: `x-b3-*` and `b3`.
    B3,
    /// `TRACE_CONTEXT`: `traceparent` and `tracestate`.
    TraceContext,
    /// `x-datadog-*`.
    Datadog,
}

/// A tag of every span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomTag {
    /// Its name.
    pub tag: Box<str>,
    /// What it says.
    pub value: TagValue,
}

/// Where the value of a [`CustomTag`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagValue {
    /// `literal`
    Literal(Box<str>),
    /// `environment`: a variable of the gateway's.
    Environment {
        /// The variable.
        name: Box<str>,
        /// Without it.
        default: Option<Box<str>>,
    },
    /// `request_header`
    RequestHeader {
        /// The header.
        name: HeaderName,
        /// Without it.
        default: Option<Box<str>>,
    },
}
