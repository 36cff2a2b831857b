//! What annotations may do to other namespaces: as with Ambassador much, and nothing where they are not
//! trusted. The gateway runs in `edge`, and `b` is who tries.

use nuncio_config::{
    CircuitBreaker, Kind, OutlierDetection, Redirect, RedirectPath, Resolver, Trust,
};
use nuncio_routing::{Action, Discovery, Snapshot};

use crate::edge::context;
use crate::requests::get;
use crate::written::{
    Written, circuit_breaker, compiled_trusting, complaints, mapping, module, outlier_detection,
};

/// A Mapping of a namespace, to its own `web`.
fn of(namespace: &str, prefix: &str) -> Written {
    mapping(&format!("of-{namespace}"), prefix).namespace(namespace)
}

fn trusted<const N: usize>(resources: [Written; N]) -> Snapshot {
    compiled_trusting(Trust::Compatible, resources)
}

fn hardened<const N: usize>(resources: [Written; N]) -> Snapshot {
    compiled_trusting(Trust::Hardened, resources)
}

/// Who may take such requests, by name.
fn takers(snapshot: &Snapshot, prefix: &str) -> Vec<String> {
    let all = snapshot.routes.iter();
    let of_prefix = all.filter(|route| route.path.as_str() == prefix);
    of_prefix.map(|route| route.mapping.to_string()).collect()
}

fn redirect() -> Redirect {
    Redirect {
        host: "evil.example".into(),
        path: RedirectPath::Unchanged,
        status: 302,
    }
}

const REFUSED: &str = "Mapping of-a of namespace a at Service default/web, document 1, line 1 \
                       matches the same requests, and annotations are not trusted with those of \
                       another namespace";

#[test]
fn a_module_counts_from_the_gateways_namespace_only() {
    let resources = || {
        [module("{}")
            .namespace("b")
            .with_module(|m| m.server_name = Some("b".parse().unwrap()))]
    };
    assert_eq!(trusted(resources()).settings.server_name, "b");
    let snapshot = hardened(resources());
    assert_eq!(snapshot.settings.server_name, "envoy");
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Module ambassador: ignored: what holds for the whole gateway counts only from \
             the gateway's namespace, edge, since annotations are not trusted beyond their own"
        ]
    );
    let own = hardened([module("{}")
        .namespace("edge")
        .with_module(|m| m.server_name = Some("edge".parse().unwrap()))]);
    assert_eq!(own.settings.server_name, "edge");
}

#[test]
fn a_share_of_anothers_requests_is_not_to_be_had() {
    let resources = || [of("a", "/"), of("b", "/").weight(90)];
    assert_eq!(takers(&trusted(resources()), "/").len(), 2);
    let snapshot = hardened(resources());
    assert_eq!(takers(&snapshot, "/"), ["a/of-a"]);
    assert_eq!(
        complaints(&snapshot),
        [format!("error: Mapping of-b: {REFUSED}")]
    );
}

#[test]
fn whose_object_comes_first_does_not_matter() {
    let snapshot = hardened([of("b", "/").weight(90), of("a", "/")]);
    assert_eq!(takers(&snapshot, "/"), ["a/of-a"]);
}

#[test]
fn the_gateways_own_namespace_goes_before_all() {
    let snapshot = hardened([of("a", "/"), of("edge", "/")]);
    assert_eq!(takers(&snapshot, "/"), ["edge/of-edge"]);
}

#[test]
fn members_of_one_namespace_share_requests_as_ever() {
    let snapshot = hardened([
        of("a", "/"),
        mapping("canary", "/").namespace("a").weight(10),
    ]);
    assert_eq!(takers(&snapshot, "/"), ["a/canary", "a/of-a"]);
    assert_eq!(complaints(&snapshot), [""; 0]);
}

#[test]
fn anothers_requests_are_not_copied() {
    let resources = || [of("a", "/"), of("b", "/").with(|m| m.shadow = true)];
    let shadows = |snapshot: &Snapshot| match &get("/").route(snapshot).unwrap().action {
        Action::Forward(to) => to.shadow.is_some(),
        Action::Redirect(_) | Action::Probe(_) => panic!("not forwarded"),
    };
    assert!(shadows(&trusted(resources())));
    assert!(!shadows(&hardened(resources())));
}

#[test]
fn anothers_clients_are_not_sent_elsewhere() {
    // Inserted first, it has the group.
    let resources = || {
        [
            of("b", "/").with(|m| m.redirect = Some(Box::new(redirect()))),
            of("a", "/"),
        ]
    };
    assert_eq!(takers(&trusted(resources()), "/"), ["b/of-b"]);
    assert_eq!(takers(&hardened(resources()), "/"), ["a/of-a"]);
}

#[test]
fn anothers_headers_priorities_and_policies_stay_as_they_are() {
    let alone = hardened([of("a", "/")]);
    let leaking = hardened([
        of("a", "/"),
        of("b", "/").with(|m| {
            m.request_headers.remove = Some(["authorization".parse().unwrap()].into());
            m.cors = Some(Box::new(nuncio_config::Cors::default()));
            m.error_response_overrides = Some([].into());
            m.priority = nuncio_config::Priority::High;
            m.allow_upgrade = ["websocket".into()].into();
        }),
    ]);
    assert_eq!(get("/").route(&leaking), get("/").route(&alone));
}

#[test]
fn nobody_keeps_anothers_mapping_out_by_differing_from_it() {
    let resources = || [of("b", "/"), of("a", "/").with(|m| m.bypass_auth = true)];
    assert_eq!(takers(&trusted(resources()), "/"), ["b/of-b"]);
    assert_eq!(takers(&hardened(resources()), "/"), ["a/of-a"]);
}

#[test]
fn breakers_and_detections_of_others_are_nobodys() {
    let breaker = CircuitBreaker {
        max_connections: Some(1),
        ..CircuitBreaker::default()
    };
    let detection = OutlierDetection {
        consecutive_5xx: 1,
        max_ejection_percent: 100,
        interval: std::time::Duration::from_secs(1),
    };
    let resources = |namespace: &'static str| {
        [
            of("a", "/").with(|m| {
                m.cluster.circuit_breaker = Some("cb".into());
                m.cluster.outlier_detection = Some("od".into());
            }),
            circuit_breaker("cb", breaker).namespace(namespace),
            outlier_detection("od", detection).namespace(namespace),
        ]
    };
    let limited = |snapshot: &Snapshot| {
        let cluster = Vec::clone(&snapshot.clusters.by_name()).remove(0);
        (
            cluster.limits.max_connections == 1,
            cluster.outlier_detection.is_some(),
        )
    };
    assert_eq!(limited(&trusted(resources("b"))), (true, true));
    let snapshot = hardened(resources("b"));
    assert_eq!(limited(&snapshot), (false, false));
    assert_eq!(complaints(&snapshot).len(), 2);
    for namespace in ["a", "edge"] {
        assert_eq!(limited(&hardened(resources(namespace))), (true, true));
    }
}

#[test]
fn contexts_of_others_are_nobodys() {
    let named = |namespace: &'static str| {
        let mapping = of("a", "/").with(|m| {
            m.service.tls = true;
            m.service.tls_context = Some("client".into());
        });
        [mapping, context("client").secret("id").namespace(namespace)]
    };
    let identity = |snapshot: &Snapshot| {
        let tls = snapshot.clusters.by_name()[0].tls.clone();
        tls.and_then(|tls| tls.identity.clone())
    };
    assert!(identity(&trusted(named("b"))).is_some());
    let snapshot = hardened(named("b"));
    assert_eq!(identity(&snapshot), None);
    assert_eq!(complaints(&snapshot).len(), 1);
    for namespace in ["a", "edge"] {
        assert!(identity(&hardened(named(namespace))).is_some());
    }
}

#[test]
fn resolvers_of_others_are_nobodys() {
    let resources = |namespace: &'static str| {
        let resolver = Kind::Resolver(Resolver::Endpoint);
        [
            of("a", "/").with(|m| m.cluster.resolver = Some("kubernetes-service".into())),
            mapping("kubernetes-service", "/")
                .of_kind(resolver)
                .namespace(namespace),
        ]
    };
    let by_endpoints = |snapshot: &Snapshot| {
        let clusters = snapshot.clusters.by_name();
        matches!(clusters[0].discovery, Discovery::Endpoints(_))
    };
    assert!(by_endpoints(&trusted(resources("b"))));
    assert!(!by_endpoints(&hardened(resources("b"))));
    assert!(by_endpoints(&hardened(resources("a"))));
    assert!(by_endpoints(&hardened(resources("edge"))));
}

#[test]
fn endpoints_of_anothers_services_are_not_read() {
    let resources = |namespace: &'static str| {
        [of(namespace, "/").with(|m| {
            m.service = "secret.a".parse().unwrap();
            m.cluster.resolver = Some("endpoint".into());
        })]
    };
    assert_eq!(complaints(&trusted(resources("b"))), [""; 0]);
    assert_eq!(
        complaints(&hardened(resources("b"))),
        [
            "error: Mapping of-b: resolver: endpoint would find the endpoints of a/secret:80: \
             annotations are trusted with those of their own namespace only"
        ]
    );
    for namespace in ["a", "edge"] {
        assert_eq!(complaints(&hardened(resources(namespace))), [""; 0]);
    }
}
