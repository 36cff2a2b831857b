//! Which Mappings a Host has by labels.

use std::sync::Arc;

use nuncio_config::{Identity, ObjectRef, Parsed, Resource};
use nuncio_routing::{Compiler, Draw, MappingSelector, Snapshot, compile};

use crate::edge::{host, selector};
use crate::requests::{Request, get};
use crate::written::{Written, compiled, complaints, mapping, numbered};

/// A Host `app.org` that selects `app=<app>`.
fn host_of(app: &'static str) -> Written {
    let label: &'static str = Box::leak(format!("app={app}").into_boxed_str());
    let name = format!("{app}.org");
    host(app, &name).with_host(|h| h.mapping_selector = Some(selector([label])))
}

/// v3alpha1 without `hostname`.
fn hostless(name: &str, prefix: &str) -> Written {
    mapping(name, prefix).with(|m| m.hostless = true)
}

fn taker<'s>(snapshot: &'s Snapshot, request: &Request) -> &'s str {
    let implied = snapshot.listening.implied.as_ref().unwrap();
    let Some(host) = implied.http.hosts.find_authority(&request.host) else {
        return "no host";
    };
    let draw = Draw::from_random(0);
    let found = snapshot
        .routes
        .find_selected(&request.head(), draw, &host.selector);
    found.map_or("", |route| &route.mapping.name)
}

fn at(host: &str, path: &str) -> Request {
    get(path).host(host)
}

#[test]
fn a_host_has_the_mappings_with_all_labels_that_it_wants() {
    let both = ["app=shop", "tier=edge"];
    let snapshot = compiled([
        host("h", "shop.org").with_host(|h| h.mapping_selector = Some(selector(both))),
        mapping("a", "/a/").labels(["app=shop"]),
        mapping("b", "/b/").labels(["app=shop", "tier=edge", "more=1"]),
        mapping("c", "/c/"),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    assert_eq!(taker(&snapshot, &at("shop.org", "/a/")), "");
    assert_eq!(taker(&snapshot, &at("shop.org", "/b/")), "b");
    assert_eq!(taker(&snapshot, &at("shop.org", "/c/")), "");
    assert_eq!(taker(&snapshot, &at("blog.org", "/b/")), "no host");
    let probe = at("shop.org", "/ambassador/v0/check_alive");
    assert_eq!(taker(&snapshot, &probe), "internal_liveness_probe_mapping");
}

#[test]
fn a_mapping_with_a_host_needs_both() {
    let snapshot = compiled([
        host_of("shop"),
        mapping("a", "/").host("shop.org").labels(["app=shop"]),
        mapping("b", "/b/").host("other.org").labels(["app=shop"]),
        mapping("c", "/c/").host("shop.org"),
    ]);
    assert_eq!(taker(&snapshot, &at("shop.org", "/b/")), "a");
    assert_eq!(taker(&snapshot, &at("shop.org", "/c/")), "a");
}

#[test]
fn what_names_no_host_belongs_to_those_who_select_it() {
    let snapshot = compiled([
        host_of("shop"),
        host("any", "*"),
        hostless("a", "/a/").labels(["app=shop"]),
        hostless("b", "/b/"),
        mapping("c", "/c/").labels(["app=shop"]),
    ]);
    assert_eq!(taker(&snapshot, &at("shop.org", "/a/")), "a");
    assert_eq!(taker(&snapshot, &at("x.org", "/a/")), "");
    assert_eq!(taker(&snapshot, &at("shop.org", "/b/")), "");
    assert_eq!(taker(&snapshot, &at("x.org", "/b/")), "b");
    assert_eq!(taker(&snapshot, &at("x.org", "/c/")), "c");
}

#[test]
fn mappings_of_different_hosts_share_no_requests_though_they_match_the_same() {
    let snapshot = compiled([
        host_of("shop"),
        host_of("blog"),
        hostless("a", "/").labels(["app=shop"]),
        hostless("b", "/").labels(["app=blog"]),
        hostless("c", "/")
            .labels(["app=blog", "version=2"])
            .with(|m| m.weight = Some(10)),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    assert_eq!(taker(&snapshot, &at("shop.org", "/")), "a");
    let shares: Vec<_> = snapshot
        .routes
        .iter()
        .map(|it| it.share.percent())
        .collect();
    assert!(shares.contains(&10) && shares.contains(&90) && shares.contains(&100));
    let alone = compiled([hostless("a", "/").labels(["app=shop"]), hostless("b", "/")]);
    assert_eq!(get("/").takers(&alone), [("a", 50), ("b", 50)]);
}

#[test]
fn a_host_that_is_not_right_has_nothing() {
    let wrong = host("h", "shop.org").with_host(|h| h.tls_context = Some("nobody".into()));
    let snapshot = compiled([wrong, mapping("a", "/")]);
    assert_eq!(taker(&snapshot, &at("shop.org", "/")), "");
}

#[test]
fn one_label_or_a_host_will_do_where_selectors_are_not_strict() {
    let both = ["app=shop", "tier=edge"];
    let written = [
        host("h", "shop.org").with_host(|h| h.mapping_selector = Some(selector(both))),
        hostless("a", "/a/").labels(["app=shop"]),
        hostless("b", "/b/"),
        mapping("c", "/c/").host("shop.org"),
    ];
    let identity = Identity {
        any_label: true,
        ..Identity::default()
    };
    let snapshot = compile(&numbered(written), [], &identity, 1);
    assert_eq!(taker(&snapshot, &at("shop.org", "/a/")), "a");
    assert_eq!(taker(&snapshot, &at("shop.org", "/b/")), "");
    assert_eq!(taker(&snapshot, &at("shop.org", "/c/")), "c");
}

fn object(name: &str) -> Arc<ObjectRef> {
    Arc::new(ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: name.into(),
    })
}

fn parsed(written: impl IntoIterator<Item = Written>) -> Parsed {
    let resources: Vec<Resource> = numbered(written);
    Parsed {
        resources,
        diagnostics: Vec::new(),
    }
}

#[test]
fn a_new_selector_makes_those_routes_anew_that_it_selects_and_no_others() {
    let mut compiler = Compiler::new(Identity::default());
    let mappings = [
        mapping("a", "/a/").labels(["app=shop"]),
        mapping("b", "/b/"),
    ];
    compiler.put(&object("web"), parsed(mappings));
    let before = compiler.compile(1).snapshot;
    compiler.put(&object("host"), parsed([host_of("shop")]));
    let after = compiler.compile(2).snapshot;
    let route = |snapshot: &Snapshot, path| {
        let request = get(path);
        let found = snapshot.routes.find(&request.head(), Draw::from_random(0));
        Arc::clone(found.unwrap())
    };
    let is_same = |path| Arc::ptr_eq(&route(&before, path), &route(&after, path));
    assert!(is_same("/b/") && !is_same("/a/"));
    let shop = MappingSelector::Labelled(selector(["app=shop"]));
    assert!(route(&after, "/a/").selected_by.has(&shop));
    compiler.remove(&object("host"));
    let again = compiler.compile(3).snapshot;
    assert_eq!(route(&again, "/a/"), route(&before, "/a/"));
}
