//! How what is served stands to what its authors want.

use std::sync::Arc;
use std::time::SystemTime;

use nuncio_config::{Diagnostic, ObjectRef, Severity};
use serde::{Serialize, Serializer};

/// How what is served stands to what its authors want.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// When the configuration was saved that is served because nobody tells of a newer one; `None`
    /// when what is served is what there is.
    pub saved_at: Option<SystemTime>,
    /// The resources that are live in an older version than their newest.
    pub kept: Arc<[KeptResource]>,
}

/// A resource that is live in an older version than its newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptResource {
    /// Whose it is.
    #[serde(serialize_with = "object")]
    pub object: Arc<ObjectRef>,
    /// `Mapping httpbin_mapping`, as diagnostics call it.
    pub resource: Box<str>,
    /// When the older version was the newest.
    pub since: Box<str>,
}

impl Standing {
    /// Whether an older version is live in the place of what a diagnostic is about.
    pub(crate) fn keeps(&self, diagnostic: &Diagnostic) -> bool {
        let concerns = |kept: &KeptResource| {
            let named = diagnostic.resource.as_ref();
            kept.object == diagnostic.at.object
                && named.is_none_or(|resource| *resource == kept.resource)
        };
        diagnostic.severity == Severity::Error && self.kept.iter().any(concerns)
    }
}

fn object<S: Serializer>(object: &Arc<ObjectRef>, serializer: S) -> Result<S::Ok, S::Error> {
    object.serialize(serializer)
}

/// What is told of the saved state while it is served.
#[derive(Debug, Serialize)]
pub(crate) struct Stale {
    pub(crate) saved_at: String,
    pub(crate) age_seconds: u64,
}

impl Stale {
    pub(crate) fn of(standing: &Standing, now: SystemTime) -> Option<Self> {
        let at = standing.saved_at?;
        Some(Self {
            saved_at: httpdate::fmt_http_date(at),
            age_seconds: now.duration_since(at).unwrap_or_default().as_secs(),
        })
    }

    pub(crate) fn notice(&self) -> String {
        let Self { saved_at, .. } = self;
        format!("no source tells of a newer configuration: the one saved at {saved_at} is served")
    }
}
