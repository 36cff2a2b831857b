//! Chooses among the endpoints of a cluster.
//!
//! Invariant: choosing takes no lock and allocates nothing; what a policy needs is worked out when
//! the endpoints change. The same endpoints give the same tables in every replica of the gateway.
//!
//! Deliberately absent: which endpoints there are, and weights, which no answer of DNS has.

mod hash;
mod maglev;
mod ring;

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use nuncio_routing::Balance;

use super::endpoint::{Host, Pick};
pub(super) use hash::Hash;
use maglev::Maglev;
use ring::Ring;

/// The endpoints of a cluster at one time, ready to be chosen from.
#[derive(Debug)]
pub(super) struct Choice {
    /// All, sorted by address.
    hosts: Hosts,
    /// `None` = all are fit.
    unfit: Option<Box<Unfit>>,
    policy: Policy,
}

/// Endpoints; most clusters have one, the address of a Service.
#[derive(Debug)]
enum Hosts {
    One(Host),
    Several(Box<[Host]>),
}

/// What is different where some are left out.
#[derive(Debug)]
struct Unfit {
    /// Those to choose from; `None` = all, because so few are fit.
    fit: Option<Box<[Host]>>,
}

#[derive(Debug)]
enum Policy {
    RoundRobin,
    LeastRequest,
    Ring(Ring),
    Maglev(Maglev),
}

/// With less than this percentage of fit endpoints Envoy uses all (`healthy_panic_threshold`).
const PANIC_PERCENT: usize = 50;

impl Choice {
    /// `hosts` are sorted by address.
    pub(super) fn among(hosts: Box<[Host]>, balance: Balance) -> Self {
        let unfit = Unfit::among(&hosts);
        let fit = unfit.as_ref().and_then(|unfit| unfit.fit.as_deref());
        let policy = Policy::new(balance, fit.unwrap_or(&hosts));
        Self {
            unfit: unfit.map(Box::new),
            policy,
            hosts: hosts.into(),
        }
    }

    /// All endpoints, fit or not.
    pub(super) fn hosts(&self) -> &[Host] {
        match &self.hosts {
            Hosts::One(host) => std::slice::from_ref(host),
            Hosts::Several(hosts) => hosts,
        }
    }

    /// Whether so few are fit that all are chosen from.
    pub(super) fn is_panicking(&self) -> bool {
        self.unfit.as_ref().is_some_and(|unfit| unfit.fit.is_none())
    }

    /// One of them; `turn` counts how often that was asked.
    pub(super) fn pick(&self, turn: &AtomicU32, pick: &Pick) -> Option<&Host> {
        let fit = self.unfit.as_ref().and_then(|unfit| unfit.fit.as_deref());
        let hosts = fit.unwrap_or_else(|| self.hosts());
        let first = match hosts {
            [] | [_] => 0,
            [..] => self.policy.pick(hosts, turn, pick.hash),
        };
        let chosen = hosts.get(first);
        if pick.tried.is_empty() {
            return chosen;
        }
        let from_there = hosts.iter().cycle().skip(first).take(hosts.len());
        let untried = |host: &&Host| !pick.tried.contains(&host.address());
        from_there.into_iter().find(untried).or(chosen)
    }
}

impl From<Box<[Host]>> for Hosts {
    fn from(hosts: Box<[Host]>) -> Self {
        match &*hosts {
            [host] => Self::One(host.clone()),
            [..] => Self::Several(hosts),
        }
    }
}

impl Unfit {
    fn among(hosts: &[Host]) -> Option<Self> {
        let fit: Vec<_> = hosts.iter().filter(|host| !host.is_ejected()).collect();
        if fit.len() == hosts.len() {
            return None;
        }
        let panicking = fit.len() * 100 < hosts.len() * PANIC_PERCENT;
        let fit = (!panicking).then(|| fit.into_iter().cloned().collect());
        Some(Self { fit })
    }
}

impl Policy {
    /// Tables are for those who have a choice.
    fn new(balance: Balance, hosts: &[Host]) -> Self {
        match balance {
            Balance::RingHash if hosts.len() > 1 => Self::Ring(Ring::of(hosts)),
            Balance::Maglev if hosts.len() > 1 => Self::Maglev(Maglev::of(hosts)),
            Balance::RoundRobin | Balance::RingHash | Balance::Maglev => Self::RoundRobin,
            Balance::LeastRequest => Self::LeastRequest,
        }
    }

    /// A position in `hosts`, which are not empty.
    fn pick(&self, hosts: &[Host], turn: &AtomicU32, hash: Option<u64>) -> usize {
        let random = || fastrand::usize(..hosts.len());
        match (self, hash) {
            (Self::RoundRobin, _) => turn.fetch_add(1, Relaxed) as usize % hosts.len(),
            (Self::LeastRequest, _) => less_busy(hosts, random(), random()),
            (Self::Ring(ring), Some(hash)) => ring.at(hash),
            (Self::Maglev(maglev), Some(hash)) => maglev.at(hash),
            (Self::Ring(_) | Self::Maglev(_), None) => random(),
        }
    }
}

/// Of two positions, which may be the same one, that of the host with fewer requests under way.
fn less_busy(hosts: &[Host], one: usize, other: usize) -> usize {
    let active = |position: usize| hosts.get(position).map(|host| host.active());
    match active(other) < active(one) {
        true => other,
        false => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::endpoint::Endpoint;
    use std::net::SocketAddr;

    const PICKS: u32 = 10_000;

    fn address(n: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 8080))
    }

    fn hosts(count: u16) -> Box<[Host]> {
        let host = |n| Host::tracked(address(n), None);
        (0..count).map(host).collect()
    }

    fn choice(balance: Balance, count: u16) -> Choice {
        Choice::among(hosts(count), balance)
    }

    fn pick(choice: &Choice, hash: Option<u64>) -> SocketAddr {
        static TURN: AtomicU32 = AtomicU32::new(0);
        let tried = Vec::new();
        choice.pick(&TURN, &Pick { hash, tried }).unwrap().address()
    }

    fn share(choice: &Choice, of: SocketAddr) -> f64 {
        let hits = (0..PICKS).filter(|_| pick(choice, None) == of).count();
        hits as f64 / f64::from(PICKS)
    }

    fn is_within_three_sigma(measured: f64, expected: f64) -> bool {
        let sigma = (expected * (1.0 - expected) / f64::from(PICKS)).sqrt();
        (measured - expected).abs() <= 3.0 * sigma
    }

    /// Keys as a hash gives them: spread over all 64 bits.
    fn keys() -> impl Iterator<Item = u64> {
        (0..PICKS).map(|n| Hash::default().with(&n.to_le_bytes()).finish())
    }

    #[test]
    fn without_an_endpoint_there_is_no_choice() {
        for balance in [Balance::RoundRobin, Balance::LeastRequest, Balance::Maglev] {
            let nothing = choice(balance, 0)
                .pick(&AtomicU32::new(3), &Pick::default())
                .is_none();
            assert!(nothing);
        }
    }

    #[test]
    fn round_robin_goes_round() {
        let choice = choice(Balance::RoundRobin, 3);
        let turn = AtomicU32::new(0);
        let picked: Vec<_> = (0..6)
            .map(|_| choice.pick(&turn, &Pick::default()).unwrap().address())
            .collect();
        let once: Vec<_> = (0..3).map(address).collect();
        assert_eq!(picked, [once.clone(), once].concat());
    }

    #[test]
    fn least_request_is_uniform_over_idle_endpoints() {
        fastrand::seed(3);
        let choice = choice(Balance::LeastRequest, 4);
        for n in 0..4 {
            let measured = share(&choice, address(n));
            assert!(is_within_three_sigma(measured, 0.25), "{n}: {measured}");
        }
    }

    #[test]
    fn least_request_takes_a_busy_endpoint_only_when_it_drew_it_twice() {
        fastrand::seed(5);
        let choice = choice(Balance::LeastRequest, 4);
        let _busy = Endpoint::of(&choice.hosts()[2]);
        let measured = share(&choice, address(2));
        assert!(is_within_three_sigma(measured, 1.0 / 16.0), "{measured}");
    }

    #[test]
    fn an_endpoint_is_busy_no_longer_than_its_request() {
        let choice = choice(Balance::LeastRequest, 2);
        let host = &choice.hosts()[0];
        let (one, two) = (Endpoint::of(host), Endpoint::of(host));
        assert_eq!(host.active(), 2);
        drop(one);
        drop(two);
        assert_eq!(host.active(), 0);
    }

    #[test]
    fn a_hash_has_its_endpoint_in_every_replica() {
        for balance in [Balance::RingHash, Balance::Maglev] {
            let (one, other) = (choice(balance, 7), choice(balance, 7));
            assert!(keys().all(|key| pick(&one, Some(key)) == pick(&other, Some(key))));
        }
    }

    #[test]
    fn without_a_hash_it_is_random() {
        fastrand::seed(7);
        for balance in [Balance::RingHash, Balance::Maglev] {
            let measured = share(&choice(balance, 5), address(1));
            assert!(is_within_three_sigma(measured, 0.2), "{measured}");
        }
    }

    #[test]
    fn hashing_spreads_keys_over_all_endpoints() {
        for (balance, tolerance) in [(Balance::RingHash, 0.03), (Balance::Maglev, 0.015)] {
            let choice = choice(balance, 10);
            for n in 0..10 {
                let of_n = keys().filter(|key| pick(&choice, Some(*key)) == address(n));
                let share = of_n.count() as f64 / f64::from(PICKS);
                assert!((share - 0.1).abs() < tolerance, "{balance:?} {n}: {share}");
            }
        }
    }

    /// The part of the keys that moved when the endpoint `gone` of `count` went, and whether only
    /// its own did.
    fn moved(balance: Balance, count: u16, gone: usize) -> (f64, bool) {
        let before = choice(balance, count);
        let left = before
            .hosts()
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != gone);
        let left: Box<[_]> = left.map(|(_, host)| host.clone()).collect();
        let after = Choice::among(left, balance);
        let lost = before.hosts()[gone].address();
        let (mut moves, mut only_its_own) = (0, true);
        for key in keys() {
            let (was, is) = (pick(&before, Some(key)), pick(&after, Some(key)));
            moves += u32::from(was != is);
            only_its_own &= was == is || was == lost;
        }
        (f64::from(moves) / f64::from(PICKS), only_its_own)
    }

    #[test]
    fn losing_an_endpoint_of_a_ring_moves_its_own_keys_only() {
        for count in [2, 3, 5, 10, 16] {
            let (part, only_its_own) = moved(Balance::RingHash, count, usize::from(count / 2));
            assert!(only_its_own, "{count}");
            assert!(part < 1.35 / f64::from(count), "{count}: {part}");
        }
    }

    #[test]
    fn losing_an_endpoint_of_a_maglev_table_moves_little_more_than_its_own_keys() {
        for count in [2, 3, 5, 10, 50] {
            let (part, _) = moved(Balance::Maglev, count, usize::from(count / 2));
            let own = 1.0 / f64::from(count);
            assert!(part > 0.9 * own && part < own + 0.05, "{count}: {part}");
        }
    }

    #[test]
    fn a_retry_goes_where_it_was_not_tried_while_there_is_such_a_place() {
        for balance in [
            Balance::RoundRobin,
            Balance::LeastRequest,
            Balance::RingHash,
            Balance::Maglev,
        ] {
            let choice = choice(balance, 3);
            let turn = AtomicU32::new(0);
            let mut wanted = Pick {
                hash: Some(42),
                tried: Vec::new(),
            };
            for _ in 0..3 {
                let address = choice.pick(&turn, &wanted).unwrap().address();
                assert!(!wanted.tried.contains(&address), "{balance:?}");
                wanted.tried.push(address);
            }
            assert!(choice.pick(&turn, &wanted).is_some(), "all tried: any");
        }
    }

    #[test]
    fn an_ejected_endpoint_is_not_chosen() {
        for balance in [Balance::RoundRobin, Balance::RingHash, Balance::Maglev] {
            let hosts = hosts(3);
            hosts[1].set_ejected(true);
            let choice = Choice::among(hosts, balance);
            assert!(!choice.is_panicking());
            assert!(keys().all(|key| pick(&choice, Some(key)) != address(1)));
        }
    }

    #[test]
    fn with_less_than_half_of_them_fit_all_are_chosen_from() {
        let hosts = hosts(3);
        hosts[0].set_ejected(true);
        hosts[1].set_ejected(true);
        let choice = Choice::among(hosts, Balance::RoundRobin);
        assert!(choice.is_panicking());
        let mut picked: Vec<_> = (0..3).map(|_| pick(&choice, None)).collect();
        picked.sort_unstable();
        assert_eq!(picked, [address(0), address(1), address(2)]);
    }
}
