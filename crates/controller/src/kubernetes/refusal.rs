//! What users read when the API server says no to a kind.

use std::sync::Arc;

use kube::runtime::watcher;
use nuncio_config::{Diagnostic, Location, ObjectRef, Severity};

use super::failure::status;
use super::watch::Kind;
use crate::change::Need;

/// One diagnostic for the kind as a whole.
pub(super) fn refusal(kind: Kind, error: &watcher::Error) -> Diagnostic {
    let (severity, consequence) = match kind.feed.need() {
        Need::Required => (
            Severity::Error,
            "nothing of it is followed until that is granted",
        ),
        Need::Optional => (Severity::Warning, "going on without it"),
    };
    let object = ObjectRef {
        kind: kind.name.into(),
        namespace: "".into(),
        name: "*".into(),
    };
    let at = Location {
        object: Arc::new(object),
        file: None,
        document: 0,
        line: 0,
    };
    let message = status(error).map_or("forbidden", |status| status.message.as_str());
    let message: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    let plural = kind.plural;
    let reason = format!("cannot list and watch {plural}: {message}; {consequence}");
    Diagnostic {
        severity,
        at,
        resource: None,
        reason: reason.into(),
    }
}
