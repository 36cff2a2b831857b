//! Named ports of backends, by the number that their Service gives them.
//!
//! Invariant: a Service is asked for only where a port is named, once for a list; when it changes
//! later, the Ingresses are listed again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The Services whose ports were looked up.
pub(in crate::kubernetes) struct Lookups {
    services: Mutex<BTreeSet<(Box<str>, Box<str>)>>,
    stale: watch::Sender<()>,
}

impl Lookups {
    /// `stale` changes when a Service did that was asked for its ports.
    pub(in crate::kubernetes) fn new(stale: watch::Sender<()>) -> Self {
        let services = Mutex::default();
        Self { services, stale }
    }

    /// A Service came, changed or went.
    pub(in crate::kubernetes) fn touched(&self, namespace: &str, name: &str) {
        let services = self.services();
        if !services.is_empty() && services.contains(&(namespace.into(), name.into())) {
            self.stale.send_replace(());
        }
    }

    fn services(&self) -> MutexGuard<'_, BTreeSet<(Box<str>, Box<str>)>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks ports up.
pub(super) struct Ports {
    client: Client,
    lookups: Arc<Lookups>,
    /// Those of this list, by namespace and name.
    known: HashMap<(Box<str>, Box<str>), Vec<Port>>,
}

#[derive(Deserialize)]
struct Service {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Clone, Deserialize)]
struct Port {
    #[serde(default)]
    name: Box<str>,
    port: u16,
}

impl Ports {
    pub(super) fn new(client: Client, lookups: Arc<Lookups>) -> Self {
        Self {
            client,
            lookups,
            known: HashMap::new(),
        }
    }

    /// Another list begins.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// The text of an Ingress with numbers in the place of the names that are known.
    pub(super) async fn numbered(&mut self, text: String, namespace: &str) -> String {
        let Ok(mut ingress) = serde_json::from_str::<Value>(&text) else {
            return text;
        };
        let mut named = Vec::new();
        for backend in backends(&mut ingress) {
            named.extend(Named::of(backend));
        }
        if named.is_empty() {
            return text;
        }
        for named in &named {
            self.look_up(namespace, &named.service).await;
        }
        for backend in backends(&mut ingress) {
            let number = Named::of(backend).and_then(|named| self.number(namespace, &named));
            if let Some(number) = number
                && let Some(port) = backend.pointer_mut("/service/port")
            {
                *port = json!({"number": number});
            }
        }
        ingress.to_string()
    }

    fn number(&self, namespace: &str, named: &Named) -> Option<u16> {
        let ports = self.known.get(&(namespace.into(), named.service.clone()))?;
        let port = ports.iter().find(|port| port.name == named.port)?;
        Some(port.port)
    }

    async fn look_up(&mut self, namespace: &str, service: &str) {
        let key = (Box::from(namespace), Box::from(service));
        if self.known.contains_key(&key) {
            return;
        }
        self.lookups.services().insert(key.clone());
        let path = format!("/api/v1/namespaces/{namespace}/services/{service}");
        let request = http::Request::get(path).body(Vec::new());
        let found = match request {
            Ok(request) => self.client.request::<Service>(request).await.ok(),
            Err(_no_path) => None,
        };
        let ports = found.map(|service| service.spec.ports);
        self.known.insert(key, ports.unwrap_or_default());
    }
}

/// A backend whose port is named.
struct Named {
    service: Box<str>,
    port: Box<str>,
}

impl Named {
    fn of(backend: &mut Value) -> Option<Self> {
        let service = backend.get("service")?;
        let name = service.get("name")?.as_str()?;
        let port = service.get("port")?.get("name")?.as_str()?;
        // Names go into a path: what is no name of a Service is not asked for.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        (!name.is_empty() && name.chars().all(plain)).then(|| Self {
            service: name.into(),
            port: port.into(),
        })
    }
}

fn backends(ingress: &mut Value) -> Vec<&mut Value> {
    let mut found = Vec::new();
    let Some(spec) = ingress.get_mut("spec").and_then(Value::as_object_mut) else {
        return found;
    };
    for (name, value) in spec {
        match name.as_str() {
            "defaultBackend" => found.push(value),
            "rules" => found.extend(value.as_array_mut().into_iter().flatten().flat_map(paths)),
            _ => {}
        }
    }
    found
}

fn paths(rule: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = rule
        .pointer_mut("/http/paths")
        .and_then(Value::as_array_mut);
    let paths = paths.into_iter().flatten();
    paths.filter_map(|path| path.get_mut("backend"))
}
