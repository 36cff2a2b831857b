//! Gathers diagnostics during a compilation.

use std::fmt;
use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, Resource, Severity};

use crate::Diagnostics;

/// What has been found wrong so far.
#[derive(Debug)]
pub(super) struct Report(Vec<Diagnostic>);

impl Report {
    pub(super) fn new(found_before: impl IntoIterator<Item = Diagnostic>) -> Self {
        Self(found_before.into_iter().collect())
    }

    /// `resource` is not live.
    pub(super) fn error(&mut self, resource: &Resource, reason: impl fmt::Display) {
        self.add(Severity::Error, resource, reason);
    }

    /// `resource` is live, but not as its author may expect.
    pub(super) fn warning(&mut self, resource: &Resource, reason: impl fmt::Display) {
        self.add(Severity::Warning, resource, reason);
    }

    /// All diagnostics.
    pub(super) fn finish(self) -> Diagnostics {
        let mut all = Diagnostics::default();
        let found = self.0.into_iter().map(Arc::new);
        found.for_each(|diagnostic| all.insert(diagnostic));
        all
    }

    fn add(&mut self, severity: Severity, resource: &Resource, reason: impl fmt::Display) {
        self.0.push(Diagnostic {
            severity,
            at: resource.at.clone(),
            resource: Some(resource.to_string().into()),
            reason: reason.to_string().into(),
        });
    }
}

/// A place as part of a sentence: `Service default/httpbin, document 2, line 7`.
pub(super) struct Place<'a>(pub(super) &'a Location);

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
