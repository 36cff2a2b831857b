//! Where something was written: object, file, document, line.
//!
//! Invariant: lines are 1-based, and absolute in the file whenever there is a file.
//! Deliberately absent: columns. A line is what a person searches for, and it survives re-indenting.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::Labels;

/// Which Kubernetes object something came from; shown as `Service default/httpbin`.
///
/// A file as a whole, and one that holds documents of the gateway's own, is named as kind `File`
/// without a namespace. Each key of the ConfigMap `ambassador-config` is an object of its own, of
/// the name `ambassador-config/<key>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ObjectRef {
    /// The kind as Kubernetes spells it, e.g. `Service`.
    pub kind: Box<str>,
    /// The namespace; empty when the object has none.
    pub namespace: Box<str>,
    /// The object's `metadata.name`, or the file's name for kind `File`.
    pub name: Box<str>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// One place in what users wrote. Ordered by object, file, document, then line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The object that carries the text, or is described by it.
    pub object: Arc<ObjectRef>,
    /// The file the object was read from; `None` for the Kubernetes API.
    pub file: Option<Arc<str>>,
    /// 1-based, counting only documents that have content: a leading `---`, an empty document or
    /// one made of comments takes no number. 0 stands for the object as a whole.
    pub document: u32,
    /// 1-based. Absolute in the file if there is one, else within the annotation's text. 0 where
    /// lines mean nothing: in a custom resource or an Ingress that came from the Kubernetes API.
    pub line: u32,
}

/// Where an annotation's text comes from: what turns its own line numbers into [`Location`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The object that carries the annotation.
    pub object: Arc<ObjectRef>,
    /// The file the object was read from; `None` for the Kubernetes API.
    pub file: Option<Arc<str>>,
    /// How the text's lines stand in the file.
    pub lines: Lines,
    /// The labels of the object, for those documents in its annotation that say none.
    pub labels: Labels,
}

impl Origin {
    /// An object delivered by the Kubernetes API: lines count within the annotation's text.
    pub fn api(object: Arc<ObjectRef>) -> Self {
        Self {
            object,
            file: None,
            lines: Lines::From(1),
            labels: Labels::default(),
        }
    }

    /// The object has these labels.
    #[must_use]
    pub fn labelled(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }

    pub(crate) fn at(&self, document: u32, line: u32) -> Location {
        Location {
            object: Arc::clone(&self.object),
            file: self.file.clone(),
            document,
            line: self.lines.absolute(line),
        }
    }
}

/// How the lines of an annotation's text stand in the file around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// The text's first line is this one and the others follow it: a literal block scalar (`|`).
    From(u32),
    /// The whole text stands at this line: a quoted or folded scalar, whose line breaks are not the
    /// file's.
    At(u32),
}

impl Lines {
    /// How the text stands that begins so many lines later.
    #[must_use]
    pub fn after(self, lines: u32) -> Self {
        match self {
            Self::From(first) => Self::From(first.saturating_add(lines)),
            Self::At(only) => Self::At(only),
        }
    }

    pub(crate) fn absolute(self, line: u32) -> u32 {
        match self {
            Self::From(first) => first.saturating_add(line.saturating_sub(1)),
            Self::At(only) => only,
        }
    }
}
