//! The control path as one future: a source, the pipeline behind it, and their end.
//!
//! Invariant: when the future is done or dropped, the source is too; the pipeline's thread ends
//! with the compile it is in.

use std::collections::BTreeSet;
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
    self, Endpoints, Following, KubernetesOptions, Secrets, Sight, WriteBack, Writing,
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

    /// Every credential that the first snapshot wants was told of, or has had its time. Called once.
    fn credentials_settled(&self) {}
}

/// What to run.
#[derive(Debug)]
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

/// Who hears of what manifest files say to others than the pipeline.
type Aside = watch::Sender<Arc<Local>>;

/// The control path cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The pipeline's thread died, which only a panic in [`Publish`] or in telemetry brings about.
    #[error("the control path ended unexpectedly")]
    Ended,
}

/// Follows the source and publishes, until `shutdown` is true or its sender is gone.
///
/// Errors come from the start (a directory that does not exist); later trouble is logged and lived
/// through.
pub async fn run(
    options: Options,
    publish: Arc<dyn Publish>,
    telemetry: Arc<Telemetry>,
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
    let (teller, verdicts) = verdicts(WriteBack::has_state);
    let state = state_dir.map(|path| StateDir::new(path, identity.clone()));
    let writing = source.writing(write_back, &identity).map(|writing| {
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
        verdicts: teller,
    };
    let first_list = source.first_list();
    let gate = Gate::new(&source.feeds(), alarm(&changes, first_list));
    let pipeline = Pipeline::new(rules, gate, outlets, state);
    let pipeline = tokio::task::spawn_blocking(move || pipeline.run(incoming));
    let following = async {
        let (aside, local) = watch::channel(Arc::default());
        let credentials = Credentials::new(Arc::clone(&publish), changes.clone(), &telemetry);
        let credentials = credentials.run(
            source.secrets(&identity, local, &telemetry),
            wanted_credentials,
        );
        // Ends with this block.
        let mut beside = JoinSet::new();
        beside.spawn(credentials);
        let by = (&identity, &telemetry, first_list);
        let followed = source.follow(by, (changes, aside), (publish, wanted));
        let ended = tokio::select! {
            ended = followed => ended.and(Err(ControlError::Ended)),
            _stop = shutdown.wait_for(|stop| *stop) => Ok(()),
        };
        // The source is gone, and with this the last sender.
        drop(beside);
        pipeline.await.map_err(|_panicked| ControlError::Ended)?;
        ended
    };
    // Writing ends when it is asked to, or when nobody judges any more.
    let (ended, _written) = tokio::join!(following, OptionFuture::from(writing));
    ended
}

/// Wakes the pipeline when it has waited long enough.
fn alarm(changes: &mpsc::Sender<Change>, first_list: Duration) -> Alarm {
    let (runtime, changes) = (Handle::current(), changes.downgrade());
    Box::new(move |patience| {
        let changes = changes.clone();
        runtime.spawn(async move {
            tokio::time::sleep(time_for(patience, first_list)).await;
            if let Some(changes) = changes.upgrade() {
                // Fails when the pipeline has ended, and waits no more.
                drop(changes.send(Change::Waited { patience }).await);
            }
        });
    })
}

fn time_for(patience: Patience, first_list: Duration) -> Duration {
    match patience {
        // A list of ten thousand Services takes less from an API server that answers.
        Patience::Lists => first_list + Duration::from_millis(300),
        // Begins when the required feeds have listed, and so after `first_list`. What is refused or
        // not known ends it at once.
        Patience::Optional => Duration::from_secs(2),
        Patience::Pause => Duration::from_secs(1),
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
    fn writing(&self, write_back: Option<WriteBack>, identity: &Identity) -> Option<Writing> {
        match self {
            Self::Directories(_) => None,
            Self::Kubernetes {
                client,
                single_namespace,
                options: _,
            } => Some(Writing {
                options: write_back?,
                client: client.clone(),
                single_namespace: single_namespace.clone(),
                identity: identity.clone(),
            }),
            Self::Beside { cluster, .. } => cluster.writing(write_back, identity),
        }
    }

    /// Where Secrets are looked for: among `local`, and in the cluster.
    fn secrets(
        &self,
        identity: &Identity,
        local: watch::Receiver<Arc<Local>>,
        telemetry: &Arc<Telemetry>,
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
                    cluster: Some(Secrets::new(client, &options.pace, telemetry, sender)),
                    only_of: options.own_secrets.then(|| identity.namespace.clone()),
                    heard,
                    local,
                }
            }
            Self::Beside { cluster, .. } => cluster.secrets(identity, local, telemetry),
        }
    }

    /// Tells of every change. Returns when it cannot start, or when nobody listens any more.
    async fn follow(
        self,
        (identity, telemetry, first_list): (&Identity, &Arc<Telemetry>, Duration),
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
                let endpoints = Endpoints::new(&client, outlets, Arc::clone(&touched), sight);
                beside.spawn(endpoints.run(wanted));
                let following = Following {
                    client,
                    namespace,
                    options: &options,
                    identity,
                    touched: &touched,
                    telemetry,
                    first_list,
                };
                kubernetes::watch(following, &changes).await;
            }
            Self::Beside {
                directories,
                cluster,
            } => {
                let files = directory::watch(directories, (changes.clone(), aside));
                let by = (identity, telemetry, first_list);
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
