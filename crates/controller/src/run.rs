//! The control path as one future: a source, the pipeline behind it, and their end.
//!
//! Invariant: when the future is done or dropped, the source is too; the pipeline's thread ends
//! with the compile it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::OptionFuture;
use nuncio_config::Identity;
use nuncio_routing::{Credential, ServicePort, Snapshot};
use nuncio_telemetry::Telemetry;
use nuncio_tls::Material;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::change::{Change, Feed};
use crate::credentials::{Credentials, HEARD, Local, Sources};
use crate::directory::{self, DirectoryError};
use crate::kubernetes::{
    self, Endpoints, Following, Issuances, KubernetesOptions, Onlooker, Outage, Secrets, Sight,
    Surroundings, WriteBack, Writing,
};
use crate::pipeline::objects::Rules;
use crate::pipeline::{Alarm, Gate, OnInvalid, Outlets, Patience, Pipeline, Standing, verdicts};
use crate::state::StateDir;
use crate::unknowable;

/// Changes under way to the pipeline; a source that is faster than compiling waits.
const CHANGES: usize = 1024;

/// Takes each new snapshot.
pub trait Publish: Send + Sync + 'static {
    /// Makes `snapshot` the one that is served. Called from one thread, in the order of
    /// generations; must not block.
    fn publish(&self, snapshot: Arc<Snapshot>);

    /// Takes how the next snapshot stands to what its authors want, when that is another than of the
    /// last one. Called as [`Publish::publish`] is, before it.
    fn standing(&self, _standing: Standing) {}

    /// Takes the ready endpoints of a Service's port in place of those before; `None` when they
    /// cannot be known, or nobody wants to know them any more. Compiles nothing. Called from any
    /// thread; must not block.
    fn endpoints(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>);

    /// Takes the material of a credential in place of what it was before; `None` when there is none to
    /// be had, or nobody wants it any more. What was never told of is still being looked for, but for
    /// what the gateway signs itself, of which nothing is told. Compiles nothing. Called from any
    /// thread; must not block.
    fn credential(&self, of: &Credential, material: Option<Material>);

    /// Takes the answers to challenges of authorities, by token, in place of those before: what is to
    /// be told whoever asks for `/.well-known/acme-challenge/<token>`. Compiles nothing. Called from
    /// any thread; must not block.
    fn challenges(&self, _answers: BTreeMap<Box<str>, Box<str>>) {}

    /// Every credential that the first snapshot wants was told of, or has had its time. Called once.
    fn credentials_settled(&self) {}
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the configuration stands.
    pub source: Source,
    /// Which documents are ours.
    pub identity: Identity,
    /// What is written to the API server; nothing when `None`, nor without a Kubernetes source.
    pub write_back: Option<WriteBack>,
    /// What becomes of a resource whose newest version cannot be live.
    pub on_invalid: OnInvalid,
    /// A directory where what is published is saved, and read at a start without an API server.
    pub state_dir: Option<PathBuf>,
}

/// Where the configuration stands.
#[derive(Clone)]
pub enum Source {
    /// Manifest files directly in these directories; of an object defined twice, the first stands.
    Directories(Vec<PathBuf>),
    /// The objects of a cluster.
    Kubernetes {
        /// The way to its API server, made by [`kube_client`](crate::kube_client) or
        /// [`client_for`](crate::client_for).
        client: kube::Client,
        /// Only objects of this namespace; of all when `None`.
        single_namespace: Option<String>,
        /// Which objects are followed, and at what pace.
        options: KubernetesOptions,
    },
    /// Both: Ambassador's own files beside a cluster's objects. Of an object defined in both, what
    /// each says counts as if it were two objects.
    Beside {
        /// The files' directories.
        directories: Vec<PathBuf>,
        /// The cluster.
        cluster: Box<Self>,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directories(paths) => f.debug_tuple("Directories").field(paths).finish(),
            Self::Kubernetes {
                single_namespace,
                options,
                ..
            } => f
                .debug_struct("Kubernetes")
                .field("single_namespace", single_namespace)
                .field("options", options)
                .finish_non_exhaustive(),
            Self::Beside {
                directories,
                cluster,
            } => f
                .debug_struct("Beside")
                .field("directories", directories)
                .field("cluster", cluster)
                .finish(),
        }
    }
}

/// The ports whose endpoints clusters have to be told.
type Wanted = watch::Receiver<Arc<BTreeSet<ServicePort>>>;

/// What following a source stands on: who the gateway is, what it counts, and what is known of the API
/// server, with how long first lists wait.
type Ground<'a> = (
    &'a Identity,
    &'a Arc<Telemetry>,
    (&'a Arc<Outage>, Duration),
);

/// Who hears of what manifest files say to others than the pipeline.
type Aside = watch::Sender<Arc<Local>>;

/// The control path cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// One of its tasks died, which only a panic brings about. Run anew, it goes on.
    #[error("the control path ended unexpectedly")]
    Ended,
}

/// Whether anything is served when following begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nothing is: what is there is published soon.
    First,
    /// What an earlier run has published is: nothing takes its place before every feed has listed that
    /// can, for a minute at most.
    Again,
}

/// As [`run_from`] where nothing is served yet.
///
/// # Errors
///
/// As there.
pub async fn run(
    options: Options,
    publish: Arc<dyn Publish>,
    telemetry: Arc<Telemetry>,
    shutdown: watch::Receiver<bool>,
) -> Result<(), ControlError> {
    run_from(Begin::First, options, (publish, telemetry), shutdown).await
}

/// Follows the source and publishes, until `shutdown` is true or its sender is gone.
///
/// # Errors
///
/// They come from the start (a directory that does not exist); later trouble is logged and lived
/// through.
pub async fn run_from(
    begin: Begin,
    options: Options,
    (publish, telemetry): (Arc<dyn Publish>, Arc<Telemetry>),
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ControlError> {
    let Options {
        source,
        identity,
        on_invalid,
        state_dir,
        write_back,
    } = options;
    let (changes, incoming) = mpsc::channel(CHANGES);
    let (wanting, wanted) = watch::channel(Arc::default());
    let (wanting_credentials, wanted_credentials) = watch::channel(None);
    let (wanting_issuances, issuances) = watch::channel(Arc::default());
    let (teller, verdicts) = verdicts(WriteBack::has_state);
    let state = state_dir.map(|path| StateDir::new(path, identity.clone()));
    let outage = Arc::default();
    let asked = Asked::new(issuances, (&publish, &telemetry, &outage), &changes);
    let (writing, asking) = source.writing(write_back, &identity, asked);
    let writing = writing.map(|writing| {
        let (telemetry, shutdown) = (Arc::clone(&telemetry), shutdown.clone());
        Box::pin(writing.run(verdicts, telemetry, shutdown))
    });
    let rules = Rules {
        identity: identity.clone(),
        on_invalid,
    };
    let outlets = Outlets {
        publish: Arc::clone(&publish),
        telemetry: Arc::clone(&telemetry),
        wanted: wanting,
        wanted_credentials: wanting_credentials,
        issuances: wanting_issuances,
        verdicts: teller,
    };
    let first_list = source.first_list();
    let gate = Gate::new(&source.feeds(), alarm(&changes, (begin, first_list)));
    let pipeline = Pipeline::new(rules, gate, outlets, state);
    let pipeline = tokio::task::spawn_blocking(move || pipeline.run(incoming));
    let following = async {
        let (aside, local) = watch::channel(Arc::default());
        let credentials = Credentials::new(Arc::clone(&publish), changes.clone(), &telemetry);
        let credentials = credentials.run(
            source.secrets((&identity, &telemetry, &outage), local),
            wanted_credentials,
        );
        // Ends with this block.
        let mut beside = JoinSet::new();
        beside.spawn(credentials);
        asking.begin(&mut beside);
        let by = (&identity, &telemetry, (&outage, first_list));
        let followed = source.follow(by, (changes, aside), (publish, wanted));
        let ended = tokio::select! {
            ended = followed => ended.and(Err(ControlError::Ended)),
            // By a panic: it goes on for as long as anybody publishes.
            _ended = beside.join_next() => Err(ControlError::Ended),
            _stop = shutdown.wait_for(|stop| *stop) => Ok(()),
        };
        // The source is gone, and with this the last sender.
        drop(beside);
        pipeline.await.map_err(|_panicked| ControlError::Ended)?;
        ended
    };
    // Writing ends when it is asked to, or when nobody judges any more.
    tokio::join!(following, OptionFuture::from(writing)).0
}

/// What certificates are asked for by.
struct Asked {
    issuances: Issuances,
    publish: Arc<dyn Publish>,
    telemetry: Arc<Telemetry>,
    outage: Arc<Outage>,
    changes: mpsc::WeakSender<Change>,
}

impl Asked {
    fn new(
        issuances: Issuances,
        (publish, telemetry, outage): (&Arc<dyn Publish>, &Arc<Telemetry>, &Arc<Outage>),
        changes: &mpsc::Sender<Change>,
    ) -> Self {
        Self {
            issuances,
            publish: Arc::clone(publish),
            telemetry: Arc::clone(telemetry),
            outage: Arc::clone(outage),
            changes: changes.downgrade(),
        }
    }
}

/// What is done about the certificates that authorities are to be asked for, beside asking.
struct Asking {
    asked: Asked,
    /// Answers challenges, where there may be any.
    onlooker: Option<Onlooker>,
    /// Why this gateway asks nobody; `None` = it asks when it leads.
    not: Option<&'static str>,
}

impl Asking {
    fn begin(self, beside: &mut JoinSet<()>) {
        let Asked {
            issuances, changes, ..
        } = self.asked;
        if let Some(onlooker) = self.onlooker {
            beside.spawn(onlooker.run(issuances.clone()));
        }
        if let Some(why) = self.not {
            beside.spawn(kubernetes::unavailable(issuances, changes, why));
        }
    }
}

/// Wakes the pipeline when it has waited long enough.
fn alarm(changes: &mpsc::Sender<Change>, times: (Begin, Duration)) -> Alarm {
    let (runtime, changes) = (Handle::current(), changes.downgrade());
    Box::new(move |patience| {
        let changes = changes.clone();
        runtime.spawn(async move {
            tokio::time::sleep(time_for(patience, times)).await;
            if let Some(changes) = changes.upgrade() {
                // Fails when the pipeline has ended, and waits no more.
                drop(changes.send(Change::Waited { patience }).await);
            }
        });
    })
}

fn time_for(patience: Patience, (begin, first_list): (Begin, Duration)) -> Duration {
    match (patience, begin) {
        // A list of ten thousand Services takes less from an API server that answers.
        (Patience::Lists, _) => first_list + Duration::from_millis(300),
        // Begins when the required feeds have listed, and so after `first_list`. What is refused or
        // not known ends it at once.
        (Patience::Optional, Begin::First) => Duration::from_secs(2),
        // Nobody misses what is served meanwhile.
        (Patience::Optional, Begin::Again) => Duration::from_secs(60),
        (Patience::Pause, _) => Duration::from_secs(1),
    }
}

impl Source {
    fn feeds(&self) -> Vec<Feed> {
        match self {
            Self::Directories(_) => vec![Feed::Directories],
            Self::Kubernetes { .. } => kubernetes::FEEDS.to_vec(),
            Self::Beside { cluster, .. } => {
                let mut feeds = cluster.feeds();
                feeds.push(Feed::Directories);
                feeds
            }
        }
    }

    /// When lists are first asked for: all together, so that what is not required has its chance to
    /// be in the first snapshot.
    fn first_list(&self) -> Duration {
        match self {
            Self::Directories(_) => Duration::ZERO,
            Self::Kubernetes { options, .. } => options.pace.spread.mul_f64(fastrand::f64()),
            Self::Beside { cluster, .. } => cluster.first_list(),
        }
    }

    /// What is to be written to the API server that the configuration comes from.
    fn writing(
        &self,
        write_back: Option<WriteBack>,
        identity: &Identity,
        asked: Asked,
    ) -> (Option<Writing>, Asking) {
        match self {
            Self::Directories(_) => {
                let asking = Asking {
                    asked,
                    onlooker: None,
                    not: Some("without Kubernetes there is no place for certificates"),
                };
                (None, asking)
            }
            Self::Kubernetes {
                client,
                single_namespace,
                options,
            } => {
                let acme = write_back.as_ref().map(|writing| writing.acme.clone());
                let surroundings = Surroundings {
                    client: client.clone(),
                    options: acme.unwrap_or_default(),
                    place: kubernetes::board_of(identity),
                    only_of: options.own_secrets.then(|| identity.namespace.clone()),
                    issuances: asked.issuances.clone(),
                    telemetry: Arc::clone(&asked.telemetry),
                    changes: asked.changes.clone(),
                };
                let publish = Arc::clone(&asked.publish);
                let (onlooker, certificates) =
                    kubernetes::parts(surroundings, (publish, &asked.outage), &options.pace);
                let not = write_back
                    .is_none()
                    .then_some("nothing is written (--write-back)");
                let writing = write_back.map(|options| Writing {
                    options,
                    client: client.clone(),
                    single_namespace: single_namespace.clone(),
                    identity: identity.clone(),
                    certificates,
                });
                let asking = Asking {
                    asked,
                    onlooker: Some(onlooker),
                    not,
                };
                (writing, asking)
            }
            Self::Beside { cluster, .. } => cluster.writing(write_back, identity, asked),
        }
    }

    /// Where Secrets are looked for: among `local`, and in the cluster.
    fn secrets(
        &self,
        (identity, telemetry, outage): (&Identity, &Arc<Telemetry>, &Arc<Outage>),
        local: watch::Receiver<Arc<Local>>,
    ) -> Sources {
        match self {
            Self::Directories(_) => Sources {
                cluster: None,
                only_of: None,
                heard: mpsc::channel(1).1,
                local,
            },
            Self::Kubernetes {
                client, options, ..
            } => {
                let (sender, heard) = mpsc::channel(HEARD);
                Sources {
                    cluster: Some(Secrets::new(
                        (client, outage),
                        &options.pace,
                        telemetry,
                        sender,
                    )),
                    only_of: options.own_secrets.then(|| identity.namespace.clone()),
                    heard,
                    local,
                }
            }
            Self::Beside { cluster, .. } => cluster.secrets((identity, telemetry, outage), local),
        }
    }

    /// Tells of every change. Returns when it cannot start, or when nobody listens any more.
    async fn follow(
        self,
        (identity, telemetry, (outage, first_list)): Ground<'_>,
        (changes, aside): (mpsc::Sender<Change>, Aside),
        (publish, wanted): (Arc<dyn Publish>, Wanted),
    ) -> Result<(), ControlError> {
        // Ends with this function.
        let mut beside = JoinSet::new();
        match self {
            Self::Directories(paths) => {
                beside.spawn(unknowable::answer(publish, wanted));
                directory::watch(paths, (changes, aside)).await?;
            }
            Self::Kubernetes {
                client,
                single_namespace,
                options,
            } => {
                let namespace = single_namespace.as_deref();
                let touched = Arc::default();
                let outlets = (publish, changes.clone());
                let sight = match namespace {
                    _ if options.selects() => Sight::Selected,
                    Some(namespace) => Sight::Namespace(namespace.into()),
                    None => Sight::All,
                };
                let endpoints =
                    Endpoints::new((&client, outage), outlets, Arc::clone(&touched), sight);
                beside.spawn(endpoints.run(wanted));
                let following = Following {
                    client,
                    namespace,
                    options: &options,
                    identity,
                    touched: &touched,
                    telemetry,
                    outage,
                    first_list,
                };
                // The first to end, by a panic or because nobody listens, ends all.
                tokio::select! {
                    () = kubernetes::watch(following, &changes) => {}
                    _ended = beside.join_next() => {}
                }
            }
            Self::Beside {
                directories,
                cluster,
            } => {
                let files = directory::watch(directories, (changes.clone(), aside));
                let by = (identity, telemetry, (outage, first_list));
                let objects =
                    Box::pin(cluster.follow(by, (changes, Aside::default()), (publish, wanted)));
                tokio::select! {
                    ended = files => ended?,
                    ended = objects => ended?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_kept_longer_than_a_first_snapshot_is_waited_for() {
        let time = |begin| time_for(Patience::Optional, (begin, Duration::ZERO));
        assert!(time(Begin::Again) > time(Begin::First) * 10);
    }
}
