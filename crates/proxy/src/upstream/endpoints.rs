//! The endpoints of one cluster, swapped while requests pick from them.
//!
//! Invariant: an endpoint that stays keeps what is known of it, however the others change.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use nuncio_routing::{Balance, Cluster};
use nuncio_telemetry::ClusterStats;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::balance::Choice;
use super::endpoint::{Endpoint, Host, Pick};
use super::outliers::Watch;

/// The current endpoints, or nothing yet.
#[derive(Debug)]
pub(super) struct Endpoints {
    current: ArcSwapOption<Choice>,
    balance: Balance,
    /// Counts the requests balanced in turn.
    turn: AtomicU32,
    watch: Option<Arc<Watch>>,
    /// One change at a time. Whoever picks does not look here.
    changing: Mutex<Changing>,
}

#[derive(Debug, Default)]
struct Changing {
    author: Author,
    /// Who waits for the first answer, if anybody does.
    first: Option<Arc<Notify>>,
}

/// Whose word the endpoints are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Author {
    /// A resolver's answer, or an address that was configured.
    #[default]
    Answer,
    /// What the control path tells, which no answer replaces.
    Told,
}

/// Whether [`Endpoints::replace`] changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    /// There are this many now, and not the same as before.
    Changed(usize),
    Unchanged,
}

/// An endpoint, and how it was come by.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) endpoint: Endpoint,
    /// Whether so few are fit that it may be one that is not.
    pub(super) panicking: bool,
}

impl Endpoints {
    /// Not resolved yet; `watch` is told of endpoints that fail.
    pub(super) fn pending(cluster: &Cluster, watch: Option<Arc<Watch>>) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwapOption::empty(),
            balance: cluster.balance,
            turn: AtomicU32::new(0),
            watch,
            changing: Mutex::default(),
        })
    }

    /// Takes `addresses` into use; sorted, so that an answer in another order changes nothing. Does
    /// nothing after [`Self::tell`]: an answer may be late.
    pub(super) fn replace(&self, addresses: Vec<SocketAddr>) -> Replaced {
        let changing = self.changing();
        match changing.author {
            Author::Answer => self.change(addresses, changing),
            Author::Told => Replaced::Unchanged,
        }
    }

    /// As [`Self::replace`], for good: only [`Self::resolve`] lets answers in again.
    pub(super) fn tell(&self, addresses: Vec<SocketAddr>) -> Replaced {
        let mut changing = self.changing();
        changing.author = Author::Told;
        self.change(addresses, changing)
    }

    /// Lets answers replace what was told.
    pub(super) fn resolve(&self) {
        self.changing().author = Author::Answer;
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(
        &self,
        mut addresses: Vec<SocketAddr>,
        mut changing: MutexGuard<'_, Changing>,
    ) -> Replaced {
        addresses.sort_unstable();
        addresses.dedup();
        let before = self.current.load_full();
        let known = before.as_ref().map(|choice| choice.hosts());
        if known.is_some_and(|known| {
            known
                .iter()
                .map(|host| host.address())
                .eq(addresses.iter().copied())
        }) {
            return Replaced::Unchanged;
        }
        let count = addresses.len();
        let hosts = addresses
            .into_iter()
            .map(|address| self.host(address, known.unwrap_or_default()))
            .collect();
        self.store(hosts);
        let first = changing.first.take();
        drop(changing);
        first.inspect(|first| first.notify_waiters());
        Replaced::Changed(count)
    }

    /// Leaves out those that are not fit, and takes those in that are again.
    pub(super) fn health_changed(&self, stats: &ClusterStats) {
        let changing = self.changing();
        if let Some(before) = self.current.load_full() {
            self.store(before.hosts().into());
        }
        drop(changing);
        self.tell_health(stats);
    }

    /// Tells the counters how many are fit, where that is not all.
    pub(super) fn tell_health(&self, stats: &ClusterStats) {
        if self.watch.is_some()
            && let Some(current) = self.current.load_full()
        {
            let fit = current.hosts().iter().filter(|host| !host.is_ejected());
            stats.health_changed(fit.count());
        }
    }

    /// Whether there has been an answer, be it an empty one.
    pub(super) fn is_resolved(&self) -> bool {
        self.current.load().is_some()
    }

    /// Waits for the first answer, at most for `patience`.
    pub(super) async fn resolved(&self, patience: Duration) {
        if self.is_resolved() {
            return;
        }
        let first = self.first();
        let answered = first.notified();
        tokio::pin!(answered);
        // Registered before looking again, so that an answer in between is not missed.
        answered.as_mut().enable();
        if !self.is_resolved() {
            // Without an answer in time there is no endpoint, which the caller will find.
            drop(timeout(patience, answered).await);
        }
    }

    /// Tells when there is an answer, unless there is one already.
    fn first(&self) -> Arc<Notify> {
        let mut changing = self.changing();
        match self.is_resolved() {
            true => Arc::default(),
            false => Arc::clone(changing.first.get_or_insert_default()),
        }
    }

    /// An endpoint for one attempt.
    pub(super) fn pick(&self, pick: &Pick) -> Option<Picked> {
        let current = self.current.load();
        let choice = current.as_ref()?;
        let host = choice.pick(&self.turn, pick)?;
        Some(Picked {
            endpoint: Endpoint::of(host),
            panicking: choice.is_panicking(),
        })
    }

    /// How many there are, fit or not.
    pub(super) fn count(&self) -> usize {
        let current = self.current.load();
        current.as_ref().map_or(0, |choice| choice.hosts().len())
    }

    /// Whether the address is among the current ones.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        let current = self.current.load();
        let hosts = current.as_ref().map(|choice| choice.hosts());
        hosts.is_some_and(|hosts| position(hosts, address).is_some())
    }

    /// Whether it is still this endpoint that has its address.
    pub(super) fn has(&self, host: &Host) -> bool {
        let current = self.current.load();
        let hosts = current.as_ref().map(|choice| choice.hosts());
        hosts.is_some_and(|hosts| hosts.iter().any(|one| one.is(host)))
    }

    #[cfg(test)]
    pub(super) fn hosts(&self) -> Vec<Host> {
        let current = self.current.load_full();
        current.map_or_else(Vec::new, |choice| choice.hosts().to_vec())
    }

    fn host(&self, address: SocketAddr, known: &[Host]) -> Host {
        let same = position(known, address).and_then(|position| known.get(position));
        match same {
            Some(same) => same.clone(),
            None if self.is_tracked() => Host::tracked(address, self.watch.clone()),
            None => Host::untracked(address),
        }
    }

    /// Whether it matters how busy an endpoint is, or how well.
    fn is_tracked(&self) -> bool {
        self.watch.is_some() || self.balance == Balance::LeastRequest
    }

    fn store(&self, hosts: Box<[Host]>) {
        let choice = Choice::among(hosts, self.balance);
        self.current.store(Some(Arc::new(choice)));
    }
}

fn position(hosts: &[Host], address: SocketAddr) -> Option<usize> {
    hosts
        .binary_search_by_key(&address, |host| host.address())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::tests::cluster;

    fn endpoints() -> Arc<Endpoints> {
        Endpoints::pending(&cluster(), None)
    }

    fn addresses(ports: &[u16]) -> Vec<SocketAddr> {
        ports
            .iter()
            .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
            .collect()
    }

    fn pick(endpoints: &Endpoints) -> Option<SocketAddr> {
        let picked = endpoints.pick(&Pick::default())?;
        Some(picked.endpoint.address())
    }

    #[test]
    fn addresses_take_turns() {
        let endpoints = endpoints();
        assert_eq!(pick(&endpoints), None);
        assert_eq!(
            endpoints.replace(addresses(&[2, 1, 2])),
            Replaced::Changed(2)
        );
        let picked: Vec<_> = (0..4).filter_map(|_| pick(&endpoints)).collect();
        assert_eq!(picked, addresses(&[1, 2, 1, 2]));
    }

    #[test]
    fn the_same_addresses_in_another_order_are_no_change() {
        let endpoints = endpoints();
        endpoints.replace(addresses(&[1, 2]));
        assert_eq!(endpoints.replace(addresses(&[2, 1])), Replaced::Unchanged);
    }

    #[test]
    fn an_endpoint_that_stays_keeps_what_is_known_of_it() {
        let endpoints = endpoints();
        endpoints.replace(addresses(&[1, 2]));
        let before = endpoints.current.load_full().unwrap();
        endpoints.replace(addresses(&[2, 3]));
        assert!(!endpoints.has(&before.hosts()[0]));
        assert!(endpoints.has(&before.hosts()[1]));
        assert!(!endpoints.contains(addresses(&[1])[0]));
        assert!(endpoints.contains(addresses(&[3])[0]));
    }

    #[test]
    fn no_addresses_is_an_answer_too() {
        let endpoints = endpoints();
        assert_eq!(endpoints.replace(Vec::new()), Replaced::Changed(0));
        assert!(endpoints.is_resolved());
        assert_eq!(pick(&endpoints), None);
    }

    #[tokio::test]
    async fn a_request_waits_for_the_first_answer_only() {
        let endpoints = endpoints();
        let waiting = Arc::clone(&endpoints);
        let waiter = tokio::spawn(async move { waiting.resolved(Duration::from_secs(60)).await });
        endpoints.replace(addresses(&[1]));
        waiter.await.unwrap();
        endpoints.resolved(Duration::ZERO).await;
        assert!(pick(&endpoints).is_some());
    }
}
