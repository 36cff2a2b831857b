//! Tables that are changed one Route at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::Identity;
use nuncio_routing::{Draw, Order, Route, RouteTable, compile};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::oracle::{Rule, Text, written};
use crate::random::{request, rule};
use crate::requests::Request;
use crate::written::numbered;

/// What a table should hold.
type Live = BTreeMap<Order, Arc<Route>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn find_is_a_linear_scan_after_any_changes_and_clones_stay_as_they_were(
        rules in prop::collection::vec(rule(), 1..30),
        changes in prop::collection::vec((any::<Index>(), prop::bool::weighted(0.6)), 1..80),
        looks in prop::collection::vec((any::<Index>(), request(), any::<u64>()), 1..8),
    ) {
        let routes = routes(&rules);
        let (mut table, mut live) = (RouteTable::default(), Live::new());
        let mut history = vec![(table.clone(), live.clone())];
        for (index, is_added) in changes {
            change(&mut table, &mut live, index.get(&routes), is_added);
            prop_assert_eq!(table.len(), live.len());
            history.push((table.clone(), live.clone()));
        }
        for (index, request, random) in &looks {
            let (table, live) = index.get(&history);
            agrees(table, live, request, Draw::from_random(*random))?;
        }
        for (table, live) in &history {
            prop_assert!(table.iter().eq(live.values()));
        }
        let (_, request, _) = &looks[0];
        for draw in Draw::all() {
            agrees(&table, &live, request, draw)?;
        }
    }

    #[test]
    fn a_clone_can_be_changed_too(
        rules in prop::collection::vec(rule(), 1..20),
        changes in prop::collection::vec((any::<Index>(), any::<bool>()), 1..10),
        request in request(),
    ) {
        let routes = routes(&rules);
        let original: RouteTable = routes.iter().map(Arc::clone).collect();
        let mut live: Live = original.iter().map(by_order).collect();
        let mut table = original.clone();
        let draw = Draw::from_random(7);
        agrees(&original, &live, &request, draw)?;
        let before = live.clone();
        for (index, is_added) in changes {
            change(&mut table, &mut live, index.get(&routes), is_added);
            agrees(&table, &live, &request, draw)?;
        }
        agrees(&original, &before, &request, draw)?;
    }
}

fn change(table: &mut RouteTable, live: &mut Live, route: &Arc<Route>, is_added: bool) {
    if is_added {
        table.insert(Arc::clone(route));
        live.extend([by_order(route)]);
    } else {
        table.remove(route);
        live.remove(&route.order);
    }
}

fn agrees(
    table: &RouteTable,
    live: &Live,
    request: &Request,
    draw: Draw,
) -> Result<(), TestCaseError> {
    let head = request.head();
    let scanned = live.values().find(|route| route.matches(&head, draw));
    prop_assert_eq!(table.find(&head, draw), scanned);
    Ok(())
}

/// The Routes of some rules, and others that have the same order and match in another way.
fn routes(rules: &[Rule]) -> Vec<Arc<Route>> {
    let others: Vec<_> = rules.iter().cloned().map(otherwise).collect();
    let both = [rules, &others].map(|rules| {
        let snapshot = compile(&numbered(written(rules)), [], &Identity::default(), 1);
        snapshot.routes
    });
    let both = both.iter().flat_map(|table| table.iter());
    both.cloned().collect()
}

fn otherwise(rule: Rule) -> Rule {
    let (path, any_case) = match rule.path {
        Text::Plain(text) => (Text::Exact(text), rule.any_case),
        Text::Exact(text) => (Text::Plain(text), rule.any_case),
        other => (other, !rule.any_case),
    };
    Rule {
        path,
        any_case,
        ..rule
    }
}

fn by_order(route: &Arc<Route>) -> (Order, Arc<Route>) {
    (route.order.clone(), Arc::clone(route))
}
