//! The clusters that Routes ask for, each once, at places that stay theirs.
//!
//! Invariant: a cluster keeps its place while anybody asks for it; what is let go and asked for again
//! before it is settled never lost it. Once [settled](Roster::settle), names depend on the clusters
//! alone, not on when they were asked for.
//! Deliberately absent: who asks.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Cluster, ClusterIndex, name};
use crate::Clusters;
use crate::demands::Tally;

/// The clusters asked for.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// By [full](name::full) name first.
    asked: BTreeMap<Arc<Cluster>, Asked>,
    /// One of each full name whose clusters are others than when they were last settled.
    unsettled: BTreeSet<ByName>,
    places: Places,
    clusters: Clusters,
}

/// Of a cluster under its full name.
#[derive(Clone, Copy, Debug)]
struct Asked {
    place: ClusterIndex,
    users: u32,
}

/// Clusters with one name are the same to it.
#[derive(Debug)]
struct ByName(Arc<Cluster>);

impl Roster {
    /// The place of a cluster, and the cluster as it is to be [let go](Self::release). Its name is the
    /// full one; clusters that differ in anything else are kept apart.
    pub(crate) fn ask(&mut self, cluster: Cluster) -> (ClusterIndex, Arc<Cluster>) {
        let known = self
            .asked
            .range_mut::<Cluster, _>(&cluster..=&cluster)
            .next();
        if let Some((known, asked)) = known {
            asked.users += 1;
            return (asked.place, Arc::clone(known));
        }
        let cluster = Arc::new(cluster);
        let place = ClusterIndex::new(self.places.take());
        let asked = Asked { place, users: 1 };
        self.asked.insert(Arc::clone(&cluster), asked);
        self.unsettled.insert(ByName(Arc::clone(&cluster)));
        (place, cluster)
    }

    /// Lets a cluster go, once.
    pub(crate) fn release(&mut self, cluster: &Arc<Cluster>) {
        let Some(asked) = self.asked.get_mut(cluster) else {
            return;
        };
        asked.users = asked.users.saturating_sub(1);
        if asked.users == 0 {
            self.unsettled.insert(ByName(Arc::clone(cluster)));
        }
    }

    /// Gives names to the new, and the places of those that nobody asks for any more to the next.
    pub(crate) fn settle(&mut self, tally: &mut Tally) {
        for ByName(one) in std::mem::take(&mut self.unsettled) {
            self.settle_namesakes(&one, tally);
        }
    }

    /// The clusters as they were last settled.
    pub(crate) fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    fn settle_namesakes(&mut self, one: &Arc<Cluster>, tally: &mut Tally) {
        let (used, gone): (Vec<_>, Vec<_>) = self
            .namesakes(one)
            .map(|(cluster, asked)| (Arc::clone(cluster), *asked))
            .partition(|(_, asked)| asked.users > 0);
        let slots = &mut self.clusters.slots;
        for (cluster, Asked { place, .. }) in gone {
            if slots.set(place.as_usize(), None).is_some() {
                tally.remove_cluster(&cluster);
            }
            self.places.give_back(place.as_usize());
            self.asked.remove(&cluster);
        }
        for (nth, (cluster, Asked { place, .. })) in used.iter().enumerate() {
            let before = slots.get(place.as_usize());
            let named = named(cluster, nth, before);
            if before.is_none() {
                tally.add_cluster(&named);
            }
            if before.is_none_or(|before| !Arc::ptr_eq(before, &named)) {
                slots.set(place.as_usize(), Some(named));
            }
        }
    }

    /// All with the same full name, sorted. Mostly there is one.
    fn namesakes(&self, one: &Arc<Cluster>) -> impl Iterator<Item = (&Arc<Cluster>, &Asked)> {
        let is_namesake = |(other, _): &(&Arc<Cluster>, &Asked)| other.name == one.name;
        let before = self
            .asked
            .range::<Cluster, _>(..&**one)
            .rev()
            .take_while(is_namesake);
        let before: Vec<_> = before.collect();
        let others = self
            .asked
            .range::<Cluster, _>(&**one..)
            .take_while(is_namesake);
        before.into_iter().rev().chain(others)
    }
}

/// The cluster under the name it has as the `nth` with its full name: the one that it is already,
/// where that is so.
fn named(cluster: &Arc<Cluster>, nth: usize, before: Option<&Arc<Cluster>>) -> Arc<Cluster> {
    let name = name::unique(&cluster.name, nth);
    let is_named = |cluster: &&Arc<Cluster>| cluster.name == name;
    if let Some(cluster) = before.into_iter().chain([cluster]).find(is_named) {
        return Arc::clone(cluster);
    }
    Arc::new(Cluster {
        name,
        ..Cluster::clone(cluster)
    })
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name.cmp(&other.0.name)
    }
}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByName {}

/// Places, the lowest first.
#[derive(Debug, Default)]
struct Places {
    /// Below the end.
    free: BTreeSet<usize>,
    end: usize,
}

impl Places {
    fn take(&mut self) -> usize {
        self.free.pop_first().unwrap_or_else(|| {
            self.end += 1;
            self.end - 1
        })
    }

    fn give_back(&mut self, place: usize) {
        self.free.insert(place);
        while self.end > 0 && self.free.remove(&(self.end - 1)) {
            self.end -= 1;
        }
    }
}
