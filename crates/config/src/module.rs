//! `kind: Module, name: ambassador`: settings for the whole gateway.
//!
//! Invariant: `None` means that the document does not say; the gateway's defaults live with whoever
//! applies them.
//! Deliberately absent: the Modules `tls` and `authentication`.

mod keys;
mod read;

use std::time::Duration;

use http::HeaderValue;

pub(crate) use read::read;

/// The settings of the `ambassador` Module that are honoured. Field names are Ambassador's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// `cluster_request_timeout_ms`: for Mappings without `timeout_ms`; zero = no limit.
    pub cluster_request_timeout: Option<Duration>,
    /// Value of the `server` response header.
    pub server_name: Option<HeaderValue>,
    /// Whether the `x-envoy-*` headers are left out of requests and responses.
    pub suppress_envoy_headers: Option<bool>,
    /// Whether short service names mean the gateway's namespace instead of the resource's.
    pub use_ambassador_namespace_for_service_resolution: Option<bool>,
    /// The plain-text port to listen on, unless the command line says otherwise.
    pub service_port: Option<u16>,
    /// `liveness_probe.enabled`: whether `check_alive` answers on the data port.
    pub liveness_probe: Option<bool>,
    /// `readiness_probe.enabled`: whether `check_ready` answers on the data port.
    pub readiness_probe: Option<bool>,
}
