//! Objects from the Kubernetes API.
//!
//! Every kind has its own watch and fails alone. Watches are metadata-only: annotations, names and
//! labels are all that compiling reads, `PartialObjectMetadata` needs no more RBAC than the objects
//! themselves (get, list, watch), and neither Service specs nor the keys in Secrets ever reach this
//! process's memory.
//!
//! Invariant: a failed list or watch leaves what was known before in force. What is forbidden is
//! reported once and lived without.
//! Deliberately absent: caches of Kubernetes objects, and writes to the API server.

mod client;
mod endpoints;
mod failure;
mod retry;
mod watch;
mod write_back;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::{Api, Client, Resource};
use nuncio_config::{CONFIG_ANNOTATION, Form, Origin};
use tokio::sync::mpsc;

use crate::change::{Announced, Change, Feed};
pub use client::{ClientError, client_for, kube_client};
pub(crate) use endpoints::{Endpoints, Touched};
use watch::{Kind, Watch};
pub(crate) use write_back::Writing;
pub use write_back::{LeaseTimes, PublishedService, States, WriteBack};

/// The feeds that this source lists.
pub(crate) const FEEDS: [Feed; 2] = [Feed::Services, Feed::Secrets];

const SERVICES: Kind = Kind {
    feed: Feed::Services,
    name: "Service",
    plural: "services",
    fields: None,
    announced: |meta| {
        let text = meta.annotations.as_ref()?.get(CONFIG_ANNOTATION)?;
        let object = Arc::new(watch::object_ref("Service", meta)?);
        Some(Announced::new(Origin::api(object), Form::Documents, text))
    },
};

/// TLS Secrets alone: in clusters with ten thousand Secrets, nearly all are of other types.
const SECRETS: Kind = Kind {
    feed: Feed::Secrets,
    name: "Secret",
    plural: "secrets",
    fields: Some("type=kubernetes.io/tls"),
    announced: |_meta: &ObjectMeta| None,
};

/// Watches every kind, in all namespaces or in one; `touched` hears of Services. Returns when nobody listens any more.
pub(crate) async fn watch(
    client: &Client,
    namespace: Option<&str>,
    changes: &mpsc::Sender<Change>,
    touched: &Arc<Touched>,
) {
    let services = Watch::new(
        &SERVICES,
        api::<Service>(client, namespace),
        changes.clone(),
    );
    let services = services.touching(touched);
    let secrets = Watch::new(&SECRETS, api::<Secret>(client, namespace), changes.clone());
    tokio::join!(services.run(), secrets.run());
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<PartialObjectMeta<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}
