//! Complete lists: as a stream, else in pages.
//!
//! Invariant: a list that did not end is never told as complete.

use std::time::Duration;

use kube::core::WatchEvent;
use kube::runtime::watcher;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::super::failure::{Failure, status};
use super::super::object::Object;
use super::lines::Lines;
use super::target::{Page, Target};
use super::{At, Broken, Follower, State, Stopped, Told, Watch};

/// A stream that is silent for so long before its end was said will never say it: the server does
/// not know streaming lists and took the request for a plain watch.
const STREAM_SILENCE: Duration = Duration::from_secs(10);

/// How often a page is asked for before the whole list is begun anew.
const PAGE_TRIES: u32 = 5;

/// An empty list that may be an error of the server is asked for again after this.
pub(in crate::kubernetes) const DOUBT: Duration = Duration::from_secs(1);

/// Tells the end of a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What a list brought.
struct Brought {
    version: Box<str>,
    items: usize,
    /// The events that follow, where the list came as a stream.
    lines: Option<Lines>,
}

impl<F: Follower> Watch<F> {
    /// Lists the kind, in the first version that can be listed.
    pub(super) async fn list(&mut self) -> Result<(), Broken> {
        sleep(self.server.spread(!self.listed)).await;
        self.stale.mark_unchanged();
        let targets = self.candidates.targets(&self.server.client).await;
        let targets = targets.map_err(watcher::Error::InitialListFailed);
        let targets = targets.map_err(Broken::Server)?;
        let left = targets.len();
        for (left, target) in (0..left).rev().zip(targets) {
            match self.list_of(&target).await {
                Ok(brought) => return self.listed(target, brought).await,
                Err(Broken::Server(error)) if left > 0 && other_version_may_do(&error) => {}
                Err(broken) => return Err(broken),
            }
        }
        Ok(self.absent().await?)
    }

    async fn listed(&mut self, target: Target, brought: Brought) -> Result<(), Broken> {
        self.answered().await?;
        let emptied = brought.items == 0 && self.held.is_some_and(|held| held > 0);
        if emptied && !std::mem::replace(&mut self.doubted, true) {
            warn!(
                kind = self.kind.plural,
                "the Kubernetes API listed nothing where there was something; asking again"
            );
            sleep(DOUBT).await;
            return Ok(());
        }
        self.doubted = false;
        self.held = Some(brought.items);
        self.listed = true;
        self.stats.listed();
        self.follower.take(Told::Listed).await?;
        let at = At {
            target,
            version: brought.version,
            since: Instant::now(),
        };
        self.state = match brought.lines {
            Some(lines) => State::Watching(at, lines),
            None => State::Listed(at),
        };
        Ok(())
    }

    async fn list_of(&mut self, target: &Target) -> Result<Brought, Broken> {
        if self.server.streams()
            && let Some(brought) = self.streamed(target).await?
        {
            return Ok(brought);
        }
        self.paged(target).await
    }

    /// A list as a stream; `None` when the server does not do that.
    async fn streamed(&mut self, target: &Target) -> Result<Option<Brought>, Broken> {
        let mut lines = match target.stream(&self.server.client).await {
            Ok(lines) => lines,
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 405 | 422 | 501) => {
                self.server.does_not_stream();
                return Ok(None);
            }
            // Whether the kind is forbidden or its watch alone is told by the list.
            Err(kube::Error::Api(status)) if status.code == 403 => return Ok(None),
            Err(error) => return Err(Broken::Server(watcher::Error::InitialListFailed(error))),
        };
        self.follower.take(Told::Began).await?;
        let mut items = 0;
        loop {
            let Ok(line) = timeout(STREAM_SILENCE, lines.next()).await else {
                self.server.does_not_stream();
                return Ok(None);
            };
            let Some(line) = line else {
                return Ok(None);
            };
            match line {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    items += 1;
                    self.item(object.get()).await?;
                }
                Ok(WatchEvent::Bookmark(bookmark)) => {
                    let metadata = bookmark.metadata;
                    if metadata.annotations.contains_key(INITIAL_EVENTS_END) {
                        return Ok(Some(Brought {
                            version: metadata.resource_version.into(),
                            items,
                            lines: Some(lines),
                        }));
                    }
                }
                Ok(WatchEvent::Deleted(_)) => {}
                Ok(WatchEvent::Error(status)) => {
                    return Err(Broken::Server(watcher::Error::WatchError(status)));
                }
                Err(error) => self.passed_over(watcher::Error::WatchFailed(error)).await?,
            }
        }
    }

    async fn paged(&mut self, target: &Target) -> Result<Brought, Broken> {
        let (mut token, mut count) = (None, 0);
        loop {
            let page = self.page(target, token.as_deref()).await?;
            if token.is_none() {
                self.follower.take(Told::Began).await?;
            }
            for item in page.items.iter().flatten() {
                count += 1;
                self.item(item.get()).await?;
            }
            token = Some(page.metadata.r#continue).filter(|token| !token.is_empty());
            if token.is_none() {
                let version = page.metadata.resource_version;
                return Ok(Brought {
                    version,
                    items: count,
                    lines: None,
                });
            }
        }
    }

    /// One page. A later one is tried some times by itself: those before it are not lost.
    async fn page(&mut self, target: &Target, token: Option<&str>) -> Result<Page, Broken> {
        let mut left = PAGE_TRIES;
        loop {
            let page = target.page(&self.server.client, token).await;
            let error = match page {
                Ok(page) => return Ok(page),
                Err(error) => watcher::Error::InitialListFailed(error),
            };
            left -= 1;
            let failure = Failure::of(&error);
            if token.is_none() || left == 0 || failure != Failure::Other {
                return Err(Broken::Server(error));
            }
            self.report(&error, failure).await?;
            self.wait(&error, failure).await;
        }
    }

    async fn item(&mut self, text: &str) -> Result<(), Broken> {
        match Object::read(text) {
            Ok(object) => Ok(self.follower.take(Told::Item(object)).await?),
            Err(error) => {
                let error = watcher::Error::WatchFailed(kube::Error::SerdeError(error));
                self.passed_over(error).await
            }
        }
    }

    /// Tells once of what cannot be read in a list; whatever ends the stream is an error.
    async fn passed_over(&mut self, error: watcher::Error) -> Result<(), Broken> {
        let failure = Failure::of(&error);
        if failure != Failure::Undecodable {
            return Err(Broken::Server(error));
        }
        let told: Result<(), Stopped> = self.report(&error, failure).await;
        Ok(told?)
    }
}

/// Not known in this version, or not converted to it.
fn other_version_may_do(error: &watcher::Error) -> bool {
    let code = status(error).map(|status| status.code);
    code.is_some_and(|code| code == 404 || (code >= 500 && code != 504))
}
