//! How requests are traced: the TracingService with every question decided.
//!
//! Defaults are those of Emissary (`IRTracing`, `V3Tracing`) and of Envoy.
//! Deliberately absent: environment variables, connections, and spans.

use nuncio_config::{
    CollectorVersion, CustomTag, Identity, Percent, Propagation, Qualified, Qualifier, ServiceHost,
    TracingDriver, TracingService,
};

/// What spans look like, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracing {
    /// Whose spans they are to look like.
    pub driver: TracingDriver,
    /// How they are written.
    pub format: SpanFormat,
    /// Who takes them.
    pub collector: Collector,
    /// Who the gateway is in traces.
    pub service_name: Box<str>,
    /// In which headers traces come, in order, and go on.
    pub propagation: Box<[Propagation]>,
    /// Of which requests there are spans.
    pub sampling: Sampling,
    /// Said by every span.
    pub tags: Box<[CustomTag]>,
    /// Whether new traces have ids of 128 bits, rather than 64.
    pub wide_ids: bool,
}

/// How spans are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanFormat {
    /// Zipkin v2, JSON.
    ZipkinJson,
    /// Zipkin v2, protobuf.
    ZipkinProto,
    /// OTLP by gRPC.
    OtlpGrpc,
    /// OTLP, protobuf by HTTP.
    OtlpHttp,
    /// Datadog's agent, v0.4.
    Datadog,
}

/// Who takes spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// What to resolve.
    pub host: ServiceHost,
    /// Its port.
    pub port: u16,
    /// The `Host` it is asked for.
    pub authority: Box<str>,
    /// Where it takes them.
    pub path: Box<str>,
}

/// Of which requests there are spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Of those with `x-client-trace-id`.
    pub client: Percent,
    /// Of the others.
    pub random: Percent,
    /// Of all, whatever the other two have chosen.
    pub overall: Percent,
}

/// The name that Emissary gives the gateway where the driver has one of its own.
const SERVICE_NAME: &str = "ambassador";

impl Tracing {
    /// What `service` means, whose short names are meant as `by` says.
    pub(crate) fn of(service: &TracingService, by: Qualifier<'_>, identity: &Identity) -> Self {
        let format = format(service);
        let share = |share: Option<Percent>| share.unwrap_or(Percent::ALL);
        let propagation = service.propagation_modes.clone();
        let name = service.service_name.clone().filter(|name| !name.is_empty());
        Self {
            driver: service.driver,
            format,
            collector: Collector::of(service, format, service.service.qualified(by)),
            service_name: name.unwrap_or_else(|| service_name(service.driver, identity)),
            propagation: propagation.unwrap_or_else(|| headers(service.driver)),
            sampling: Sampling {
                client: share(service.sampling.client),
                random: share(service.sampling.random),
                overall: share(service.sampling.overall),
            },
            tags: service.tags.clone(),
            wide_ids: service.trace_id_128bit.unwrap_or(true),
        }
    }
}

impl Collector {
    fn of(service: &TracingService, format: SpanFormat, qualified: Qualified) -> Self {
        let path = match format {
            SpanFormat::ZipkinJson | SpanFormat::ZipkinProto => "/api/v2/spans",
            SpanFormat::OtlpGrpc => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            SpanFormat::OtlpHttp => "/v1/traces",
            SpanFormat::Datadog => "/v0.4/traces",
        };
        let written = service.collector_endpoint.clone();
        let written = written.filter(|_| format != SpanFormat::Datadog);
        let authority = service.collector_hostname.clone();
        Self {
            host: qualified.host,
            port: service.service.port,
            authority: authority.unwrap_or(qualified.authority),
            path: written.unwrap_or_else(|| path.into()),
        }
    }
}

/// OTLP goes by gRPC, as in Emissary, unless the document speaks of HTTP.
fn format(service: &TracingService) -> SpanFormat {
    let version = service.collector_endpoint_version;
    match service.driver {
        TracingDriver::Zipkin if version == Some(CollectorVersion::Proto) => {
            SpanFormat::ZipkinProto
        }
        TracingDriver::Zipkin => SpanFormat::ZipkinJson,
        TracingDriver::OpenTelemetry
            if version.is_some() || service.collector_endpoint.is_some() =>
        {
            SpanFormat::OtlpHttp
        }
        TracingDriver::OpenTelemetry => SpanFormat::OtlpGrpc,
        TracingDriver::Datadog => SpanFormat::Datadog,
    }
}

fn headers(driver: TracingDriver) -> Box<[Propagation]> {
    match driver {
        TracingDriver::Zipkin => [Propagation::B3].into(),
        TracingDriver::OpenTelemetry => [Propagation::TraceContext].into(),
        TracingDriver::Datadog => [Propagation::Datadog, Propagation::TraceContext].into(),
    }
}

/// Zipkin's driver calls the gateway what Emissary calls Envoy's cluster: `AMBASSADOR_ID`, or
/// `ambassador` without, and the namespace.
fn service_name(driver: TracingDriver, identity: &Identity) -> Box<str> {
    let id = match &*identity.ambassador_id {
        "default" => SERVICE_NAME,
        id => id,
    };
    match driver {
        TracingDriver::Zipkin => format!("{id}-{}", identity.namespace).into(),
        TracingDriver::OpenTelemetry | TracingDriver::Datadog => SERVICE_NAME.into(),
    }
}
