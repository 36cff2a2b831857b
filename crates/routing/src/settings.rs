//! What holds for the gateway as a whole: the Module `ambassador` with defaults filled in, and the
//! TracingService.
//!
//! Defaults are those of Emissary 4.1 (`IRAmbassador`) and of Envoy, but for those that the gateway was
//! told at its start.
//! Deliberately absent: defaults of Mappings, which are filled in where Routes are made.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use nuncio_config::{
    AccessLogOptions, ClientCertDetails, ConnectionOptions, ErrorResponseOverride,
    ForwardClientCert, Gzip, InternalMapping, IpRules, Module, ModuleDefaults, UnderscoresAction,
};

use crate::{PathRules, Tracing};

/// The gateway's settings, every one decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For Mappings without `timeout_ms`: 3 s unless the Module says otherwise. `None` = no limit.
    pub cluster_request_timeout: Option<Duration>,
    /// Value of the `server` response header: `envoy` unless the Module says otherwise.
    pub server_name: HeaderValue,
    /// Whether the `x-envoy-*` headers are left out of requests and responses.
    pub suppress_envoy_headers: bool,
    /// Whether short service names mean the gateway's namespace instead of the Mapping's.
    pub use_ambassador_namespace_for_service_resolution: bool,
    /// The plain-text port that the Module asks for.
    pub service_port: Option<u16>,
    /// Whether `/ambassador/v0/check_alive` answers on the data port.
    pub liveness_probe: bool,
    /// Whether `/ambassador/v0/check_ready` answers on the data port.
    pub readiness_probe: bool,
    /// How clients' connections are treated.
    pub connections: ConnectionSettings,
    /// What is logged of requests.
    pub access_log: AccessLogOptions,
    /// What answers are compressed; `None` = none.
    pub gzip: Option<Gzip>,
    /// Requests are held until they are whole, up to so many bytes; `None` = they are not.
    pub buffer_max_request_bytes: Option<u64>,
    /// Other bodies for errors that no Mapping answers, each status at most once.
    pub error_overrides: Arc<[ErrorResponseOverride]>,
    /// Which clients are served; `None` = all.
    pub ip_rules: Option<IpRules>,
    /// How requests are traced; `None` = they are not.
    pub tracing: Option<Tracing>,
}

/// How clients' connections and the heads of their requests are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Whether a head with both Content-Length and Transfer-Encoding is accepted.
    pub allow_chunked_length: bool,
    /// Whether a path that another Route would take if it were read otherwise gets 400.
    pub reject_ambiguous_paths: bool,
    /// What is buffered of a connection, in bytes.
    pub buffer_limit: u64,
    /// Whether HTTP/1.0 is accepted.
    pub enable_http10: bool,
    /// How names of HTTP/1 headers are spelled.
    pub header_case: HeaderCase,
    /// What becomes of names with `_`.
    pub underscores: UnderscoresAction,
    /// Silence that ends a client's connection; `None` = never.
    pub idle_timeout: Option<Duration>,
    /// How large a head may be, in bytes.
    pub max_head_bytes: usize,
    /// How paths are read.
    pub path: PathRules,
    /// Whether a client's `x-request-id` is kept.
    pub preserve_external_request_id: bool,
    /// What becomes of `x-forwarded-client-cert`.
    pub forward_client_cert: ForwardClientCert,
    /// What it says of a client's certificate beside its hash.
    pub client_cert_details: ClientCertDetails,
    /// Whether `:port` is dropped from the host when it is the listener's.
    pub strip_matching_host_port: bool,
    /// Whether the peer is the client, rather than who `x-forwarded-for` says.
    pub use_remote_address: bool,
    /// How many proxies before the gateway are believed.
    pub trusted_hops: u32,
    /// Whether requests that arrived by plain HTTP are sent to https, judged by x-forwarded-proto.
    pub forwarded_proto_redirect: bool,
}

/// How names of HTTP/1 headers are spelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HeaderCase {
    /// In lower case, as Envoy does.
    #[default]
    Lower,
    /// `proper_case`: In-Title-Case.
    Proper,
    /// `header_case_overrides`: these as spelled, others in lower case.
    Overrides(Box<[Box<str>]>),
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&Module::default(), &ModuleDefaults::COMPATIBLE)
    }
}

impl Settings {
    /// What `module` says, else the defaults.
    pub(crate) fn of(module: &Module, defaults: &ModuleDefaults) -> Self {
        let timeout = module
            .cluster_request_timeout
            .unwrap_or(Duration::from_secs(3));
        let enabled = |probe: &Option<InternalMapping>| {
            probe.as_ref().is_none_or(InternalMapping::is_enabled)
        };
        Self {
            cluster_request_timeout: limit(timeout),
            server_name: module
                .server_name
                .clone()
                .unwrap_or(HeaderValue::from_static("envoy")),
            suppress_envoy_headers: module.suppress_envoy_headers.unwrap_or(false),
            use_ambassador_namespace_for_service_resolution: module
                .use_ambassador_namespace_for_service_resolution
                .unwrap_or(false),
            service_port: module.service_port,
            liveness_probe: enabled(&module.liveness_probe),
            readiness_probe: enabled(&module.readiness_probe),
            connections: ConnectionSettings::of(&module.connections, defaults),
            access_log: module.access_log.clone(),
            gzip: module.gzip.clone(),
            buffer_max_request_bytes: module.buffer_max_request_bytes,
            error_overrides: module
                .error_response_overrides
                .as_deref()
                .unwrap_or_default()
                .into(),
            ip_rules: module.ip_rules.clone(),
            tracing: None,
        }
    }
}

impl ConnectionSettings {
    fn of(options: &ConnectionOptions, defaults: &ModuleDefaults) -> Self {
        let header_case = match (&options.header_case_overrides, options.proper_case) {
            (Some(spelled), _) if !spelled.is_empty() => HeaderCase::Overrides(spelled.clone()),
            (_, Some(true)) => HeaderCase::Proper,
            (_, Some(false) | None) => HeaderCase::Lower,
        };
        let kilobytes = options.max_request_headers_kb.unwrap_or(60) as usize;
        let is = |option: Option<bool>| option.unwrap_or(false);
        Self {
            allow_chunked_length: is(options.allow_chunked_length),
            reject_ambiguous_paths: options.reject_ambiguous_paths.unwrap_or(true),
            buffer_limit: options.buffer_limit_bytes.unwrap_or(1 << 20),
            enable_http10: is(options.enable_http10),
            header_case,
            underscores: options
                .headers_with_underscores_action
                .unwrap_or(defaults.underscores),
            idle_timeout: limit(
                options
                    .listener_idle_timeout
                    .unwrap_or(defaults.idle_timeout),
            ),
            max_head_bytes: kilobytes * 1024,
            path: PathRules {
                merge_slashes: options.merge_slashes.unwrap_or(defaults.merge_slashes),
                reject_escaped_slashes: options
                    .reject_requests_with_escaped_slashes
                    .unwrap_or(defaults.reject_escaped_slashes),
            },
            preserve_external_request_id: is(options.preserve_external_request_id),
            forward_client_cert: options.forward_client_cert.unwrap_or_default(),
            client_cert_details: options.client_cert_details.unwrap_or_default(),
            strip_matching_host_port: is(options.strip_matching_host_port),
            use_remote_address: options.use_remote_address.unwrap_or(true),
            trusted_hops: options.xff_num_trusted_hops.unwrap_or(0),
            forwarded_proto_redirect: is(options.x_forwarded_proto_redirect),
        }
    }
}

/// Envoy's convention for timeouts: zero means that there is none.
pub(crate) fn limit(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout)
}
