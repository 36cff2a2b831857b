//! `kind: Module, name: ambassador`: settings for the whole gateway.
//!
//! Invariant: `None` means that the document does not say; the gateway's defaults live with whoever
//! applies them.
//! Deliberately absent: the Module `authentication`.

mod defaults;
mod keys;
mod read;

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

pub use defaults::ModuleDefaults;
pub(crate) use read::{in_config, read};

use crate::{
    CircuitBreaker, Cors, ErrorResponseOverride, Format, HeaderAddition, Keepalive, LoadBalancer,
    RetryPolicy, TlsModule,
};

/// The settings of the `ambassador` Module that are honoured. Field names are Ambassador's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// `cluster_request_timeout_ms`: for Mappings without `timeout_ms`; zero = no limit.
    pub cluster_request_timeout: Option<Duration>,
    /// `cluster_idle_timeout_ms`: for Mappings without; zero = never.
    pub cluster_idle_timeout: Option<Duration>,
    /// `cluster_max_connection_lifetime_ms`: for Mappings without; zero = no limit.
    pub cluster_max_connection_lifetime: Option<Duration>,
    /// For Mappings without.
    pub circuit_breakers: Option<Box<[CircuitBreaker]>>,
    /// For Mappings without.
    pub load_balancer: Option<LoadBalancer>,
    /// For Mappings without.
    pub keepalive: Option<Keepalive>,
    /// For Mappings without.
    pub retry_policy: Option<RetryPolicy>,
    /// For Mappings without.
    pub cors: Option<Cors>,
    /// For Mappings without.
    pub resolver: Option<Box<str>>,
    /// For Mappings without.
    pub add_linkerd_headers: Option<bool>,
    /// For Mappings without; true by default.
    pub enable_ipv4: Option<bool>,
    /// For Mappings without; false by default.
    pub enable_ipv6: Option<bool>,
    /// For Mappings without.
    pub error_response_overrides: Option<Box<[ErrorResponseOverride]>>,
    /// `defaults`: headers of Mappings that do not say.
    pub defaults: MappingDefaults,
    /// Value of the `server` response header.
    pub server_name: Option<HeaderValue>,
    /// Whether the `x-envoy-*` headers are left out of requests and responses.
    pub suppress_envoy_headers: Option<bool>,
    /// Whether short service names mean the gateway's namespace instead of the resource's.
    pub use_ambassador_namespace_for_service_resolution: Option<bool>,
    /// The plain-text port to listen on, unless the command line says otherwise.
    pub service_port: Option<u16>,
    /// Health checks of processes, on the data port.
    pub liveness_probe: Option<InternalMapping>,
    /// Health checks of readiness, on the data port.
    pub readiness_probe: Option<InternalMapping>,
    /// The diagnostics pages, on the data port.
    pub diagnostics: Option<InternalMapping>,
    /// `diagnostics.allow_non_local`
    pub diagnostics_allow_non_local: Option<bool>,
    /// `default_label_domain`: kept for rate limits.
    pub default_label_domain: Option<Box<str>>,
    /// What the connection manager is told.
    pub connections: ConnectionOptions,
    /// What is logged of requests.
    pub access_log: AccessLogOptions,
    /// What answers are compressed; `None` = none.
    pub gzip: Option<Gzip>,
    /// `buffer.max_request_bytes`: requests are held until they are whole, 413 beyond.
    pub buffer_max_request_bytes: Option<u64>,
    /// `ip_allow` or `ip_deny`.
    pub ip_rules: Option<IpRules>,
    /// `regex_max_size`: of compiled patterns.
    pub regex_max_size: Option<u64>,
    /// `tls_secret_namespacing`, also under `defaults`: whether a dot in the name of a Secret stands
    /// before its namespace; true by default.
    pub tls_secret_namespacing: Option<bool>,
    /// `tls`: what the Module `tls` says, as that of 0.x; if anything is enabled in it, it goes before.
    pub tls: Option<TlsModule>,
    /// `use_proxy_proto` (up to 1.x): whether connections begin with a PROXY header.
    pub use_proxy_proto: Option<bool>,
}

/// `defaults`, and `defaults.httpmapping` before it: for Mappings that do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingDefaults {
    /// `add_request_headers`
    pub add_request_headers: Option<Box<[HeaderAddition]>>,
    /// `add_response_headers`
    pub add_response_headers: Option<Box<[HeaderAddition]>>,
    /// `remove_request_headers`
    pub remove_request_headers: Option<Box<[HeaderName]>>,
    /// `remove_response_headers`
    pub remove_response_headers: Option<Box<[HeaderName]>>,
    /// `stats_name`
    pub stats_name: Option<Box<str>>,
}

/// `liveness_probe`, `readiness_probe`, `diagnostics`: a Mapping of the gateway's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InternalMapping {
    /// Whether there is one; `None` = true. (Emissary takes a dict without `enabled` for false;
    /// its documentation does not.)
    pub enabled: Option<bool>,
    /// Where it answers; `None` = the built-in path.
    pub prefix: Option<Box<str>>,
}

/// Keys of the connection manager. `None` = Emissary's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Whether a head with both Content-Length and Transfer-Encoding is accepted; else 400.
    pub allow_chunked_length: Option<bool>,
    /// `reject_ambiguous_paths`: whether a path that another Mapping would take if it were read otherwise
    /// gets 400; true by default.
    pub reject_ambiguous_paths: Option<bool>,
    /// `buffer_limit_bytes`: what is buffered of a connection; 1 MiB by default.
    pub buffer_limit_bytes: Option<u64>,
    /// Whether HTTP/1.0 is accepted; else 426.
    pub enable_http10: Option<bool>,
    /// Names spelled in this way towards both sides.
    pub header_case_overrides: Option<Box<[Box<str>]>>,
    /// `forward_client_cert_details`: what becomes of `x-forwarded-client-cert`;
    /// [`ForwardClientCert::Sanitize`] by default.
    pub forward_client_cert: Option<ForwardClientCert>,
    /// `set_current_client_cert_details`: what is said of a client's certificate beside its hash.
    pub client_cert_details: Option<ClientCertDetails>,
    /// What becomes of names with `_`; [`UnderscoresAction::Allow`] by default.
    pub headers_with_underscores_action: Option<UnderscoresAction>,
    /// `listener_idle_timeout_ms`: silence that ends a client's connection; 1 h by default, zero =
    /// never.
    pub listener_idle_timeout: Option<Duration>,
    /// `max_request_headers_kb`: 60 by default, 8192 at most; 431 beyond.
    pub max_request_headers_kb: Option<u32>,
    /// Whether `//` in a path is `/`.
    pub merge_slashes: Option<bool>,
    /// Whether a client's `x-request-id` is kept.
    pub preserve_external_request_id: Option<bool>,
    /// Whether names are sent in Title-Case.
    pub proper_case: Option<bool>,
    /// Whether `%2F` and `%5C` in a path are refused with 400.
    pub reject_requests_with_escaped_slashes: Option<bool>,
    /// Whether `:port` is dropped from the host when it is the listener's.
    pub strip_matching_host_port: Option<bool>,
    /// Whether the peer is the client: true by default.
    pub use_remote_address: Option<bool>,
    /// Whether requests that arrived by plain HTTP are sent to https, judged by x-forwarded-proto.
    pub x_forwarded_proto_redirect: Option<bool>,
    /// How many proxies before the gateway are believed; 0 by default.
    pub xff_num_trusted_hops: Option<u32>,
}

/// `forward_client_cert_details`: what becomes of `x-forwarded-client-cert`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardClientCert {
    /// `SANITIZE`: none is sent.
    #[default]
    Sanitize,
    /// `FORWARD_ONLY`: of clients that are verified, what they sent.
    ForwardOnly,
    /// `APPEND_FORWARD`: of clients that are verified, what they sent, and who they are.
    AppendForward,
    /// `SANITIZE_SET`: of clients that are verified, who they are.
    SanitizeSet,
    /// `ALWAYS_FORWARD_ONLY`: what any client sent.
    AlwaysForwardOnly,
}

/// `set_current_client_cert_details`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCertDetails {
    /// Its subject.
    pub subject: bool,
    /// The certificate.
    pub cert: bool,
    /// The certificate and those that it was sent with.
    pub chain: bool,
    /// Its DNS names.
    pub dns: bool,
    /// Its URIs.
    pub uri: bool,
}

/// `headers_with_underscores_action`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnderscoresAction {
    /// `ALLOW`
    #[default]
    Allow,
    /// `REJECT_REQUEST`: 400.
    RejectRequest,
    /// `DROP_HEADER`
    DropHeader,
}

/// `envoy_log_type`, `envoy_log_format` and `envoy_log_path`; `None` = Ambassador's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLogOptions {
    /// What a line looks like.
    pub format: Option<AccessLogFormat>,
    /// Where lines go; `/dev/fd/1` by default.
    pub path: Option<Box<str>>,
}

/// What a line of the access log looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// `text`: the line, with its end.
    Text(Format),
    /// `json` and `typed_json`: keys in the order written.
    Json {
        /// Keys and their values.
        fields: Box<[(Box<str>, Format)]>,
        /// `typed_json`: a value that is one operator keeps its type.
        typed: bool,
    },
}

/// `gzip`: its presence enables it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gzip {
    /// `min_content_length`, in bytes: 30 by default.
    pub min_content_length: Option<u64>,
    /// `compression_level`: 1 (fastest) to 9 (best).
    pub compression_level: Option<u32>,
    /// Media types that are compressed; `None` = Envoy's list.
    pub content_type: Option<Box<[Box<str>]>>,
    /// Whether answers with a strong `etag` are left alone.
    pub disable_on_etag_header: bool,
    /// Whether upstreams see no `accept-encoding`.
    pub remove_accept_encoding_header: bool,
}

/// `ip_allow` (others get 403) or `ip_deny` (these get 403).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpRules {
    /// Whether the networks are those allowed.
    pub action: IpAction,
    /// The networks.
    pub networks: Box<[IpRule]>,
}

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpAction {
    /// Only matching clients are served.
    Allow,
    /// Matching clients are not served.
    Deny,
}

/// One network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRule {
    /// Whose address is looked at.
    pub of: IpOf,
    /// The network's address.
    pub address: IpAddr,
    /// How many of its leading bits count.
    pub prefix_len: u8,
}

/// Whose address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpOf {
    /// `peer`: the TCP peer's.
    Peer,
    /// `remote`: the client's, as x-forwarded-for is trusted.
    Remote,
}

impl InternalMapping {
    /// Whether there is one. In Ambassador what is written takes the place of all defaults, and so
    /// has to repeat `enabled: true`.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(false)
    }
}
