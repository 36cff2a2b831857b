//! The watch of the EndpointSlices of some Services of one namespace.
//!
//! Invariant: a list is told as a whole; of slices of other Services nothing is kept.
//! Deliberately absent: what slices mean together.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::mpsc::{self, error::SendError};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::slice::{SERVICE_LABEL, Slice};
use crate::kubernetes::cover::{Scope, Selection};
use crate::kubernetes::failure::{Failure, chain, status};
use crate::kubernetes::outage::{Loss, Outage, broke_off};
use crate::kubernetes::retry::{Retry, Run};
use crate::kubernetes::watch::{DOUBT, PAGE, WATCH_SECONDS};

/// What a watch has to say.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) watch: WatchId,
    pub(super) namespace: Arc<str>,
    pub(super) what: What,
}

/// Tells a watch from any other there ever was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WatchId(pub(super) u64);

#[derive(Debug)]
pub(super) enum What {
    /// All slices of its Services.
    Listed(Vec<Named>),
    /// A slice is new, or other than before.
    Applied(Named),
    /// A slice is gone.
    Removed { service: Box<str>, slice: Box<str> },
    /// The server refuses to tell, and why.
    Refused(Box<str>),
}

/// A slice, and whose it is.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) service: Box<str>,
    pub(super) name: Box<str>,
    pub(super) slice: Slice,
}

/// The state of one watch.
pub(super) struct Watch {
    id: WatchId,
    namespace: Arc<str>,
    scope: Scope<Box<str>>,
    api: Api<EndpointSlice>,
    heard: mpsc::Sender<Heard>,
    outage: Arc<Outage>,
    retry: Retry,
    listing: Vec<Named>,
    /// Slices of its Services may be known, by it or a watch before it.
    known: bool,
    /// An empty list is under suspicion.
    doubted: bool,
    /// A list, and when it is to be told: a watch that was refused after its list has to stand
    /// first, or else endpoints that nobody follows would be believed.
    withheld: Option<(Instant, Vec<Named>)>,
    watch_refused: bool,
    /// Trouble was logged and its end was not.
    failing: bool,
    told_of_names: bool,
}

/// Nobody listens any more.
type Stopped = SendError<Heard>;

/// A watch that is refused says so sooner.
const SILENCE: Duration = Duration::from_secs(2);

/// The API server of a Kubernetes before 1.21 does not know slices.
const NOT_FOUND: u16 = 404;

impl Watch {
    pub(super) fn new(
        (id, scope): (WatchId, Scope<Box<str>>),
        (client, outage): (&kube::Client, &Arc<Outage>),
        namespace: &Arc<str>,
        heard: mpsc::Sender<Heard>,
    ) -> Self {
        Self {
            id,
            namespace: Arc::clone(namespace),
            scope,
            api: Api::namespaced(client.clone(), namespace),
            heard,
            outage: Arc::clone(outage),
            retry: Retry::default(),
            listing: Vec::new(),
            known: false,
            doubted: false,
            withheld: None,
            watch_refused: false,
            failing: false,
            told_of_names: false,
        }
    }

    /// An empty first list says something else than was known.
    pub(super) fn succeeding(mut self, known: bool) -> Self {
        self.known = known;
        self
    }

    /// Follows the slices until nobody listens any more.
    pub(super) async fn run(mut self) {
        while self.follow().await.is_ok() {}
    }

    /// Follows one list and the watches after it, until a fresh list is needed.
    async fn follow(&mut self) -> Result<(), Stopped> {
        self.withheld = None;
        let mut events = pin!(watcher(self.api.clone(), self.config()));
        loop {
            let event = match &self.withheld {
                None => events.next().await,
                Some((until, _)) => match timeout_at(*until, events.next()).await {
                    Ok(event) => event,
                    Err(_silence) => {
                        self.stands().await?;
                        continue;
                    }
                },
            };
            match event {
                None => return Ok(()),
                Some(Ok(Event::InitDone)) if self.is_doubtful() => {
                    let namespace = &*self.namespace;
                    warn!(
                        namespace,
                        "no EndpointSlices where there were some; asking again"
                    );
                    sleep(DOUBT).await;
                    return Ok(());
                }
                Some(Ok(event)) => self.take(event).await?,
                Some(Err(error)) => {
                    if self.failed(&error).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the list that ended is empty where there was something, for the first time.
    fn is_doubtful(&mut self) -> bool {
        let emptied = self.known && self.listing.is_empty();
        emptied && !std::mem::replace(&mut self.doubted, true)
    }

    fn config(&self) -> watcher::Config {
        let config = watcher::Config::default()
            .timeout(WATCH_SECONDS)
            .page_size(PAGE);
        match self.scope.by {
            Selection::Place => config.labels(SERVICE_LABEL),
            Selection::Name => {
                let services: Vec<&str> = self.scope.names.iter().map(|name| &**name).collect();
                config.labels(&format!("{SERVICE_LABEL} in ({})", services.join(",")))
            }
        }
    }

    async fn take(&mut self, event: Event<EndpointSlice>) -> Result<(), Stopped> {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(slice) => {
                let named = self.named(&slice);
                self.listing.extend(named);
            }
            Event::InitDone => {
                let slices = std::mem::take(&mut self.listing);
                self.doubted = false;
                self.known = !slices.is_empty();
                self.withheld = Some((Instant::now() + SILENCE, slices));
                if !self.watch_refused {
                    self.stands().await?;
                }
            }
            Event::Apply(slice) => {
                self.progressed().await?;
                if let Some(named) = self.named(&slice) {
                    self.known = true;
                    self.tell(What::Applied(named)).await?;
                }
            }
            Event::Delete(slice) => {
                self.progressed().await?;
                if let Some((service, slice)) = self.name(&slice) {
                    self.tell(What::Removed { service, slice }).await?;
                }
            }
        }
        Ok(())
    }

    async fn progressed(&mut self) -> Result<(), Stopped> {
        self.retry.progressed();
        self.stands().await
    }

    /// The watch is not refused: its list may be told.
    async fn stands(&mut self) -> Result<(), Stopped> {
        self.outage.answered();
        self.watch_refused = false;
        let Some((_, slices)) = self.withheld.take() else {
            return Ok(());
        };
        if std::mem::take(&mut self.failing) {
            let namespace = &*self.namespace;
            info!(namespace, "the Kubernetes API tells EndpointSlices again");
        }
        self.tell(What::Listed(slices)).await
    }

    async fn tell(&self, what: What) -> Result<(), Stopped> {
        let heard = Heard {
            watch: self.id,
            namespace: Arc::clone(&self.namespace),
            what,
        };
        self.heard.send(heard).await
    }

    /// Waits as the failure calls for; whether a fresh list is needed.
    async fn failed(&mut self, error: &watcher::Error) -> Result<bool, Stopped> {
        let failure = Failure::of(error);
        self.retry.rested(Instant::now());
        let run = self.retry.failed(Instant::now());
        let status = status(error);
        let unserved = status.is_some_and(|status| status.code == NOT_FOUND);
        let refused = matches!(failure, Failure::Refused | Failure::WatchRefused) || unserved;
        if refused {
            self.watch_refused |= failure == Failure::WatchRefused;
            let why = status.map_or("forbidden", |status| &status.message);
            self.tell(What::Refused(why.into())).await?;
        } else if let Some(consequence) = failure.consequence()
            && (run == Run::Begins || !self.failing)
        {
            self.failing |= failure == Failure::Other;
            let namespace = &*self.namespace;
            warn!(
                namespace,
                error = chain(error),
                "EndpointSlices: {consequence}"
            );
        }
        if let Some(loss) = Loss::of(error) {
            self.outage.lost(loss);
            if broke_off(error) {
                sleep(self.retry.delay(Duration::ZERO)).await;
            }
            self.outage.turn().await;
        } else if let Some(least) = failure.pause() {
            sleep(self.retry.delay(least)).await;
        }
        Ok(refused || failure.needs_list())
    }

    fn named(&mut self, slice: &EndpointSlice) -> Option<Named> {
        let (service, name) = self.name(slice)?;
        let Some(slice) = Slice::of(slice) else {
            self.tell_of_names(&name);
            return None;
        };
        Some(Named {
            service,
            name,
            slice,
        })
    }

    fn name(&self, slice: &EndpointSlice) -> Option<(Box<str>, Box<str>)> {
        let service = Slice::service(slice)?;
        let name = slice.metadata.name.as_deref()?;
        let is_wanted = self.scope.names.contains(service);
        is_wanted.then(|| (service.into(), name.into()))
    }

    fn tell_of_names(&mut self, slice: &str) {
        if !std::mem::replace(&mut self.told_of_names, true) {
            let namespace = &*self.namespace;
            warn!(
                namespace,
                slice, "an EndpointSlice of names (addressType: FQDN) is not used"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kube::client::Body;
    use tower::service_fn;

    use super::*;

    const EMPTY: &str = r#"{"metadata":{"resourceVersion":"7"},"items":[]}"#;
    const ONE: &str = r#"{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a-1",
        "labels":{"kubernetes.io/service-name":"a"}},"addressType":"IPv4","endpoints":[]}]}"#;
    const GONE: &str = r#"{"kind":"Status","status":"Failure","message":"gone","code":410}"#;

    #[tokio::test(start_paused = true)]
    async fn one_empty_list_takes_nothing_away_and_a_second_does() {
        let lists = Arc::new(AtomicUsize::new(0));
        let service = service_fn(move |request: http::Request<Body>| {
            let watches = request.uri().query().unwrap_or_default().contains("watch=");
            let (code, text) = if watches {
                (410, GONE)
            } else {
                let before = lists.fetch_add(1, Ordering::Relaxed);
                (200, if matches!(before, 0 | 2) { ONE } else { EMPTY })
            };
            let reply = http::Response::builder()
                .status(code)
                .body(Body::from(text.as_bytes().to_vec()));
            async move { Ok::<_, std::io::Error>(reply.unwrap()) }
        });
        let client = kube::Client::new(service, "default");
        let (sender, mut heard) = mpsc::channel(16);
        let scope = Scope {
            names: Arc::new(["a".into()].into()),
            by: Selection::Name,
        };
        let watch = Watch::new(
            (WatchId(1), scope),
            (&client, &Arc::default()),
            &"n".into(),
            sender,
        );
        let running = tokio::spawn(watch.run());
        let mut slices = Vec::new();
        while slices.len() < 3 {
            if let What::Listed(listed) = heard.recv().await.unwrap().what {
                slices.push(listed.len());
            }
        }
        running.abort();
        assert_eq!(slices, [1, 1, 0]);
    }
}
