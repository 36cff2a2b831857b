//! Named ports of backends, by the number that their Service gives them.
//!
//! Invariant: a Service is asked for only where a port is named, once for a list; when it changes
//! later, or could not be asked for, the Ingresses are listed again. Until then it has the ports it
//! had.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::{Client, Error};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;

/// A Service that could not be asked for is asked for again after this.
const AGAIN: Duration = Duration::from_secs(10);

/// One that is forbidden; RBAC changes by hand.
const AGAIN_IF_FORBIDDEN: Duration = Duration::from_mins(5);

/// The Services whose ports were looked up.
pub(in crate::kubernetes) struct Lookups {
    services: Mutex<BTreeSet<(Box<str>, Box<str>)>>,
    stale: watch::Sender<()>,
    /// Ingresses will be listed again.
    due: AtomicBool,
}

impl Lookups {
    /// `stale` changes when a Service did that was asked for its ports.
    pub(in crate::kubernetes) fn new(stale: watch::Sender<()>) -> Self {
        let services = Mutex::default();
        let due = AtomicBool::new(false);
        Self {
            services,
            stale,
            due,
        }
    }

    /// A Service came, changed or went.
    pub(in crate::kubernetes) fn touched(&self, namespace: &str, name: &str) {
        let services = self.services();
        if !services.is_empty() && services.contains(&(namespace.into(), name.into())) {
            self.stale.send_replace(());
        }
    }

    /// Has Ingresses listed again after a while.
    fn again(self: &Arc<Self>, after: Duration) {
        if self.due.swap(true, Ordering::AcqRel) {
            return;
        }
        let lookups = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep(after).await;
            if let Some(lookups) = lookups.upgrade() {
                lookups.due.store(false, Ordering::Release);
                lookups.stale.send_replace(());
            }
        });
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
    /// The last answers of all, for when there is none.
    last: HashMap<(Box<str>, Box<str>), Vec<Port>>,
    /// Trouble was logged, and no answer came since.
    failing: bool,
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
            last: HashMap::new(),
            failing: false,
        }
    }

    /// Another list begins.
    pub(super) fn forget(&mut self) {
        self.last.extend(self.known.drain());
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
        let ports = match request {
            Ok(request) => match self.client.request::<Service>(request).await {
                Ok(service) => {
                    self.failing = false;
                    service.spec.ports
                }
                Err(error) => self.without_answer(&key, &error),
            },
            Err(_no_path) => Vec::new(),
        };
        self.known.insert(key, ports);
    }

    /// The ports of a Service that could not be read.
    fn without_answer(&mut self, key: &(Box<str>, Box<str>), error: &Error) -> Vec<Port> {
        let after = match error {
            Error::Api(status) if status.code == 404 => return Vec::new(),
            Error::Api(status) if status.code == 403 => AGAIN_IF_FORBIDDEN,
            _ => AGAIN,
        };
        if !std::mem::replace(&mut self.failing, true) {
            let (namespace, name) = (&*key.0, &*key.1);
            warn!(
                namespace,
                name, %error, "cannot read the ports of an Ingress's Service; the last state stays"
            );
        }
        self.lookups.again(after);
        self.last.get(key).cloned().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use kube::client::Body;
    use tower::service_fn;

    use super::*;

    const INGRESS: &str =
        r#"{"spec":{"defaultBackend":{"service":{"name":"s","port":{"name":"web"}}}}}"#;

    #[tokio::test(start_paused = true)]
    async fn a_service_that_cannot_be_read_keeps_its_ports_and_is_asked_for_again() {
        let code = Arc::new(Mutex::new(200));
        let ours = Arc::clone(&code);
        let service = service_fn(move |_request: http::Request<Body>| {
            let code: u16 = *ours.lock().unwrap();
            let text = match code {
                200 => r#"{"spec":{"ports":[{"name":"web","port":8080}]}}"#.to_owned(),
                _ => format!(
                    r#"{{"kind":"Status","status":"Failure","message":"no","code":{code}}}"#
                ),
            };
            let reply = http::Response::builder().status(code);
            async move { Ok::<_, std::io::Error>(reply.body(Body::from(text.into_bytes())).unwrap()) }
        });
        let (stale, mut relist) = watch::channel(());
        let lookups = Arc::new(Lookups::new(stale));
        let mut ports = Ports::new(Client::new(service, "default"), lookups);
        let mut is_numbered = async |answer| {
            *code.lock().unwrap() = answer;
            ports.forget();
            let text = ports.numbered(INGRESS.to_owned(), "n").await;
            text.contains(r#""number":8080"#)
        };
        assert!(is_numbered(200).await);
        assert!(is_numbered(500).await);
        assert!(is_numbered(500).await);
        relist.changed().await.unwrap();
        assert!(!is_numbered(404).await);
        assert!(!is_numbered(500).await);
    }
}
