//! Which object a document belongs to, and where it stands.

use std::sync::Arc;

use nuncio_config::{Labels, Lines, ManifestPiece, ObjectRef, Origin, Tree, TreeValue};

use super::{named, non_empty, text};
use crate::account::{Account, Verdict};
use crate::remark::shown;
use crate::written::Source;

/// An object, or a document that one carries.
#[derive(Clone, Debug)]
pub(crate) struct Carrier<'s> {
    source: &'s Source,
    pub(crate) object: Arc<ObjectRef>,
    labels: Labels,
    lines: Lines,
    pub(crate) line: u32,
    /// 0 for the object itself.
    document: u32,
    resource: Option<Box<str>>,
}

impl<'s> Carrier<'s> {
    /// The object that a piece is; a document that is none belongs to its file.
    pub(crate) fn of(source: &'s Source, piece: &ManifestPiece) -> Self {
        let tree = piece.tree.as_ref().ok();
        let metadata = tree.and_then(|it| it.get("metadata"));
        let field = |key| metadata.map_or("", |it| text(it, key));
        let kind = tree.map_or("", |it| text(it, "kind"));
        let is_object = metadata.is_some() && !kind.is_empty();
        let object = match is_object {
            true => ObjectRef {
                kind: kind.into(),
                namespace: non_empty(field("namespace"), "default").into(),
                name: field("name").into(),
            },
            false => ObjectRef {
                kind: "File".into(),
                namespace: "".into(),
                name: (*source.name).into(),
            },
        };
        Self {
            source,
            object: Arc::new(object),
            labels: tree.map(labels).unwrap_or_default().into_iter().collect(),
            lines: Lines::From(piece.line),
            line: piece.line,
            document: if is_object { 0 } else { piece.document },
            resource: tree.filter(|_| !is_object).and_then(resource),
        }
    }

    /// A file in the ConfigMap of Ambassador.
    pub(crate) fn key(&self, key: &str, line: u32) -> Self {
        let object = ObjectRef {
            name: format!("{}/{key}", self.object.name).into(),
            ..(*self.object).clone()
        };
        Self {
            object: Arc::new(object),
            labels: Labels::default(),
            line,
            ..self.clone()
        }
    }

    /// A document of a text that the object carries.
    pub(crate) fn document(&self, value: &Tree, piece: &ManifestPiece) -> Self {
        let is_block = matches!(value.value, TreeValue::Block(_));
        let (lines, line) = match is_block {
            true => {
                let line = value.line.saturating_add(piece.line.saturating_sub(1));
                (Lines::From(line), line)
            }
            false => (Lines::At(value.line), value.line),
        };
        Self {
            lines,
            line,
            document: piece.document,
            resource: piece.tree.as_ref().ok().and_then(resource),
            ..self.clone()
        }
    }

    /// The line so many lines below the first.
    pub(crate) fn line_of(&self, below: u32) -> u32 {
        match self.lines {
            Lines::From(first) => first.saturating_add(below),
            Lines::At(line) => line,
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            object: Arc::clone(&self.object),
            file: Some(Arc::clone(&self.source.name)),
            lines: self.lines,
            labels: self.labels.clone(),
        }
    }

    pub(crate) fn place(&self) -> String {
        match self.source.has_lines {
            true => format!("{} at line {}", self.source.name, self.line),
            false => self.source.name.to_string(),
        }
    }

    pub(crate) fn account(&self, verdict: Verdict) -> Account {
        let ObjectRef {
            kind,
            namespace,
            name,
        } = &*self.object;
        let object = match &**namespace {
            "" => named(kind, name),
            namespace => {
                let name = format!("{}/{}", shown(namespace), shown(name));
                format!("{} {name}", shown(kind)).into()
            }
        };
        let has_lines = self.source.has_lines;
        Account {
            verdict,
            file: has_lines.then(|| Arc::clone(&self.source.name)),
            line: if has_lines { self.line } else { 0 },
            object,
            document: self.document,
            resource: self.resource.clone(),
            remarks: Vec::new(),
        }
    }
}

/// What a document calls itself.
fn resource(tree: &Tree) -> Option<Box<str>> {
    let name = match text(tree, "name") {
        "" => tree.get("metadata").map_or("", |it| text(it, "name")),
        name => name,
    };
    let kind = text(tree, "kind");
    (!kind.is_empty()).then(|| named(kind, name))
}

/// The labels of an object, as far as they are texts.
pub(crate) fn labels(tree: &Tree) -> Vec<(Box<str>, Box<str>)> {
    let labels = tree.get("metadata").and_then(|it| it.get("labels"));
    let entries = labels.map(Tree::entries).unwrap_or_default().iter();
    entries
        .filter_map(|it| Some((it.key.clone(), it.value.text()?.into())))
        .collect()
}
