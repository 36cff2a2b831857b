//! Mappings that send the client elsewhere.

use nuncio_config::{Case, Mapping, PathMatch, Pattern, Redirect as Wanted, RedirectPath};
use nuncio_routing::{Action, Redirect, Snapshot};

use crate::requests::get;
use crate::written::{Written, compiled, complaints, mapping};

fn redirects(path: RedirectPath) -> impl FnOnce(&mut Mapping) {
    move |m| {
        m.redirect = Some(Box::new(Wanted {
            host: "example.com".into(),
            path,
            status: 301,
        }));
    }
}

fn redirect(name: &str, prefix: &str) -> Written {
    mapping(name, prefix).with(redirects(RedirectPath::Unchanged))
}

fn redirect_of<'s>(snapshot: &'s Snapshot, path: &str) -> &'s Redirect {
    match &get(path).route(snapshot).unwrap().action {
        Action::Redirect(redirect) => redirect,
        Action::Forward(_) | Action::Probe(_) => panic!("no redirect"),
    }
}

/// Where the only Mapping sends who asks for this path.
fn location(written: Written, path: &str) -> String {
    let snapshot = compiled([written]);
    let route = snapshot.routes.iter().find(|route| route.at.is_some());
    let Action::Redirect(redirect) = &route.unwrap().action else {
        panic!("no redirect")
    };
    let mut out = String::new();
    redirect.location_path(path, Some("q=1"), &mut out);
    out
}

#[test]
fn a_redirect_says_where_to_and_needs_no_cluster() {
    let snapshot = compiled([redirect("m", "/a/")]);
    let redirect = redirect_of(&snapshot, "/a/b");
    assert_eq!((&*redirect.host, redirect.status), ("example.com", 301));
    assert_eq!(snapshot.clusters.len(), 0);
}

#[test]
fn what_becomes_of_the_path_depends_on_what_matched() {
    let to = || redirects(RedirectPath::Prefix("/new/".into()));
    let exact = |m: &mut Mapping| m.path = PathMatch::Exact("/old".parse().unwrap());
    let regex = |m: &mut Mapping| m.path = PathMatch::Regex(Pattern::parse("/[a-z]+").unwrap());
    let prefix = mapping("m", "/old/").with(to());
    assert_eq!(location(prefix, "/old/x"), "/new/x?q=1");
    let any_case = mapping("m", "/old/").with(|m| m.case = Case::Insensitive);
    assert_eq!(location(any_case.with(to()), "/OLD/x"), "/new/x?q=1");
    assert_eq!(
        location(mapping("m", "/").with(exact).with(to()), "/old"),
        "/new/?q=1"
    );
    assert_eq!(
        location(mapping("m", "/").with(regex).with(to()), "/old"),
        "/new/?q=1"
    );
}

#[test]
fn a_redirect_is_alone_in_its_group_and_the_earlier_mapping_stays() {
    let refused = |snapshot: &Snapshot, kind: &str| {
        assert_eq!(
            complaints(snapshot),
            [
                "error: Mapping later: a redirect answers all requests of its group: Mapping first \
                 at Service default/web, document 1, line 1 matches the same requests"
            ],
            "{kind}"
        );
        assert_eq!(get("/").takers(snapshot), [("first", 100)], "{kind}");
    };
    refused(
        &compiled([redirect("first", "/"), redirect("later", "/")]),
        "a second redirect",
    );
    refused(
        &compiled([mapping("first", "/"), redirect("later", "/")]),
        "a redirect after a Mapping",
    );
    refused(
        &compiled([redirect("first", "/"), mapping("later", "/")]),
        "a Mapping after a redirect",
    );
}

#[test]
fn a_redirect_narrower_than_a_mapping_is_another_group() {
    let snapshot = compiled([mapping("all", "/"), redirect("old", "/old/")]);
    assert_eq!(get("/old/").taker(&snapshot), "old");
    assert_eq!(get("/new/").taker(&snapshot), "all");
    assert_eq!(complaints(&snapshot), [""; 0]);
}
