//! Documents of Ambassador's own (`apiVersion: ambassador/v1, kind: Mapping, name: a`) among the
//! documents of a file, as they stand in its configuration directory.
//!
//! Invariant: they keep their lines.

use std::sync::Arc;

use super::{ManifestObject, Said};
use crate::yaml::{Document, Node};
use crate::{Form, Labels, Lines, ObjectRef};

/// Whether a document is not a Kubernetes object, which has `metadata`.
pub(super) fn is_document(root: &Node<'_>) -> bool {
    let version = root.get("apiVersion").and_then(Node::text);
    version.is_some_and(is_ambassador) && root.get("metadata").is_none()
}

/// Whether an `apiVersion` is of Ambassador.
pub(super) fn is_ambassador(version: &str) -> bool {
    let group = version.split('/').next().unwrap_or_default();
    matches!(
        group,
        "getambassador.io" | "x.getambassador.io" | "ambassador"
    )
}

/// The documents so far, with empty lines in the place of everything else.
#[derive(Default)]
pub(super) struct Configuration {
    text: String,
    lines: u32,
}

impl Configuration {
    pub(super) fn add(&mut self, document: &Document<'_>) {
        let is_marked = document.text.starts_with("---");
        while self.lines + 1 < document.first_line {
            // Where `...` ended the last one, nothing else may begin the next.
            if self.lines + 2 == document.first_line && !is_marked && !self.text.is_empty() {
                self.text.push_str("---");
            }
            self.push("\n");
        }
        self.push(document.text);
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        let breaks = text.bytes().filter(|&byte| byte == b'\n').count();
        self.lines = self
            .lines
            .saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
    }

    /// All of them together: they are the file's, and have no object of their own.
    pub(super) fn object(self, file: Arc<ObjectRef>) -> Option<ManifestObject> {
        if self.text.is_empty() {
            return None;
        }
        let said = Said {
            form: Form::Configuration,
            text: self.text.into(),
            lines: Lines::From(1),
        };
        Some(ManifestObject {
            object: file,
            line: 1,
            said: Some(said),
            ingress_class: None,
            labels: Labels::default(),
        })
    }
}
