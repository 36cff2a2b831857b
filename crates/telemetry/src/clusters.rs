//! The handles of clusters, found by name, and what is left of those that are gone.
//!
//! Invariant: one name, one handle, for as long as anybody has it, also when its cluster has left
//! the configuration: what is under way there is still counted, and told to statsd. Then it makes
//! room for its [`Totals`], from which a cluster of the same name goes on; a cluster that counted
//! nothing leaves nothing.
//! Deliberately absent: anything a request would do; the lock here is taken when configuration
//! changes and when a writer looks.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use crate::cluster::{ClusterStats, Totals};
use crate::family::Scope;
use crate::server::ServerCounts;
use crate::statsd::Timers;

/// All clusters that are counted.
#[derive(Debug, Default)]
pub(crate) struct Clusters(RwLock<Named>);

#[derive(Debug, Default)]
struct Named {
    /// By name, hence in the order of the page.
    known: BTreeSet<Entry>,
    /// How many clusters there are in the configuration; names may repeat.
    active: u64,
    /// Left the configuration, in this order; somebody may still have their handles.
    leaving: VecDeque<Leaving>,
    gone: Gone,
}

/// A cluster's handle, which has its name.
#[derive(Debug)]
struct Entry(Arc<ClusterStats>);

#[derive(Debug)]
struct Leaving {
    name: Arc<str>,
    /// How often statsd had been told everything when nobody had the handle any more.
    quiet_at: Option<u64>,
}

/// What is left of clusters, the oldest first.
#[derive(Debug, Default)]
struct Gone {
    left: HashMap<Box<str>, Left>,
    idle: Idle,
    /// How many have gone.
    count: u64,
    /// Whose totals are forgotten, for the exporter to forget them too.
    forgotten: Vec<u32>,
}

/// Clusters that did nothing but get their endpoints, each as a number made of its name: most of those
/// that come and go by the thousand are such.
#[derive(Debug, Default)]
struct Idle {
    names: HashSet<u64>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Left {
    /// How many were gone then.
    went: u64,
    totals: Totals,
}

/// Clusters whose totals are kept after they are gone; some 120 bytes each. Of one that was gone
/// before all of these the counters begin at 0 again, as with Envoy.
const MOST_GONE: usize = 10_000;

/// So many more are kept before the oldest are looked for, since looking costs as much as all.
const SPARE: usize = 1_000;

/// Handles looked at while nobody else may take one.
const BATCH: usize = 1_000;

impl Clusters {
    /// The handle of a name, made if there is none; `added` is called when the cluster is new.
    pub(crate) fn of(
        &self,
        name: &Arc<str>,
        timers: &Arc<Timers>,
        added: impl FnOnce(),
    ) -> Arc<ClusterStats> {
        if let Some(known) = self.find(name) {
            return known;
        }
        let mut named = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(Entry(stats)) = named.known.get(&**name) {
            return Arc::clone(stats);
        }
        added();
        let left = named.gone.take(name);
        let stats = Arc::new(ClusterStats::new(name, left.as_ref(), timers));
        if named.gone.idle.take(name) {
            stats.had_endpoints_once();
        }
        named.known.insert(Entry(Arc::clone(&stats)));
        stats
    }

    /// The handle of a name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<ClusterStats>> {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Entry(stats) = named.known.get(name)?;
        Some(Arc::clone(stats))
    }

    /// All handles, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<ClusterStats>> {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = named.known.iter();
        known.map(|Entry(stats)| Arc::clone(stats)).collect()
    }

    /// Shows all handles.
    pub(crate) fn each(&self, mut show: impl FnMut(&ClusterStats)) {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        named.known.iter().for_each(|Entry(stats)| show(stats));
    }

    /// Clusters that are in the configuration from now on, and then those that are so no longer.
    pub(crate) fn change<'s>(
        &self,
        arrived: impl IntoIterator<Item = &'s ClusterStats>,
        departed: impl IntoIterator<Item = &'s ClusterStats>,
        count: &ServerCounts,
    ) {
        let mut named = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for stats in arrived {
            if named.arrive(stats) {
                count.cluster_added.inc();
            }
        }
        for stats in departed {
            if named.depart(stats) {
                count.cluster_removed.inc();
            }
        }
        count.active_clusters.set(named.active);
    }

    /// Makes room where nobody has the handle of a cluster any more that has left, and statsd, if
    /// it listens, has been told; gives how many are still to be looked at.
    pub(crate) fn let_go(&self, timers: &Timers) -> usize {
        let mut unseen = self.leaving();
        while unseen > 0 {
            let mut named = self.0.write().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..unseen.min(BATCH) {
                if let Some(leaving) = named.leaving.pop_front() {
                    named.look_at(leaving, timers);
                }
            }
            unseen = unseen.saturating_sub(BATCH);
        }
        self.leaving()
    }

    /// The ids of those that there are, and of those whose totals are kept.
    pub(crate) fn remembered(&self) -> HashSet<u32> {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = named.known.iter().map(|Entry(stats)| stats.series().id);
        let gone = named.gone.left.values().map(|left| left.totals.id());
        known.chain(gone).collect()
    }

    /// Whose totals are forgotten since this was last asked.
    pub(crate) fn forgotten(&self) -> Vec<u32> {
        let mut named = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut named.gone.forgotten)
    }
}

impl Clusters {
    fn leaving(&self) -> usize {
        let mut named = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if named.leaving.is_empty() {
            // Gives back what a burst needed.
            named.leaving = VecDeque::new();
        }
        named.leaving.len()
    }
}

impl Named {
    /// Whether it is the first of its name.
    fn arrive(&mut self, stats: &ClusterStats) -> bool {
        self.active += 1;
        stats.uses().arrive()
    }

    /// Whether it was the last of its name.
    fn depart(&mut self, stats: &ClusterStats) -> bool {
        self.active = self.active.saturating_sub(1);
        if !stats.uses().depart() {
            return false;
        }
        let (name, quiet_at) = (Arc::clone(stats.shared_name()), None);
        self.leaving.push_back(Leaving { name, quiet_at });
        true
    }

    fn look_at(&mut self, mut leaving: Leaving, timers: &Timers) {
        let Some(Entry(stats)) = self.known.get(&*leaving.name) else {
            return;
        };
        if stats.is_active() {
            return;
        }
        // Whoever takes a handle needs the lock that is held here.
        let is_free = Arc::strong_count(stats) == 1;
        let told = timers.rounds();
        leaving.quiet_at = is_free.then(|| leaving.quiet_at.unwrap_or(told));
        let Some(quiet_at) = leaving.quiet_at else {
            return self.leaving.push_back(leaving);
        };
        // The round under way may have passed by it already.
        if timers.is_open() && told < quiet_at + 2 {
            return self.leaving.push_back(leaving);
        }
        let entry = self.known.take(&*leaving.name);
        let stats = entry.and_then(|Entry(stats)| Arc::into_inner(stats));
        if let Some(totals) = stats.as_ref().and_then(Totals::of) {
            // The exporter goes by a handle's number, which is not remembered of an idle one.
            match totals.are_idle() && !timers.was_open() {
                true => self.gone.idle.keep(&leaving.name),
                false => self.gone.keep(&leaving.name, totals, timers),
            }
        }
    }
}

impl Gone {
    /// What is left of the last cluster of this name.
    fn take(&mut self, name: &str) -> Option<Totals> {
        let left = self.left.remove(name)?;
        if self.left.len() < self.left.capacity() / 4 {
            self.left.shrink_to(self.left.len() * 2);
        }
        Some(left.totals)
    }

    fn keep(&mut self, name: &str, totals: Totals, timers: &Timers) {
        self.count += 1;
        let went = self.count;
        self.left.insert(name.into(), Left { went, totals });
        if self.left.len() > MOST_GONE + SPARE {
            self.forget_oldest(timers);
        }
    }

    /// Keeps the last of them only.
    fn forget_oldest(&mut self, timers: &Timers) {
        let mut went: Vec<_> = self.left.values().map(|left| left.went).collect();
        let over = went.len().saturating_sub(MOST_GONE);
        let (_, &mut kept_since, _) = went.select_nth_unstable(over);
        let forgotten = self.left.extract_if(|_, left| left.went < kept_since);
        let forgotten = forgotten.map(|(_, left)| left.totals.id());
        // Without an exporter nobody would ask.
        if timers.was_open() {
            self.forgotten.extend(forgotten);
        } else {
            forgotten.for_each(drop);
        }
    }
}

impl Idle {
    /// Begins anew when it is full: then a counter begins at 0 again that never was above 1.
    fn keep(&mut self, name: &str) {
        if self.names.len() == MOST_GONE {
            self.names = HashSet::new();
        }
        self.names.insert(self.hasher.hash_one(name));
    }

    fn take(&mut self, name: &str) -> bool {
        !self.names.is_empty() && self.names.remove(&self.hasher.hash_one(name))
    }
}

impl Borrow<str> for Entry {
    fn borrow(&self) -> &str {
        self.0.name()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name().cmp(other.0.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_clusters_without_traffic_are_small() {
        let all = size_of::<ClusterStats>() + size_of::<Entry>();
        assert!(all <= 120, "{all} bytes");
    }

    #[test]
    fn of_those_that_are_gone_the_oldest_is_forgotten() {
        let (clusters, count) = (Clusters::default(), ServerCounts::default());
        let timers = Arc::new(Timers::default());
        for nth in 0..=MOST_GONE + SPARE {
            let stats = clusters.of(&nth.to_string().into(), &timers, || {});
            stats.endpoints_changed(1);
            stats.endpoints_changed(2);
            clusters.change([&*stats], [], &count);
            clusters.change([], [&*stats], &count);
            drop(stats);
            assert_eq!(clusters.let_go(&timers), 0);
        }
        let named = clusters.0.read().unwrap();
        assert_eq!(named.gone.left.len(), MOST_GONE);
        let is_left = |nth: usize| named.gone.left.contains_key(&*nth.to_string());
        assert!(!is_left(0) && !is_left(SPARE));
        assert!(is_left(SPARE + 1) && is_left(MOST_GONE + SPARE));
        assert!(named.known.is_empty());
    }

    #[test]
    fn an_idle_cluster_that_comes_back_has_not_counted_less() {
        let (clusters, count) = (Clusters::default(), ServerCounts::default());
        let timers = Arc::new(Timers::default());
        for changes in 1..=3 {
            let stats = clusters.of(&"idle".into(), &timers, || {});
            assert_eq!(stats.count.membership_change.value(), changes - 1);
            stats.endpoints_changed(1);
            clusters.change([&*stats], [], &count);
            clusters.change([], [&*stats], &count);
            drop(stats);
            assert_eq!(clusters.let_go(&timers), 0);
            let named = clusters.0.read().unwrap();
            let left = (named.gone.idle.names.len(), named.gone.left.len());
            assert_eq!(left, if changes == 1 { (1, 0) } else { (0, 1) });
        }
    }
}
