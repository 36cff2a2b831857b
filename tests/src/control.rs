//! A control path under test: runs it, and records every snapshot it publishes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuncio_config::Identity;
use nuncio_controller::{
    ControlError, KubernetesOptions, OnInvalid, Options, Pace, Publish, Source, Standing,
    client_for, run,
};
use nuncio_proxy::Switch;
use nuncio_routing::{Action, Credential, ServicePort, Snapshot};
use nuncio_telemetry::{BuildInfo, Telemetry};
use nuncio_tls::Material;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::kube_api::Cluster;

/// Longer than any test waits on a machine that is busy building.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running control path. Ends when dropped, or with [`Control::stop`].
pub struct Control {
    published: watch::Receiver<Vec<Arc<Snapshot>>>,
    credentials: watch::Receiver<Credentials>,
    standing: Arc<Mutex<Standing>>,
    telemetry: Arc<Telemetry>,
    shutdown: watch::Sender<bool>,
    task: JoinHandle<Result<(), ControlError>>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

/// What was told of credentials.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The last of each; `None` for those of which there is none.
    pub told: BTreeMap<Credential, Option<Material>>,
    /// How often something was told.
    pub times: usize,
    /// Whether those of the first snapshot are there.
    pub settled: bool,
}

struct Recorder {
    published: watch::Sender<Vec<Arc<Snapshot>>>,
    credentials: watch::Sender<Credentials>,
    standing: Arc<Mutex<Standing>>,
    switch: Option<Arc<Switch>>,
}

/// What a control path is told besides its source.
#[derive(Debug, Default)]
pub struct Setup {
    /// Who the gateway is.
    pub identity: Identity,
    /// What becomes of resources with an error.
    pub on_invalid: OnInvalid,
    /// Where the configuration is saved.
    pub state_dir: Option<PathBuf>,
    /// Where all that is published goes, too.
    pub switch: Option<Arc<Switch>>,
}

impl Publish for Recorder {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        if let Some(switch) = &self.switch {
            switch.install(Arc::clone(&snapshot));
        }
        self.published
            .send_modify(|published| published.push(snapshot));
    }

    fn standing(&self, standing: Standing) {
        *self.standing.lock().unwrap() = standing;
    }

    fn endpoints(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        if let Some(switch) = &self.switch {
            switch.set_endpoints(of, addresses);
        }
    }

    fn credential(&self, of: &Credential, material: Option<Material>) {
        if let Some(switch) = &self.switch {
            switch.set_credential(of, material.clone());
        }
        self.credentials.send_modify(|credentials| {
            credentials.told.insert(of.clone(), material);
            credentials.times += 1;
        });
    }

    fn credentials_settled(&self) {
        self.credentials
            .send_modify(|credentials| credentials.settled = true);
    }
}

impl Control {
    /// Begins to follow all namespaces of a cluster, impatiently.
    pub fn following(cluster: &Cluster) -> Self {
        Self::start(cluster_source(cluster, impatient()))
    }

    /// Begins to follow `source`.
    pub fn start(source: Source) -> Self {
        Self::start_as(source, Setup::default())
    }

    /// Begins to follow `source`, and serves requests by it.
    pub fn serve(source: Source, switch: &Arc<Switch>) -> Self {
        let setup = Setup {
            switch: Some(Arc::clone(switch)),
            ..Setup::default()
        };
        Self::start_as(source, setup)
    }

    /// Begins to follow `source` in another way than the usual.
    pub fn start_as(source: Source, setup: Setup) -> Self {
        let (recorder, published) = watch::channel(Vec::new());
        let (telling, credentials) = watch::channel(Credentials::default());
        let (shutdown, stop) = watch::channel(false);
        let (standing, telemetry) = (Arc::default(), telemetry());
        let options = Options {
            source,
            identity: setup.identity,
            on_invalid: setup.on_invalid,
            state_dir: setup.state_dir,
            write_back: None,
        };
        let recorder = Recorder {
            published: recorder,
            credentials: telling,
            standing: Arc::clone(&standing),
            switch: setup.switch,
        };
        let task = run(options, Arc::new(recorder), Arc::clone(&telemetry), stop);
        Self {
            published,
            credentials,
            standing,
            telemetry,
            shutdown,
            task: tokio::spawn(task),
        }
    }

    /// How the last snapshot stands to what its authors want.
    ///
    /// # Panics
    /// If the control path panicked while it told.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap().clone()
    }

    /// The page of metrics.
    pub fn metrics(&self) -> String {
        let mut page = Vec::new();
        self.telemetry.render(&mut page);
        String::from_utf8_lossy(&page).into_owned()
    }

    /// Waits until the last published snapshot meets `condition`.
    ///
    /// # Panics
    /// At the deadline, with `what` and the last snapshot's Mappings and diagnostics.
    pub async fn until(&self, what: &str, condition: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        self.within(DEADLINE, what, condition).await
    }

    /// As [`Control::until`], with another deadline.
    ///
    /// # Panics
    /// At the deadline.
    pub async fn within(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&Snapshot) -> bool,
    ) -> Arc<Snapshot> {
        let mut published = self.published.clone();
        let met = published.wait_for(|all| all.last().is_some_and(|last| condition(last)));
        if let Ok(Ok(all)) = timeout(deadline, met).await {
            return Arc::clone(all.last().unwrap());
        }
        let last = self.last();
        let last = last
            .as_ref()
            .map(|last| (mappings(last), diagnostics(last)));
        panic!("not within {deadline:?}: {what}; last: {last:?}");
    }

    /// Waits until what was told of credentials meets `condition`.
    ///
    /// # Panics
    /// At the deadline, with `what`, what was told and the last snapshot's diagnostics.
    pub async fn until_told(
        &self,
        what: &str,
        condition: impl Fn(&Credentials) -> bool,
    ) -> Credentials {
        let mut credentials = self.credentials.clone();
        let met = credentials.wait_for(|credentials| condition(credentials));
        if let Ok(Ok(met)) = timeout(DEADLINE, met).await {
            return met.clone();
        }
        let last = self.last();
        let (told, said) = (self.told(), last.map(|last| diagnostics(&last)));
        panic!("not within {DEADLINE:?}: {what}; told: {told:?}; {said:?}");
    }

    /// What was told of credentials so far.
    pub fn told(&self) -> Credentials {
        self.credentials.borrow().clone()
    }

    /// Waits until exactly these Mappings are live.
    pub async fn until_live(&self, names: &[&str]) -> Arc<Snapshot> {
        self.until(&format!("live: {names:?}"), |snapshot| {
            mappings(snapshot) == names
        })
        .await
    }

    /// The last snapshot.
    pub fn last(&self) -> Option<Arc<Snapshot>> {
        self.published.borrow().last().map(Arc::clone)
    }

    /// Every snapshot so far.
    pub fn history(&self) -> Vec<Arc<Snapshot>> {
        self.published.borrow().clone()
    }

    /// The last snapshot's generation; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.last().map_or(0, |last| last.generation)
    }

    /// Waits for the end without asking for it.
    pub async fn ended(self) -> Result<(), ControlError> {
        timeout(DEADLINE, self.task)
            .await
            .expect("ends by itself")
            .unwrap()
    }

    /// Asks for the end and waits for it.
    pub async fn stop(self) -> Result<(), ControlError> {
        self.shutdown.send_replace(true);
        self.ended().await
    }
}

/// All namespaces of a cluster.
pub fn cluster_source(cluster: &Cluster, options: KubernetesOptions) -> Source {
    Source::Kubernetes {
        client: client_for(cluster.config()).unwrap(),
        single_namespace: None,
        options,
    }
}

/// Everything, with pauses in which no test grows old.
pub fn impatient() -> KubernetesOptions {
    let pace = Pace {
        refused: Duration::from_millis(200),
        absent: Duration::from_millis(200),
        ..Pace::default()
    };
    KubernetesOptions {
        pace,
        ..KubernetesOptions::default()
    }
}

/// The names of the Mappings that are live, sorted.
pub fn mappings(snapshot: &Snapshot) -> Vec<&str> {
    let users = snapshot
        .routes
        .iter()
        .filter(|route| matches!(route.action, Action::Forward(_)));
    let mut names: Vec<&str> = users.map(|route| &*route.mapping.name).collect();
    names.sort_unstable();
    names
}

/// The diagnostics as they are shown.
pub fn diagnostics(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The annotation text of one Mapping.
pub fn mapping(name: &str, prefix: &str) -> String {
    format!(
        "---\napiVersion: ambassador/v0\nkind: Mapping\nname: {name}\nprefix: {prefix}\n\
         service: {name}.example\n"
    )
}

/// A manifest of one annotated Service.
pub fn manifest(service: &str, annotation: &str) -> String {
    let annotation = annotation.replace('\n', "\n      ");
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {service}\n  annotations:\n    \
         getambassador.io/config: |\n      {annotation}\nspec:\n  ports:\n  - port: 80\n"
    )
}

/// Waits until `condition` holds: for what no snapshot tells.
///
/// # Panics
/// At the deadline, with `what`.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        timeout(DEADLINE, holds).await.is_ok(),
        "not within {DEADLINE:?}: {what}"
    );
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
