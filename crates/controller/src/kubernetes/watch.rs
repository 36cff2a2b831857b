//! The watch of one kind: a list, then its events, for as long as the gateway runs.
//!
//! Builds on kube's watcher, which resumes a watch that ended from the last version it saw, pages
//! through lists, and swallows bookmarks. Added here: pacing of retries; a fresh list where the
//! server no longer knows a version or says no (kube's watcher would ask with the same version for
//! ever when 410 or 504 comes as the answer to a watch request); lists taken as a whole; and one
//! log line per outage.
//!
//! Invariant: a list is told as one `Change` when its last page has arrived, never in parts.
//! Deliberately absent: what objects mean (`Kind::announced` reads them).

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use nuncio_config::{Diagnostic, Location, ObjectRef, Severity};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{self, error::SendError};
use tokio::time::{Instant, error::Elapsed, timeout_at};
use tracing::{info, warn};

use super::endpoints::Touched;
use super::failure::{Failure, chain, status};
use super::retry::{Retry, Run};
use crate::change::{Announced, Change, Feed, Need};

/// The server ends a watch after this time, and kube's watcher gives up on one that is silent for
/// five seconds more: a connection that died without a word is noticed within a minute.
pub(super) const WATCH_SECONDS: u32 = 50;

/// As client-go asks for.
pub(super) const PAGE: u32 = 500;

/// A refusal is answered sooner. Silence is the only sign of a watch that goes well: kube's watcher
/// tells neither of its beginning nor of bookmarks.
const SILENCE: Duration = Duration::from_secs(2);

/// One kind of object and what is read from it.
pub(super) struct Kind {
    pub(super) feed: Feed,
    pub(super) name: &'static str,
    pub(super) plural: &'static str,
    /// A field selector.
    pub(super) fields: Option<&'static str>,
    /// What the pipeline is told of an object; `None` when it is not ours.
    pub(super) announced: fn(&ObjectMeta) -> Option<Announced>,
}

/// Nobody listens any more.
type Stopped = SendError<Change>;

/// The state of one kind's watch.
pub(super) struct Watch<K> {
    kind: &'static Kind,
    api: Api<PartialObjectMeta<K>>,
    changes: mpsc::Sender<Change>,
    retry: Retry,
    /// What the list under way has brought so far.
    listing: Vec<Announced>,
    /// Trouble was logged and its end was not.
    failing: bool,
    /// When a watch that was refused counts as granted, if it is not refused again before.
    granted_at: Option<Instant>,
    /// Who hears of each object, whether or not it is ours.
    touched: Option<Arc<Touched>>,
}

impl<K> Watch<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    pub(super) fn new(
        kind: &'static Kind,
        api: Api<PartialObjectMeta<K>>,
        changes: mpsc::Sender<Change>,
    ) -> Self {
        let (retry, listing) = (Retry::default(), Vec::new());
        Self {
            kind,
            api,
            changes,
            retry,
            listing,
            failing: false,
            granted_at: None,
            touched: None,
        }
    }

    pub(super) fn touching(self, touched: &Arc<Touched>) -> Self {
        Self {
            touched: Some(Arc::clone(touched)),
            ..self
        }
    }

    /// Follows the kind until nobody listens any more.
    pub(super) async fn run(mut self) {
        while self.follow().await.is_ok() {}
    }

    /// Follows one list and the watches after it, until a fresh list is needed.
    async fn follow(&mut self) -> Result<(), Stopped> {
        let mut events = pin!(watcher(self.api.clone(), self.config()));
        loop {
            let event = match until(self.granted_at, events.next()).await {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(_silence) => {
                    self.granted().await?;
                    continue;
                }
            };
            let error = match event {
                Ok(event) => {
                    self.granted().await?;
                    self.take(event).await?;
                    continue;
                }
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            self.report(&error, failure).await?;
            if let Some(least) = failure.pause() {
                tokio::time::sleep(self.retry.delay(least)).await;
            }
            if failure.needs_list() {
                return Ok(());
            }
            if failure == Failure::WatchRefused || self.granted_at.is_some() {
                self.granted_at = Some(Instant::now() + SILENCE);
            }
        }
    }

    /// Withdraws the refusal of the watch, if there was one.
    async fn granted(&mut self) -> Result<(), Stopped> {
        if self.granted_at.take().is_none() {
            return Ok(());
        }
        let feed = self.kind.feed;
        self.changes.send(Change::Granted { feed }).await
    }

    fn config(&self) -> watcher::Config {
        let config = watcher::Config::default()
            .timeout(WATCH_SECONDS)
            .page_size(PAGE);
        match self.kind.fields {
            Some(fields) => config.fields(fields),
            None => config,
        }
    }

    async fn take(&mut self, event: Event<PartialObjectMeta<K>>) -> Result<(), Stopped> {
        if let Some(touched) = &self.touched {
            touch(touched, &event);
        }
        let feed = self.kind.feed;
        let change = match event {
            Event::Init => {
                self.listing.clear();
                return Ok(());
            }
            Event::InitApply(object) => {
                self.listing.extend((self.kind.announced)(&object.metadata));
                return Ok(());
            }
            Event::InitDone => {
                let objects = std::mem::take(&mut self.listing);
                Change::Listed {
                    feed,
                    objects,
                    diagnostics: Vec::new(),
                }
            }
            Event::Apply(object) => {
                self.retry.progressed();
                let Some(change) = self.applied(&object.metadata) else {
                    return Ok(());
                };
                change
            }
            Event::Delete(object) => {
                self.retry.progressed();
                let Some(object) = object_ref(self.kind.name, &object.metadata) else {
                    return Ok(());
                };
                Change::Removed { feed, object }
            }
        };
        self.recovered();
        self.changes.send(change).await
    }

    fn applied(&self, meta: &ObjectMeta) -> Option<Change> {
        let feed = self.kind.feed;
        let gone = || {
            Some(Change::Removed {
                feed,
                object: object_ref(self.kind.name, meta)?,
            })
        };
        let applied = |object| Change::Applied { feed, object };
        (self.kind.announced)(meta).map(applied).or_else(gone)
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.failing) {
            info!(kind = self.kind.plural, "the Kubernetes API answers again");
        }
    }

    async fn report(&mut self, error: &watcher::Error, failure: Failure) -> Result<(), Stopped> {
        let run = self.retry.failed(Instant::now());
        if matches!(failure, Failure::Refused | Failure::WatchRefused) {
            // The pipeline drops what it has heard before, and logs it once.
            let diagnostic = self.kind.refusal(error);
            return self
                .changes
                .send(Change::Refused {
                    feed: self.kind.feed,
                    diagnostic,
                })
                .await;
        }
        if run == Run::Begins || (failure == Failure::Other && !self.failing) {
            self.log(error, failure);
        }
        Ok(())
    }

    /// One line for a run of failures, not one for each.
    fn log(&mut self, error: &watcher::Error, failure: Failure) {
        let Some(consequence) = failure.consequence() else {
            return;
        };
        self.failing |= failure == Failure::Other;
        warn!(
            kind = self.kind.plural,
            error = chain(error),
            "{consequence}"
        );
    }
}

impl Kind {
    /// What users read when the API server says no to this kind.
    fn refusal(&self, error: &watcher::Error) -> Diagnostic {
        let (severity, consequence) = match self.feed.need() {
            Need::Required => (
                Severity::Error,
                "nothing of it is followed until that is granted",
            ),
            Need::Optional => (Severity::Warning, "going on without it"),
        };
        let object = ObjectRef {
            kind: self.name.into(),
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
        let reason = format!(
            "cannot list and watch {}: {message}; {consequence}",
            self.plural
        );
        Diagnostic {
            severity,
            at,
            resource: None,
            reason: reason.into(),
        }
    }
}

fn touch<K>(touched: &Touched, event: &Event<PartialObjectMeta<K>>) {
    match event {
        Event::Apply(object) | Event::Delete(object) => {
            let meta = &object.metadata;
            let namespace = meta.namespace.as_deref().unwrap_or_default();
            touched.touch(namespace, meta.name.as_deref().unwrap_or_default());
        }
        Event::InitDone => touched.touch_all(),
        Event::Init | Event::InitApply(_) => {}
    }
}

/// Waits for `event`, at most until the deadline if there is one.
async fn until<T>(deadline: Option<Instant>, event: impl Future<Output = T>) -> Result<T, Elapsed> {
    match deadline {
        Some(deadline) => timeout_at(deadline, event).await,
        None => Ok(event.await),
    }
}

/// Names an object; `None` for one without a name, which the API server never sends.
pub(super) fn object_ref(kind: &str, meta: &ObjectMeta) -> Option<ObjectRef> {
    let name = meta.name.as_deref()?.into();
    let namespace = meta.namespace.as_deref().unwrap_or_default().into();
    Some(ObjectRef {
        kind: kind.into(),
        namespace,
        name,
    })
}
