//! Names, duplicates and diagnostics.

use nuncio_config::{Diagnostic, Identity, Severity};
use nuncio_routing::compile;

use crate::requests::get;
use crate::written::{compiled, complaints, mapping, numbered};

#[test]
fn the_later_of_two_resources_with_one_name_wins_and_the_other_is_an_error() {
    let snapshot = compiled([
        mapping("m", "/a/"),
        mapping("m", "/b/"),
        mapping("n", "/c/"),
    ]);
    assert_eq!(get("/a/").taker(&snapshot), "");
    assert_eq!(get("/b/").taker(&snapshot), "m");
    assert_eq!(get("/c/").taker(&snapshot), "n");
    assert_eq!(
        complaints(&snapshot),
        [
            "error: Mapping m: overridden by the same name at Service default/web, document 2, line 1"
        ]
    );
}

#[test]
fn the_same_name_in_two_namespaces_makes_two_mappings() {
    let snapshot = compiled([
        mapping("m", "/a/").namespace("a"),
        mapping("m", "/b/").namespace("b"),
    ]);
    assert_eq!(
        get("/a/").route(&snapshot).unwrap().mapping.to_string(),
        "a/m"
    );
    assert_eq!(
        get("/b/").route(&snapshot).unwrap().mapping.to_string(),
        "b/m"
    );
    assert_eq!(complaints(&snapshot), [""; 0]);
}

#[test]
fn a_host_longer_than_any_name_is_an_error() {
    let snapshot = compiled([mapping("m", "/").host(&"a".repeat(260))]);
    assert_eq!(get("/").host(&"a".repeat(260)).taker(&snapshot), "");
    assert_eq!(
        complaints(&snapshot),
        ["error: Mapping m: the host can never match: it is longer than any name"]
    );
}

#[test]
fn diagnostics_of_parsing_and_compiling_are_listed_by_location() {
    let resources = numbered([mapping("lone", "/").weight(5).on("m")]);
    let of_parsing = |service| Diagnostic {
        severity: Severity::Error,
        at: numbered([mapping("", "/").on(service)]).remove(0).at,
        resource: None,
        reason: "not YAML".into(),
    };
    let identity = Identity::default();
    let snapshot = compile(&resources, [of_parsing("z"), of_parsing("a")], &identity, 7);
    let objects: Vec<_> = snapshot
        .diagnostics
        .iter()
        .map(|d| &*d.at.object.name)
        .collect();
    assert_eq!(objects, ["a", "m", "z"]);
    assert_eq!(snapshot.generation, 7);
}
