//! Everything in a cluster that configures a gateway, once, as manifests.
//!
//! Invariant: a kind that may not be read, or is not there, is told of and costs no other.
//! Deliberately absent: Secrets, and following what changes.

use kube::api::ListParams;
use kube::core::Request;
use kube::{Client, Error};
use serde_json::{Map, Value, json};

/// The kinds, with their versions: the first that the cluster has is read.
const KINDS: [(&str, &str, &[&str]); 21] = [
    ("Service", "services", &["v1"]),
    ("ConfigMap", "configmaps", &["v1"]),
    ("Ingress", "ingresses", &["networking.k8s.io/v1"]),
    ("IngressClass", "ingressclasses", &["networking.k8s.io/v1"]),
    ("AuthService", "authservices", AMBASSADOR),
    ("ConsulResolver", "consulresolvers", AMBASSADOR),
    ("DevPortal", "devportals", AMBASSADOR),
    ("Host", "hosts", AMBASSADOR),
    (
        "KubernetesEndpointResolver",
        "kubernetesendpointresolvers",
        AMBASSADOR,
    ),
    (
        "KubernetesServiceResolver",
        "kubernetesserviceresolvers",
        AMBASSADOR,
    ),
    ("Listener", "listeners", AMBASSADOR),
    ("LogService", "logservices", AMBASSADOR),
    ("Mapping", "mappings", AMBASSADOR),
    ("Module", "modules", AMBASSADOR),
    ("RateLimitService", "ratelimitservices", AMBASSADOR),
    ("TCPMapping", "tcpmappings", AMBASSADOR),
    ("TLSContext", "tlscontexts", AMBASSADOR),
    ("TracingService", "tracingservices", AMBASSADOR),
    ("Listener", "listeners", OLD),
    ("Host", "hosts", OLD),
    ("Mapping", "mappings", OLD),
];

const AMBASSADOR: &[&str] = &[
    "getambassador.io/v3alpha1",
    "getambassador.io/v2",
    "getambassador.io/v1",
];

/// Of Emissary 2.0.
const OLD: &[&str] = &["x.getambassador.io/v3alpha1"];

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// JSON documents, one for each object, divided as YAML divides them.
    pub text: String,
    /// Kinds that could not be read, and why.
    pub unread: Vec<String>,
}

/// Nothing could be asked for.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {kind} of the cluster")]
pub struct DumpError {
    kind: &'static str,
    #[source]
    source: Box<Error>,
}

/// Reads the objects of all namespaces, or of one.
///
/// # Errors
///
/// When the API server does not answer.
pub async fn dump(client: &Client, namespace: Option<&str>) -> Result<Dump, DumpError> {
    let mut dump = Dump::default();
    for (kind, plural, versions) in KINDS {
        for version in versions {
            let is_global = plural == "ingressclasses";
            let path = path(version, plural, namespace.filter(|_| !is_global));
            match list(client, &path).await {
                Ok(items) => {
                    let items = items.into_iter();
                    let items = items.map(|item| manifest(item, version, kind));
                    dump.text.extend(items);
                    break;
                }
                // That version is not there, or the kind is not.
                Err(Error::Api(status)) if status.code == 404 => {}
                Err(Error::Api(status)) => {
                    dump.unread.push(format!("{plural}: {}", status.message));
                    break;
                }
                Err(source) => {
                    let source = Box::new(source);
                    return Err(DumpError { kind, source });
                }
            }
        }
    }
    Ok(dump)
}

fn path(version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if version.contains('/') { "apis" } else { "api" };
    match namespace {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{version}/{plural}"),
    }
}

async fn list(client: &Client, path: &str) -> Result<Vec<Value>, Error> {
    let mut parameters = ListParams::default().limit(500);
    let mut all = Vec::new();
    loop {
        let request = Request::new(path).list(&parameters);
        let mut page: Value = client
            .request(request.map_err(Error::BuildRequest)?)
            .await?;
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            all.extend(items);
        }
        let next = page.pointer("/metadata/continue").and_then(Value::as_str);
        match next.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(token),
            None => return Ok(all),
        }
    }
}

/// A ConfigMap that is not Ambassador's says nothing, and nothing of it is kept.
fn manifest(mut item: Value, version: &str, kind: &str) -> String {
    let name = item.pointer("/metadata/name").and_then(Value::as_str);
    if kind == "ConfigMap" && name != Some("ambassador-config") {
        return String::new();
    }
    if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        let annotations = metadata.get_mut("annotations");
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    let mut whole = Map::new();
    whole.insert("apiVersion".to_owned(), json!(version));
    whole.insert("kind".to_owned(), json!(kind));
    if let Value::Object(fields) = item {
        let fields = fields.into_iter().filter(|(key, _)| key != "status");
        whole.extend(fields);
    }
    format!("---\n{}\n", Value::Object(whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::manifest;

    #[test]
    fn what_is_kept_says_what_it_is() {
        let mapping =
            json!({"metadata": {"name": "a", "managedFields": []}, "spec": {}, "status": 1});
        assert_eq!(
            manifest(mapping, "getambassador.io/v2", "Mapping"),
            "---\n{\"apiVersion\":\"getambassador.io/v2\",\"kind\":\"Mapping\",\"metadata\":{\"name\":\"a\"},\
             \"spec\":{}}\n"
        );
        let other = json!({"metadata": {"name": "secretive"}, "data": {"a": "b"}});
        assert_eq!(manifest(other, "v1", "ConfigMap"), "");
    }
}
