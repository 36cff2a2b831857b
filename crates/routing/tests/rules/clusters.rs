//! Names and identity of clusters.

use std::time::Duration;

use nuncio_config::{
    CircuitBreaker, DnsType, HashOn, Keepalive, LoadBalancer, Mapping, OutlierDetection, Priority,
};
use nuncio_routing::{Action, Balance, Cluster, Families, Forward, Limits, Snapshot};

use crate::requests::get;
use crate::written::{
    Written, circuit_breaker, compiled, compiled_in, complaints, mapping, module, outlier_detection,
};

/// Cluster name, statistics name, and what is connected to.
fn cluster_in(namespace: &str, written: Written) -> (String, String, String) {
    let snapshot = compiled_in(namespace, [written]);
    let Cluster {
        name,
        stats_name,
        host,
        port,
        tls,
        ..
    } = &**snapshot.clusters.by_name()[0];
    let scheme = if tls.is_some() { "tls://" } else { "" };
    (
        name.to_string(),
        stats_name.to_string(),
        format!("{scheme}{host}:{port}"),
    )
}

fn service(service: &str) -> Written {
    mapping("m", "/").service(service)
}

#[test]
fn names_in_the_gateways_own_namespace() {
    let table = [
        (
            "httpbin.org:80",
            "cluster_httpbin_org_80_default",
            "httpbin_org_80",
            "httpbin.org:80",
        ),
        (
            "httpbin",
            "cluster_httpbin_default",
            "httpbin",
            "httpbin:80",
        ),
        (
            "httpbin:8080",
            "cluster_httpbin_8080_default",
            "httpbin_8080",
            "httpbin:8080",
        ),
        (
            "httpbin.default:8080",
            "cluster_httpbin_default_8080_default",
            "httpbin_default_8080",
            "httpbin.default:8080",
        ),
        ("http://foo", "cluster_http___foo_default", "foo", "foo:80"),
        (
            "https://foo",
            "cluster_https___foo_otls_default",
            "foo",
            "tls://foo:443",
        ),
        (
            "https://foo:8443",
            "cluster_https___foo_8443_otls_default",
            "foo_8443",
            "tls://foo:8443",
        ),
        (
            "127.0.0.1:8877",
            "cluster_127_0_0_1_8877_default",
            "127_0_0_1_8877",
            "127.0.0.1:8877",
        ),
        (
            "[::1]:8000",
            "cluster____1__8000_default",
            "___1__8000",
            "[::1]:8000",
        ),
    ];
    for (written, name, stats_name, target) in table {
        let expected = (name.to_owned(), stats_name.to_owned(), target.to_owned());
        assert_eq!(
            cluster_in("default", service(written)),
            expected,
            "{written}"
        );
    }
}

#[test]
fn names_when_the_gateway_runs_in_another_namespace() {
    let table = [
        (
            "httpbin.org:80",
            "cluster_httpbin_org_80_default",
            "httpbin_org_80",
            "httpbin.org:80",
        ),
        (
            "httpbin",
            "cluster_httpbin_default_default",
            "httpbin_default",
            "httpbin.default:80",
        ),
        (
            "httpbin:8080",
            "cluster_httpbin_default_8080_default",
            "httpbin_default_8080",
            "httpbin.default:8080",
        ),
        (
            "http://foo",
            "cluster_http___foo_default_default",
            "foo_default",
            "foo.default:80",
        ),
        (
            "https://foo",
            "cluster_https___foo_default_otls_default",
            "foo_default",
            "tls://foo.default:443",
        ),
        (
            "localhost:80",
            "cluster_localhost_80_default",
            "localhost_80",
            "localhost:80",
        ),
    ];
    for (written, name, stats_name, target) in table {
        let expected = (name.to_owned(), stats_name.to_owned(), target.to_owned());
        assert_eq!(
            cluster_in("ambassador", service(written)),
            expected,
            "{written}"
        );
    }
}

#[test]
fn the_module_can_make_short_names_mean_the_gateways_namespace() {
    let module = module("{use_ambassador_namespace_for_service_resolution: true}");
    let snapshot = compiled_in("ambassador", [service("httpbin"), module]);
    assert_eq!(
        &*snapshot.clusters.by_name()[0].name,
        "cluster_httpbin_default"
    );
}

#[test]
fn a_rewritten_host_is_part_of_the_name_only_with_tls() {
    let named = |service| cluster_in("default", self::service(service).host_rewrite("x.org")).0;
    assert_eq!(
        named("https://foo"),
        "cluster_https___foo_otls_hr_x_org_default"
    );
    assert_eq!(named("foo"), "cluster_foo_default");
}

#[test]
fn a_long_name_is_shortened_with_a_digest_and_its_statistics_are_not() {
    let host = format!("{}.example.com", "a".repeat(50));
    let (name, stats_name, _) = cluster_in("default", service(&host));
    // printf %s cluster_aaa..._example_com_default | sha1sum
    assert_eq!(
        name,
        "cluster_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-9354A3E528EEDC19-0"
    );
    assert_eq!(name.len(), 59);
    assert_eq!(stats_name, format!("{}_example_com", "a".repeat(50)));
}

fn cluster_of<'s>(snapshot: &'s Snapshot, path: &str) -> &'s Cluster {
    snapshot
        .cluster(forward_of(snapshot, path).cluster)
        .unwrap()
}

fn forward_of<'s>(snapshot: &'s Snapshot, path: &str) -> &'s Forward {
    match &get(path).route(snapshot).unwrap().action {
        Action::Forward(forward) => forward,
        Action::Redirect(_) | Action::Probe(_) => panic!("no Forward"),
    }
}

fn limited(priority: Priority, connections: u32) -> CircuitBreaker {
    CircuitBreaker {
        priority: Some(priority),
        max_connections: Some(connections),
        ..CircuitBreaker::default()
    }
}

fn by_header(name: &str) -> LoadBalancer {
    LoadBalancer::Maglev(HashOn::Header(name.into()))
}

type Change = fn(&mut Mapping);

#[test]
fn everything_that_makes_an_upstream_different_makes_another_cluster() {
    let differences: [(&str, Change); 16] = [
        ("grpc", |m| m.cluster.grpc = true),
        ("load_balancer", |m| {
            m.cluster.load_balancer = Some(LoadBalancer::LeastRequest);
        }),
        ("cluster_tag", |m| m.cluster.cluster_tag = Some("t".into())),
        ("stats_name", |m| m.cluster.stats_name = Some("s".into())),
        ("dns_type", |m| m.cluster.dns_type = Some(DnsType::Logical)),
        ("respect_dns_ttl", |m| {
            m.cluster.respect_dns_ttl = Some(true);
        }),
        ("enable_ipv6", |m| m.cluster.enable_ipv6 = Some(true)),
        ("connect_timeout_ms", |m| {
            m.cluster.connect_timeout = Some(Duration::from_secs(1));
        }),
        ("cluster_idle_timeout_ms", |m| {
            m.cluster.cluster_idle_timeout = Some(Duration::ZERO);
        }),
        ("cluster_max_connection_lifetime_ms", |m| {
            m.cluster.cluster_max_connection_lifetime = Some(Duration::from_secs(1));
        }),
        ("keepalive", |m| {
            m.cluster.keepalive = Some(Keepalive::default());
        }),
        ("circuit_breakers", |m| {
            m.cluster.circuit_breakers = Some([limited(Priority::High, 1)].into());
        }),
        ("circuit_breaker", |m| {
            m.cluster.circuit_breaker = Some("cb".into());
        }),
        ("outlier_detection", |m| {
            m.cluster.outlier_detection = Some("od".into());
        }),
        ("tls", |m| m.service = "https://web".parse().unwrap()),
        ("port", |m| m.service = "web:8080".parse().unwrap()),
    ];
    for (attribute, change) in differences {
        let snapshot = compiled([
            mapping("a", "/a/"),
            mapping("b", "/b/").with(change),
            mapping("c", "/c/").with(change),
            circuit_breaker("cb", limited(Priority::Default, 1)),
            outlier_detection("od", DETECTION),
        ]);
        assert_eq!(complaints(&snapshot), [""; 0], "{attribute}");
        assert_eq!(snapshot.clusters.len(), 2, "{attribute}");
        let names: Vec<_> = snapshot
            .clusters
            .by_name()
            .into_iter()
            .map(|c| &*c.name)
            .collect();
        assert_ne!(names[0], names[1], "{attribute}");
        assert_eq!(
            cluster_of(&snapshot, "/b/"),
            cluster_of(&snapshot, "/c/"),
            "{attribute}"
        );
    }
}

const DETECTION: OutlierDetection = OutlierDetection {
    consecutive_5xx: 5,
    max_ejection_percent: 100,
    interval: Duration::from_secs(3),
};

#[test]
fn what_nobody_says_is_as_in_envoy() {
    let snapshot = compiled([mapping("m", "/")]);
    let cluster = cluster_of(&snapshot, "/");
    assert_eq!(cluster.connect_timeout, Duration::from_secs(3));
    assert_eq!(cluster.balance, Balance::RoundRobin);
    assert_eq!(cluster.idle_timeout, None);
    assert_eq!(cluster.max_connection_lifetime, None);
    assert_eq!(cluster.keepalive, None);
    assert_eq!(cluster.dns_type, DnsType::Strict);
    assert_eq!(cluster.families, Families::V4);
    assert_eq!(
        (cluster.limits, cluster.limits_high),
        (Limits::default(), Limits::default())
    );
    assert_eq!(cluster.outlier_detection, None);
    assert!(!cluster.http2 && !cluster.respect_dns_ttl);
}

#[test]
fn what_the_mapping_does_not_say_the_module_says() {
    let module = || {
        module("{}").with_module(|m| {
            m.cluster_idle_timeout = Some(Duration::from_secs(1));
            m.cluster_max_connection_lifetime = Some(Duration::from_secs(2));
            m.keepalive = Some(Keepalive::default());
            m.circuit_breakers = Some([limited(Priority::Default, 7)].into());
            m.load_balancer = Some(by_header("x-user"));
            m.enable_ipv6 = Some(true);
            m.defaults.stats_name = Some("all".into());
        })
    };
    let snapshot = compiled([mapping("m", "/"), module()]);
    let cluster = cluster_of(&snapshot, "/");
    assert_eq!(cluster.idle_timeout, Some(Duration::from_secs(1)));
    assert_eq!(
        cluster.max_connection_lifetime,
        Some(Duration::from_secs(2))
    );
    assert_eq!(cluster.keepalive, Some(Box::new(Keepalive::default())));
    assert_eq!(cluster.limits.max_connections, 7);
    assert_eq!(cluster.balance, Balance::Maglev);
    assert_eq!(cluster.families, Families::Both);
    assert_eq!(&*cluster.stats_name, "all");
    let hash_on = Some(HashOn::Header("x-user".into()));
    assert_eq!(
        forward_of(&snapshot, "/").hash_on.as_deref(),
        hash_on.as_ref()
    );

    let own = mapping("m", "/").with(|m| {
        m.cluster.cluster_idle_timeout = Some(Duration::ZERO);
        m.cluster.cluster_max_connection_lifetime = Some(Duration::ZERO);
        m.cluster.circuit_breakers = Some([limited(Priority::High, 3)].into());
        m.cluster.load_balancer = Some(LoadBalancer::RoundRobin);
        m.cluster.enable_ipv4 = Some(false);
        m.cluster.stats_name = Some("mine".into());
    });
    let snapshot = compiled([own, module()]);
    let cluster = cluster_of(&snapshot, "/");
    assert_eq!(cluster.idle_timeout, Some(Duration::ZERO), "for ever");
    assert_eq!(cluster.max_connection_lifetime, None, "any age");
    assert_eq!(cluster.limits, Limits::default(), "the list is replaced");
    assert_eq!(cluster.limits_high.max_connections, 3);
    assert_eq!(cluster.limits_high.max_retries, 3);
    assert_eq!(cluster.balance, Balance::RoundRobin);
    assert_eq!(cluster.families, Families::V6);
    assert_eq!(&*cluster.stats_name, "mine");
    assert_eq!(forward_of(&snapshot, "/").hash_on, None);
}

#[test]
fn who_wants_neither_family_gets_ipv4_and_is_told_so() {
    let snapshot = compiled([mapping("m", "/").with(|m| m.cluster.enable_ipv4 = Some(false))]);
    assert_eq!(cluster_of(&snapshot, "/").families, Families::V4);
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: Mapping m: neither enable_ipv4 nor enable_ipv6 is true: IPv4 is used, as \
             Emissary does"
        ]
    );
}

#[test]
fn names_tell_of_tags_breakers_and_load_balancers() {
    let named = |change: Change| cluster_in("default", service("web").with(change)).0;
    let table: [(Change, &str); 6] = [
        (
            |m| {
                let breaker = CircuitBreaker {
                    max_requests: Some(3),
                    ..CircuitBreaker::default()
                };
                m.cluster.circuit_breakers = Some([breaker].into());
            },
            "cluster_web_default_cbnr3",
        ),
        (
            |m| m.cluster.cluster_tag = Some("blue".into()),
            "cluster_blue_web_default",
        ),
        (
            |m| {
                m.cluster.circuit_breakers = Some(
                    [CircuitBreaker {
                        priority: Some(Priority::High),
                        max_connections: Some(1),
                        max_pending_requests: Some(2),
                        max_requests: Some(3),
                        max_retries: Some(4),
                    }]
                    .into(),
                );
            },
            "cluster_web_default_cbhc1p2r3t4",
        ),
        (
            |m| m.cluster.load_balancer = Some(LoadBalancer::LeastRequest),
            "cluster_web_default_er_least_request",
        ),
        (
            |m| m.cluster.load_balancer = Some(by_header("x-user")),
            "cluster_web_default_er_maglev_hdr_x_user",
        ),
        (
            |m| m.cluster.load_balancer = Some(LoadBalancer::RingHash(HashOn::SourceIp)),
            "cluster_web_default_er_ring_hash_srcip",
        ),
    ];
    for (change, name) in table {
        assert_eq!(named(change), name);
    }
}

fn with_v0(mapping: Written) -> Written {
    mapping.with(|m| {
        m.cluster.circuit_breaker = Some("cb".into());
        m.cluster.outlier_detection = Some("od".into());
    })
}

#[test]
fn objects_of_v0_are_found_by_name_and_in_the_own_namespace_first() {
    let breaker = |connections| circuit_breaker("cb", limited(Priority::Default, connections));
    let snapshot = compiled([
        breaker(1).namespace("a"),
        breaker(2).namespace("b"),
        outlier_detection("od", DETECTION).namespace("a"),
        with_v0(mapping("m", "/b/")).namespace("b"),
        with_v0(mapping("m", "/c/")).namespace("c"),
        module("{}").with_module(|m| {
            m.circuit_breakers = Some([limited(Priority::Default, 9)].into());
        }),
    ]);
    let b = cluster_of(&snapshot, "/b/");
    assert_eq!(&*b.name, "cluster_web_b_b_cb_cb_od_od");
    assert_eq!(b.limits.max_connections, 2);
    assert_eq!(b.outlier_detection, Some(Box::new(DETECTION)));
    assert_eq!(cluster_of(&snapshot, "/c/").limits.max_connections, 1);
    assert_eq!(complaints(&snapshot), [""; 0]);
}

#[test]
fn an_unknown_object_of_v0_is_named_and_the_mapping_is_live() {
    let snapshot = compiled([with_v0(mapping("m", "/"))]);
    assert_eq!(&*cluster_of(&snapshot, "/").name, "cluster_web_default");
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: Mapping m: circuit_breaker: there is no CircuitBreaker cb",
            "warning: Mapping m: outlier_detection: there is no OutlierDetection od",
        ]
    );
}

#[test]
fn the_later_of_two_objects_of_v0_with_one_name_counts() {
    let breaker = |connections| circuit_breaker("cb", limited(Priority::Default, connections));
    let mapping = mapping("m", "/").with(|m| m.cluster.circuit_breaker = Some("cb".into()));
    let snapshot = compiled([breaker(1), breaker(2), mapping]);
    assert_eq!(cluster_of(&snapshot, "/").limits.max_connections, 2);
    assert_eq!(complaints(&snapshot).len(), 1);
}

#[test]
fn mappings_to_one_service_share_a_cluster() {
    let snapshot = compiled([
        mapping("a", "/a/").service("x"),
        mapping("b", "/b/").service("x"),
        mapping("c", "/c/").service("w"),
    ]);
    let names: Vec<_> = snapshot
        .clusters
        .by_name()
        .into_iter()
        .map(|cluster| &*cluster.name)
        .collect();
    assert_eq!(names, ["cluster_w_default", "cluster_x_default"]);
    assert_eq!(&*cluster_of(&snapshot, "/a/").name, "cluster_x_default");
    assert_eq!(&*cluster_of(&snapshot, "/b/").name, "cluster_x_default");
    assert_eq!(&*cluster_of(&snapshot, "/c/").name, "cluster_w_default");
}

#[test]
fn services_whose_names_collide_are_kept_apart() {
    let snapshot = compiled([
        mapping("dash", "/dash/").service("foo-bar.x"),
        mapping("dot", "/dot/").service("foo.bar.x"),
    ]);
    let names: Vec<_> = snapshot
        .clusters
        .by_name()
        .into_iter()
        .map(|cluster| &*cluster.name)
        .collect();
    assert_eq!(
        names,
        ["cluster_foo_bar_x_default", "cluster_foo_bar_x_default-1"]
    );
    assert_eq!(
        cluster_of(&snapshot, "/dash/").host.to_string(),
        "foo-bar.x"
    );
    assert_eq!(cluster_of(&snapshot, "/dot/").host.to_string(), "foo.bar.x");
}

#[test]
fn an_unchanged_cluster_equals_itself_in_the_next_snapshot() {
    let before = compiled([mapping("a", "/a/").service("x")]);
    let after = compiled([
        mapping("a", "/a/").service("x"),
        mapping("b", "/b/").service("w"),
    ]);
    assert_eq!(cluster_of(&before, "/a/"), cluster_of(&after, "/a/"));
}
