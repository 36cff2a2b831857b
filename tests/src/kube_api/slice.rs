//! EndpointSlices as the controller of Kubernetes writes them.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::{FakeApi, Resource};

/// A slice of a Service of the namespace `default`.
#[derive(Clone, Debug)]
pub struct EndpointSlice {
    service: String,
    name: String,
    owner: Option<String>,
    ports: Vec<(String, u16)>,
    endpoints: Vec<(IpAddr, State)>,
}

/// The conditions of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes requests.
    Ready,
    /// Starts.
    NotReady,
    /// Ends, and still takes requests.
    Terminating,
    /// Ends, and takes none.
    Terminated,
    /// Says nothing.
    Unsaid,
}

impl EndpointSlice {
    /// A slice without endpoints, whose only port has no name.
    pub fn new(service: &str, name: &str, port: u16) -> Self {
        Self {
            service: service.to_owned(),
            name: name.to_owned(),
            owner: None,
            ports: vec![(String::new(), port)],
            endpoints: Vec::new(),
        }
    }

    /// A slice of these endpoints, which are ready and have one port number.
    pub fn of(service: &str, ready: &[SocketAddr]) -> Self {
        let port = ready.first().map_or(80, SocketAddr::port);
        let slice = Self::new(service, &format!("{service}-1"), port);
        ready.iter().fold(slice, |slice, address| {
            slice.with(address.ip(), State::Ready)
        })
    }

    /// With these ports in the place of the one without a name.
    pub fn ports(self, ports: &[(&str, u16)]) -> Self {
        let ports = ports.iter().map(|(name, port)| ((*name).to_owned(), *port));
        Self {
            ports: ports.collect(),
            ..self
        }
    }

    /// With one more endpoint.
    #[must_use]
    pub fn with(mut self, ip: impl Into<IpAddr>, state: State) -> Self {
        self.endpoints.push((ip.into(), state));
        self
    }

    /// Made for the Service with this UID.
    pub fn owned_by(self, uid: &str) -> Self {
        Self {
            owner: Some(uid.to_owned()),
            ..self
        }
    }

    /// Creates it, or puts it in the place of the one of this name.
    pub fn put(&self, api: &FakeApi) {
        api.put(
            Resource::EndpointSlices,
            "default",
            &self.name,
            self.object(),
        );
    }

    /// Deletes the one of this name.
    pub fn remove(&self, api: &FakeApi) {
        api.remove(Resource::EndpointSlices, "default", &self.name);
    }

    fn object(&self) -> Value {
        let ports = self.ports.iter();
        let ports: Vec<_> = ports
            .map(|(name, port)| json!({"name": name, "port": port, "protocol": "TCP"}))
            .collect();
        let endpoints = self.endpoints.iter();
        let endpoints: Vec<_> = endpoints
            .map(|(ip, state)| json!({"addresses": [ip.to_string()], "conditions": state.conditions()}))
            .collect();
        let is_v6 = self.endpoints.first().is_some_and(|(ip, _)| ip.is_ipv6());
        let owner = self.owner.iter();
        let owners: Vec<_> = owner
            .map(|uid| json!({"apiVersion": "v1", "kind": "Service", "name": self.service, "uid": uid}))
            .collect();
        json!({
            "metadata": {
                "labels": {"kubernetes.io/service-name": self.service},
                "ownerReferences": owners,
            },
            "addressType": if is_v6 { "IPv6" } else { "IPv4" },
            "ports": ports,
            // As Go writes an empty list.
            "endpoints": if endpoints.is_empty() { Value::Null } else { json!(endpoints) },
        })
    }
}

impl State {
    fn conditions(self) -> Value {
        let say = |ready: bool, serving: bool, terminating: bool| json!({"ready": ready, "serving": serving, "terminating": terminating});
        match self {
            Self::Ready => say(true, true, false),
            Self::NotReady => say(false, false, false),
            Self::Terminating => say(false, true, true),
            Self::Terminated => say(false, false, true),
            Self::Unsaid => json!({}),
        }
    }
}
