//! What the process has left, and what is done without when that is little.
//!
//! Invariant: a client's connection has a place among those there may be from when it is let in until it
//! ends, however it ends. Letting one in takes no lock.
//!
//! Deliberately absent: how it is found out what there is; somebody tells.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use nuncio_telemetry::{Rejection, Relief, Telemetry};
use tokio::sync::watch;

/// What the process has left. One for all workers.
#[derive(Debug)]
pub struct Pressure {
    memory: watch::Sender<Memory>,
    all: Room,
    /// As it was configured; descriptors may allow fewer.
    most: usize,
    descriptors: AtomicU64,
    telemetry: Arc<Telemetry>,
}

/// How much memory is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Memory {
    #[default]
    Plenty,
    /// Who does nothing with a connection has to do without.
    Scarce,
    /// No request begins.
    Short,
    /// No connection does.
    Gone,
}

/// Connections there may be, at one listener or in all.
#[derive(Debug)]
pub(crate) struct Room {
    taken: AtomicUsize,
    most: AtomicUsize,
}

/// A connection's place; it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    pressure: Arc<Pressure>,
    listener: Arc<Room>,
}

/// From how many percent of the limit on there is so little memory left.
const LEVELS: [(u64, Memory); 3] = [
    (98, Memory::Gone),
    (90, Memory::Short),
    (80, Memory::Scarce),
];

/// By how many percent less has to be used before there is more again.
const SLACK: u64 = 5;

/// File descriptors that are for others than clients: upstreams, the API server, name servers. A quarter,
/// where there are few.
const RESERVE: u64 = 64;

impl Pressure {
    pub(crate) fn new(most: usize, telemetry: &Arc<Telemetry>) -> Arc<Self> {
        let pressure = Self {
            memory: watch::Sender::default(),
            all: Room::new(most),
            most,
            descriptors: AtomicU64::new(u64::MAX),
            telemetry: Arc::clone(telemetry),
        };
        telemetry.server().resources().set_max_connections(most);
        Arc::new(pressure)
    }

    /// From now on there are so many file descriptors for the whole process.
    pub fn tell_descriptors(&self, most: u64) {
        if self.descriptors.swap(most, Relaxed) == most {
            return;
        }
        // A client needs one, its upstream another, and a fifth is for whatever comes up.
        let clients = usize::try_from(most / 5 * 2).unwrap_or(usize::MAX);
        let clients = self.most.min(clients);
        self.all.most.store(clients, Relaxed);
        self.telemetry
            .server()
            .resources()
            .set_max_connections(clients);
    }

    /// So many bytes are used of those there may be.
    pub fn tell_memory(&self, used: u64, limit: u64) {
        let now = self.memory.borrow().after(used, limit);
        let relief = Relief {
            closes_idle: now >= Memory::Scarce,
            sheds_requests: now >= Memory::Short,
            refuses_connections: now >= Memory::Gone,
        };
        let resources = self.telemetry.server().resources();
        resources.set_memory((used, limit), relief);
        self.memory.send_if_modified(|before| {
            let is_other = *before != now;
            if is_other {
                tracing::warn!(used, limit, ?before, ?now, "memory");
            }
            *before = now;
            is_other
        });
    }

    /// Tells of memory as it becomes less or more.
    pub(crate) fn memory(&self) -> watch::Receiver<Memory> {
        self.memory.subscribe()
    }

    /// A place for a connection at `listener` whose file descriptor is the `nth`; systems give the
    /// lowest that is free.
    pub(crate) fn admit(
        self: &Arc<Self>,
        listener: &Arc<Room>,
        nth: u64,
    ) -> Result<Admission, Rejection> {
        let most = self.descriptors.load(Relaxed);
        if nth >= most - RESERVE.min(most / 4) {
            return Err(Rejection::ProcessFull);
        }
        if !listener.enter() {
            return Err(Rejection::ListenerFull);
        }
        if !self.all.enter() {
            listener.leave();
            return Err(Rejection::ProcessFull);
        }
        Ok(Admission {
            pressure: Arc::clone(self),
            listener: Arc::clone(listener),
        })
    }
}

impl Memory {
    /// What there is when so much is used: less at once, more only when it is more by some.
    fn after(self, used: u64, limit: u64) -> Self {
        let at_least = Self::when(used, limit, 0);
        let at_most = Self::when(used, limit, SLACK);
        self.clamp(at_least, at_most)
    }

    fn when(used: u64, limit: u64, slack: u64) -> Self {
        let used = used.saturating_mul(100);
        let reached = |percent: u64| used >= limit.saturating_mul(percent - slack);
        let level = LEVELS.iter().find(|(percent, _)| reached(*percent));
        level.map_or(Self::Plenty, |(_, level)| *level)
    }
}

impl Room {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            most: AtomicUsize::new(most),
        }
    }

    fn enter(&self) -> bool {
        let is_in = self.taken.fetch_add(1, Relaxed) < self.most.load(Relaxed);
        if !is_in {
            self.leave();
        }
        is_in
    }

    fn leave(&self) {
        self.taken.fetch_sub(1, Relaxed);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.listener.leave();
        self.pressure.all.leave();
    }
}

#[cfg(test)]
mod tests {
    use nuncio_telemetry::BuildInfo;

    use super::*;

    fn pressure(most: usize) -> Arc<Pressure> {
        Pressure::new(most, &Telemetry::new(BuildInfo::default()))
    }

    fn rejection(admitted: Result<Admission, Rejection>) -> Option<Rejection> {
        admitted.err()
    }

    #[test]
    fn places_are_given_back() {
        let (pressure, listener) = (pressure(10), Arc::new(Room::new(2)));
        let both: Vec<_> = (0..2).map(|_| pressure.admit(&listener, 9)).collect();
        let third = pressure.admit(&listener, 9);
        assert_eq!(rejection(third), Some(Rejection::ListenerFull));
        drop(both);
        assert!(pressure.admit(&listener, 9).is_ok());
    }

    #[test]
    fn listeners_share_what_the_process_has() {
        let pressure = pressure(1);
        let listeners = [(); 2].map(|()| Arc::new(Room::new(1)));
        let first = pressure.admit(&listeners[0], 9).unwrap();
        let second = pressure.admit(&listeners[1], 9);
        assert_eq!(rejection(second), Some(Rejection::ProcessFull));
        drop(first);
        assert!(pressure.admit(&listeners[1], 9).is_ok());
    }

    #[test]
    fn descriptors_allow_fewer_and_never_more() {
        let (pressure, listener) = (pressure(100), Arc::new(Room::new(100)));
        let most = |descriptors| {
            pressure.tell_descriptors(descriptors);
            pressure.all.most.load(Relaxed)
        };
        assert_eq!([most(1_000_000), most(100), most(1_024)], [100, 40, 100]);
        assert!(pressure.admit(&listener, 959).is_ok());
        let last = pressure.admit(&listener, 960);
        assert_eq!(rejection(last), Some(Rejection::ProcessFull));
        pressure.tell_descriptors(80);
        assert!(pressure.admit(&listener, 59).is_ok(), "few are shared, too");
        assert!(pressure.admit(&listener, 60).is_err());
    }

    #[test]
    fn memory_is_more_again_only_when_it_is_by_some() {
        let mut level = Plenty;
        let told = [79, 80, 76, 75, 74, 91, 89, 86, 84, 98, 94, 92, 50].map(|percent| {
            level = level.after(percent, 100);
            level
        });
        use Memory::{Gone, Plenty, Scarce, Short};
        let expected = [
            Plenty, Scarce, Scarce, Scarce, Plenty, Short, Short, Short, Scarce, Gone, Gone, Short,
            Plenty,
        ];
        assert_eq!(told, expected);
    }
}
