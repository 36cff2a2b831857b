//! A cluster's circuit breakers: how much of each thing there may be at a time, over all workers.
//!
//! Invariant: what was taken is given back exactly once, when what holds it is dropped.
//!
//! Deliberately absent: waiting. What there is too much of is refused here; who may wait for a
//! connection is decided by the pool.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use nuncio_config::Priority;
use nuncio_routing::{Cluster, Limits};
use nuncio_telemetry::{Breaker, ClusterStats};

use super::Upstream;

/// The circuit breakers of one cluster.
#[derive(Debug)]
pub(super) struct Breakers {
    default: Levels,
    high: Levels,
    stats: Arc<ClusterStats>,
}

/// How much there is at the moment of what one priority may have.
#[derive(Debug)]
struct Levels {
    limits: Limits,
    connections: AtomicU32,
    pending: AtomicU32,
    requests: AtomicU32,
    retries: AtomicU32,
}

/// One of what a breaker counts.
#[derive(Debug)]
pub(crate) struct Permit {
    breakers: Arc<Breakers>,
    priority: Priority,
    what: Breaker,
}

/// A request that has a connection, as one of those a cluster may have at a time.
#[derive(Debug)]
pub(super) struct Admission {
    upstream: Arc<Upstream>,
    priority: Priority,
}

impl Breakers {
    pub(super) fn new(cluster: &Cluster, stats: &Arc<ClusterStats>) -> Self {
        Self {
            default: Levels::new(cluster.limits),
            high: Levels::new(cluster.limits_high),
            stats: Arc::clone(stats),
        }
    }

    /// One more of `what`, unless there are as many as there may be.
    pub(super) fn permit(self: &Arc<Self>, priority: Priority, what: Breaker) -> Option<Permit> {
        self.take(priority, what)
            .then(|| self.holder(priority, what))
    }

    /// One more of `what`, however many there are.
    pub(super) fn permit_anyway(self: &Arc<Self>, priority: Priority, what: Breaker) -> Permit {
        let (level, limit) = self.levels(priority).of(what);
        let before = level.fetch_add(1, Relaxed);
        self.risen(priority, what, before + 1 == limit);
        self.holder(priority, what)
    }

    fn holder(self: &Arc<Self>, priority: Priority, what: Breaker) -> Permit {
        Permit {
            breakers: Arc::clone(self),
            priority,
            what,
        }
    }

    fn take(&self, priority: Priority, what: Breaker) -> bool {
        let (level, limit) = self.levels(priority).of(what);
        let one_more = |now: u32| (now < limit).then(|| now + 1);
        match level.fetch_update(Relaxed, Relaxed, one_more) {
            Ok(before) => {
                self.risen(priority, what, before + 1 == limit);
                true
            }
            Err(_) => false,
        }
    }

    fn give_back(&self, priority: Priority, what: Breaker) {
        let (level, limit) = self.levels(priority).of(what);
        let before = level.fetch_sub(1, Relaxed);
        if before == limit && priority == Priority::Default {
            self.stats.breaker_closed(what);
        }
    }

    fn risen(&self, priority: Priority, what: Breaker, to_limit: bool) {
        if to_limit && priority == Priority::Default {
            self.stats.breaker_opened(what);
        }
    }

    fn levels(&self, priority: Priority) -> &Levels {
        match priority {
            Priority::Default => &self.default,
            Priority::High => &self.high,
        }
    }
}

impl Levels {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            connections: AtomicU32::new(0),
            pending: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            retries: AtomicU32::new(0),
        }
    }

    /// How many there are, and how many there may be.
    fn of(&self, what: Breaker) -> (&AtomicU32, u32) {
        match what {
            Breaker::Connections => (&self.connections, self.limits.max_connections),
            Breaker::Pending => (&self.pending, self.limits.max_pending_requests),
            Breaker::Requests => (&self.requests, self.limits.max_requests),
            Breaker::Retries => (&self.retries, self.limits.max_retries),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.breakers.give_back(self.priority, self.what);
    }
}

impl Admission {
    /// Lets a request of `upstream` go, unless as many as may are under way.
    pub(super) fn to(upstream: &Arc<Upstream>, priority: Priority) -> Option<Self> {
        let admitted = upstream.breakers().take(priority, Breaker::Requests);
        admitted.then(|| Self {
            upstream: Arc::clone(upstream),
            priority,
        })
    }

    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.upstream
            .breakers()
            .give_back(self.priority, Breaker::Requests);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio_telemetry::{BuildInfo, Telemetry};

    fn breakers(limits: Limits) -> (Arc<Telemetry>, Arc<Breakers>) {
        let telemetry = Telemetry::new(BuildInfo::default());
        let stats = telemetry.cluster("c");
        let breakers = Breakers {
            default: Levels::new(limits),
            high: Levels::new(Limits::default()),
            stats,
        };
        (telemetry, Arc::new(breakers))
    }

    fn one_retry() -> Limits {
        Limits {
            max_retries: 1,
            ..Limits::default()
        }
    }

    fn is_open(telemetry: &Telemetry, breaker: &str) -> bool {
        let mut page = Vec::new();
        telemetry.render(&mut page);
        let series = format!(
            "envoy_cluster_circuit_breakers_default_{breaker}{{envoy_cluster_name=\"c\"}} 1\n"
        );
        String::from_utf8(page).unwrap().contains(&series)
    }

    #[test]
    fn what_is_too_much_is_refused_until_some_is_given_back() {
        let (_telemetry, breakers) = breakers(one_retry());
        let first = breakers.permit(Priority::Default, Breaker::Retries);
        assert!(first.is_some());
        assert!(
            breakers
                .permit(Priority::Default, Breaker::Retries)
                .is_none()
        );
        drop(first);
        assert!(
            breakers
                .permit(Priority::Default, Breaker::Retries)
                .is_some()
        );
    }

    #[test]
    fn each_priority_has_its_own() {
        let (_telemetry, breakers) = breakers(one_retry());
        let _default = breakers.permit(Priority::Default, Breaker::Retries);
        let high: Vec<_> = (0..4)
            .filter_map(|_| breakers.permit(Priority::High, Breaker::Retries))
            .collect();
        assert_eq!(high.len(), 3);
    }

    #[test]
    fn a_breaker_is_shown_open_while_its_limit_is_reached() {
        let (telemetry, breakers) = breakers(one_retry());
        let permit = breakers.permit(Priority::Default, Breaker::Retries);
        assert!(is_open(&telemetry, "rq_retry_open"));
        assert!(!is_open(&telemetry, "rq_open"));
        let beyond = breakers.permit_anyway(Priority::Default, Breaker::Retries);
        drop(permit);
        assert!(is_open(&telemetry, "rq_retry_open"));
        drop(beyond);
        assert!(!is_open(&telemetry, "rq_retry_open"));
    }

    #[test]
    fn a_limit_of_nothing_lets_nothing_through() {
        let (_telemetry, breakers) = breakers(Limits {
            max_requests: 0,
            ..Limits::default()
        });
        assert!(
            breakers
                .permit(Priority::Default, Breaker::Requests)
                .is_none()
        );
    }

    #[test]
    fn never_more_than_allowed_over_many_threads() {
        let (_telemetry, breakers) = breakers(Limits {
            max_requests: 5,
            ..Limits::default()
        });
        let most = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let permit = breakers.permit(Priority::Default, Breaker::Requests);
                        if permit.is_some() {
                            most.fetch_max(breakers.default.requests.load(Relaxed), Relaxed);
                        }
                    }
                });
            }
        });
        assert!(most.load(Relaxed) <= 5);
        assert_eq!(breakers.default.requests.load(Relaxed), 0);
    }
}
