//! Certificates and keys, as they were last told of.
//!
//! Invariant: whoever has asked for a credential once sees what becomes of it by one atomic load,
//! without asking again.
//! Deliberately absent: where they come from, and whether they are any good.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
pub(crate) struct Slot {
    material: ArcSwapOption<Material>,
    /// Whether nobody will say any more what becomes of it.
    is_forgotten: AtomicBool,
}

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
        let mut slots = self.slots();
        match (material, slots.entry(credential.clone())) {
            (Some(material), slot) => slot.or_default().set(material),
            (None, Entry::Occupied(known)) => {
                known.get().material.store(None);
                // Whoever has it is to see what comes in its place.
                if Arc::strong_count(known.get()) == 1 {
                    known.remove();
                }
            }
            (None, Entry::Vacant(_)) => {}
        }
        // Who sees the number sees what was told.
        self.told.fetch_add(1, Ordering::Release);
    }

    /// Nobody wants it any more. Whoever has it still has it as it was last.
    pub(super) fn forget(&self, credential: &Credential) {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(credential) {
            slot.is_forgotten.store(true, Ordering::Relaxed);
            if Arc::strong_count(slot) == 1 {
                slots.remove(credential);
            }
        }
        self.told.fetch_add(1, Ordering::Release);
    }

    /// How often something was told: whoever has seen this number has seen all that there is.
    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Acquire)
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

    /// The material of `credential`, if there is some.
    pub(super) fn material(&self, credential: &Credential) -> Option<Arc<Material>> {
        self.slots().get(credential)?.material()
    }

    /// Where the material of `credential` is, once there is some.
    pub(crate) fn slot(&self, credential: &Credential) -> Arc<Slot> {
        let mut slots = self.slots();
        let slot = slots
            .entry(credential.clone())
            .or_insert_with(|| Arc::new(Slot::of(credential)));
        Arc::clone(slot)
    }

    /// Lets go of what was asked for and is not any more, if it never came or nobody will tell of it.
    pub(super) fn tidy(&self) {
        self.slots()
            .retain(|_, slot| Arc::strong_count(slot) > 1 || slot.is_current());
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
        self.is_forgotten.store(false, Ordering::Relaxed);
        let is_same = self
            .material
            .load()
            .as_ref()
            .is_some_and(|known| known.same_as(&material));
        if !is_same {
            self.material.store(Some(Arc::new(material)));
        }
    }

    /// `None` while there is none.
    pub(crate) fn material(&self) -> Option<Arc<Material>> {
        self.material.load_full()
    }

    fn is_current(&self) -> bool {
        !self.is_forgotten.load(Ordering::Relaxed) && self.material().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio_routing::SecretName;

    #[test]
    fn what_is_forgotten_stays_with_whoever_has_it_and_what_is_gone_does_not() {
        let name = SecretName {
            namespace: "default".into(),
            name: "edge".into(),
        };
        let credential = Credential::Identity(IdentitySource::Secret(name));
        let identity = Arc::new(Identity::self_signed().unwrap());
        let material = || Some(Material::Identity(Arc::clone(&identity)));
        let credentials = Credentials::new();
        let slot = credentials.slot(&credential);
        credentials.set(&credential, material());
        credentials.set(&credential, None);
        assert!(slot.material().is_none());
        credentials.set(&credential, material());
        credentials.forget(&credential);
        credentials.tidy();
        assert!(slot.material().is_some());
        drop(slot);
        credentials.tidy();
        assert!(credentials.material(&credential).is_none());
    }
}
