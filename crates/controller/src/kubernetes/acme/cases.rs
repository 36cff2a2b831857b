//! Which certificates are to be looked at, and when.
//!
//! Invariants: who waits longest is next; no Secret is looked at twice at a time; no namespace takes
//! all the places.
//! Deliberately absent: looking.

use std::collections::BTreeMap;
use std::time::Duration;

use nuncio_routing::{Issuance, SecretName};
use tokio::time::Instant;

/// How many of one namespace are looked at at a time, so that slow authorities of one tenant do not
/// stop everybody's renewals.
const AT_ONCE_OF_ONE: usize = 4;

/// All that are wanted, and those that are still being looked at.
#[derive(Debug, Default)]
pub(super) struct Cases(BTreeMap<SecretName, Case>);

#[derive(Debug)]
struct Case {
    issuance: Issuance,
    next: Instant,
    /// It is being looked at.
    busy: bool,
    wanted: bool,
}

impl Cases {
    /// Only these are wanted from now on; those that are new are looked at now. Answers those that are
    /// wanted no more.
    pub(super) fn follow(&mut self, wanted: &[Issuance], now: Instant) -> Vec<SecretName> {
        let mut gone = std::mem::take(&mut self.0);
        for issuance in wanted {
            let before = gone.remove(&issuance.secret);
            let is_same = |case: &Case| case.issuance == *issuance;
            let case = Case {
                next: before
                    .as_ref()
                    .filter(|case| is_same(case))
                    .map_or(now, |case| case.next),
                busy: before.as_ref().is_some_and(|case| case.busy),
                issuance: issuance.clone(),
                wanted: true,
            };
            self.0.insert(issuance.secret.clone(), case);
        }
        let names = gone.keys().cloned().collect();
        for (name, mut case) in gone.into_iter().filter(|(_, case)| case.busy) {
            case.wanted = false;
            self.0.insert(name, case);
        }
        names
    }

    /// One that is to be looked at now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Issuance> {
        let next = self.idle().min_by_key(|case| case.next)?;
        if next.next > now {
            return None;
        }
        let name = next.issuance.secret.clone();
        let due = self.0.get_mut(&name)?;
        due.busy = true;
        Some(due.issuance.clone())
    }

    /// One was looked at, and is to be again after `pause`; at once if it has become another. Answers
    /// whether it is still wanted.
    pub(super) fn done(&mut self, looked_at: &Issuance, pause: Duration, now: Instant) -> bool {
        let Some(case) = self.0.get_mut(&looked_at.secret) else {
            return false;
        };
        case.busy = false;
        if !case.wanted {
            self.0.remove(&looked_at.secret);
            return false;
        }
        if case.issuance == *looked_at {
            case.next = now + pause;
        }
        true
    }

    /// When the next one is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.idle().map(|case| case.next).min()
    }

    /// Those that may be looked at beside those that are.
    fn idle(&self) -> impl Iterator<Item = &Case> {
        let mut busy: BTreeMap<&str, usize> = BTreeMap::new();
        for case in self.0.values().filter(|case| case.busy) {
            *busy.entry(&case.issuance.secret.namespace).or_default() += 1;
        }
        self.0.values().filter(move |case| {
            let of = busy.get(&*case.issuance.secret.namespace);
            !case.busy && of.is_none_or(|count| *count < AT_ONCE_OF_ONE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::acme::tests::issuance;

    #[test]
    fn who_waits_longest_is_next() {
        let (mut cases, start) = (Cases::default(), Instant::now());
        let wanted = ["a", "b", "c"].map(|name| issuance("default", name));
        cases.follow(&wanted, start);
        for (name, pause) in [("a", 3), ("b", 2), ("c", 1)] {
            let taken = cases.take_due(start).unwrap();
            assert_eq!(&*taken.secret.name, name);
            assert!(cases.done(&taken, Duration::from_secs(pause), start));
        }
        assert_eq!(cases.take_due(start), None);
        let later = start + Duration::from_secs(9);
        let order = std::iter::from_fn(|| cases.take_due(later));
        let order: Vec<_> = order.map(|it| it.secret.name).collect();
        assert_eq!(order, ["c", "b", "a"].map(Into::into));
    }

    #[test]
    fn one_namespace_does_not_take_all_places() {
        let (mut cases, now) = (Cases::default(), Instant::now());
        let many = ["a", "b", "c", "d", "e", "f"].map(|name| issuance("greedy", name));
        let other = issuance("other", "z");
        cases.follow(&[&many[..], std::slice::from_ref(&other)].concat(), now);
        let first = cases.take_due(now).unwrap();
        let taken: Vec<_> = std::iter::from_fn(|| cases.take_due(now)).collect();
        assert_eq!(taken.len(), AT_ONCE_OF_ONE);
        assert!(taken.contains(&other));
        assert_eq!(cases.next(), None);
        cases.done(&first, Duration::ZERO, now);
        assert!(cases.take_due(now).is_some());
    }

    #[test]
    fn nothing_is_looked_at_twice_at_a_time() {
        let (mut cases, now) = (Cases::default(), Instant::now());
        let wanted = [issuance("default", "a")];
        cases.follow(&wanted, now);
        let taken = cases.take_due(now).unwrap();
        assert_eq!(cases.follow(&[], now), std::slice::from_ref(&taken.secret));
        cases.follow(&wanted, now);
        assert_eq!(cases.take_due(now), None);
        assert!(cases.done(&taken, Duration::ZERO, now));
        let taken = cases.take_due(now).unwrap();
        cases.follow(&[], now);
        assert!(!cases.done(&taken, Duration::ZERO, now));
        assert_eq!(cases.next(), None);
    }
}
