//! Mappings that match the same requests.

use crate::requests::get;
use crate::written::{Written, compiled, complaints, exact, mapping, regex};

#[test]
fn a_canary_takes_its_weight_and_the_other_the_rest() {
    let snapshot = compiled([mapping("stable", "/"), mapping("canary", "/").weight(10)]);
    assert_eq!(get("/").takers(&snapshot), [("canary", 10), ("stable", 90)]);
    assert_eq!(complaints(&snapshot), [""; 0]);
}

#[test]
fn members_without_weights_share_equally() {
    let snapshot = compiled([mapping("a", "/"), mapping("b", "/"), mapping("c", "/")]);
    assert_eq!(
        get("/").takers(&snapshot),
        [("a", 33), ("b", 33), ("c", 34)]
    );
}

#[test]
fn weights_below_a_hundred_fall_through_to_the_next_mapping() {
    let snapshot = compiled([
        mapping("a", "/a/").weight(20),
        mapping("b", "/a/").weight(30),
        mapping("rest", "/"),
    ]);
    assert_eq!(
        get("/a/").takers(&snapshot),
        [("a", 20), ("b", 30), ("rest", 50)]
    );
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: Mapping b: the group's weights add up to 50 and every Mapping has one: the \
          other 50 % of the requests fall through to the next matching Mapping"
        ]
    );
}

#[test]
fn a_lone_canary_takes_everything_and_is_reported() {
    let snapshot = compiled([mapping("canary", "/").weight(10)]);
    assert_eq!(get("/").takers(&snapshot), [("canary", 100)]);
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: Mapping canary: weight 10 has no effect: the only Mapping of its group takes \
          all requests"
        ]
    );
}

#[test]
fn weights_above_a_hundred_are_cut_off_and_reported() {
    let snapshot = compiled([
        mapping("a", "/").weight(60),
        mapping("b", "/").weight(60),
        mapping("c", "/").weight(1),
    ]);
    assert_eq!(get("/").takers(&snapshot), [("a", 60), ("b", 40)]);
    assert_eq!(
        complaints(&snapshot),
        [
            "warning: Mapping b: the group's weights add up to 120 here: this Mapping takes what is \
          left to 100, later ones nothing"
        ]
    );
}

#[test]
fn a_weight_that_is_no_percentage_is_reported() {
    let snapshot = compiled([mapping("a", "/").weight(1_000), mapping("b", "/")]);
    assert_eq!(get("/").takers(&snapshot), [("a", 100)]);
    assert_eq!(
        complaints(&snapshot),
        ["warning: Mapping a: weight 1000 is no percentage: it counts as 100"]
    );
}

#[test]
fn the_order_in_which_headers_were_written_does_not_separate_groups() {
    let snapshot = compiled([
        mapping("a", "/")
            .header("x-a", "1")
            .header("x-b", "2")
            .weight(50),
        mapping("b", "/").header("x-b", "2").header("x-a", "1"),
    ]);
    let request = get("/").header("x-a", "1").header("x-b", "2");
    assert_eq!(request.takers(&snapshot), [("a", 50), ("b", 50)]);
}

#[test]
fn the_case_of_hosts_does_not_separate_groups() {
    let snapshot = compiled([
        mapping("a", "/").host("X.org"),
        mapping("b", "/").host("x.org"),
    ]);
    assert_eq!(
        get("/").host("x.org").takers(&snapshot),
        [("a", 50), ("b", 50)]
    );
}

#[test]
fn precedence_separates_groups() {
    let snapshot = compiled([mapping("a", "/"), mapping("b", "/").precedence(1)]);
    assert_eq!(get("/").takers(&snapshot), [("b", 100)]);
}

#[test]
fn texts_that_look_alike_when_joined_are_separate_groups() {
    let snapshot = compiled([
        mapping("a", "/").header("a", "bc"),
        mapping("b", "/").header("ab", "c"),
    ]);
    assert_eq!(get("/").header("a", "bc").takers(&snapshot), [("a", 100)]);
    assert_eq!(get("/").header("ab", "c").takers(&snapshot), [("b", 100)]);
}

#[test]
fn every_member_keeps_its_own_rewrite_and_timeout() {
    let snapshot = compiled([
        mapping("a", "/").rewrite("/a/").timeout_ms(1).weight(100),
        mapping("b", "/").rewrite("/b/").timeout_ms(2),
    ]);
    let forwards: Vec<_> = snapshot
        .routes
        .iter()
        .skip(2)
        .map(|route| &route.action)
        .collect();
    assert_ne!(forwards[0], forwards[1]);
}

#[test]
fn a_route_tells_its_share_of_the_group() {
    let snapshot = compiled([mapping("stable", "/"), mapping("canary", "/").weight(10)]);
    let shares: Vec<_> = snapshot
        .routes
        .iter()
        .skip(2)
        .map(|r| r.share.percent())
        .collect();
    assert_eq!(shares, [10, 90]);
}

#[test]
fn query_parameters_are_part_of_the_group_key_whatever_their_order() {
    let snapshot = compiled([
        mapping("a", "/").query("x", "1").has_query("y").weight(50),
        mapping("b", "/").has_query("y").query("x", "1"),
        mapping("c", "/").query("x", "2").has_query("y"),
    ]);
    let takers = |query| get("/").query(query).takers(&snapshot);
    assert_eq!(takers("x=1&y"), [("a", 50), ("b", 50)]);
    assert_eq!(takers("y&x=2"), [("c", 100)]);
}

#[test]
fn texts_of_which_one_is_a_regex_cannot_share_a_group() {
    let pairs: [(Written, Written, &str); 6] = [
        (mapping("a", "/a"), exact("b", "/a"), "prefix_exact"),
        (mapping("a", "/a"), regex("b", "/a"), "prefix_regex"),
        (
            mapping("a", "/").host("a.io"),
            mapping("b", "/").host_regex("a.io"),
            "host_regex",
        ),
        (
            mapping("a", "/").method("GET"),
            mapping("b", "/").method_regex("GET"),
            "method_regex",
        ),
        (
            mapping("a", "/").header("x", "1"),
            mapping("b", "/").header_regex("x", "1"),
            "regex_headers",
        ),
        (
            mapping("a", "/").query("x", "1"),
            mapping("b", "/").query_regex("x", "1"),
            "regex_query_parameters",
        ),
    ];
    for (a, b, attribute) in pairs {
        let snapshot = compiled([a, b]);
        let complaints = complaints(&snapshot);
        let expected = format!("error: Mapping b: differs in {attribute} from Mapping a at ");
        assert!(
            complaints.len() == 1 && complaints[0].starts_with(&expected),
            "{complaints:?}"
        );
        assert_eq!(snapshot.routes.len(), 3, "a and the probes");
    }
}

#[test]
fn the_case_of_a_path_does_not_separate_groups() {
    let snapshot = compiled([mapping("a", "/a"), mapping("b", "/a").any_case()]);
    assert_eq!(get("/a").takers(&snapshot), [("a", 50), ("b", 50)]);
}

#[test]
fn a_header_with_a_star_is_not_a_header_that_is_present() {
    let snapshot = compiled([
        mapping("present", "/").has_header("x-a"),
        mapping("star", "/").header("x-a", "*"),
        mapping("any-v", "/v").has_query("v"),
        mapping("star-v", "/v").query("v", "*"),
    ]);
    assert_eq!(complaints(&snapshot), [""; 0]);
    assert_eq!(get("/").header("x-a", "1").taker(&snapshot), "present");
    assert_eq!(get("/").header("x-a", "*").taker(&snapshot), "star");
}
