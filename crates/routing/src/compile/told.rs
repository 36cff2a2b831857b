//! One resource of what an object says.
//!
//! Invariant: shares what the object says as a whole; nothing of it is copied.

use std::sync::Arc;

use nuncio_config::{Kind, Location, Parsed, Resource};

use super::groups::Member;

/// A resource, by its position in what its object says.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    parsed: Arc<Parsed>,
    nth: usize,
}

impl Told {
    /// All resources of an object.
    pub(crate) fn all(parsed: &Arc<Parsed>) -> impl Iterator<Item = Self> {
        let positions = 0..parsed.resources.len();
        positions.map(|nth| Self {
            parsed: Arc::clone(parsed),
            nth,
        })
    }

    /// The resource; there always is one.
    pub(crate) fn resource(&self) -> Option<&Resource> {
        self.parsed.resources.get(self.nth)
    }

    /// The resource, if it is a Mapping.
    pub(crate) fn member(&self) -> Option<Member<'_>> {
        let resource = self.resource()?;
        let Kind::Mapping(mapping) = &resource.kind else {
            return None;
        };
        Some(Member { resource, mapping })
    }

    /// Whether both are one resource of one reading.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parsed, &other.parsed) && self.nth == other.nth
    }

    /// When it counts as inserted.
    pub(crate) fn insertion(&self) -> Option<Inserted<'_>> {
        self.resource().map(inserted)
    }
}

/// The order in which resources count as inserted: by place, namespace and name.
pub(crate) type Inserted<'r> = (&'r Location, &'r str, &'r str);

fn inserted(resource: &Resource) -> Inserted<'_> {
    (&resource.at, &resource.namespace, &resource.name)
}

/// Puts one among others that are in insertion order, after its equals.
pub(crate) fn insert(all: &mut Vec<Told>, told: Told) {
    let place = all.partition_point(|other| other.insertion() <= told.insertion());
    if all.is_empty() {
        // Most are alone.
        all.reserve_exact(1);
    }
    all.insert(place, told);
}

/// Takes one out.
pub(crate) fn take(all: &mut Vec<Told>, told: &Told) -> Option<Told> {
    let from = all.partition_point(|other| other.insertion() < told.insertion());
    let nth = all.iter().skip(from).position(|other| other.is(told))?;
    let taken = all.remove(from + nth);
    if all.len() < all.capacity() / 4 {
        all.shrink_to_fit();
    }
    Some(taken)
}
