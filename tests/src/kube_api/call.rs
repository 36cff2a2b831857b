//! What a request asks for: kind, object, selectors, and the form of the answer.

use std::collections::HashMap;

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::http::{Chunks, refuse};
use super::store::{Faults, Key, Resource};

/// What a request is about.
pub(super) struct Call {
    pub(super) resource: Resource,
    /// `None`: all namespaces.
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) query: HashMap<String, String>,
    pub(super) metadata_only: bool,
}

impl Call {
    pub(super) fn of(path: &str, query: Option<&str>, accept: Option<&str>) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/api/v1/")?.split('/').collect();
        let (namespace, plural, name) = match *segments {
            ["namespaces", namespace, plural] => (Some(namespace), plural, None),
            ["namespaces", namespace, plural, name] => (Some(namespace), plural, Some(name)),
            ["namespaces", name] => (None, "namespaces", Some(name)),
            [plural] => (None, plural, None),
            _ => return None,
        };
        Some(Self {
            resource: plural.parse().ok()?,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            query: query
                .unwrap_or_default()
                .split('&')
                .filter_map(pair)
                .collect(),
            metadata_only: accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata")),
        })
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.query
            .get(name)
            .is_some_and(|value| value == "true" || value == "1")
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }

    pub(super) fn key(&self) -> Option<Key> {
        let namespace = self.namespace.clone().unwrap_or_default();
        Some(Key {
            namespace,
            name: self.name.clone()?,
        })
    }

    /// Whether an object is in the call's namespace and meets its field selector.
    pub(super) fn selects(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let namespace = self
            .namespace
            .as_ref()
            .is_none_or(|n| metadata["namespace"] == **n);
        let field = self
            .query
            .get("fieldSelector")
            .and_then(|selector| selector.split_once('='));
        let field = field.is_none_or(|(field, value)| match field {
            "metadata.name" => metadata["name"] == value,
            field => object[field] == value,
        });
        namespace && field
    }

    pub(super) fn shown(&self, object: &Value) -> Value {
        if !self.metadata_only {
            return object.clone();
        }
        json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": object["metadata"],
        })
    }

    /// What is forbidden about watching the kind.
    pub(super) fn watch_refusal(&self, faults: &Faults) -> Option<Response<Chunks>> {
        let message = "cannot watch resource";
        let watch = || refuse(StatusCode::FORBIDDEN, "Forbidden", message);
        self.refusal(faults)
            .or_else(|| faults.watch_forbidden.then(watch))
    }

    /// The kind's standing refusals.
    pub(super) fn refusal(&self, faults: &Faults) -> Option<Response<Chunks>> {
        let plural = format!("{:?}", self.resource).to_lowercase();
        let message = format!("{plural} is forbidden: User \"test\" cannot list resource");
        faults
            .forbidden
            .then(|| refuse(StatusCode::FORBIDDEN, "Forbidden", &message))
    }
}

fn pair(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    // All that kube sends escaped in the parameters read here.
    let value = value
        .replace("%3D", "=")
        .replace("%2F", "/")
        .replace("%7C", "|");
    Some((name.to_owned(), value))
}
