//! What one run of the control path may publish.
//!
//! Invariant: nothing once it has ended, though its pipeline may be in the middle of a compile. A run that
//! follows another takes no certificate or key out of use that it has never told of itself: what could be
//! read then may not be readable now.
//!
//! Deliberately absent: when a run begins and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use nuncio_controller::{Publish, Standing};
use nuncio_routing::{Credential, ServicePort, Snapshot};
use nuncio_tls::Material;

/// One run's way to what is served.
pub(super) struct Turn {
    publish: Arc<dyn Publish>,
    ended: RwLock<bool>,
    /// What it has told material of; `None` = it is the first, which takes out of use what it likes.
    told: Option<Mutex<BTreeSet<Credential>>>,
}

impl Turn {
    /// The first run's.
    pub(super) fn first(publish: &Arc<dyn Publish>) -> Arc<Self> {
        Self::telling(publish, None)
    }

    /// That of a run that follows another.
    pub(super) fn later(publish: &Arc<dyn Publish>) -> Arc<Self> {
        Self::telling(publish, Some(Mutex::default()))
    }

    fn telling(publish: &Arc<dyn Publish>, told: Option<Mutex<BTreeSet<Credential>>>) -> Arc<Self> {
        Arc::new(Self {
            publish: Arc::clone(publish),
            ended: RwLock::new(false),
            told,
        })
    }

    /// Waits for whatever is being published now, which blocks nobody for long.
    pub(super) fn end(&self) {
        *self.ended.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn unless_ended(&self, publish: impl FnOnce(&dyn Publish)) {
        let ended = self.ended.read().unwrap_or_else(PoisonError::into_inner);
        if !*ended {
            publish(&*self.publish);
        }
    }

    /// Whether a credential's material may be replaced by this.
    fn may_tell(&self, of: &Credential, material: Option<&Material>) -> bool {
        let Some(told) = &self.told else { return true };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        match material {
            Some(_) => {
                told.insert(of.clone());
                true
            }
            None => told.contains(of),
        }
    }
}

impl Publish for Turn {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        self.unless_ended(|to| to.publish(snapshot));
    }

    fn standing(&self, standing: Standing) {
        self.unless_ended(|to| to.standing(standing));
    }

    fn endpoints(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        self.unless_ended(|to| to.endpoints(of, addresses));
    }

    fn credential(&self, of: &Credential, material: Option<Material>) {
        if self.may_tell(of, material.as_ref()) {
            self.unless_ended(|to| to.credential(of, material));
        }
    }

    fn challenges(&self, answers: BTreeMap<Box<str>, Box<str>>) {
        self.unless_ended(|to| to.challenges(answers));
    }

    fn credentials_settled(&self) {
        self.unless_ended(Publish::credentials_settled);
    }
}
