//! Gathers what is found wrong with some resources during a compilation.

use std::fmt;
use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, Resource, Severity};

use crate::Refusal;

/// What has been found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) refused: Vec<Refusal>,
}

impl Report {
    /// `resource` is not live, whatever the others are.
    pub(crate) fn error(&mut self, resource: &Resource, reason: impl fmt::Display) {
        self.add(Severity::Error, resource, reason);
        self.refuse(resource, None);
    }

    /// `resource` is not live, since `other` is.
    pub(crate) fn error_against(
        &mut self,
        resource: &Resource,
        other: &Resource,
        reason: impl fmt::Display,
    ) {
        self.add(Severity::Error, resource, reason);
        self.refuse(resource, Some(other));
    }

    /// `resource` is live, but not as its author may expect.
    pub(crate) fn warning(&mut self, resource: &Resource, reason: impl fmt::Display) {
        self.add(Severity::Warning, resource, reason);
    }

    fn add(&mut self, severity: Severity, resource: &Resource, reason: impl fmt::Display) {
        self.diagnostics.push(Diagnostic {
            severity,
            at: resource.at.clone(),
            resource: Some(resource.to_string().into()),
            reason: reason.to_string().into(),
        });
    }

    fn refuse(&mut self, resource: &Resource, against: Option<&Resource>) {
        self.refused.push(Refusal {
            object: Arc::clone(&resource.at.object),
            kind: resource.kind.as_str(),
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
            against: against.map(|other| Arc::clone(&other.at.object)),
        });
    }
}

/// A place as part of a sentence: `Service default/httpbin, document 2, line 7`.
pub(crate) struct Place<'a>(pub(crate) &'a Location);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location {
            object,
            file,
            document,
            line,
        } = self.0;
        match file {
            Some(file) => write!(f, "{object}, {file}:{line}"),
            None => write!(f, "{object}, document {document}, line {line}"),
        }
    }
}
