//! The status of Ingresses: where the gateway is reached, copied from its own Service.
//!
//! Invariant: only what we wrote is ever taken away; an Ingress whose addresses are as they are to
//! be is not written.
//! Deliberately absent: a watch of that Service. It changes when a load balancer is made; it is
//! looked at now and then, as long as there is an Ingress of ours.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::core::DynamicObject;
use nuncio_config::ObjectRef;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::desk::Desk;
use super::kinds::{INGRESS, SERVICE};
use super::lane::{Attempts, Work};
use super::pen::{Pen, Unwritten};

/// How often the Service is looked at, lengthened by up to a fifth.
const LOOK: Duration = Duration::from_secs(30);

/// How often while it has no address yet: load balancers take their time, and somebody waits.
const AWAIT: Duration = Duration::from_secs(5);

/// How often it is looked at whether there is an Ingress of ours.
const GLANCE: Duration = Duration::from_secs(1);

/// As Emissary's manifests mark the Service through which its gateway is reached.
const OWN_SERVICE: &str = "app.kubernetes.io/component=ambassador-service";

/// The Service whose addresses Ingresses get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishedService {
    /// The first by name with the label `app.kubernetes.io/component=ambassador-service` in the
    /// gateway's namespace.
    Labelled,
    /// This one.
    Named {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// Writes addresses.
pub(super) struct AddressWriter {
    pen: Arc<Pen>,
    desk: Arc<Desk>,
    service: PublishedService,
    /// The gateway's own.
    namespace: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The Service's addresses; `None` when it was not found.
    addresses: Option<Vec<Address>>,
    /// Those written in this term, in case the server does not say who wrote what.
    written: BTreeSet<Arc<ObjectRef>>,
}

/// One entry of `loadBalancer.ingress`, in what Services and Ingresses have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    ip: Option<String>,
    hostname: Option<String>,
}

impl AddressWriter {
    pub(super) fn new(
        (pen, desk): (Arc<Pen>, Arc<Desk>),
        service: PublishedService,
        namespace: &str,
    ) -> Self {
        Self {
            pen,
            desk,
            service,
            namespace: namespace.to_owned(),
            known: Mutex::default(),
        }
    }

    /// Begins a term.
    pub(super) fn begin_term(&self) {
        *self.known() = Known::default();
    }

    /// Keeps the addresses up to date, for ever.
    pub(super) async fn follow(&self, namespace: Option<&str>) {
        self.desk.heard(INGRESS.feed).await;
        // What a predecessor wrote may be ours no longer.
        let mut stale = true;
        loop {
            if self.desk.has_ingresses() {
                stale |= self.look().await;
            }
            if std::mem::take(&mut stale) {
                let mut attempts = Attempts::default();
                while attempts.more_after(self.compare(namespace).await).await {}
            }
            self.wait().await;
        }
    }

    /// Until the Service is to be looked at again; not longer than there is no Ingress of ours.
    async fn wait(&self) {
        if self.desk.has_ingresses() {
            let found = self
                .known()
                .addresses
                .as_ref()
                .is_some_and(|all| !all.is_empty());
            let pause = if found { LOOK } else { AWAIT };
            sleep(pause.mul_f64(1.0 + fastrand::f64() / 5.0)).await;
        }
        while !self.desk.has_ingresses() {
            sleep(GLANCE).await;
        }
    }

    /// Reads the Service; answers whether its addresses are others than before.
    async fn look(&self) -> bool {
        let Ok(service) = self.service().await else {
            // Refusals were reported by the pen; trouble ends, and then it is looked again.
            return false;
        };
        let addresses = service.as_ref().map(addresses);
        let mut known = self.known();
        let moved = known.addresses != addresses;
        known.addresses = addresses;
        moved
    }

    /// Queues every Ingress that has our addresses and is ours no longer, or lacks them.
    async fn compare(&self, namespace: Option<&str>) -> Result<(), Unwritten> {
        let mut token = None;
        loop {
            let page = self.pen.list(&INGRESS, namespace, (None, token)).await?;
            for found in &page.items {
                let object = super::reference(&INGRESS, found);
                let differs = |object: &Arc<ObjectRef>| self.wanted(object, found).is_some();
                if let Some(object) = object.filter(differs) {
                    self.desk.addresses.push(&object);
                }
            }
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(());
            }
        }
    }

    async fn service(&self) -> Result<Option<DynamicObject>, Unwritten> {
        let found = match &self.service {
            PublishedService::Named { namespace, name } => {
                self.pen.read(&SERVICE, (namespace, name)).await
            }
            PublishedService::Labelled => {
                let own = Some(&*self.namespace);
                let list = self
                    .pen
                    .list(&SERVICE, own, (Some(OWN_SERVICE), None))
                    .await;
                // The server lists by name.
                list.and_then(|list| list.items.into_iter().next().ok_or(Unwritten::Gone))
            }
        };
        match found {
            Ok(service) => Ok(Some(service)),
            Err(Unwritten::Gone) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// What is to be written in the place of what is there.
    fn wanted(&self, object: &ObjectRef, found: &DynamicObject) -> Option<Value> {
        let known = self.known();
        let ours = self.pen.wrote_status_of(found) || known.written.contains(object);
        let wanted = if self.desk.is_served(object) {
            known.addresses.clone()?
        } else if self.desk.has_heard(INGRESS.feed) {
            Vec::new()
        } else {
            return None;
        };
        if (wanted.is_empty() && !ours) || wanted == addresses(found) {
            return None;
        }
        let entries: Vec<Value> = wanted.iter().map(Address::entry).collect();
        let entries = if entries.is_empty() {
            Value::Null
        } else {
            Value::Array(entries)
        };
        Some(json!({"loadBalancer": {"ingress": entries}}))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for AddressWriter {
    const WHAT: &str = "addresses of Ingresses";

    async fn write(&self, object: &Arc<ObjectRef>) -> Result<(), Unwritten> {
        let at = (&*object.namespace, &*object.name);
        let found = self.pen.read(&INGRESS, at).await;
        if matches!(found, Err(Unwritten::Gone)) {
            self.known().written.remove(object);
        }
        let found = found?;
        let Some(status) = self.wanted(object, &found) else {
            return Ok(());
        };
        self.pen.set_status(&INGRESS, &found, status).await?;
        self.known().written.insert(Arc::clone(object));
        Ok(())
    }
}

impl Address {
    fn entry(&self) -> Value {
        let mut entry = serde_json::Map::new();
        for (field, value) in [("ip", &self.ip), ("hostname", &self.hostname)] {
            entry.extend(value.iter().map(|value| (field.to_owned(), json!(value))));
        }
        Value::Object(entry)
    }
}

/// The addresses in the status of a Service or an Ingress.
fn addresses(found: &DynamicObject) -> Vec<Address> {
    let entries = found.data.pointer("/status/loadBalancer/ingress");
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, field: &str| {
        let text = entry.get(field)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    entries
        .map(|entry| Address {
            ip: text(entry, "ip"),
            hostname: text(entry, "hostname"),
        })
        .collect()
}
