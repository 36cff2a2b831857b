//! How a cluster learns its endpoints.

use std::fmt;

/// Where a cluster's endpoints come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Discovery {
    /// The cluster's host is resolved, or is an address (`KubernetesServiceResolver`).
    #[default]
    Dns,
    /// The control path tells them, from EndpointSlices (`KubernetesEndpointResolver`).
    Endpoints(Box<ServicePort>),
}

/// One port of a Kubernetes Service. Shown as `namespace/name:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServicePort {
    /// The Service's namespace.
    pub namespace: Box<str>,
    /// The Service's name.
    pub service: Box<str>,
    /// The port as the Service has it, not the target's.
    pub port: u16,
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.service, self.port)
    }
}
