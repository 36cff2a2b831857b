//! One EndpointSlice, as far as requests are concerned.
//!
//! Invariant: holds only endpoints that requests may be sent to, now or as a last resort.
//! Deliberately absent: topology hints, host names and everything else a slice says of a Pod.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};

/// The label that says whose endpoints they are.
pub(super) const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// What one slice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// The UID of the Service it was made for; `None` for one made by hand.
    owner: Option<Box<str>>,
    ports: Box<[Port]>,
    ready: Box<[IpAddr]>,
    /// Those that still serve while they terminate.
    terminating: Box<[IpAddr]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Port {
    name: Box<str>,
    /// `None` = every port.
    number: Option<u16>,
}

/// Which port of the endpoints is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// The one of this name; empty where a Service has one port only.
    Named(&'a str),
    /// The one of this number, of a Service that names no ports.
    Number(u16),
}

/// Addresses by how fit they are.
#[derive(Debug, Default)]
pub(super) struct Fitness {
    ready: Vec<SocketAddr>,
    terminating: Vec<SocketAddr>,
}

impl Slice {
    /// `None` for a slice of names (`addressType: FQDN`), which kube-proxy does not use either.
    pub(super) fn of(slice: &EndpointSlice) -> Option<Self> {
        if slice.address_type == "FQDN" {
            return None;
        }
        let ports = slice.ports.iter().flatten();
        let (ready, terminating) = by_condition(slice.endpoints.as_deref().unwrap_or_default());
        Some(Self {
            owner: owner(slice),
            ports: ports.filter_map(Port::of).collect(),
            ready,
            terminating,
        })
    }

    /// The Service whose endpoints these are.
    pub(super) fn service(slice: &EndpointSlice) -> Option<&str> {
        let labels = slice.metadata.labels.as_ref()?;
        labels.get(SERVICE_LABEL).map(String::as_str)
    }

    /// Whether it may be a slice of the Service with this UID. One made for a Service that was
    /// deleted says nothing of a new one of the same name: its addresses may be others' by now.
    pub(super) fn is_of(&self, uid: &str) -> bool {
        self.owner.as_deref().is_none_or(|owner| owner == uid)
    }

    /// Adds its addresses at `target` to `found`.
    pub(super) fn collect(&self, target: Target<'_>, found: &mut Fitness) {
        let Some(number) = self.number(target) else {
            return;
        };
        let at = |ip: &IpAddr| SocketAddr::new(*ip, number);
        found.ready.extend(self.ready.iter().map(at));
        found.terminating.extend(self.terminating.iter().map(at));
    }

    fn number(&self, target: Target<'_>) -> Option<u16> {
        match target {
            Target::Named(name) => self.ports.iter().find(|port| *port.name == *name)?.number,
            Target::Number(number) => Some(number),
        }
    }
}

impl Port {
    /// `None` for a port that HTTP cannot be spoken to.
    fn of(port: &EndpointPort) -> Option<Self> {
        if !is_tcp(port.protocol.as_deref()) {
            return None;
        }
        Some(Self {
            name: port.name.as_deref().unwrap_or_default().into(),
            number: port.port.and_then(|number| u16::try_from(number).ok()),
        })
    }
}

impl Fitness {
    /// The ready ones; where there are none, those that still serve while they terminate, as
    /// kube-proxy has it since Kubernetes 1.26 (KEP-1669). Each once, sorted.
    pub(super) fn best(self) -> Vec<SocketAddr> {
        let mut best = match self.ready.is_empty() {
            true => self.terminating,
            false => self.ready,
        };
        best.sort_unstable();
        best.dedup();
        best
    }
}

/// Whether a protocol is TCP, which it is when nothing is said.
pub(super) fn is_tcp(protocol: Option<&str>) -> bool {
    protocol.is_none_or(|protocol| protocol.is_empty() || protocol == "TCP")
}

/// No meaning is defined for addresses of an endpoint after its first.
fn by_condition(endpoints: &[Endpoint]) -> (Box<[IpAddr]>, Box<[IpAddr]>) {
    let (mut ready, mut terminating) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        let first = endpoint.addresses.first();
        let Some(ip) = first.and_then(|address| address.parse().ok()) else {
            continue;
        };
        match &endpoint.conditions {
            Some(conditions) if !is_ready(conditions) => {
                if serves_while_terminating(conditions) {
                    terminating.push(ip);
                }
            }
            Some(_) | None => ready.push(ip),
        }
    }
    (ready.into(), terminating.into())
}

/// "A nil value should be interpreted as true."
fn is_ready(conditions: &EndpointConditions) -> bool {
    conditions.ready.unwrap_or(true)
}

/// "A nil value should be interpreted as true" for `serving`, as "false" for `terminating`.
fn serves_while_terminating(conditions: &EndpointConditions) -> bool {
    conditions.serving.unwrap_or(true) && conditions.terminating.unwrap_or(false)
}

fn owner(slice: &EndpointSlice) -> Option<Box<str>> {
    let owners = slice.metadata.owner_references.iter().flatten();
    let mut services = owners.filter(|owner| owner.kind == "Service" && owner.api_version == "v1");
    services.next().map(|owner| owner.uid.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slice(object: Value) -> Slice {
        Slice::of(&serde_json::from_value(object).unwrap()).unwrap()
    }

    fn best(endpoints: &Value) -> Vec<String> {
        let slice = slice(json!({
            "addressType": "IPv4", "metadata": {"name": "s-1"},
            "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
        }));
        found(&[slice], Target::Named("http"))
    }

    fn found(slices: &[Slice], target: Target<'_>) -> Vec<String> {
        let mut found = Fitness::default();
        for slice in slices {
            slice.collect(target, &mut found);
        }
        found.best().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_endpoint_that_says_nothing_of_itself_is_ready() {
        let endpoints = json!([
            {"addresses": ["10.0.0.1"]},
            {"addresses": ["10.0.0.2"], "conditions": {}},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": null}},
            {"addresses": ["10.0.0.4"], "conditions": {"ready": false}},
        ]);
        assert_eq!(
            best(&endpoints),
            ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"]
        );
    }

    #[test]
    fn those_that_terminate_serve_only_when_none_is_ready() {
        let ends = json!({"addresses": ["10.0.0.1"], "conditions": {"ready": false, "serving": true, "terminating": true}});
        let ready = json!({"addresses": ["10.0.0.2"], "conditions": {"ready": true}});
        assert_eq!(best(&json!([ends, ready])), ["10.0.0.2:8080"]);
        assert_eq!(best(&json!([ends])), ["10.0.0.1:8080"]);
        let ended = json!({"addresses": ["10.0.0.3"], "conditions": {"ready": false, "serving": false, "terminating": true}});
        assert_eq!(best(&json!([ended])), Vec::<String>::new());
        let starts =
            json!({"addresses": ["10.0.0.4"], "conditions": {"ready": false, "serving": true}});
        assert_eq!(best(&json!([starts])), Vec::<String>::new());
    }

    #[test]
    fn a_pod_published_before_it_is_ready_is_ready_while_it_terminates() {
        let endpoint = json!({"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": false, "terminating": true}});
        assert_eq!(best(&json!([endpoint])), ["10.0.0.1:8080"]);
    }

    #[test]
    fn slices_add_up_and_an_address_counts_once() {
        let of = |port: u16, addresses: &[&str]| {
            let endpoints: Vec<_> = addresses
                .iter()
                .map(|address| json!({"addresses": [address]}))
                .collect();
            slice(json!({
                "addressType": "IPv4", "metadata": {},
                "ports": [{"name": "http", "port": port}], "endpoints": endpoints,
            }))
        };
        let slices = [
            of(80, &["10.0.0.2", "10.0.0.1"]),
            of(80, &["10.0.0.2"]),
            of(8080, &["10.0.0.3"]),
        ];
        assert_eq!(
            found(&slices, Target::Named("http")),
            ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:8080"]
        );
    }

    #[test]
    fn ports_are_found_by_name() {
        let slice = slice(json!({
            "addressType": "IPv6", "metadata": {}, "endpoints": [{"addresses": ["fd00::1"]}],
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "", "port": 80},
                {"name": "admin", "port": 9000, "protocol": "TCP"},
            ],
        }));
        let at = |target| found(std::slice::from_ref(&slice), target);
        assert_eq!(at(Target::Named("")), ["[fd00::1]:80"]);
        assert_eq!(at(Target::Named("admin")), ["[fd00::1]:9000"]);
        assert_eq!(at(Target::Named("dns")), Vec::<String>::new());
        assert_eq!(at(Target::Number(7)), ["[fd00::1]:7"]);
    }

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let fqdn = json!({"addressType": "FQDN", "metadata": {}, "endpoints": []});
        assert_eq!(Slice::of(&serde_json::from_value(fqdn).unwrap()), None);
        let endpoints = json!([{"addresses": []}, {"addresses": ["x"]}, {"addresses": ["10.0.0.1", "10.0.0.2"]}]);
        assert_eq!(best(&endpoints), ["10.0.0.1:8080"]);
        assert_eq!(best(&Value::Null), Vec::<String>::new());
    }

    #[test]
    fn a_slice_belongs_to_the_service_it_was_made_for() {
        let of = |owners: Value| {
            slice(json!({
                "addressType": "IPv4", "metadata": {"ownerReferences": owners}, "endpoints": [],
            }))
        };
        let service =
            |uid: &str| json!([{"apiVersion": "v1", "kind": "Service", "name": "s", "uid": uid}]);
        assert!(of(service("1")).is_of("1"));
        assert!(!of(service("1")).is_of("2"));
        assert!(of(Value::Null).is_of("2"));
    }
}
