//! What is wrong with a document, for people.
//!
//! Invariant: every diagnostic names a place and gives a reason that can be read on its own.
//! Deliberately absent: error codes and suggestions that edit text.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Location, ObjectRef};

/// How much harm a diagnostic tells of. Ordered: `Warning < Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is live, but something in it was not honoured or is surprising.
    Warning,
    /// The document (or the file) is not live; of a Module, the key.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One mistake or surprise in what a user wrote.
///
/// Shown as `file:line: object: reason`, or without the file and its line. The object is followed by
/// the number of the document in it, the line in its annotation if there is no file, and the resource
/// once that is known and is not the object: `a.yaml:9: Service default/httpbin, document 1, Mapping
/// httpbin: …`, and `Mapping default/httpbin: …` of a custom resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the document is live.
    pub severity: Severity,
    /// Where the mistake stands.
    pub at: Location,
    /// The resource it concerns, e.g. `Mapping httpbin_mapping`, once its kind and name are known.
    pub resource: Option<Box<str>>,
    /// What is wrong, in lower case without a trailing dot; one line, without control characters.
    pub reason: Box<str>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        if let Some(file) = &at.file {
            write!(f, "{file}:{}: ", at.line)?;
        }
        write!(f, "{}", at.object)?;
        if at.document > 0 {
            write!(f, ", document {}", at.document)?;
        }
        if at.file.is_none() && at.document > 0 {
            write!(f, ", line {}", at.line)?;
        }
        if let Some(resource) = self.resource.as_deref()
            && !names(&at.object, resource)
        {
            write!(f, ", {resource}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Whether a resource is the object itself: `Mapping shop/web` is `Mapping web`.
fn names(object: &ObjectRef, resource: &str) -> bool {
    let name = resource.strip_prefix(&*object.kind);
    name.and_then(|name| name.strip_prefix(' ')) == Some(&*object.name)
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnostic", 7)?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("file", &self.at.file.as_deref())?;
        fields.serialize_field("line", &self.at.line)?;
        fields.serialize_field("document", &self.at.document)?;
        fields.serialize_field("object", &*self.at.object)?;
        fields.serialize_field("resource", &self.resource)?;
        fields.serialize_field("reason", &self.reason)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests;
