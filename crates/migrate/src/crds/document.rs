//! A document, whatever its form: what it is called, and where its keys stand.

use nuncio_config::{Form, Resource, Tree, TreeEntry};

use crate::manifest::{What, labels, non_empty, text};
use crate::survey::Entry;

/// A document of Ambassador's.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: Vec<(Box<str>, Box<str>)>,
    pub(super) line: u32,
    /// Whether a missing host means any.
    pub(super) is_v3: bool,
    body: Tree,
}

impl Document {
    /// The document of an entry, if it is one.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let What::Said(said) = &entry.unit.what else {
            return None;
        };
        if !super::is_document(entry) {
            return None;
        }
        let tree = &said.tree;
        let head = tree.get("metadata").unwrap_or(tree);
        let carrier = &entry.unit.object.namespace;
        let own = non_empty(text(head, "namespace"), non_empty(carrier, "default"));
        // A document of a file has the gateway's namespace, which only reading it tells.
        let read = entry.resources.first().map(|it: &Resource| &*it.namespace);
        let carried = said.origin.labels.iter();
        let carried = carried.map(|(key, value)| (key.into(), value.into()));
        Some(Self {
            kind: text(tree, "kind").to_owned(),
            name: text(head, "name").to_owned(),
            namespace: read.unwrap_or(own).to_owned(),
            labels: match (said.form, tree.get("metadata_labels")) {
                (Form::CustomResource, _) => labels(tree),
                (_, Some(own)) => pairs(own),
                (_, None) if tree.get("metadata").is_some() => labels(tree),
                (_, None) => carried.collect(),
            },
            line: entry.unit.account.line,
            is_v3: text(tree, "apiVersion").ends_with("/v3alpha1"),
            body: tree.get("spec").unwrap_or(tree).clone(),
        })
    }

    pub(super) fn entry(&self, key: &str) -> Option<&TreeEntry> {
        self.body.entry(key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Tree> {
        self.body.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Tree::text)
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.get(key).and_then(Tree::boolean) == Some(true)
    }

    pub(super) fn line_of(&self, key: &str) -> u32 {
        self.entry(key).map_or(self.line, |entry| entry.line)
    }

    /// The keys that say what is wanted, rather than what the document is.
    pub(super) fn entries(&self) -> impl Iterator<Item = &TreeEntry> {
        let envelope = [
            "apiVersion",
            "kind",
            "metadata",
            "name",
            "namespace",
            "ambassador_id",
            "ambassadorId",
            "generation",
            "metadata_labels",
        ];
        let entries = self.body.entries().iter();
        entries.filter(move |entry| !envelope.contains(&&*entry.key))
    }
}

fn pairs(tree: &Tree) -> Vec<(Box<str>, Box<str>)> {
    let entries = tree.entries().iter();
    entries
        .filter_map(|it| Some((it.key.clone(), it.value.text()?.into())))
        .collect()
}
