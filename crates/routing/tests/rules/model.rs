//! Random tables against a model that knows no index.

use std::sync::Arc;

use nuncio_config::{HostMatch, Identity};
use nuncio_routing::{Draw, MappingSelector, Route, compile};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::edge::{host, selector};
use crate::oracle::{tried, written};
use crate::random::{ordinary_request, request, rule};
use crate::written::numbered;

/// The last one is selected by nobody.
const LABELS: [&str; 3] = ["app=shop", "app=blog", "tier=edge"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn find_agrees_with_the_model_for_every_draw(
        rules in prop::collection::vec(rule(), 0..12),
        requests in prop::collection::vec(request(), 1..4),
    ) {
        let table = tried(&rules);
        let snapshot = compile(&numbered(written(&rules)), [], &Identity::default(), 1);
        for request in &requests {
            let fitting: Vec<_> = table.iter().filter(|tried| tried.fits(request)).collect();
            for (draw, drawn) in Draw::all().zip(0..) {
                let found = snapshot.routes.find(&request.head(), draw);
                let expected = fitting.iter().find(|tried| drawn < tried.below);
                let expected = expected.map(|tried| tried.rule.to_string());
                prop_assert_eq!(found.map(|route| route.mapping.name.to_string()), expected);
            }
        }
    }

    #[test]
    fn find_is_the_first_route_that_matches(
        rules in prop::collection::vec(rule(), 0..40),
        request in request(),
        random in any::<u64>(),
    ) {
        let snapshot = compile(&numbered(written(&rules)), [], &Identity::default(), 1);
        let (head, draw) = (request.head(), Draw::from_random(random));
        let scanned = snapshot.routes.iter().find(|route| route.matches(&head, draw));
        prop_assert_eq!(snapshot.routes.find(&head, draw), scanned);
    }

    #[test]
    fn find_is_the_first_route_of_the_host_that_matches(
        rules in prop::collection::vec(rule(), 0..20),
        labels in prop::collection::vec((select(&LABELS), any::<bool>()), 20),
        request in request(),
        (random, any_label) in any::<(u64, bool)>(),
    ) {
        let labelled = written(&rules).zip(&labels).map(|(mapping, (label, hostless))| {
            let label: &'static str = label;
            let hostless = *hostless;
            mapping.labels([label]).with(|m| m.hostless = hostless && m.host == HostMatch::Any)
        });
        let selecting = |name: &str, label| {
            host(name, name).with_host(|h| h.mapping_selector = Some(selector([label])))
        };
        let hosts = [selecting("a", LABELS[0]), selecting("b", LABELS[1])];
        let identity = Identity { any_label, ..Identity::default() };
        let all: Vec<_> = labelled.chain(hosts).collect();
        let snapshot = compile(&numbered(all), [], &identity, 1);
        let (head, draw) = (request.head(), Draw::from_random(random));
        let labelled = LABELS.map(|label| MappingSelector::Labelled(selector([label])));
        let others = [MappingSelector::Any, MappingSelector::Nothing];
        for host in others.iter().chain(&labelled) {
            let is_found = |route: &&Arc<Route>| {
                route.selected_by.has(host) && route.matches(&head, draw)
            };
            let scanned = snapshot.routes.iter().find(is_found);
            prop_assert_eq!(snapshot.routes.find_selected(&head, draw, host), scanned);
        }
    }

    #[test]
    fn explanations_name_who_answers_for_every_draw(
        rules in prop::collection::vec(rule(), 0..12),
        request in ordinary_request(),
    ) {
        let snapshot = compile(&numbered(written(&rules)), [], &Identity::default(), 1);
        let question = request.question();
        prop_assume!(question.is_some());
        prop_assert!(request.is_explained(&snapshot, &question.unwrap()));
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        rules in prop::collection::vec(rule(), 0..12),
        swaps in prop::collection::vec(any::<(Index, Index)>(), 0..12),
        same_names in any::<bool>(),
    ) {
        let mut resources = numbered(written(&rules));
        if same_names {
            resources.iter_mut().for_each(|resource| resource.name = "m".into());
        }
        let in_order = compile(&resources, [], &Identity::default(), 1);
        for (a, b) in swaps {
            if !resources.is_empty() {
                let (a, b) = (a.index(resources.len()), b.index(resources.len()));
                resources.swap(a, b);
            }
        }
        prop_assert_eq!(compile(&resources, [], &Identity::default(), 1), in_order);
    }
}
