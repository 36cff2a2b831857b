//! `ring_hash`: endpoints have many points on a ring each, and a key goes to the next one.
//!
//! Invariant: an endpoint's points depend on its address alone. So its keys are all that move when
//! it goes, as long as the number of points for each stays the same ([`points_each`]). (Envoy
//! divides its ring of at least 1024 by the number of endpoints, so that each change moves more.)

use crate::upstream::endpoint::Host;

/// Points, in order, and whose they are.
#[derive(Debug)]
pub(super) struct Ring(Box<[(u64, u32)]>);

impl Ring {
    pub(super) fn of(hosts: &[Host]) -> Self {
        let each = points_each(hosts.len());
        let mut points = Vec::with_capacity(hosts.len() * each as usize);
        for (position, host) in (0..).zip(hosts) {
            let address = host.hash();
            let point = |n: u32| (address.with(&n.to_le_bytes()).finish(), position);
            points.extend((0..each).map(point));
        }
        points.sort_unstable();
        Self(points.into())
    }

    /// The position of the host that `hash` belongs to.
    pub(super) fn at(&self, hash: u64) -> usize {
        let next = self.0.partition_point(|(point, _)| *point < hash);
        let at = self.0.get(next).or(self.0.first());
        at.map_or(0, |(_, position)| *position as usize)
    }
}

/// At least 1024 points in all, as Envoy; the more endpoints, the fewer are needed for each.
fn points_each(hosts: usize) -> u32 {
    match hosts {
        0..=16 => 512,
        17..=128 => 128,
        129.. => 32,
    }
}
