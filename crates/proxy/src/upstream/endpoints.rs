//! The addresses of one cluster, swapped while requests pick from them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::endpoint::Pick;

/// The current addresses, or nothing yet.
#[derive(Debug)]
pub(super) struct Endpoints {
    current: ArcSwapOption<Box<[SocketAddr]>>,
    first: Notify,
}

/// Whether [`Endpoints::replace`] changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    /// There are this many now, and not the same as before.
    Changed(usize),
    Unchanged,
}

impl Endpoints {
    /// Not resolved yet.
    pub(super) fn pending() -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwapOption::empty(),
            first: Notify::new(),
        })
    }

    /// Takes `addresses` into use; sorted, so that an answer in another order changes nothing.
    pub(super) fn replace(&self, mut addresses: Vec<SocketAddr>) -> Replaced {
        addresses.sort_unstable();
        addresses.dedup();
        if self
            .current
            .load()
            .as_ref()
            .is_some_and(|now| ***now == *addresses)
        {
            return Replaced::Unchanged;
        }
        let count = addresses.len();
        self.current
            .store(Some(Arc::new(addresses.into_boxed_slice())));
        self.first.notify_waiters();
        Replaced::Changed(count)
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
        let answered = self.first.notified();
        tokio::pin!(answered);
        // Registered before looking again, so that an answer in between is not missed.
        answered.as_mut().enable();
        if !self.is_resolved() {
            // Without an answer in time there is no endpoint, which the caller will find.
            drop(timeout(patience, answered).await);
        }
    }

    /// The address whose turn it is.
    pub(super) fn pick(&self, turn: usize, _pick: &Pick) -> Option<SocketAddr> {
        let current = self.current.load();
        let addresses = current.as_ref()?;
        addresses.get(turn.checked_rem(addresses.len())?).copied()
    }

    /// Whether the address is among the current ones.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        let current = self.current.load();
        current
            .as_ref()
            .is_some_and(|addresses| addresses.binary_search(&address).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(ports: &[u16]) -> Vec<SocketAddr> {
        ports
            .iter()
            .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
            .collect()
    }

    #[test]
    fn addresses_take_turns() {
        let endpoints = Endpoints::pending();
        assert_eq!(endpoints.pick(0, &Pick::default()), None);
        assert_eq!(
            endpoints.replace(addresses(&[2, 1, 2])),
            Replaced::Changed(2)
        );
        let picked: Vec<_> = (0..4)
            .filter_map(|turn| endpoints.pick(turn, &Pick::default()))
            .collect();
        assert_eq!(picked, addresses(&[1, 2, 1, 2]));
    }

    #[test]
    fn the_same_addresses_in_another_order_are_no_change() {
        let endpoints = Endpoints::pending();
        endpoints.replace(addresses(&[1, 2]));
        assert_eq!(endpoints.replace(addresses(&[2, 1])), Replaced::Unchanged);
    }

    #[test]
    fn no_addresses_is_an_answer_too() {
        let endpoints = Endpoints::pending();
        assert_eq!(endpoints.replace(Vec::new()), Replaced::Changed(0));
        assert!(endpoints.is_resolved());
        assert_eq!(endpoints.pick(7, &Pick::default()), None);
    }

    #[tokio::test]
    async fn a_request_waits_for_the_first_answer_only() {
        let endpoints = Endpoints::pending();
        let waiting = Arc::clone(&endpoints);
        let waiter = tokio::spawn(async move { waiting.resolved(Duration::from_secs(60)).await });
        endpoints.replace(addresses(&[1]));
        waiter.await.unwrap();
        endpoints.resolved(Duration::ZERO).await;
        assert!(endpoints.pick(0, &Pick::default()).is_some());
    }
}
