//! Certificates and keys, as they were last told of.
//!
//! Invariant: whoever has asked for a credential once sees what becomes of it by one atomic load,
//! without asking again.
//! Deliberately absent: where they come from, and whether they are any good.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use nuncio_routing::{Credential, IdentitySource};
use nuncio_tls::{Identity, Material, Tickets, Unusable};

/// All that were told of, or asked for.
pub(crate) struct Credentials {
    slots: Mutex<HashMap<Credential, Arc<Slot>>>,
    /// How often something was told.
    told: AtomicU64,
    /// Without randomness there are none, and no TLS.
    tickets: Result<Tickets, Arc<Unusable>>,
}

/// One credential, whether there is material or not.
#[derive(Default)]
pub(crate) struct Slot(ArcSwapOption<Material>);

impl Credentials {
    pub(crate) fn new() -> Self {
        Self {
            slots: Mutex::default(),
            told: AtomicU64::default(),
            tickets: Tickets::new().map_err(Arc::new),
        }
    }

    /// What clients are given to go on with their session, and what that is protected by.
    pub(super) fn tickets(&self) -> Result<&Tickets, Arc<Unusable>> {
        self.tickets.as_ref().map_err(Arc::clone)
    }

    /// From now on this is what it is; `None` = there is none any more.
    pub(super) fn set(&self, credential: &Credential, material: Option<Material>) {
        self.told.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.slots();
        match material {
            Some(material) => slots.entry(credential.clone()).or_default().set(material),
            None => {
                let Entry::Occupied(known) = slots.entry(credential.clone()) else {
                    return;
                };
                known.get().0.store(None);
                // Whoever has it is to see what comes in its place.
                if Arc::strong_count(known.get()) == 1 {
                    known.remove();
                }
            }
        }
    }

    /// How often something was told: whoever has seen this number has seen all that there is.
    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// When the certificate expires, if there is one.
    pub(super) fn expiry(&self, source: &IdentitySource) -> Option<SystemTime> {
        let slots = self.slots();
        let slot = slots.get(&Credential::Identity(source.clone()))?;
        match &*slot.material()? {
            Material::Identity(identity) => Some(identity.facts().not_after),
            Material::Authorities(_) | Material::Revocations(_) => None,
        }
    }

    /// Where the material of `credential` is, once there is some.
    pub(crate) fn slot(&self, credential: &Credential) -> Arc<Slot> {
        let mut slots = self.slots();
        let slot = slots
            .entry(credential.clone())
            .or_insert_with(|| Arc::new(Slot::of(credential)));
        Arc::clone(slot)
    }

    /// Lets go of what was asked for, never came, and is not asked for any more.
    pub(super) fn tidy(&self) {
        self.slots()
            .retain(|_, slot| Arc::strong_count(slot) > 1 || slot.material().is_some());
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Credential, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.slots().len();
        f.debug_struct("Credentials")
            .field("count", &count)
            .finish_non_exhaustive()
    }
}

impl Slot {
    /// What the gateway signs itself is made when somebody asks for it.
    fn of(credential: &Credential) -> Self {
        let slot = Self::default();
        if let Credential::Identity(IdentitySource::SelfSigned) = credential {
            match Identity::self_signed() {
                Ok(identity) => slot.set(Material::Identity(Arc::new(identity))),
                Err(error) => tracing::error!(%error, "cannot sign a certificate"),
            }
        }
        slot
    }

    /// The same as before stays: what was made of it does too.
    fn set(&self, material: Material) {
        let is_same = self
            .0
            .load()
            .as_ref()
            .is_some_and(|known| known.same_as(&material));
        if !is_same {
            self.0.store(Some(Arc::new(material)));
        }
    }

    /// `None` while there is none.
    pub(crate) fn material(&self) -> Option<Arc<Material>> {
        self.0.load_full()
    }
}
