//! From the control path to the data path: a snapshot is published by being installed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use nuncio_admin::{CurrentSnapshot, KeptResource, Latch, Published, Readiness, Standing};
use nuncio_config::Identity;
use nuncio_controller::Publish;
use nuncio_proxy::{Resolver, Switch};
use nuncio_routing::{Credential, Listening, ServicePort, Snapshot, compile};
use nuncio_telemetry::{Configured, Telemetry};
use nuncio_tls::Material;
use tokio::sync::watch;

/// Where snapshots go, and where the one in force can be seen.
pub(crate) struct Publication {
    switch: Arc<Switch>,
    readiness: Arc<Readiness>,
    current: Mutex<Option<Published>>,
    standing: Mutex<Standing>,
    /// What is listened on by the snapshot in force; `None` before the first.
    listening: watch::Sender<Option<Arc<Listening>>>,
}

impl Publication {
    /// Begins with an empty snapshot of generation 0, which only knows the probes.
    pub(crate) fn new(
        identity: &Identity,
        telemetry: &Arc<Telemetry>,
        readiness: &Arc<Readiness>,
        resolver: Resolver,
    ) -> Self {
        let empty = Arc::new(compile([], [], identity, 0));
        let switch = Arc::new(Switch::new(empty, Arc::clone(telemetry), resolver));
        let configured: Arc<dyn Configured> = Arc::clone(&switch) as _;
        telemetry.ask(Arc::downgrade(&configured));
        Self {
            switch,
            readiness: Arc::clone(readiness),
            current: Mutex::default(),
            standing: Mutex::default(),
            listening: watch::Sender::new(None),
        }
    }

    pub(crate) fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }

    fn told(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first snapshot.
    pub(crate) async fn first(&self) {
        // The sender is ours, so it cannot be gone.
        drop(self.listening().wait_for(Option::is_some).await);
    }

    /// Tells what is listened on, as it changes.
    pub(crate) fn listening(&self) -> watch::Receiver<Option<Arc<Listening>>> {
        self.listening.subscribe()
    }
}

impl Publish for Publication {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        self.switch.install(Arc::clone(&snapshot));
        let listening = Arc::clone(&snapshot.listening);
        let published = Published {
            snapshot,
            at: SystemTime::now(),
            standing: self.told().clone(),
        };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(published);
        // The control path publishes only what every source has contributed to.
        self.readiness.set(Latch::Sources);
        self.readiness.set(Latch::Snapshot);
        self.listening.send_if_modified(|before| {
            let is_same = before
                .as_ref()
                .is_some_and(|before| Arc::ptr_eq(before, &listening));
            *before = Some(listening);
            !is_same
        });
    }

    fn standing(&self, standing: nuncio_controller::Standing) {
        let kept = |kept: &nuncio_controller::KeptResource| KeptResource {
            object: Arc::clone(&kept.object),
            resource: kept.resource.clone(),
            since: kept.since.to_string().into(),
        };
        *self.told() = Standing {
            saved_at: standing.saved_at,
            kept: standing.kept.iter().map(kept).collect(),
        };
    }

    fn endpoints(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        self.switch.set_endpoints(of, addresses);
    }

    fn credential(&self, of: &Credential, material: Option<Material>) {
        self.switch.set_credential(of, material);
    }

    fn challenges(&self, answers: BTreeMap<Box<str>, Box<str>>) {
        self.switch.set_challenges(answers);
    }

    fn credentials_settled(&self) {
        self.readiness.set(Latch::Credentials);
    }
}

impl CurrentSnapshot for Publication {
    fn current(&self) -> Option<Published> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
