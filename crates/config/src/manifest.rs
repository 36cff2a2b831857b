//! A manifest file: Kubernetes objects in a multi-document YAML (or JSON) text.
//!
//! Invariant: every Service is listed, or there is an error; a document that cannot be read harms
//! itself alone.
//! Deliberately absent: what annotations mean, and objects that other controllers look after.

mod guess;
mod object;

use std::sync::Arc;

use crate::report::Report;
use crate::yaml::{self, Limits};
use crate::{Diagnostic, Lines, ObjectRef, Origin};

/// What a manifest file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The Services, in the order they were written.
    pub objects: Vec<ManifestObject>,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// One object of a manifest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestObject {
    /// Which object it is.
    pub object: Arc<ObjectRef>,
    /// The line it begins at.
    pub line: u32,
    /// Its [`CONFIG_ANNOTATION`](crate::CONFIG_ANNOTATION).
    pub annotation: Option<Annotation>,
}

impl ManifestObject {
    /// Where the annotation comes from, for [`parse_annotation`](crate::parse_annotation).
    pub fn origin(&self, file: &Arc<str>, annotation: &Annotation) -> Origin {
        Origin {
            object: Arc::clone(&self.object),
            file: Some(Arc::clone(file)),
            lines: annotation.lines,
        }
    }
}

/// An annotation's value, ready to be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The value.
    pub text: Box<str>,
    /// Where its lines stand in the file.
    pub lines: Lines,
}

/// Reads a manifest file. Never fails.
///
/// Objects may stand in documents of their own or in a `List`. Other kinds than Service are passed
/// over. Lines of annotations are exact for literal block scalars (`|`); for other scalars they are
/// the line of the scalar.
pub fn read_manifest(file: &Arc<str>, text: &str) -> Manifest {
    let whole = Arc::new(ObjectRef {
        kind: "File".into(),
        namespace: "".into(),
        name: (**file).into(),
    });
    let mut report = Report::new(Origin {
        object: whole,
        file: Some(Arc::clone(file)),
        lines: Lines::From(1),
    });
    let mut objects = Vec::new();
    if text.len() > LIMITS.bytes {
        report.error(1, format!("longer than {} bytes, not read", LIMITS.bytes));
        return Manifest {
            objects,
            diagnostics: report.finish(),
        };
    }
    let text = yaml::normalised(text);
    for document in yaml::documents(&text) {
        report.enter(document.number);
        match yaml::load(&document, LIMITS) {
            Ok(Some(root)) => object::read(&root, &mut objects, &mut report),
            Ok(None) => {}
            Err(broken) => {
                if let Some(object) = guess::object(document.text) {
                    report.name_object(&Arc::new(object));
                }
                report.error(broken.line, broken.reason(|line| line));
            }
        }
    }
    Manifest {
        objects,
        diagnostics: report.finish(),
    }
}

/// Room for a dump of all Services of a big cluster, as one `List`.
const LIMITS: Limits = Limits {
    nodes: 2_000_000,
    bytes: 32 * 1024 * 1024,
};
