//! Collects the diagnostics of one annotation or file, and bounds what reading it may cost.
//!
//! Invariant: the list is bounded whatever the text holds, and says how many were left out.

use std::sync::Arc;

use crate::patterns::Patterns;
use crate::{Diagnostic, Labels, Location, ObjectRef, Origin, Severity};

/// The diagnostics so far, and the document that the next ones are about.
#[derive(Debug)]
pub(crate) struct Report {
    origin: Origin,
    object: Option<Arc<ObjectRef>>,
    document: u32,
    resource: Option<Box<str>>,
    errors: u64,
    listed: Vec<Diagnostic>,
    unlisted: Option<Unlisted>,
    patterns: Patterns,
}

impl Report {
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            object: None,
            document: 0,
            resource: None,
            errors: 0,
            listed: Vec::new(),
            unlisted: None,
            patterns: Patterns::default(),
        }
    }

    /// What follows is about this document, of which nothing is known yet.
    pub(crate) fn enter(&mut self, document: u32) {
        self.document = document;
        self.object = None;
        self.resource = None;
        self.errors = 0;
    }

    /// What follows is about this object within the text's origin.
    pub(crate) fn name_object(&mut self, object: &Arc<ObjectRef>) {
        self.object = Some(Arc::clone(object));
    }

    /// What follows is about an object that is not known yet.
    pub(crate) fn forget_object(&mut self) {
        self.object = None;
    }

    /// What follows is about this resource of the current document.
    pub(crate) fn name_resource(&mut self, kind: &str, name: &str) {
        self.resource = Some(format!("{kind} {name}").into());
    }

    /// What follows is about another resource of the current document.
    pub(crate) fn start_resource(&mut self) {
        self.resource = None;
        self.errors = 0;
    }

    /// What follows is about documents of an object with these labels.
    pub(crate) fn label(&mut self, labels: Labels) {
        self.origin.labels = labels;
    }

    /// The labels of the object that carries the text.
    pub(crate) fn labels(&self) -> &Labels {
        &self.origin.labels
    }

    /// Compiles the regular expressions of the text.
    pub(crate) fn patterns(&mut self) -> &mut Patterns {
        &mut self.patterns
    }

    /// Errors of the current document so far.
    pub(crate) fn errors(&self) -> u64 {
        self.errors
    }

    /// The place of a line of the text in the current document.
    pub(crate) fn at(&self, line: u32) -> Location {
        let at = self.origin.at(self.document, line);
        match &self.object {
            Some(object) => Location {
                object: Arc::clone(object),
                ..at
            },
            None => at,
        }
    }

    pub(crate) fn error(&mut self, line: u32, reason: impl Into<Box<str>>) {
        self.errors += 1;
        self.push(Severity::Error, line, reason.into());
    }

    pub(crate) fn warning(&mut self, line: u32, reason: impl Into<Box<str>>) {
        self.push(Severity::Warning, line, reason.into());
    }

    /// The diagnostics in the order of their lines.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.listed
            .sort_by_key(|diagnostic| (diagnostic.at.document, diagnostic.at.line));
        if let Some(Unlisted {
            count,
            severity,
            at,
        }) = self.unlisted
        {
            let reason = format!("{count} more problems are not listed").into();
            self.listed.push(Diagnostic {
                severity,
                at,
                resource: None,
                reason,
            });
        }
        self.listed
    }

    fn push(&mut self, severity: Severity, line: u32, reason: Box<str>) {
        let at = self.at(line);
        if self.listed.len() < MOST {
            let resource = self.resource.clone();
            self.listed.push(Diagnostic {
                severity,
                at,
                resource,
                reason,
            });
            return;
        }
        let unlisted = self.unlisted.get_or_insert(Unlisted {
            count: 0,
            severity,
            at,
        });
        unlisted.count += 1;
        unlisted.severity = unlisted.severity.max(severity);
    }
}

/// What did not fit: how many, the worst of them, and where the first one stands.
#[derive(Debug)]
struct Unlisted {
    count: usize,
    severity: Severity,
    at: Location,
}

/// A person mends a few and looks again; a text made of mistakes must not cost memory.
const MOST: usize = 100;
