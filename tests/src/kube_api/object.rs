//! An object as it is kept: its JSON, made once and shared by every answer.
//!
//! Deliberately absent: parsed trees, which would cost more than all the rest.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

/// Which object of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Empty for kinds without namespaces.
    pub(super) namespace: String,
    pub(super) name: String,
}

/// One version of an object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) key: Key,
    /// The `apiVersion` it is stored in.
    pub(super) api: String,
    pub(super) labels: BTreeMap<String, String>,
    full: Bytes,
    /// Where `full` goes on behind `apiVersion` and `kind`.
    rest: usize,
    /// As `PartialObjectMetadata`.
    metadata: Bytes,
}

impl Object {
    /// Keeps a complete object.
    pub(super) fn new(key: Key, object: &Value) -> Self {
        let api = object["apiVersion"].as_str().unwrap_or_default().to_owned();
        let (full, rest) = headed(&api, object["kind"].as_str().unwrap_or_default(), object);
        let partial = json!({"metadata": object["metadata"]});
        let (metadata, _rest) = headed("meta.k8s.io/v1", "PartialObjectMetadata", &partial);
        Self {
            key,
            labels: labels(object),
            api,
            full,
            rest,
            metadata,
        }
    }

    /// Keeps a text that is answered as it is, whatever it is.
    pub(super) fn raw(key: Key, api: &str, text: &str) -> Self {
        let full = Bytes::copy_from_slice(text.as_bytes());
        Self {
            key,
            api: api.to_owned(),
            labels: BTreeMap::new(),
            metadata: full.clone(),
            rest: 0,
            full,
        }
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.full).unwrap_or(Value::Null)
    }

    pub(super) fn metadata(&self) -> Bytes {
        self.metadata.clone()
    }

    /// The whole, in the version that is asked for.
    pub(super) fn full(&self, api: &str) -> Bytes {
        if api == self.api || self.rest == 0 {
            return self.full.clone();
        }
        let mut value = self.value();
        value["apiVersion"] = json!(api);
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        headed(api, &kind, &value).0
    }

    /// Without `apiVersion` and `kind`, which items of lists of built-in kinds do not repeat.
    pub(super) fn push_bare(&self, to: &mut Vec<u8>) {
        if self.rest > 0 {
            to.push(b'{');
        }
        to.extend_from_slice(&self.full[self.rest..]);
    }
}

/// The JSON of an object, `apiVersion` and `kind` first, and where the rest begins.
fn headed(api: &str, kind: &str, object: &Value) -> (Bytes, usize) {
    let head = format!("{{\"apiVersion\":{},\"kind\":{},", json!(api), json!(kind));
    let others: BTreeMap<&str, &Value> = object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !matches!(*name, "apiVersion" | "kind"))
        .collect();
    let others = serde_json::to_string(&others).unwrap();
    let at = head.len();
    (Bytes::from(head + &others[1..]), at)
}

fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object();
    labels
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
