//! What a request asks for: kind, object, selectors, and the form of the answer.

use std::collections::HashMap;

use super::object::{Key, Object};
use super::resource::Resource;
use super::selector::Selectors;

/// What a request is about.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) resource: Resource,
    pub(super) version: String,
    /// `None`: all namespaces.
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    /// Whether it is about the object's `status` alone.
    pub(super) status: bool,
    pub(super) query: HashMap<String, String>,
    pub(super) metadata_only: bool,
    selectors: Selectors,
}

impl Call {
    pub(super) fn of(path: &str, query: Option<&str>, accept: Option<&str>) -> Option<Self> {
        let (group, version, rest) = versioned(path)?;
        let segments: Vec<&str> = rest.split('/').collect();
        let (segments, status) = match segments.as_slice() {
            [rest @ .., "status"] if rest.len() > 1 => (rest, true),
            all => (all, false),
        };
        let (namespace, plural, name) = match *segments {
            ["namespaces", namespace, plural] => (Some(namespace), plural, None),
            ["namespaces", namespace, plural, name] => (Some(namespace), plural, Some(name)),
            [plural, name] => (None, plural, Some(name)),
            [plural] => (None, plural, None),
            _ => return None,
        };
        let query: HashMap<String, String> =
            form_urlencoded::parse(query.unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let parameter = |name| query.get(name).map(String::as_str);
        Some(Self {
            resource: Resource::find(group, plural)?,
            version: version.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            status,
            selectors: Selectors::new(parameter("labelSelector"), parameter("fieldSelector")),
            query,
            metadata_only: accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata")),
        })
    }

    /// The `apiVersion` that answers are in.
    pub(super) fn api(&self) -> String {
        match self.resource.group() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
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

    /// Whether an object is in the call's namespace and meets its selectors.
    pub(super) fn selects(&self, object: &Object) -> bool {
        let namespace = self
            .namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == object.key.namespace);
        namespace && self.selectors.select(object)
    }
}

/// Group, version, and what follows.
pub(super) fn versioned(path: &str) -> Option<(&str, &str, &str)> {
    if let Some(rest) = path.strip_prefix("/api/v1/") {
        return Some(("", "v1", rest));
    }
    let (group, rest) = path.strip_prefix("/apis/")?.split_once('/')?;
    let (version, rest) = rest.split_once('/')?;
    Some((group, version, rest))
}
