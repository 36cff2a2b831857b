//! What users read when the API server says no to a kind.

use kube::runtime::watcher;
use nuncio_config::{Diagnostic, Severity};

use super::failure::status;
use super::watch::Kind;
use crate::change::Need;
use crate::remark;

/// One diagnostic for the kind as a whole.
pub(super) fn refusal(kind: Kind, error: &watcher::Error) -> Diagnostic {
    let (severity, consequence) = match kind.feed.need() {
        Need::Required => (
            Severity::Error,
            "nothing of it is followed until that is granted",
        ),
        Need::Optional => (Severity::Warning, "going on without it"),
    };
    let message = status(error).map_or("forbidden", |status| status.message.as_str());
    let message = remark::quoted(message);
    let plural = kind.plural;
    let reason = format!("cannot list and watch {plural}: {message}; {consequence}");
    remark::of_all(kind.name, severity, reason)
}
