//! `nuncio run`: everything wired together, from the first bind to the last flush.
//!
//! Invariant: what can fail for reasons of the environment fails before anything is served, with
//! one line; after that the process ends only when it is asked to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use nuncio_admin::{Admin, Facts, Latch, Readiness};
use nuncio_controller::{Options, Source, WriteBack, kube_client, load_offline};
use nuncio_proxy::Resolver;
use nuncio_telemetry::{AccessLogWriter, ServerState, Telemetry, statsd};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::ambassador_files::AmbassadorFiles;
use crate::arguments::{
    AccessLogSwitch, FollowingArguments, IdentityArguments, LastGoodArguments, RunArguments,
};
use crate::data_path::{self, DataPath, DrainTimes, Wished};
use crate::publication::Publication;
use crate::signals::{Ask, Signals};
use crate::supervised::supervised;
use crate::{build, control, descriptors, door, logging};

/// How long clients wait for the first snapshot before they are told that there is none.
const FIRST_SNAPSHOT_PATIENCE: Duration = Duration::from_secs(2);

/// How long the last lines of the access log may take; whoever reads them may have stopped.
const LAST_LINES_PATIENCE: Duration = Duration::from_secs(1);

/// How long the last spans may take.
const LAST_SPANS_PATIENCE: Duration = Duration::from_secs(1);

/// How long work may take that nobody waits for any more.
const LAST_WORK_PATIENCE: Duration = Duration::from_millis(200);

/// Runs the gateway until it is asked to end.
pub(crate) fn run(arguments: RunArguments) -> anyhow::Result<()> {
    logging::start(&arguments.life.log, arguments.life.log_format)?;
    let control = control_runtime()?;
    let gateway = Gateway::bind(&control, arguments)?;
    let outcome = control.block_on(gateway.run(|| {}));
    // Somebody may be waiting for the system to find a name.
    control.shutdown_timeout(LAST_WORK_PATIENCE);
    outcome
}

/// The runtime of everything that is neither a request nor a probe.
pub(crate) fn control_runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .enable_all()
        .build()
        .context("cannot start the control thread")
}

/// The gateway with its addresses bound and nothing served yet.
pub(crate) struct Gateway {
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
    publication: Arc<Publication>,
    pub(crate) data: data_path::Bound,
    pub(crate) door: door::Bound,
    config_dirs: Vec<PathBuf>,
    files: AmbassadorFiles,
    identity: IdentityArguments,
    write_back: Option<WriteBack>,
    following: FollowingArguments,
    last_good: LastGoodArguments,
    times: DrainTimes,
    statsd: statsd::Options,
    access_log: Option<AccessLogWriter>,
}

/// What runs beside the requests, to be stopped with them.
struct Background {
    controller: JoinHandle<()>,
    statsd: JoinHandle<()>,
    door: door::Open,
    stop: watch::Sender<bool>,
}

impl Gateway {
    /// Binds every address, in the context of `control`.
    pub(crate) fn bind(control: &Runtime, arguments: RunArguments) -> anyhow::Result<Self> {
        let RunArguments {
            config_dir,
            files,
            ports,
            limits,
            mut identity,
            write_back,
            following,
            last_good,
            series,
            life,
            statistics,
        } = arguments;
        let _context = control.enter();
        identity.timeouts = limits.timeouts();
        let limited = (limits.limits(identity.profile), limits.memory_limit);
        let wished = asked_by_module(&config_dir, &identity);
        let data = data_path::Bound::bind(&ports, wished, limited)?;
        let door = door::Bound::bind(&ports)?;
        descriptors::raise();
        data.announce();
        door.announce();
        let telemetry = Telemetry::calling(build::info(&identity), statistics.cluster_label());
        telemetry.server().set_state(ServerState::Initializing);
        telemetry.limit_series(series.limit());
        let access_log = access_log(&telemetry, life.access_log)?;
        let readiness = Arc::new(Readiness::new());
        let resolver = Resolver::from_system().context("cannot resolve names")?;
        let publication = Publication::new(&identity.identity(), &telemetry, &readiness, resolver);
        Ok(Self {
            telemetry,
            readiness,
            publication: Arc::new(publication),
            data,
            door,
            config_dirs: config_dir,
            write_back: write_back.options(&identity.ambassador_namespace, identity.profile),
            files,
            identity,
            following,
            last_good,
            times: DrainTimes {
                delay: life.drain_delay,
                limit: life.drain_limit,
            },
            statsd: statistics.statsd(),
            access_log,
        })
    }

    /// Serves until asked to end; `announce` is called once requests are answered.
    pub(crate) async fn run(self, announce: impl FnOnce()) -> anyhow::Result<()> {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let admin = Arc::new(self.admin());
        let options = self.options().await?;
        let Self {
            telemetry,
            readiness,
            publication,
            data,
            door,
            times,
            ..
        } = self;
        let (stop, stopping) = watch::channel(false);
        let mut controller = tokio::spawn(control::follow(
            options,
            Arc::clone(&publication) as _,
            Arc::clone(&telemetry),
            stopping.clone(),
        ));
        let door = door.start(admin, stopping.clone())?;
        tokio::select! {
            ended = &mut controller => return ended.context("cannot follow the configuration")?
                .context("cannot follow the configuration"),
            () = publication.first() => {}
            () = tokio::time::sleep(FIRST_SNAPSHOT_PATIENCE) => {
                warn!("no configuration yet; requests are answered with 503");
            }
            _ = signals.next() => return Ok(()),
        }
        let data = data.start(&publication, &readiness, &telemetry)?;
        readiness.set(Latch::Listeners);
        telemetry.server().set_state(ServerState::Live);
        announce();
        let told = Arc::clone(&telemetry);
        let background = Background {
            controller: tokio::spawn(outlive(controller)),
            statsd: tokio::spawn(supervised("statsd", Arc::clone(&telemetry), move || {
                statsd::run(Arc::clone(&told), self.statsd.clone(), stopping.clone())
            })),
            door,
            stop,
        };
        let ask = asked(&data, &readiness, &mut signals).await?;
        let serving = Serving {
            telemetry,
            readiness,
            publication,
            data,
            background,
            times,
            access_log: self.access_log,
        };
        tokio::select! {
            () = serving.end(ask) => {}
            _ = signals.next() => warn!("giving up requests in flight, as asked"),
        }
        Ok(())
    }

    async fn options(&self) -> anyhow::Result<Options> {
        Ok(Options {
            source: self.source().await?,
            identity: self.identity.identity(),
            write_back: self.write_back.clone(),
            on_invalid: self.last_good.on_invalid.into(),
            state_dir: self.last_good.state_dir.clone(),
        })
    }

    async fn source(&self) -> anyhow::Result<Source> {
        if !self.config_dirs.is_empty() {
            return Ok(Source::Directories(self.config_dirs.clone()));
        }
        let client = kube_client()
            .await
            .context("no Kubernetes, and no --config-dir")?;
        let single_namespace = self
            .identity
            .single_namespace
            .then(|| self.identity.ambassador_namespace.clone());
        let cluster = Source::Kubernetes {
            client,
            single_namespace,
            options: self.following.options(self.identity.own_secrets()),
        };
        let directories = self.files.directories();
        if directories.is_empty() {
            return Ok(cluster);
        }
        info!(
            ?directories,
            "reading Ambassador's own files beside the cluster"
        );
        Ok(Source::Beside {
            directories,
            cluster: Box::new(cluster),
        })
    }

    fn admin(&self) -> Admin {
        let publication = Arc::clone(&self.publication);
        let (telemetry, readiness) = (&self.telemetry, &self.readiness);
        Admin::new(
            Arc::clone(telemetry),
            Arc::clone(readiness),
            publication as _,
            self.facts(),
        )
    }

    fn facts(&self) -> Facts {
        Facts {
            version: build::VERSION.into(),
            commit: build::COMMIT.into(),
            hostname: build::hostname(),
            started: std::time::SystemTime::now(),
            cluster_id: build::cluster_id(),
            identity: self.identity.identity(),
            single_namespace: self.identity.single_namespace,
            statsd_enabled: self.statsd.target != statsd::Target::Off,
        }
    }
}

/// A gateway that serves.
struct Serving {
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
    publication: Arc<Publication>,
    data: DataPath,
    background: Background,
    times: DrainTimes,
    access_log: Option<AccessLogWriter>,
}

impl Serving {
    /// Ends as asked.
    async fn end(self, ask: Ask) {
        info!(?ask, "ending");
        let times = match self.readiness.is_ready() {
            true => self.times,
            false => self.times.unannounced(),
        };
        self.readiness.start_draining();
        self.telemetry.server().set_state(ServerState::Draining);
        self.data.drain(ask, times).await;
        flush_spans(&self.publication).await;
        self.background.stop().await;
        if let Some(writer) = self.access_log {
            writer.finish(LAST_LINES_PATIENCE);
        }
    }
}

impl Background {
    /// The counters have their last word after the last request.
    async fn stop(self) {
        self.stop.send_replace(true);
        // Panics have been reported.
        drop(self.statsd.await);
        drop(self.controller.await);
        self.door.close().await;
    }
}

/// Once requests are served, losing the control path does not end them.
async fn outlive(controller: JoinHandle<Result<(), nuncio_controller::ControlError>>) {
    match controller.await {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => error!(%reason, "the configuration is not followed any more"),
        Err(panic) => error!(%panic, "the configuration is not followed any more"),
    }
}

/// Waits to be asked to end. A gateway that lost a worker is dead: it fails.
async fn asked(
    data: &DataPath,
    readiness: &Readiness,
    signals: &mut Signals,
) -> anyhow::Result<Ask> {
    tokio::select! {
        ask = signals.next() => Ok(ask),
        () = data.death() => {
            readiness.declare_dead();
            bail!("a worker died");
        }
    }
}

/// Has the last spans sent, unless their collector takes too long.
async fn flush_spans(publication: &Publication) {
    let flushed = publication.switch().flush_spans();
    if tokio::time::timeout(LAST_SPANS_PATIENCE, flushed)
        .await
        .is_err()
    {
        warn!("the collector does not take the last spans");
    }
}

/// What the Module says of ports, when the configuration can be read before anything is bound.
fn asked_by_module(config_dirs: &[PathBuf], identity: &IdentityArguments) -> Wished {
    // What is wrong with the files is said by whoever serves them.
    let Ok(snapshot) = load_offline(config_dirs, &identity.identity()) else {
        return Wished::default();
    };
    let implied = snapshot.listening.implied.as_ref();
    Wished {
        port: snapshot.settings.service_port,
        https: implied.is_some_and(|implied| implied.https.is_some()),
    }
}

fn access_log(
    telemetry: &Telemetry,
    switch: AccessLogSwitch,
) -> anyhow::Result<Option<AccessLogWriter>> {
    match switch {
        AccessLogSwitch::Off => Ok(None),
        AccessLogSwitch::On => {
            let writer = telemetry.start_access_log();
            writer.map(Some).context("cannot start the access log")
        }
    }
}
