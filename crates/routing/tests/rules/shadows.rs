//! Mappings that get copies.

use nuncio_config::{Redirect, RedirectPath};
use nuncio_routing::{Action, Shadow, Snapshot};

use crate::requests::get;
use crate::written::{Written, compiled, complaints, mapping};

fn shadow(name: &str) -> Written {
    mapping(name, "/").service(name).with(|m| m.shadow = true)
}

fn shadow_of(snapshot: &Snapshot, path: &str) -> Option<Shadow> {
    let found = get(path);
    let route = snapshot
        .routes
        .iter()
        .find(|route| nuncio_routing::Draw::all().any(|draw| route.matches(&found.head(), draw)));
    match &route?.action {
        Action::Forward(forward) => forward.shadow,
        Action::Redirect(_) | Action::Probe(_) => None,
    }
}

fn redirect(name: &str) -> Written {
    mapping(name, "/").with(|m| {
        m.redirect = Some(Box::new(Redirect {
            host: "example.com".into(),
            path: RedirectPath::Unchanged,
            status: 301,
        }));
    })
}

#[test]
fn a_shadow_takes_no_requests_and_gets_copies_at_a_cluster_of_its_own() {
    let snapshot = compiled([shadow("copy"), mapping("real", "/").service("copy")]);
    assert_eq!(get("/").takers(&snapshot), [("real", 100)]);
    let Shadow { cluster, percent } = shadow_of(&snapshot, "/").unwrap();
    assert_eq!(percent, 100);
    assert_eq!(
        &*snapshot.cluster(cluster).unwrap().name,
        "cluster_shadow_copy_default"
    );
    let names: Vec<_> = snapshot
        .clusters
        .by_name()
        .into_iter()
        .map(|c| &*c.name)
        .collect();
    assert_eq!(
        names,
        ["cluster_copy_default", "cluster_shadow_copy_default"]
    );
    assert_eq!(complaints(&snapshot), [""; 0]);
}

#[test]
fn the_weight_of_a_shadow_is_what_is_copied_and_no_share() {
    let snapshot = compiled([
        mapping("a", "/").weight(20),
        mapping("b", "/"),
        shadow("copy").weight(30),
    ]);
    assert_eq!(get("/").takers(&snapshot), [("a", 20), ("b", 80)]);
    let shadows: Vec<_> = snapshot
        .routes
        .iter()
        .filter_map(|route| match &route.action {
            Action::Forward(forward) => Some(forward.shadow.unwrap().percent),
            Action::Redirect(_) | Action::Probe(_) => None,
        })
        .collect();
    assert_eq!(shadows, [30, 30], "every member's requests are copied");
}

#[test]
fn a_shadows_weight_that_is_no_percentage_is_reported() {
    let snapshot = compiled([mapping("real", "/"), shadow("copy").weight(101)]);
    assert_eq!(shadow_of(&snapshot, "/").unwrap().percent, 100);
    assert_eq!(
        complaints(&snapshot),
        ["warning: Mapping copy: weight 101 is no percentage: it counts as 100"]
    );
}

#[test]
fn a_second_shadow_is_an_error() {
    let snapshot = compiled([mapping("real", "/"), shadow("one"), shadow("two")]);
    let cluster = shadow_of(&snapshot, "/").unwrap().cluster;
    assert_eq!(
        &*snapshot.cluster(cluster).unwrap().name,
        "cluster_shadow_one_default"
    );
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Mapping two: a group has one shadow at most: Mapping one at Service \
             default/web, document 2, line 1 matches the same requests"
        ]
    );
}

#[test]
fn a_shadow_of_nothing_is_an_error() {
    let snapshot = compiled([shadow("copy")]);
    assert_eq!(get("/").taker(&snapshot), "");
    assert_eq!(snapshot.clusters.len(), 0);
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Mapping copy: a shadow copies the requests of another Mapping, and none \
             matches the same"
        ]
    );
}

#[test]
fn a_shadow_beats_a_redirect_in_the_same_mapping() {
    let both = redirect("copy").with(|m| m.shadow = true);
    let snapshot = compiled([mapping("real", "/"), both]);
    assert_eq!(get("/").takers(&snapshot), [("real", 100)]);
    assert!(shadow_of(&snapshot, "/").is_some());
    assert_eq!(
        complaints(&snapshot),
        ["warning: Mapping copy: host_redirect has no effect on a shadow"]
    );
}

#[test]
fn a_redirect_leaves_nothing_to_copy() {
    let snapshot = compiled([shadow("copy"), redirect("away")]);
    assert_eq!(get("/").taker(&snapshot), "away");
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Mapping copy: a redirect leaves nothing to copy: Mapping away at Service \
             default/web, document 2, line 1 matches the same requests"
        ]
    );
}
