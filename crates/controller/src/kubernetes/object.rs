//! An object as the API server sent it, of which the head alone is read.
//!
//! Invariant: whatever else is in an object, reading its head costs no more than passing over it.

use std::collections::BTreeMap;

use nuncio_config::{Labels, ObjectRef};
use serde::Deserialize;

/// One object: its head, and its whole JSON for whoever needs more.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) meta: Meta,
    pub(super) text: &'a str,
}

/// What is read of `metadata`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) name: Box<str>,
    #[serde(default)]
    pub(super) namespace: Box<str>,
    #[serde(default)]
    pub(super) resource_version: Box<str>,
    #[serde(default)]
    annotations: Option<BTreeMap<Box<str>, Box<str>>>,
    #[serde(default)]
    labels: Option<BTreeMap<Box<str>, Box<str>>>,
}

#[derive(Deserialize)]
struct Head {
    metadata: Meta,
}

impl<'a> Object<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        let Head { metadata } = serde_json::from_str(text)?;
        Ok(Self {
            meta: metadata,
            text,
        })
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        let value = self.meta.annotations.as_ref()?.get(name)?;
        Some(value)
    }

    pub(super) fn labels(&self) -> Labels {
        let labels = self.meta.labels.iter().flatten();
        labels
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    pub(super) fn named(&self, kind: &str) -> ObjectRef {
        ObjectRef {
            kind: kind.into(),
            namespace: self.meta.namespace.clone(),
            name: self.meta.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn only_the_head_has_to_be_right() {
        let text = r#"{"spec":[7],"metadata":{"name":"a","annotations":null,"managedFields":1}}"#;
        let object = Object::read(text).unwrap();
        assert_eq!(object.named("Mapping").to_string(), "Mapping a");
        assert_eq!(object.annotation("x"), None);
        assert_eq!(object.labels().iter().count(), 0);
        let text = r#"{"metadata":{"name":"a","labels":{"app":"shop"}}}"#;
        assert_eq!(
            Object::read(text).unwrap().labels().get("app"),
            Some("shop")
        );
        for broken in [
            "7",
            "{}",
            r#"{"metadata":{"namespace":"b"}}"#,
            "{\"metadata\":",
        ] {
            assert!(Object::read(broken).is_err(), "{broken}");
        }
    }
}
