//! The watch of one kind: a list, then its events, for as long as the gateway runs.
//!
//! A list comes as a stream where the server offers that, else in pages; a page that fails is asked
//! for again by itself. A watch that ended is resumed from the last version that was seen, also in a
//! bookmark. A fresh list is asked for only where the server no longer knows a version (410) or says
//! no, and one that is empty where there was something is asked for twice.
//!
//! Invariant: a list is told as a whole; a failure tells nothing but itself, once per outage.
//! Deliberately absent: what objects mean (followers read them), and copies of them.

mod candidates;
mod lines;
mod list;
mod server;
mod target;

use std::sync::Arc;
use std::time::Duration;

use kube::core::WatchEvent;
use kube::runtime::watcher;
use nuncio_telemetry::FeedStats;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::failure::{Failure, chain, status};
use super::object::Object;
use super::outage::{Loss, STEADY, broke_off};
use super::retry::{Retry, Run};
use crate::change::{Feed, Need};
pub(super) use candidates::{Candidates, Custom};
use lines::{Line, Lines};
pub(super) use list::DOUBT;
pub(super) use server::Server;
pub(super) use target::{Depth, Target};

/// The server ends a watch after this time, and one that is silent for five seconds more is given
/// up: a connection that died without a word is noticed within a minute.
pub(super) const WATCH_SECONDS: u32 = 50;

/// As client-go asks for.
pub(super) const PAGE: u32 = 500;

/// A server that ends watches sooner than this is not asked again at once.
const SHORT: Duration = Duration::from_millis(500);

/// A server that ends watches sooner than this has gone, or lost its connections.
const IN_TIME: Duration = Duration::from_secs(WATCH_SECONDS as u64 - 5);

/// Watches that ended too soon begin anew within this.
const EARLY: Duration = Duration::from_millis(200);

/// Nobody listens any more.
#[derive(Debug)]
pub(super) struct Stopped;

/// Takes what a watch tells.
pub(super) trait Follower: Send {
    /// Takes one thing; an error ends the watch.
    fn take(&mut self, told: Told<'_>) -> impl Future<Output = Result<(), Stopped>> + Send;
}

/// What a watch tells.
#[derive(Debug)]
pub(super) enum Told<'a> {
    /// A list begins; what an unfinished one brought counts for nothing.
    Began,
    /// One object of the list.
    Item(Object<'a>),
    /// The list is complete: what is not in it is gone.
    Listed,
    /// An object is new, or other than before.
    Applied(Object<'a>),
    /// An object is gone.
    Removed(Object<'a>),
    /// The server refuses the kind. What it told before stands.
    Refused(&'a watcher::Error),
    /// It refuses the kind no longer.
    Granted,
    /// The server does not know the kind. What it told before stands.
    Absent,
}

/// What a watch is of, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) feed: Feed,
    pub(super) name: &'static str,
    pub(super) plural: &'static str,
}

/// The watch of one kind.
pub(super) struct Watch<F> {
    kind: Kind,
    server: Arc<Server>,
    stats: Arc<FeedStats>,
    candidates: Candidates,
    follower: F,
    /// Asks for a fresh list whenever it changes.
    stale: watch::Receiver<()>,
    state: State,
    retry: Retry,
    /// Objects there are, by the last list and the events since; `None` before there was any.
    held: Option<usize>,
    /// There was a list.
    listed: bool,
    /// An empty list is under suspicion.
    doubted: bool,
    /// Trouble was logged and its end was not.
    failing: bool,
    refused: bool,
}

enum State {
    Unlisted,
    Listed(At),
    Watching(At, Lines),
}

/// Up to where a watch has seen everything.
struct At {
    target: Target,
    version: Box<str>,
    since: Instant,
}

/// Why a step was not made.
enum Broken {
    Stopped,
    Server(watcher::Error),
}

impl From<Stopped> for Broken {
    fn from(_stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl<F: Follower> Watch<F> {
    pub(super) fn new(
        kind: Kind,
        server: &Arc<Server>,
        candidates: Candidates,
        follower: F,
    ) -> Self {
        Self {
            kind,
            server: Arc::clone(server),
            stats: server.telemetry.control().feed(kind.feed.label()),
            candidates,
            follower,
            stale: watch::channel(()).1,
            state: State::Unlisted,
            retry: Retry::default(),
            held: None,
            listed: false,
            doubted: false,
            failing: false,
            refused: false,
        }
    }

    /// Takes the place of a watch that knew of so many objects: that there are none has to be heard
    /// twice.
    pub(super) fn succeeding(mut self, held: usize) -> Self {
        self.held = Some(held);
        self
    }

    /// Lists anew whenever `stale` changes.
    pub(super) fn relisting_on(mut self, stale: watch::Receiver<()>) -> Self {
        self.stale = stale;
        self
    }

    /// Follows the kind until nobody listens any more.
    pub(super) async fn run(mut self) {
        loop {
            let settled = match self.step().await {
                Ok(()) => Ok(()),
                Err(Broken::Stopped) => Err(Stopped),
                Err(Broken::Server(error)) => self.failed(&error).await,
            };
            if settled.is_err() {
                return;
            }
        }
    }

    async fn step(&mut self) -> Result<(), Broken> {
        match std::mem::replace(&mut self.state, State::Unlisted) {
            State::Unlisted => self.list().await,
            State::Listed(at) => self.open(at).await,
            State::Watching(at, lines) => self.follow(at, lines).await,
        }
    }

    /// Begins a watch where the last one ended.
    async fn open(&mut self, mut at: At) -> Result<(), Broken> {
        let opened = at.target.watch(&self.server.client, &at.version).await;
        at.since = Instant::now();
        match opened {
            Ok(lines) => {
                self.state = State::Watching(at, lines);
                self.stats.watched();
                self.answered().await?;
                Ok(())
            }
            Err(error) => {
                self.state = State::Listed(at);
                Err(Broken::Server(watcher::Error::WatchStartFailed(error)))
            }
        }
    }

    /// Takes the next event.
    async fn follow(&mut self, mut at: At, mut lines: Lines) -> Result<(), Broken> {
        let line = tokio::select! {
            line = lines.next() => line,
            Ok(()) = self.stale.changed() => return Ok(()),
        };
        let Some(line) = line else {
            let lasted = at.since.elapsed();
            self.state = State::Listed(at);
            self.ended(lasted).await;
            return Ok(());
        };
        let heard = self.hear(line, &mut at).await;
        self.state = State::Watching(at, lines);
        heard
    }

    /// Waits as the end of a watch that lasted so long calls for.
    async fn ended(&mut self, lasted: Duration) {
        if lasted < SHORT {
            self.retry.failed(Instant::now());
            sleep(self.retry.delay(Duration::ZERO)).await;
        } else if lasted < IN_TIME {
            // All watches of a server that went end together; one of them will find out.
            sleep(EARLY.mul_f64(fastrand::f64())).await;
            self.server.outage.turn().await;
        }
    }

    async fn hear(&mut self, line: kube::Result<Line>, at: &mut At) -> Result<(), Broken> {
        let line = line.map_err(|error| Broken::Server(watcher::Error::WatchFailed(error)))?;
        let told = match &line {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                Told::Applied(read(object.get())?)
            }
            WatchEvent::Deleted(object) => Told::Removed(read(object.get())?),
            WatchEvent::Bookmark(bookmark) => {
                at.version = bookmark.metadata.resource_version.as_str().into();
                self.stats.heard();
                return Ok(());
            }
            WatchEvent::Error(status) => {
                return Err(Broken::Server(watcher::Error::WatchError(status.clone())));
            }
        };
        if let Told::Applied(object) | Told::Removed(object) = &told
            && !object.meta.resource_version.is_empty()
        {
            at.version = object.meta.resource_version.clone();
        }
        self.retry.progressed();
        self.stats.told();
        self.held = self.held.map(|held| held_after(&line, held));
        Ok(self.follower.take(told).await?)
    }

    /// The server let a watch or a list begin.
    async fn answered(&mut self) -> Result<(), Stopped> {
        self.server.outage.answered();
        self.stats.set_connected(true);
        if std::mem::take(&mut self.failing) {
            info!(kind = self.kind.plural, "the Kubernetes API answers again");
        }
        if std::mem::take(&mut self.refused) {
            self.follower.take(Told::Granted).await?;
        }
        Ok(())
    }

    /// Tells of a failure and waits as long as it calls for.
    async fn failed(&mut self, error: &watcher::Error) -> Result<(), Stopped> {
        if status(error).is_some_and(|status| status.code == 404) {
            return self.absent().await;
        }
        let failure = Failure::of(error);
        if matches!(&self.state, State::Watching(at, _) if at.since.elapsed() > STEADY) {
            self.retry.progressed();
        }
        self.stats.failed();
        self.report(error, failure).await?;
        self.state = match std::mem::replace(&mut self.state, State::Unlisted) {
            _gone if failure.needs_list() || self.needs_other_version(error) => State::Unlisted,
            watching @ State::Watching(..) if failure == Failure::Undecodable => watching,
            State::Watching(at, _) | State::Listed(at) => State::Listed(at),
            State::Unlisted => State::Unlisted,
        };
        self.wait(error, failure).await;
        Ok(())
    }

    /// Waits as long as a failure calls for; while the server is away, for one's turn.
    async fn wait(&mut self, error: &watcher::Error, failure: Failure) {
        let outage = &self.server.outage;
        if let Some(loss) = Loss::of(error) {
            outage.lost(loss);
            if broke_off(error) {
                sleep(self.retry.delay(Duration::ZERO)).await;
            }
            return outage.turn().await;
        }
        if status(error).is_some() {
            outage.answered();
        }
        if let Some(least) = self.pause(failure) {
            sleep(self.retry.delay(least)).await;
        }
    }

    /// A server that cannot convert objects fails their watch for ever.
    fn needs_other_version(&self, error: &watcher::Error) -> bool {
        let in_trouble = status(error).is_some_and(|status| status.code >= 500);
        in_trouble && self.candidates.has_versions()
    }

    fn pause(&self, failure: Failure) -> Option<Duration> {
        let refused = matches!(failure, Failure::Refused | Failure::WatchRefused);
        if refused && self.kind.feed.need() == Need::Optional {
            return Some(self.server.pace.refused);
        }
        failure.pause()
    }

    /// The server does not know the kind: looked at again now and then.
    async fn absent(&mut self) -> Result<(), Stopped> {
        self.answered().await?;
        self.follower.take(Told::Absent).await?;
        self.state = State::Unlisted;
        let pause = self.server.pace.absent;
        sleep(pause.mul_f64(1.0 - fastrand::f64() / 4.0)).await;
        Ok(())
    }

    /// One line for a run of failures, not one for each.
    async fn report(&mut self, error: &watcher::Error, failure: Failure) -> Result<(), Stopped> {
        let run = self.retry.failed(Instant::now());
        let refused = matches!(failure, Failure::Refused | Failure::WatchRefused);
        let required = self.kind.feed.need() == Need::Required;
        if failure == Failure::Other || (refused && required) {
            self.stats.set_connected(false);
        }
        if refused {
            self.refused = true;
            return self.follower.take(Told::Refused(error)).await;
        }
        let begins = run == Run::Begins || (failure == Failure::Other && !self.failing);
        let Some(consequence) = failure.consequence().filter(|_| begins) else {
            return Ok(());
        };
        self.failing |= failure == Failure::Other;
        let (kind, error) = (self.kind.plural, chain(error));
        warn!(kind, error, "{consequence}");
        Ok(())
    }
}

/// How many objects there are after an event.
fn held_after(line: &Line, held: usize) -> usize {
    match line {
        WatchEvent::Added(_) => held + 1,
        WatchEvent::Modified(_) => held.max(1),
        WatchEvent::Deleted(_) => held.saturating_sub(1),
        WatchEvent::Bookmark(_) | WatchEvent::Error(_) => held,
    }
}

/// Reads the head of an object.
fn read(text: &str) -> Result<Object<'_>, Broken> {
    let unreadable = |error| watcher::Error::WatchFailed(kube::Error::SerdeError(error));
    Object::read(text).map_err(|error| Broken::Server(unreadable(error)))
}

#[cfg(test)]
mod tests;
