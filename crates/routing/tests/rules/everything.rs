//! Random resources with every attribute: whatever they say, something sensible comes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use nuncio_config::{
    Case, CircuitBreaker, Cors, DnsType, DomainLabels, HashOn, HostMatch, Identity, Keepalive,
    Kind, LoadBalancer, Mapping, MethodMatch, OutlierDetection, PathMatch, Pattern, Priority,
    QueryMatch, QueryValueMatch, Redirect, RedirectPath, Resource, RetryOn, RetryPolicy, Rewrite,
    Severity, Substitution,
};
use nuncio_routing::{Action, ClusterIndex, Snapshot, compile};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::requests::get;
use crate::written::{Written, circuit_breaker, mapping, module, numbered, outlier_detection};

type Change = fn(&mut Mapping);

/// Things to say about a Mapping; some contradict one another.
const CHANGES: &[Change] = &[
    |m| m.path = PathMatch::Exact(m.path.as_str().parse().unwrap()),
    |m| m.path = PathMatch::Regex(Pattern::parse(m.path.as_str()).unwrap()),
    |m| m.case = Case::Insensitive,
    |m| m.host = HostMatch::Regex(Pattern::parse("a.*").unwrap()),
    |m| m.host = "a.com".parse().unwrap(),
    |m| m.method = Some(MethodMatch::Regex(Pattern::parse("GET|PUT").unwrap())),
    |m| {
        m.query_parameters = vec![QueryMatch {
            name: "q".into(),
            value: QueryValueMatch::Present,
        }];
    },
    |m| m.service = "https://web.x:8443".parse().unwrap(),
    |m| m.weight = Some(10),
    |m| m.weight = Some(100),
    |m| m.weight = Some(-3),
    |m| m.shadow = true,
    |m| m.redirect = Some(Box::new(redirect(RedirectPath::Unchanged))),
    |m| m.redirect = Some(Box::new(redirect(RedirectPath::Prefix("/x/".into())))),
    |m| m.rewrite = Rewrite::Untouched,
    |m| m.rewrite = Rewrite::Prefix("/y".into()),
    |m| m.regex_rewrite = Some(Box::new(Substitution::parse("/a", "b").unwrap())),
    |m| m.host_rewrite = Some(Box::new("h".parse().unwrap())),
    |m| m.auto_host_rewrite = true,
    |m| m.add_linkerd_headers = Some(true),
    |m| m.request_headers.remove = Some(["x-a".parse().unwrap()].into()),
    |m| m.response_headers.add = Some([].into()),
    |m| m.timeout = Some(Duration::ZERO),
    |m| m.retry_policy = Some(Box::new(RETRY)),
    |m| m.priority = Priority::High,
    |m| m.cors = Some(Box::new(Cors::default())),
    |m| m.allow_upgrade = ["websocket".into()].into(),
    |m| m.error_response_overrides = Some([].into()),
    |m| m.bypass_auth = true,
    |m| {
        m.labels = [DomainLabels {
            domain: "d".into(),
            groups: [].into(),
        }]
        .into();
    },
    |m| m.cluster.grpc = true,
    |m| m.cluster.load_balancer = Some(LoadBalancer::RingHash(HashOn::SourceIp)),
    |m| m.cluster.cluster_tag = Some("a-tag-that-is-long-enough-to-shorten-every-name".into()),
    |m| m.cluster.stats_name = Some("s".into()),
    |m| m.cluster.dns_type = Some(DnsType::Logical),
    |m| m.cluster.enable_ipv4 = Some(false),
    |m| m.cluster.enable_ipv6 = Some(true),
    |m| m.cluster.connect_timeout = Some(Duration::from_secs(1)),
    |m| m.cluster.keepalive = Some(Keepalive::default()),
    |m| m.cluster.circuit_breakers = Some([CircuitBreaker::default()].into()),
    |m| m.cluster.circuit_breaker = Some("cb".into()),
    |m| m.cluster.outlier_detection = Some("od".into()),
];

const RETRY: RetryPolicy = RetryPolicy {
    on: RetryOn::ConnectFailure,
    num_retries: Some(0),
    per_try_timeout: None,
};

fn redirect(path: RedirectPath) -> Redirect {
    Redirect {
        host: "r.com".into(),
        path,
        status: 302,
    }
}

/// Few prefixes and many groups, each Mapping with some changes.
fn mappings() -> impl Strategy<Value = Vec<Written>> {
    let one = (
        select(&["/", "/a/", "/a/b"]),
        select(&["default", "x"]),
        subsequence(CHANGES.to_vec(), 0..6),
    );
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let named = all.into_iter().enumerate();
        named
            .map(|(number, (prefix, namespace, changes))| {
                let written = mapping(&number.to_string(), prefix).namespace(namespace);
                changes.into_iter().fold(written, Written::with)
            })
            .collect()
    })
}

fn resources() -> impl Strategy<Value = Vec<Resource>> {
    (mappings(), any::<bool>(), any::<bool>()).prop_map(|(mut written, v0, with_module)| {
        if v0 {
            written.push(circuit_breaker("cb", CircuitBreaker::default()));
            let detection = OutlierDetection {
                consecutive_5xx: 1,
                max_ejection_percent: 1,
                interval: Duration::from_secs(1),
            };
            written.push(outlier_detection("od", detection).namespace("x"));
        }
        if with_module {
            written.push(module("{}").with_module(|m| {
                m.cors = Some(Cors::default());
                m.load_balancer = Some(LoadBalancer::LeastRequest);
                m.regex_max_size = Some(5);
            }));
        }
        numbered(written)
    })
}

fn compiled(resources: &[Resource]) -> Snapshot {
    compile(resources, [], &Identity::default(), 1)
}

/// Whether some Route is made from it.
fn routed(snapshot: &Snapshot, resource: &Resource) -> bool {
    let mut routes = snapshot.routes.iter();
    routes.any(|route| route.at.as_ref() == Some(&resource.at))
}

fn has_error(snapshot: &Snapshot, resource: &Resource) -> bool {
    let mut errors = snapshot.diagnostics.iter();
    errors.any(|found| found.severity == Severity::Error && found.at == resource.at)
}

fn clusters_of(action: &Action) -> Vec<ClusterIndex> {
    match action {
        Action::Forward(forward) => {
            let shadow = forward.shadow.map(|shadow| shadow.cluster);
            [forward.cluster].into_iter().chain(shadow).collect()
        }
        Action::Redirect(_) | Action::Probe(_) => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn every_mapping_is_live_or_has_an_error(resources in resources()) {
        let snapshot = compiled(&resources);
        for resource in &resources {
            let Kind::Mapping(mapping) = &resource.kind else { continue };
            let routed = routed(&snapshot, resource);
            let error = has_error(&snapshot, resource);
            if mapping.shadow {
                prop_assert!(!routed, "a shadow takes no requests");
            } else {
                prop_assert!(routed != error, "{resource}: routed {routed}, error {error}");
            }
        }
    }

    #[test]
    fn every_cluster_has_a_name_of_its_own_and_is_wanted(resources in resources()) {
        let snapshot = compiled(&resources);
        let names: BTreeSet<_> = snapshot.clusters.by_name().into_iter().map(|cluster| &cluster.name).collect();
        prop_assert_eq!(names.len(), snapshot.clusters.len());
        prop_assert!(names.iter().all(|name| name.len() <= 60));
        let wanted: BTreeSet<_> = snapshot
            .routes
            .iter()
            .flat_map(|route| clusters_of(&route.action))
            .map(ClusterIndex::as_usize)
            .collect();
        prop_assert_eq!(wanted, (0..snapshot.clusters.len()).collect());
    }

    #[test]
    fn the_order_of_the_input_does_not_matter_whatever_is_said(
        resources in resources(),
        swaps in prop::collection::vec(any::<(Index, Index)>(), 0..12),
    ) {
        let in_order = compiled(&resources);
        let mut shuffled = resources;
        for (a, b) in swaps {
            if !shuffled.is_empty() {
                let (a, b) = (a.index(shuffled.len()), b.index(shuffled.len()));
                shuffled.swap(a, b);
            }
        }
        prop_assert_eq!(compiled(&shuffled), in_order);
    }

    #[test]
    fn explanations_name_who_answers_whatever_is_said(
        resources in resources(),
        path in "/[abAB/]{0,4}",
        host in select(&["a.com", "b.com"]),
        query in select(&[None, Some("q=1")]),
    ) {
        let snapshot = compiled(&resources);
        let request = get(&path).host(host);
        let request = query.into_iter().fold(request, |request, query| request.query(query));
        let question = request.question().unwrap();
        prop_assert!(request.is_explained(&snapshot, &question));
    }
}
