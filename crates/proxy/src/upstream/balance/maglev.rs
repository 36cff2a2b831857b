//! `maglev`: a table in which endpoints take turns at claiming the places they like best
//! (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", section 3.4).

use super::Hash;
use crate::upstream::endpoint::Host;

/// The position of a host for each place.
#[derive(Debug)]
pub(super) struct Maglev(Box<[u16]>);

/// Envoy's, and the paper's smaller one. A prime, so that every step reaches every place.
const SIZE: u64 = 65_537;

/// A place nobody has claimed. No host has this position: those beyond get no place.
const FREE: u16 = u16::MAX;

/// The places a host likes, best first.
struct Liking {
    next: u64,
    step: u64,
}

impl Maglev {
    pub(super) fn of(hosts: &[Host]) -> Self {
        let hosts = hosts.get(..usize::from(FREE)).unwrap_or(hosts);
        let mut likings: Vec<_> = hosts.iter().map(|host| Liking::of(host.hash())).collect();
        let mut table = vec![FREE; SIZE as usize];
        let mut free = table.len();
        while free > 0 && !likings.is_empty() {
            for (position, liking) in (0..).zip(&mut likings).take(free) {
                liking.claim(&mut table, position);
                free -= 1;
            }
        }
        Self(table.into())
    }

    /// The position of the host that `hash` belongs to.
    pub(super) fn at(&self, hash: u64) -> usize {
        let place = (hash % SIZE) as usize;
        self.0
            .get(place)
            .map_or(0, |position| usize::from(*position))
    }
}

impl Liking {
    fn of(address: Hash) -> Self {
        Self {
            next: address.with(b"first").finish() % SIZE,
            step: address.with(b"step").finish() % (SIZE - 1) + 1,
        }
    }

    /// Takes the best place that is free; there is one.
    fn claim(&mut self, table: &mut [u16], position: u16) {
        for _ in 0..SIZE {
            let place = table.get_mut(self.next as usize);
            self.next = (self.next + self.step) % SIZE;
            if let Some(place) = place.filter(|place| **place == FREE) {
                *place = position;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_somebodys_and_places_are_shared_evenly() {
        let hosts: Vec<_> = (0..7u8)
            .map(|n| Host::untracked(([10, 0, 0, n], 80).into()))
            .collect();
        let Maglev(table) = Maglev::of(&hosts);
        for position in 0..7 {
            let places = table.iter().filter(|place| **place == position).count();
            assert!((9362..=9363).contains(&places), "{position}: {places}");
        }
    }
}
