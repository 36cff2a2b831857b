//! What a prefix matches, and what becomes of the path.

use nuncio_routing::{Draw, MappingSelector};

use crate::requests::get;
use crate::written::{Written, compiled, mapping, regex};

fn upstream_path(mapping: Written, path: &str) -> Option<String> {
    let snapshot = compiled([mapping]);
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, q)| (path, Some(q)));
    let mut out = String::new();
    let route = get(path).route(&snapshot)?;
    Some(if route.rewrite(path, query, &mut out) {
        out
    } else {
        "untouched".to_owned()
    })
}

#[test]
fn a_prefix_knows_no_segments() {
    assert_eq!(
        upstream_path(mapping("m", "/foo"), "/foobar").unwrap(),
        "/bar"
    );
    assert_eq!(upstream_path(mapping("m", "/foo"), "/foo").unwrap(), "/");
    assert_eq!(
        upstream_path(mapping("m", "/foo"), "/foo/bar").unwrap(),
        "//bar"
    );
}

#[test]
fn a_final_slash_is_not_optional() {
    assert_eq!(upstream_path(mapping("m", "/foo/"), "/foo"), None);
    assert_eq!(
        upstream_path(mapping("m", "/foo/"), "/foo/?x=1").unwrap(),
        "/?x=1"
    );
}

#[test]
fn the_root_prefix_is_transparent() {
    assert_eq!(
        upstream_path(mapping("m", "/"), "/a//b?c=/d").unwrap(),
        "/a//b?c=/d"
    );
}

#[test]
fn an_empty_rewrite_leaves_the_path_untouched() {
    let untouched = mapping("m", "/foo/").with(|m| m.rewrite = nuncio_config::Rewrite::Untouched);
    assert_eq!(upstream_path(untouched, "/foo/bar").unwrap(), "untouched");
}

#[test]
fn another_prefix_replaces_the_first() {
    assert_eq!(
        upstream_path(mapping("m", "/foo/").rewrite("/v2/"), "/foo/b").unwrap(),
        "/v2/b"
    );
}

#[test]
fn paths_compare_byte_by_byte() {
    assert_eq!(upstream_path(mapping("m", "/foo/"), "/Foo/"), None);
    assert_eq!(upstream_path(mapping("m", "/foo/"), "//foo/"), None);
    assert_eq!(upstream_path(mapping("m", "/a/b/"), "/a%2Fb/"), None);
}

#[test]
fn what_is_no_path_matches_nothing() {
    assert_eq!(upstream_path(mapping("m", "/"), "*"), None);
    assert_eq!(upstream_path(mapping("m", "/"), ""), None);
}

#[test]
fn a_path_that_other_servers_read_as_another_mappings_is_ambiguous() {
    let snapshot = compiled([
        mapping("all", "/"),
        mapping("public", "/public/"),
        mapping("publications", "/publications/"),
        mapping("private", "/private"),
        regex("book", "/books/[^/]+"),
    ]);
    let is_ambiguous = |path: &str| {
        let request = get(path);
        let by = (Draw::from_random(0), &MappingSelector::Any);
        let found = snapshot.routes.find(&request.head(), by.0).unwrap();
        snapshot.routes.is_ambiguous(&request.head(), by, found)
    };
    for path in [
        "//private/a",
        "/%2fprivate",
        "/x;/..%2fprivate",
        "/public/..%2fprivate/a",
        "/publications/..%2fprivate",
        "/public/..;/..;/private",
        "/public/%252e%252e/private",
        "/public;x/a",
        "/books/..%2fprivate",
    ] {
        assert!(is_ambiguous(path), "{path}");
    }
    for path in [
        "/",
        "/a//b",
        "/public//private",
        "/public/a%2fb",
        "/public/a;b=c",
        "/private%2f..%2fprivate",
        "/redirect?to=//private",
        "/public/http://private/",
        "/books/a%2fb",
    ] {
        assert!(!is_ambiguous(path), "{path}");
    }
}
