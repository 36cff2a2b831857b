//! Which Services have changed, told by the standing watch of all Services to whoever wants to know
//! the ports of a few.
//!
//! Invariant: costs a look-up for a Service that nobody asks for. However many changes there are, one
//! Service is told once until it is asked about again.
//! Deliberately absent: what has changed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::name::ServiceName;

/// Services that are of interest, and those among them that were touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    services: Mutex<Services>,
    signal: Notify,
}

#[derive(Debug, Default)]
struct Services {
    watched: BTreeSet<ServiceName>,
    touched: BTreeSet<ServiceName>,
}

impl Touched {
    /// A Service was created, changed or deleted.
    pub(crate) fn touch(&self, namespace: &str, name: &str) {
        let name = ServiceName::new(namespace, name);
        let mut services = self.services();
        if services.watched.contains(&name) {
            services.touched.insert(name);
            self.signal.notify_one();
        }
    }

    /// Any Service may have changed.
    pub(crate) fn touch_all(&self) {
        let mut services = self.services();
        services.touched = services.watched.clone();
        self.signal.notify_one();
    }

    pub(super) fn watch(&self, name: &ServiceName) {
        self.services().watched.insert(name.clone());
    }

    pub(super) fn unwatch(&self, name: &ServiceName) {
        let mut services = self.services();
        services.watched.remove(name);
        services.touched.remove(name);
    }

    /// Waits for a change. Those touched meanwhile are kept if the waiting is given up.
    pub(super) async fn next(&self) -> BTreeSet<ServiceName> {
        loop {
            let touched = std::mem::take(&mut self.services().touched);
            if !touched.is_empty() {
                return touched;
            }
            self.signal.notified().await;
        }
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn changes_of_watched_services_are_told_together() {
        let touched = Arc::new(Touched::default());
        let names = ["a", "b", "c"].map(|name| ServiceName::new("default", name));
        names.iter().for_each(|name| touched.watch(name));
        touched.unwatch(&names[2]);
        let listening = Arc::clone(&touched);
        let told = tokio::spawn(async move { listening.next().await });
        tokio::task::yield_now().await;
        for name in ["x", "c", "b", "b", "a"] {
            touched.touch("default", name);
        }
        assert_eq!(told.await.unwrap(), names[..2].iter().cloned().collect());
        touched.touch_all();
        assert_eq!(touched.next().await.len(), 2);
    }
}
