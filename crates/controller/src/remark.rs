//! Diagnostics about what no document says: all objects of a kind, or what is followed for others.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, ObjectRef, Severity};

use crate::change::{Change, Feed};

/// Says something of all objects of a kind: of `<kind> *`.
pub(crate) fn of_all(kind: &str, severity: Severity, reason: impl Into<Box<str>>) -> Diagnostic {
    let object = ObjectRef {
        kind: kind.into(),
        namespace: "".into(),
        name: "*".into(),
    };
    of(object, severity, reason)
}

/// Says something of an object as a whole.
pub(crate) fn of(object: ObjectRef, severity: Severity, reason: impl Into<Box<str>>) -> Diagnostic {
    let at = Location {
        object: Arc::new(object),
        file: None,
        document: 0,
        line: 0,
    };
    Diagnostic {
        severity,
        at,
        resource: None,
        reason: reason.into(),
    }
}

/// What a server says, as a part of one line.
pub(crate) fn quoted(text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    visible.take(300).collect()
}

/// What is wrong now, by what it is about.
///
/// Invariant: the pipeline is told all of it when it changes.
#[derive(Debug)]
pub(crate) struct Remarks<S> {
    feed: Feed,
    held: BTreeMap<S, Diagnostic>,
    changed: bool,
}

impl<S: Ord> Remarks<S> {
    /// Told as what is wrong with `feed`, which tells nothing else.
    pub(crate) fn new(feed: Feed) -> Self {
        Self {
            feed,
            held: BTreeMap::new(),
            changed: false,
        }
    }

    /// Something is wrong with `subject`, in place of what was before.
    pub(crate) fn hold(&mut self, subject: S, diagnostic: Diagnostic) {
        if self.held.get(&subject) != Some(&diagnostic) {
            self.held.insert(subject, diagnostic);
            self.changed = true;
        }
    }

    /// Nothing is wrong with `subject` any more.
    pub(crate) fn withdraw(&mut self, subject: &S) {
        self.changed |= self.held.remove(subject).is_some();
    }

    /// Nothing is wrong any more.
    pub(crate) fn withdraw_all(&mut self) {
        self.changed |= !std::mem::take(&mut self.held).is_empty();
    }

    /// Whether the pipeline is to be told.
    pub(crate) fn have_changed(&self) -> bool {
        self.changed
    }

    /// All there is to tell.
    pub(crate) fn told(&mut self) -> Change {
        self.changed = false;
        Change::Listed {
            feed: self.feed,
            objects: Vec::new(),
            diagnostics: self.held.values().cloned().collect(),
        }
    }
}
