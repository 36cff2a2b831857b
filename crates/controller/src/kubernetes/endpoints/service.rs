//! One Service, as far as its endpoints are concerned.
//!
//! Invariant: a port means what the Service's own list of ports says, never the target's number.
//! Deliberately absent: addresses, which slices have.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service as Object, ServiceSpec};

use super::slice::{Target, is_tcp};

/// What a Service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    uid: Box<str>,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    /// By number, the name that slices know a port by.
    Named(BTreeMap<u16, Box<str>>),
    /// A headless Service may list none: then its endpoints have whatever port is asked for.
    Any,
    /// `ExternalName`: a name to resolve, without endpoints.
    External,
}

/// What a port of a Service stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// This port of its endpoints.
    Target(Target<'a>),
    /// The Service has no such port.
    Unknown,
    /// The Service is a name to resolve.
    External,
}

impl Service {
    pub(super) fn of(service: &Object) -> Self {
        let uid = service.metadata.uid.as_deref().unwrap_or_default();
        Self {
            uid: uid.into(),
            ports: service.spec.as_ref().map_or(Ports::Any, Ports::of),
        }
    }

    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    pub(super) fn meaning(&self, port: u16) -> Meaning<'_> {
        match &self.ports {
            Ports::Named(names) => names.get(&port).map_or(Meaning::Unknown, |name| {
                Meaning::Target(Target::Named(name))
            }),
            Ports::Any => Meaning::Target(Target::Number(port)),
            Ports::External => Meaning::External,
        }
    }
}

impl Ports {
    fn of(spec: &ServiceSpec) -> Self {
        if spec.type_.as_deref() == Some("ExternalName") {
            return Self::External;
        }
        let ports = spec.ports.as_deref().unwrap_or_default();
        if ports.is_empty() {
            return Self::Any;
        }
        let tcp = ports.iter().filter(|port| is_tcp(port.protocol.as_deref()));
        let named = tcp.filter_map(|port| {
            let name = port.name.as_deref().unwrap_or_default();
            Some((u16::try_from(port.port).ok()?, name.into()))
        });
        Self::Named(named.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(spec: &Value) -> Service {
        let object = json!({"metadata": {"uid": "1"}, "spec": spec});
        Service::of(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_port_is_known_to_slices_by_its_name() {
        let service = service(&json!({"ports": [
            {"name": "http", "port": 80, "targetPort": "web"},
            {"name": "admin", "port": 81, "targetPort": 9000},
            {"name": "dns", "port": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            {"name": "quic", "port": 443, "protocol": "UDP"},
        ]}));
        let named = |port| service.meaning(port);
        assert_eq!(named(80), Meaning::Target(Target::Named("http")));
        assert_eq!(named(81), Meaning::Target(Target::Named("admin")));
        assert_eq!(named(53), Meaning::Target(Target::Named("dns-tcp")));
        assert_eq!(named(443), Meaning::Unknown);
        assert_eq!(named(9000), Meaning::Unknown);
    }

    #[test]
    fn an_only_port_needs_no_name() {
        let service = service(&json!({"ports": [{"port": 80}]}));
        assert_eq!(service.meaning(80), Meaning::Target(Target::Named("")));
    }

    #[test]
    fn a_headless_service_without_ports_has_every_port() {
        let service = service(&json!({"clusterIP": "None"}));
        assert_eq!(service.meaning(80), Meaning::Target(Target::Number(80)));
    }

    #[test]
    fn an_external_name_has_no_endpoints() {
        let service = service(&json!({"type": "ExternalName", "externalName": "a.example"}));
        assert_eq!(service.meaning(80), Meaning::External);
    }
}
