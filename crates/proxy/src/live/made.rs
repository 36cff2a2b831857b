//! What is made of credentials: a configuration of TLS, made anew when one of them changes.
//!
//! Invariant: made when it is first asked for, and again only when a credential is another; whoever asks
//! sees the credentials as they are at that moment, by an atomic load each.
//! Deliberately absent: what is made, and for whom.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use nuncio_routing::Credential;
use nuncio_tls::{Authorities, Identity, Material, Needed, Revocations, Unusable};

use super::credentials::{Credentials, Slot};

/// A configuration, and what it was made of.
pub(crate) struct Made<C> {
    slots: OnceLock<Slots>,
    last: ArcSwapOption<Last<C>>,
}

/// Where the credentials are.
#[derive(Default)]
struct Slots {
    identity: Option<Arc<Slot>>,
    authorities: Option<Arc<Slot>>,
    revocations: Option<Arc<Slot>>,
}

/// The credentials at one moment, as far as there are any. Whether one may be wanting is for whoever
/// makes the configuration to say.
struct Materials {
    identity: Option<Arc<Material>>,
    authorities: Option<Arc<Material>>,
    revocations: Option<Arc<Material>>,
}

/// What came of some credentials.
struct Last<C> {
    of: Materials,
    made: Result<Arc<C>, Arc<Unusable>>,
}

impl<C> Default for Made<C> {
    fn default() -> Self {
        Self {
            slots: OnceLock::new(),
            last: ArcSwapOption::empty(),
        }
    }
}

impl<C> Made<C> {
    /// What `make` makes of the credentials as they are now.
    pub(crate) fn get<I: Iterator<Item = Credential>>(
        &self,
        credentials: &Credentials,
        named: impl FnOnce() -> I,
        make: impl FnOnce(&Needed<'_>) -> Result<Arc<C>, Arc<Unusable>>,
    ) -> Result<Arc<C>, Arc<Unusable>> {
        let materials = self.materials(credentials, named);
        if let Some(last) = &*self.last.load()
            && last.of.are(&materials)
        {
            return last.made.clone();
        }
        let made = make(&materials.needed());
        self.last.store(Some(Arc::new(Last {
            of: materials,
            made: made.clone(),
        })));
        made
    }

    /// What `look` finds in the credentials as they are now; nothing is made of them.
    pub(crate) fn look<I: Iterator<Item = Credential>, T>(
        &self,
        credentials: &Credentials,
        named: impl FnOnce() -> I,
        look: impl FnOnce(&Needed<'_>) -> T,
    ) -> T {
        look(&self.materials(credentials, named).needed())
    }

    fn materials<I: Iterator<Item = Credential>>(
        &self,
        credentials: &Credentials,
        named: impl FnOnce() -> I,
    ) -> Materials {
        let slots = self.slots.get_or_init(|| Slots::of(credentials, named()));
        slots.materials()
    }
}

impl Slots {
    fn of(credentials: &Credentials, named: impl Iterator<Item = Credential>) -> Self {
        let mut slots = Self::default();
        for credential in named {
            let slot = Some(credentials.slot(&credential));
            match credential {
                Credential::Identity(_) => slots.identity = slot,
                Credential::Authorities(_) => slots.authorities = slot,
                Credential::Revocations(_) => slots.revocations = slot,
            }
        }
        slots
    }

    fn materials(&self) -> Materials {
        let of = |slot: &Option<Arc<Slot>>| slot.as_ref()?.material();
        Materials {
            identity: of(&self.identity),
            authorities: of(&self.authorities),
            revocations: of(&self.revocations),
        }
    }
}

impl Materials {
    fn are(&self, others: &Self) -> bool {
        let same = |one: &Option<Arc<Material>>, other: &Option<Arc<Material>>| {
            one.as_ref().map(Arc::as_ptr) == other.as_ref().map(Arc::as_ptr)
        };
        same(&self.identity, &others.identity)
            && same(&self.authorities, &others.authorities)
            && same(&self.revocations, &others.revocations)
    }

    fn needed(&self) -> Needed<'_> {
        Needed {
            identity: self.identity.as_deref().and_then(identity),
            authorities: self.authorities.as_deref().and_then(authorities),
            revocations: self.revocations.as_deref().and_then(revocations),
        }
    }
}

pub(super) fn identity(material: &Material) -> Option<&Identity> {
    match material {
        Material::Identity(identity) => Some(identity),
        Material::Authorities(_) | Material::Revocations(_) => None,
    }
}

fn authorities(material: &Material) -> Option<&Authorities> {
    match material {
        Material::Authorities(authorities) => Some(authorities),
        Material::Identity(_) | Material::Revocations(_) => None,
    }
}

fn revocations(material: &Material) -> Option<&Revocations> {
    match material {
        Material::Revocations(revocations) => Some(revocations),
        Material::Identity(_) | Material::Authorities(_) => None,
    }
}
