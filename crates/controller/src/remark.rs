//! Diagnostics about all objects of a kind, where no object is to blame.

use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, ObjectRef, Severity};

/// Says something of all objects of a kind: of `<kind> *`.
pub(crate) fn of_all(kind: &str, severity: Severity, reason: impl Into<Box<str>>) -> Diagnostic {
    let object = ObjectRef {
        kind: kind.into(),
        namespace: "".into(),
        name: "*".into(),
    };
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
