//! Secrets of manifests: what `nuncio_controller` makes certificates of.
//!
//! Invariant: no value is in a `Debug` or a diagnostic.

use std::fmt;
use std::sync::Arc;

use super::object::name;
use crate::ObjectRef;
use crate::report::Report;
use crate::yaml::Node;

/// A Secret of a manifest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestSecret {
    /// Which Secret it is.
    pub object: Arc<ObjectRef>,
    /// Its type, if it says so.
    pub secret_type: Option<Box<str>>,
    /// Its values: those of `stringData` after those of `data`, as they take their place.
    pub values: Vec<SecretValue>,
}

/// One value of a Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue {
    /// What it is called.
    pub key: Box<str>,
    /// How it is written.
    pub form: SecretForm,
    /// As it is written.
    pub text: Box<str>,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// In base64 (`data`).
    Base64,
    /// As it is (`stringData`).
    Plain,
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretValue")
            .field("key", &self.key)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// Reads a Secret. What is no text in it is left out with an error.
pub(super) fn read(root: &Node<'_>, report: &mut Report) -> Option<ManifestSecret> {
    let object = Arc::new(name(root, "Secret", report)?);
    report.name_object(&object);
    let mut values = Vec::new();
    for (field, form) in [
        ("data", SecretForm::Base64),
        ("stringData", SecretForm::Plain),
    ] {
        let entries = root.get(field).and_then(Node::entries);
        for entry in entries.unwrap_or_default() {
            match entry.value.scalar() {
                Some(scalar) => values.push(SecretValue {
                    key: entry.key.as_ref().into(),
                    form,
                    text: scalar.text.as_ref().into(),
                }),
                None => report.error(entry.line, format!("`{field}`: expected texts")),
            }
        }
    }
    let secret_type = root.get("type").and_then(Node::text).map(Box::from);
    Some(ManifestSecret {
        object,
        secret_type,
        values,
    })
}
