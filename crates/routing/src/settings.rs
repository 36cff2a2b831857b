//! What holds for the gateway as a whole: the Module `ambassador` with defaults filled in.
//!
//! Defaults are those of Emissary 4.1 (`IRAmbassador`).

use std::time::Duration;

use http::HeaderValue;
use nuncio_config::Module;

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
}

impl Default for Settings {
    fn default() -> Self {
        Self::from(&Module::default())
    }
}

impl From<&Module> for Settings {
    fn from(module: &Module) -> Self {
        let timeout = module
            .cluster_request_timeout
            .unwrap_or(Duration::from_secs(3));
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
            liveness_probe: module.liveness_probe.unwrap_or(true),
            readiness_probe: module.readiness_probe.unwrap_or(true),
        }
    }
}

/// Envoy's convention for timeouts: zero means that there is none.
pub(crate) fn limit(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout)
}
