//! One of several gateways on one API server: the control path alone, on a thread of its own, so
//! that it can be stopped in its tracks.
//!
//! Invariant: its requests carry its name, by which the API server tells replicas apart.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use nuncio_config::Identity;
use nuncio_controller::{
    AcmeOptions, AcmeTimes, KubernetesOptions, LeaseTimes, OnInvalid, Options, Publish,
    PublishedService, Source, States, WriteBack, client_for, run,
};
use nuncio_proxy::Switch;
use nuncio_routing::{Credential, ServicePort, Snapshot};
use nuncio_telemetry::{BuildInfo, Telemetry};
use nuncio_tls::Material;
use tokio::sync::{mpsc, watch};

use crate::kube_api::{Cluster, GATEWAY};

/// Short enough for tests, and far enough apart for a machine that is busy.
const TIMES: LeaseTimes = LeaseTimes {
    lease: Duration::from_secs(5),
    renew: Duration::from_millis(500),
    give_up: Duration::from_secs(3),
};

/// The same for certificates that are asked for.
const ACME: AcmeTimes = AcmeTimes {
    look: Duration::from_millis(500),
    spread: Duration::from_millis(200),
    pause: Duration::from_secs(30),
    longest_pause: Duration::from_mins(5),
    patience: Duration::from_secs(20),
    deadline: Duration::from_mins(1),
};

/// A running gateway. Killed when dropped.
pub struct Replica {
    published: watch::Receiver<Option<Arc<Snapshot>>>,
    telemetry: Arc<Telemetry>,
    shutdown: watch::Sender<bool>,
    pauses: mpsc::UnboundedSender<blocking::Receiver<()>>,
    death: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Ends a pause when dropped.
#[derive(Debug)]
pub struct Pause(#[expect(dead_code, reason = "its end is what is told")] blocking::Sender<()>);

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").finish_non_exhaustive()
    }
}

struct Recorder {
    published: watch::Sender<Option<Arc<Snapshot>>>,
    switch: Option<Arc<Switch>>,
}

impl Publish for Recorder {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        if let Some(switch) = &self.switch {
            switch.install(Arc::clone(&snapshot));
        }
        self.published.send_replace(Some(snapshot));
    }

    fn endpoints(&self, _of: &ServicePort, _addresses: Option<&[SocketAddr]>) {}

    fn credential(&self, of: &Credential, material: Option<Material>) {
        if let Some(switch) = &self.switch {
            switch.set_credential(of, material);
        }
    }

    fn challenges(&self, answers: BTreeMap<Box<str>, Box<str>>) {
        if let Some(switch) = &self.switch {
            switch.set_challenges(answers);
        }
    }
}

impl Replica {
    /// Begins to follow the cluster under a name.
    pub fn start(cluster: &Cluster, name: &str) -> Self {
        Self::start_as(cluster, write_back(name))
    }

    /// The same with other options; the name is the holder's.
    pub fn start_as(cluster: &Cluster, write_back: WriteBack) -> Self {
        Self::begin(cluster, write_back, None)
    }

    /// The same, and serves by what it publishes.
    pub fn serve(cluster: &Cluster, write_back: WriteBack, switch: &Arc<Switch>) -> Self {
        Self::begin(cluster, write_back, Some(Arc::clone(switch)))
    }

    fn begin(cluster: &Cluster, write_back: WriteBack, switch: Option<Arc<Switch>>) -> Self {
        let (recorder, published) = watch::channel(None);
        let (shutdown, stop) = watch::channel(false);
        let (death, dying) = watch::channel(false);
        let (pauses, paused) = mpsc::unbounded_channel();
        let telemetry = telemetry();
        let life = Life {
            config: cluster.config(),
            write_back,
            recorder: Recorder {
                published: recorder,
                switch,
            },
            telemetry: Arc::clone(&telemetry),
        };
        let thread = thread::spawn(move || live(life, stop, (paused, dying)));
        Self {
            published,
            telemetry,
            shutdown,
            pauses,
            death,
            thread: Some(thread),
        }
    }

    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        self.metrics().lines().any(|line| line == "nuncio_leader 1")
    }

    /// The page of metrics.
    ///
    /// # Panics
    /// When it is no text.
    pub fn metrics(&self) -> String {
        let mut page = Vec::new();
        self.telemetry.render(&mut page);
        String::from_utf8(page).unwrap()
    }

    /// The last snapshot.
    pub fn last(&self) -> Option<Arc<Snapshot>> {
        self.published.borrow().clone()
    }

    /// Stops it in its tracks, as SIGSTOP does.
    pub fn pause(&self) -> Pause {
        let (end, until) = blocking::channel();
        self.pauses.send(until).unwrap();
        Pause(end)
    }

    /// Asks it to end, and waits until it did.
    pub async fn stop(mut self) {
        self.shutdown.send_replace(true);
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(|| thread.join().unwrap())
            .await
            .unwrap();
    }

    /// Ends it as SIGKILL does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.death.send_replace(true);
    }
}

/// What replicas write unless told otherwise.
pub fn write_back(holder: &str) -> WriteBack {
    WriteBack {
        holder: holder.to_owned(),
        states: States::Errors,
        service: PublishedService::Labelled,
        times: TIMES,
        acme: AcmeOptions {
            trusted: None,
            hostnames: None,
            times: ACME,
        },
    }
}

struct Life {
    config: kube::Config,
    write_back: WriteBack,
    recorder: Recorder,
    telemetry: Arc<Telemetry>,
}

type Ends = (
    mpsc::UnboundedReceiver<blocking::Receiver<()>>,
    watch::Receiver<bool>,
);

fn live(life: Life, stop: watch::Receiver<bool>, (mut paused, mut dying): Ends) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::select! {
            () = control(life, stop) => {}
            _death = dying.wait_for(|dying| *dying) => {}
            () = async { while let Some(until) = paused.recv().await { assert!(until.recv().is_err(), "ends by its drop"); } } => {}
        }
    });
    runtime.shutdown_background();
}

async fn control(mut life: Life, stop: watch::Receiver<bool>) {
    let name = HeaderValue::from_str(&life.write_back.holder).unwrap();
    life.config
        .headers
        .push((HeaderName::from_static(GATEWAY), name));
    let source = Source::Kubernetes {
        client: client_for(life.config).unwrap(),
        single_namespace: None,
        options: KubernetesOptions::default(),
    };
    let options = Options {
        source,
        identity: Identity::default(),
        on_invalid: OnInvalid::default(),
        state_dir: None,
        write_back: Some(life.write_back),
    };
    let running = run(options, Arc::new(life.recorder), life.telemetry, stop);
    Box::pin(running).await.unwrap();
}

fn telemetry() -> Arc<Telemetry> {
    let text = || "test".into();
    Telemetry::new(BuildInfo {
        version: text(),
        commit: text(),
        ambassador_id: text(),
        cluster_id: text(),
        single_namespace: false,
    })
}
