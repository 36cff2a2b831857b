//! The clusters that Routes ask for, each once, at places that stay theirs.
//!
//! Invariant: a cluster keeps its place while anybody asks for it; what is let go and asked for again
//! before it is settled never lost it. Once [settled](Roster::settle), names depend on the clusters
//! alone, not on when they were asked for.
//! Deliberately absent: who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Cluster, ClusterIndex, name};
use crate::Clusters;
use crate::demands::Tally;

/// The clusters asked for.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// By [full](name::full) name, those with one name sorted. Mostly there is one.
    asked: BTreeMap<Box<str>, Vec<Entry>>,
    /// Full names whose clusters are others than when they were last settled.
    unsettled: BTreeSet<Box<str>>,
    places: Places,
    clusters: Clusters,
}

/// A cluster under its full name.
#[derive(Debug)]
struct Entry {
    cluster: Arc<Cluster>,
    place: usize,
    users: usize,
}

impl Roster {
    /// The place of a cluster, and the cluster as it is to be [let go](Self::release). Its name is the
    /// full one; clusters that differ in anything else are kept apart.
    pub(crate) fn ask(&mut self, cluster: Cluster) -> (ClusterIndex, Arc<Cluster>) {
        let namesakes = match self.asked.get_mut(&cluster.name) {
            Some(namesakes) => namesakes,
            // Most are alone.
            None => {
                let asked = self.asked.entry(cluster.name.clone());
                asked.or_insert_with(|| Vec::with_capacity(1))
            }
        };
        let nth = namesakes.partition_point(|entry| *entry.cluster < cluster);
        let known = namesakes.get_mut(nth);
        if let Some(entry) = known.filter(|entry| *entry.cluster == cluster) {
            return entry.lease();
        }
        self.unsettled.insert(cluster.name.clone());
        let mut entry = Entry {
            cluster: Arc::new(cluster),
            place: self.places.take(),
            users: 0,
        };
        let lease = entry.lease();
        namesakes.insert(nth, entry);
        lease
    }

    /// Lets a cluster go, once.
    pub(crate) fn release(&mut self, cluster: &Arc<Cluster>) {
        let Some(namesakes) = self.asked.get_mut(&cluster.name) else {
            return;
        };
        let nth = namesakes.partition_point(|entry| entry.cluster < *cluster);
        let Some(entry) = namesakes.get_mut(nth) else {
            return;
        };
        entry.users = entry.users.saturating_sub(1);
        if entry.users == 0 {
            self.unsettled.insert(cluster.name.clone());
        }
    }

    /// Gives names to the new, and the places of those that nobody asks for any more to the next.
    pub(crate) fn settle(&mut self, tally: &mut Tally) {
        for name in std::mem::take(&mut self.unsettled) {
            self.settle_namesakes(&name, tally);
        }
    }

    /// The clusters as they were last settled.
    pub(crate) fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    fn settle_namesakes(&mut self, full: &str, tally: &mut Tally) {
        let Some(namesakes) = self.asked.get_mut(full) else {
            return;
        };
        let slots = &mut self.clusters.slots;
        for gone in namesakes.extract_if(.., |entry| entry.users == 0) {
            if slots.set(gone.place, None).is_some() {
                tally.remove_cluster(&gone.cluster);
            }
            self.places.give_back(gone.place);
        }
        for (nth, entry) in namesakes.iter().enumerate() {
            let before = slots.get(entry.place);
            let named = entry.named(nth, before);
            if before.is_none() {
                tally.add_cluster(&named);
            }
            if before.is_none_or(|before| !Arc::ptr_eq(before, &named)) {
                slots.set(entry.place, Some(named));
            }
        }
        if namesakes.is_empty() {
            self.asked.remove(full);
        }
    }
}

impl Entry {
    /// One more use of it.
    fn lease(&mut self) -> (ClusterIndex, Arc<Cluster>) {
        self.users += 1;
        (ClusterIndex::new(self.place), Arc::clone(&self.cluster))
    }

    /// The cluster under the name it has as the `nth` with its full name: the one that it is already,
    /// where that is so.
    fn named(&self, nth: usize, before: Option<&Arc<Cluster>>) -> Arc<Cluster> {
        let name = name::unique(&self.cluster.name, nth);
        let is_named = |cluster: &&Arc<Cluster>| cluster.name == name;
        if let Some(cluster) = before.into_iter().chain([&self.cluster]).find(is_named) {
            return Arc::clone(cluster);
        }
        Arc::new(Cluster {
            name,
            ..Cluster::clone(&self.cluster)
        })
    }
}

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
