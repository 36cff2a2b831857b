//! Which build this is, and where it runs.

use nuncio_telemetry::BuildInfo;

use crate::arguments::IdentityArguments;

/// The version of the release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from; empty when built from an archive.
pub(crate) const COMMIT: &str = env!("NUNCIO_COMMIT");

/// Version and commit, as `--version` shows them.
pub(crate) const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("NUNCIO_COMMIT_OR_NONE"),
    ")"
);

/// What the metrics say about this process.
pub(crate) fn info(identity: &IdentityArguments) -> BuildInfo {
    BuildInfo {
        version: VERSION.into(),
        commit: COMMIT.into(),
        ambassador_id: identity.ambassador_id.as_str().into(),
        cluster_id: cluster_id(),
        single_namespace: identity.single_namespace,
    }
}

/// `AMBASSADOR_CLUSTER_ID`; empty when nobody told.
pub(crate) fn cluster_id() -> Box<str> {
    std::env::var("AMBASSADOR_CLUSTER_ID")
        .unwrap_or_default()
        .into()
}

/// The name of the machine, which in a cluster is the pod's.
pub(crate) fn hostname() -> Box<str> {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".into(), |name| name.trim().into())
}
