//! File descriptors: each connection takes one, and its upstream's another.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

/// Has the process use all that it may, rather than what it was started with; gives how many that are.
///
/// The soft limit is low for programs that wait with `select`, which cannot count further. None of ours
/// does.
pub(crate) fn raise() -> u64 {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        ..before
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => info!(
            from = shown(before.current),
            to = shown(before.maximum),
            "file descriptors"
        ),
        Err(error) => warn!(%error, "cannot raise the limit of file descriptors"),
    }
    limit()
}

/// How many the process may have now.
pub(crate) fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn shown(limit: Option<u64>) -> u64 {
    limit.unwrap_or(u64::MAX)
}
