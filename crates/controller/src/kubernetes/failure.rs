//! What an error of kube's watcher calls for.
//!
//! Deliberately absent: logging and waiting.

use std::time::Duration;

use kube::runtime::watcher;

/// RBAC changes by hand; asking more often tells nobody anything.
const REFUSED_RETRY: Duration = Duration::from_secs(5);

/// What kind of trouble an error of the watcher tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// 403: RBAC does not grant the kind.
    Refused,
    /// 403 to the watch alone. Listing again would only end here again.
    WatchRefused,
    /// The server no longer has the version asked for (410), or does not have it yet because its
    /// store was restored from a backup (504 "too large resource version").
    Expired,
    /// One event could not be read; those behind it can.
    Undecodable,
    /// The server is away or in trouble.
    Other,
}

impl Failure {
    pub(super) fn of(error: &watcher::Error) -> Self {
        match (status(error).map(|status| status.code), error) {
            (Some(403), watcher::Error::InitialListFailed(_)) => Self::Refused,
            (Some(403), _) => Self::WatchRefused,
            (Some(410 | 504), _) => Self::Expired,
            // kube reads a line that is no event as a Status, all of whose fields may be absent.
            (Some(0), _) => Self::Undecodable,
            (_, watcher::Error::WatchFailed(kube::Error::SerdeError(_))) => Self::Undecodable,
            (_, _) => Self::Other,
        }
    }

    /// The least time to wait before the next attempt; `None` to go on at once.
    pub(super) fn pause(self) -> Option<Duration> {
        match self {
            Self::Refused | Self::WatchRefused => Some(REFUSED_RETRY),
            Self::Expired | Self::Other => Some(Duration::ZERO),
            Self::Undecodable => None,
        }
    }

    /// What operators are told; `None` where there is nothing for them to do, or where the pipeline
    /// tells it as a diagnostic.
    pub(super) fn consequence(self) -> Option<&'static str> {
        match self {
            Self::Refused | Self::WatchRefused | Self::Expired => None,
            Self::Undecodable => Some("the Kubernetes API sent an event that cannot be read"),
            Self::Other => Some("the Kubernetes API is in trouble; the last state stays"),
        }
    }

    pub(super) fn needs_list(self) -> bool {
        match self {
            Self::Refused | Self::Expired => true,
            Self::WatchRefused | Self::Undecodable | Self::Other => false,
        }
    }
}

/// The API server's own answer, when there was one.
pub(super) fn status(error: &watcher::Error) -> Option<&kube::core::Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    }
}

/// An error with its causes, of which "connection refused" is usually the last.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text = format!("{text}: {line}");
        }
        cause = error.source();
    }
    text
}
