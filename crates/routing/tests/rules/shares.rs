//! Requests are spread over the members of a group as their weights say.

use nuncio_routing::{Draw, Snapshot};

use crate::requests::get;
use crate::written::{Written, compiled, mapping};

const DRAWS: u32 = 10_000;

#[test]
fn a_canary_gets_its_weight() {
    let snapshot = compiled([mapping("stable", "/"), mapping("canary", "/").weight(10)]);
    holds(&snapshot, &[("canary", 10), ("stable", 90)]);
}

#[test]
fn members_without_weights_get_equal_shares() {
    let snapshot = compiled([mapping("a", "/"), mapping("b", "/"), mapping("c", "/")]);
    holds(&snapshot, &[("a", 33), ("b", 33), ("c", 34)]);
}

#[test]
fn every_member_of_a_large_group_gets_its_weight() {
    let members = (1..=13).map(|weight| member(weight).weight(weight));
    let snapshot = compiled(members.chain([mapping("rest", "/")]));
    let names: Vec<_> = (1..=13).map(|weight| format!("m{weight}")).collect();
    let mut shares: Vec<_> = names.iter().map(String::as_str).zip(1..=13).collect();
    shares.push(("rest", 9));
    holds(&snapshot, &shares);
}

#[test]
fn what_the_weights_leave_falls_through() {
    let snapshot = compiled([
        mapping("a", "/").precedence(1).weight(25),
        mapping("b", "/").precedence(1).weight(15),
        mapping("next", "/"),
    ]);
    holds(&snapshot, &[("a", 25), ("b", 15), ("next", 60)]);
}

#[test]
fn shares_of_nothing_and_everything_are_exact() {
    let snapshot = compiled([
        mapping("none", "/").weight(0),
        mapping("all", "/").weight(100),
    ]);
    holds(&snapshot, &[("all", 100), ("none", 0)]);
}

fn member(weight: i64) -> Written {
    mapping(&format!("m{weight}"), "/")
}

/// Each member's requests are within three standard deviations of its percentage.
fn holds(snapshot: &Snapshot, percentages: &[(&str, u32)]) {
    let mut random = fastrand::Rng::with_seed(20_180_103);
    let request = get("/");
    let taken: Vec<_> = (0..DRAWS)
        .map(|_| Draw::from_random(random.u64(..)))
        .filter_map(|draw| snapshot.routes.find(&request.head(), draw))
        .map(|route| &*route.mapping.name)
        .collect();
    for (name, percentage) in percentages {
        let count = taken.iter().filter(|taken| *taken == name).count();
        let share = f64::from(*percentage) / 100.0;
        let expected = f64::from(DRAWS) * share;
        let deviation = (expected * (1.0 - share)).sqrt();
        assert!(
            (count as f64 - expected).abs() <= 3.0 * deviation,
            "{name}: {count}, expected {expected} with a deviation of {deviation}"
        );
    }
    let sum: u32 = percentages.iter().map(|(_, percentage)| percentage).sum();
    assert_eq!(sum, 100, "everything was looked at");
}
