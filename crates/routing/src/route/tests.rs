use http::{HeaderMap, HeaderName, Method};
use nuncio_config::Pattern;

use super::*;

fn header_fits(name: &'static str, wanted: Option<&'static str>, sent: &[&'static str]) -> bool {
    let value = match wanted {
        Some(text) => HeaderValueMatch::Exact(HeaderValue::from_static(text)),
        None => HeaderValueMatch::Present,
    };
    value_fits(name, value, sent)
}

fn value_fits(name: &'static str, value: HeaderValueMatch, sent: &[&'static str]) -> bool {
    let name = HeaderName::from_static(name);
    let mut headers = HeaderMap::new();
    for value in sent {
        headers.append(&name, HeaderValue::from_static(value));
    }
    let head = RequestHead {
        method: &Method::GET,
        host: "example.com",
        path: "/",
        query: None,
        headers: &headers,
    };
    header_matches(&HeaderMatch { name, value }, &head)
}

#[test]
fn a_header_must_be_exactly_what_is_written() {
    assert!(header_fits("x-canary", Some("yes"), &["yes"]));
    assert!(!header_fits("x-canary", Some("yes"), &["Yes"]));
    assert!(!header_fits("x-canary", Some("yes"), &["yes!"]));
    assert!(!header_fits("x-canary", Some("yes"), &[]));
}

#[test]
fn a_header_that_need_only_be_present_may_be_empty() {
    assert!(header_fits("x-canary", None, &[""]));
    assert!(!header_fits("x-canary", None, &[]));
}

#[test]
fn a_header_sent_several_times_is_one_list() {
    assert!(header_fits("x-canary", Some("a,b"), &["a", "b"]));
    assert!(!header_fits("x-canary", Some("a"), &["a", "b"]));
    assert!(!header_fits("x-canary", Some("a,b"), &["a"]));
    assert!(!header_fits("x-canary", Some("a,b"), &["a", "b", "c"]));
}

#[test]
fn a_regex_of_a_header_matches_the_whole_list() {
    let fits = |pattern, sent: &[&'static str]| {
        let value = HeaderValueMatch::Regex(Pattern::parse(pattern).unwrap());
        value_fits("x-canary", value, sent)
    };
    assert!(fits("a[0-9]", &["a1"]));
    assert!(!fits("a[0-9]", &["a1", "a2"]));
    assert!(fits("a[0-9],a[0-9]", &["a1", "a2"]));
    assert!(fits(".*", &[""]));
    assert!(!fits(".*", &[]));
}

#[test]
fn the_host_header_is_the_authority_in_every_version_of_http() {
    assert!(header_fits("host", Some("example.com"), &[]));
    assert!(!header_fits("host", Some("example.org"), &[]));
    assert!(header_fits("host", None, &[]));
}

#[test]
fn globs_match_at_their_open_end_and_may_match_nothing() {
    let fits = |pattern: &str, host| host_matches(&pattern.parse().unwrap(), host);
    assert!(fits("*.example.com", "a.example.com"));
    assert!(!fits("*.example.com", "example.com"));
    assert!(fits("*example.com", "example.com"));
    assert!(fits("example.*", "EXAMPLE.org"));
    assert!(!fits("example.*", "example"));
    assert!(!fits("*.example.com", "ü"));
}

#[test]
fn of_several_parameters_with_one_name_the_first_counts() {
    let fits = |value, query| {
        let name = "a".into();
        query_matches(&QueryMatch { name, value }, query)
    };
    let exact = |text: &str| QueryValueMatch::Exact(text.into());
    let regex = |text| QueryValueMatch::Regex(Pattern::parse(text).unwrap());
    assert!(fits(exact("1"), "a=1&a=2"));
    assert!(!fits(exact("2"), "a=1&a=2"));
    assert!(fits(regex("[0-9]"), "b=x&a=1"));
    assert!(!fits(regex("[0-9]"), "a=12"));
    assert!(!fits(exact("1"), "aa=1&b=a=1"));
}

#[test]
fn parameters_are_compared_as_they_came() {
    let fits = |value: &str, query| {
        let (name, value) = ("a".into(), QueryValueMatch::Exact(value.into()));
        query_matches(&QueryMatch { name, value }, query)
    };
    assert!(!fits("x y", "a=x%20y"));
    assert!(fits("x%20y", "a=x%20y"));
    assert!(fits("1=2", "a=1=2"));
    assert!(fits("", "a"));
    assert!(fits("", "&&a=&b"));
    assert!(!fits("1", "%61=1"));
}

#[test]
fn a_parameter_that_need_only_be_present_may_be_empty() {
    let fits = |query| {
        let (name, value) = ("a".into(), QueryValueMatch::Present);
        query_matches(&QueryMatch { name, value }, query)
    };
    assert!(fits("a"));
    assert!(fits("b&a="));
    assert!(!fits("b=a"));
    assert!(!fits(""));
}

#[test]
fn case_counts_in_paths_only_where_it_is_told_to() {
    let prefix = PathMatch::Prefix("/Ab/".parse().unwrap());
    let exact = PathMatch::Exact("/Ab/".parse().unwrap());
    assert!(!path_matches(&prefix, Case::Sensitive, "/ab/c"));
    assert!(path_matches(&prefix, Case::Insensitive, "/aB/c"));
    assert!(!path_matches(&prefix, Case::Insensitive, "/aB"));
    assert!(!path_matches(&exact, Case::Sensitive, "/ab/"));
    assert!(path_matches(&exact, Case::Insensitive, "/aB/"));
    assert!(!path_matches(&exact, Case::Insensitive, "/ab/c"));
}
