//! Which Mapping goes first.

use http::Method;

use crate::requests::get;
use crate::written::{Written, compiled, exact, mapping, regex};

/// The names in the order in which they are tried.
fn order<const N: usize>(mappings: [Written; N]) -> Vec<String> {
    let routes = compiled(mappings).routes;
    let written = routes.iter().filter(|route| route.at.is_some());
    written
        .map(|route| route.mapping.name.to_string())
        .collect()
}

#[test]
fn longest_prefix_wins_over_declaration_order() {
    let snapshot = compiled([mapping("short", "/a/"), mapping("long", "/a/b/")]);
    assert_eq!(get("/a/b/c").taker(&snapshot), "long");
    assert_eq!(get("/a/c").taker(&snapshot), "short");
}

#[test]
fn precedence_wins_over_prefix_length() {
    let snapshot = compiled([
        mapping("short", "/a/").precedence(1),
        mapping("long", "/a/b/"),
    ]);
    assert_eq!(get("/a/b/c").taker(&snapshot), "short");
}

#[test]
fn negative_precedence_loses_to_the_default() {
    let snapshot = compiled([
        mapping("long", "/a/b/").precedence(-1),
        mapping("short", "/a/"),
    ]);
    assert_eq!(get("/a/b/c").taker(&snapshot), "short");
}

#[test]
fn more_header_text_wins_at_the_same_prefix() {
    let snapshot = compiled([
        mapping("long", "/").header("x-a", "12"),
        mapping("short", "/").header("x-b", "1"),
        mapping("none", "/"),
    ]);
    let request = get("/").header("x-a", "12").header("x-b", "1");
    assert_eq!(request.taker(&snapshot), "long");
    assert_eq!(get("/").header("x-b", "1").taker(&snapshot), "short");
    assert_eq!(get("/").header("x-b", "2").taker(&snapshot), "none");
}

#[test]
fn only_names_and_values_of_headers_count() {
    let snapshot = compiled([
        mapping("three", "/")
            .header("x-a", "1")
            .header("x-b", "1")
            .header("x-c", "1"),
        mapping("one", "/").header("a-a", "0123456789"),
    ]);
    let request = get("/")
        .header("x-a", "1")
        .header("x-b", "1")
        .header("x-c", "1");
    let request = request.header("a-a", "0123456789");
    assert_eq!(
        request.taker(&snapshot),
        "one",
        "13 characters against three times 4"
    );
}

#[test]
fn presence_counts_as_one_character() {
    let snapshot = compiled([
        mapping("present", "/").has_header("x-a"),
        mapping("exact", "/").header("x-a", "1"),
    ]);
    assert_eq!(
        get("/").header("x-a", "1").taker(&snapshot),
        "exact",
        "`1` is greater than `*`"
    );
    assert_eq!(get("/").header("x-a", "2").taker(&snapshot), "present");
}

#[test]
fn host_and_method_count_as_headers() {
    let snapshot = compiled([
        mapping("neither", "/"),
        mapping("method", "/").method("POST"),
        mapping("host", "/").host("localhost"),
    ]);
    let names: Vec<_> = snapshot
        .routes
        .iter()
        .skip(2)
        .map(|route| &*route.mapping.name)
        .collect();
    assert_eq!(
        names,
        ["method", "host", "neither"],
        ":method-POST is 11, localhost is 9"
    );
}

#[test]
fn a_longer_prefix_goes_before_a_host() {
    let snapshot = compiled([
        mapping("host", "/").host("example.com"),
        mapping("prefix", "/foo/"),
    ]);
    assert_eq!(get("/foo/x").host("example.com").taker(&snapshot), "prefix");
    assert_eq!(get("/bar").host("example.com").taker(&snapshot), "host");
}

#[test]
fn a_mapping_without_a_host_counts_as_the_host_star() {
    let snapshot = compiled([
        mapping("host", "/").host("a.io"),
        mapping("header", "/").header("x-v", "1"),
    ]);
    let request = get("/").host("a.io").header("x-v", "1");
    assert_eq!(
        request.taker(&snapshot),
        "header",
        ":authority-* and x-v-1 are 15, a.io is 14"
    );
}

#[test]
fn the_greater_prefix_text_wins_at_equal_lengths() {
    let snapshot = compiled([mapping("b", "/b"), mapping("a", "/a")]);
    let names: Vec<_> = snapshot
        .routes
        .iter()
        .skip(2)
        .map(|route| &*route.mapping.name)
        .collect();
    assert_eq!(names, ["b", "a"]);
}

#[test]
fn ties_are_tried_in_reversed_insertion_order() {
    let snapshot = compiled([
        mapping("first", "/").header("a", "b-c"),
        mapping("second", "/").header("a-b", "c"),
    ]);
    let request = get("/").header("a", "b-c").header("a-b", "c");
    assert_eq!(request.taker(&snapshot), "second", "both keys are `a-b-c`");
}

#[test]
fn a_method_narrows_a_mapping() {
    let snapshot = compiled([mapping("post", "/").method("POST"), mapping("any", "/")]);
    assert_eq!(get("/").method(Method::POST).taker(&snapshot), "post");
    assert_eq!(get("/").method(Method::PUT).taker(&snapshot), "any");
}

#[test]
fn hosts_match_without_regard_to_case_and_with_their_port() {
    let snapshot = compiled([mapping("host", "/").host("Example.com")]);
    assert_eq!(get("/").host("eXAMPLE.COM").taker(&snapshot), "host");
    assert_eq!(get("/").host("example.com:8080").taker(&snapshot), "");
}

#[test]
fn all_headers_must_match() {
    let snapshot = compiled([mapping("both", "/").header("x-a", "1").has_header("x-b")]);
    assert_eq!(get("/").header("x-a", "1").taker(&snapshot), "");
    assert_eq!(
        get("/")
            .header("x-a", "1")
            .header("x-b", "")
            .taker(&snapshot),
        "both"
    );
}

#[test]
fn a_regex_counts_with_the_length_of_its_text() {
    let tried = order([
        mapping("specific", "/api/v1/users/"),
        regex("long", "/(api|API)/v[0-9]+/.*"),
        regex("short", "/api/.*"),
    ]);
    assert_eq!(
        tried,
        ["long", "specific", "short"],
        "21, 14 and 7 characters"
    );
}

#[test]
fn an_exact_path_goes_before_no_longer_prefix() {
    let tried = order([
        exact("exact", "/a/b"),
        mapping("longer", "/a/b/"),
        mapping("shorter", "/a/"),
    ]);
    assert_eq!(tried, ["longer", "exact", "shorter"]);
}

#[test]
fn a_regex_counts_one_more_than_the_same_text() {
    let tried = order([
        mapping("header", "/a").header("x", "1"),
        mapping("header regex", "/a").header_regex("y", "1"),
        mapping("host", "/b").host("a.io"),
        mapping("host regex", "/b").host_regex("b.io"),
        mapping("method", "/c").method("PUT"),
        mapping("method regex", "/c").method_regex("GET"),
        mapping("query", "/d").query("x", "1"),
        mapping("query regex", "/d").query_regex("y", "1"),
    ]);
    for kind in ["header", "host", "method", "query"] {
        let place = |name: &str| tried.iter().position(|tried| tried == name).unwrap();
        assert!(place(&format!("{kind} regex")) < place(kind), "{tried:?}");
    }
}

#[test]
fn query_parameters_count_after_headers_and_before_the_prefix_text() {
    let tried = order([
        mapping("header", "/a").header("x", "1"),
        mapping("two parameters", "/a")
            .query("aaaa", "1")
            .query("b", "1"),
        mapping("one parameter", "/a").query("cccc", "1"),
        mapping("greater text", "/b"),
    ]);
    assert_eq!(
        tried,
        ["header", "two parameters", "one parameter", "greater text"],
        "a header of 2 characters beats parameters of 7 and 5, which beat `/b`"
    );
}

#[test]
fn a_parameter_that_need_only_be_present_counts_as_one_character() {
    let tried = order([
        mapping("present", "/").has_query("a"),
        mapping("exact", "/").query("a", "12"),
        mapping("regex", "/").query_regex("a", "34"),
    ]);
    assert_eq!(tried, ["regex", "exact", "present"]);
}

#[test]
fn the_last_word_have_the_keys_of_headers_and_then_of_parameters() {
    let tried = order([
        mapping("b-1", "/").header("b", "1").query("x", "1"),
        mapping("b-2", "/").header("b", "2").query("a", "1"),
        mapping("x-2", "/").header("b", "1").query("x", "2"),
    ]);
    assert_eq!(tried, ["b-2", "x-2", "b-1"]);
}
