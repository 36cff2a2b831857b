//! Either API server behind one face.

use std::env;
use std::fmt;

use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, NamespaceResourceScope};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use super::real::RealApi;
use super::{FakeApi, Resource};

/// An API server that tests write to through a kube client. Ends when dropped.
pub struct Cluster {
    server: Server,
    client: Client,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Server {
    Fake(FakeApi),
    Real(Box<RealApi>),
}

impl Cluster {
    /// Starts the real one if `KUBEBUILDER_ASSETS` is set, else ours.
    pub async fn start() -> Self {
        match env::var_os("KUBEBUILDER_ASSETS") {
            Some(assets) => Self::of(Server::Real(Box::new(
                RealApi::start(assets.as_ref()).await,
            ))),
            None => Self::of(Server::Fake(FakeApi::start().await)),
        }
    }

    /// How to reach it.
    pub fn config(&self) -> Config {
        self.server.config()
    }

    /// The faults to call for. `None`, with a line that says so, on a real server: the test cannot
    /// be run there.
    pub fn faults(&self) -> Option<&FakeApi> {
        match &self.server {
            Server::Fake(fake) => Some(fake),
            Server::Real(_) => {
                eprintln!("skipped: needs an API server that commits faults");
                None
            }
        }
    }

    /// Creates a namespace, or leaves it.
    pub async fn namespace(&self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let api = Api::<Namespace>::all(self.client.clone());
        api.patch(name, &apply(), &Patch::Apply(namespace))
            .await
            .unwrap();
    }

    /// Creates or changes a Service; `annotation` is the value of `getambassador.io/config`.
    pub async fn service(&self, namespace: &str, name: &str, annotation: Option<&str>) {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": [{"port": 80}], "selector": {"app": name}},
        });
        if let Some(annotation) = annotation {
            service["metadata"]["annotations"] = json!({"getambassador.io/config": annotation});
        }
        let api = self.api::<Service>(namespace);
        api.patch(name, &apply(), &Patch::Apply(service))
            .await
            .unwrap();
    }

    /// Creates or changes a Secret of type `kubernetes.io/tls`.
    pub async fn tls_secret(&self, namespace: &str, name: &str) {
        let secret: Value = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "data": {"tls.crt": "", "tls.key": ""},
        });
        let api = self.api::<Secret>(namespace);
        api.patch(name, &apply(), &Patch::Apply(secret))
            .await
            .unwrap();
    }

    /// Deletes a Service, which must be there.
    pub async fn delete_service(&self, namespace: &str, name: &str) {
        let api = self.api::<Service>(namespace);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Serves the kinds of `getambassador.io` in these versions, of which the first is stored.
    pub async fn install(&self, versions: &[&'static str]) {
        match &self.server {
            Server::Fake(fake) => {
                for resource in Resource::CUSTOM {
                    fake.install(resource, versions);
                }
            }
            Server::Real(real) => real.install(versions).await,
        }
    }

    /// Creates or changes an object of any kind, in a version of its group.
    pub async fn apply(&self, resource: Resource, version: &str, object: &Value) {
        let metadata = &object["metadata"];
        let api = self.dynamic(resource, version, metadata["namespace"].as_str());
        let mut whole = object.clone();
        whole["apiVersion"] = match resource.group() {
            "" => json!(version),
            group => json!(format!("{group}/{version}")),
        };
        whole["kind"] = json!(resource.kind());
        let name = metadata["name"].as_str().unwrap();
        let patch = Patch::Apply(&whole);
        api.patch(name, &apply(), &patch).await.unwrap();
    }

    /// Deletes an object of any kind, which must be there.
    pub async fn delete(&self, resource: Resource, version: &str, at: (Option<&str>, &str)) {
        let (namespace, name) = at;
        let api = self.dynamic(resource, version, namespace);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The kind's objects, whatever they are.
    pub fn dynamic(
        &self,
        resource: Resource,
        version: &str,
        namespace: Option<&str>,
    ) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(resource.group(), version, resource.kind());
        let of = ApiResource::from_gvk_with_plural(&kind, resource.plural());
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &of),
            None => Api::all_with(self.client.clone(), &of),
        }
    }

    fn of(server: Server) -> Self {
        let client = Client::try_from(server.config()).unwrap();
        Self { server, client }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl Server {
    fn config(&self) -> Config {
        match self {
            Self::Fake(fake) => Config::new(format!("http://{}", fake.addr()).parse().unwrap()),
            Self::Real(real) => real.config(),
        }
    }
}

fn apply() -> PatchParams {
    PatchParams::apply("nuncio-tests").force()
}
