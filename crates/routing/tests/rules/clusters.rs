//! Names and identity of clusters.

use nuncio_routing::{Action, Cluster, Snapshot};

use crate::requests::get;
use crate::written::{Written, compiled, compiled_in, mapping, module};

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
    } = &*snapshot.clusters[0];
    let scheme = if *tls { "tls://" } else { "" };
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
    assert_eq!(&*snapshot.clusters[0].name, "cluster_httpbin_default");
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
    match &get(path).route(snapshot).unwrap().action {
        Action::Forward(forward) => snapshot.cluster(forward.cluster).unwrap(),
        Action::Redirect(_) | Action::Probe(_) => panic!("a probe"),
    }
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
        .iter()
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
        .iter()
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
