use http::{HeaderMap, HeaderName, Method};

use super::*;

fn header_fits(name: &'static str, wanted: Option<&'static str>, sent: &[&'static str]) -> bool {
    let value = match wanted {
        Some(text) => HeaderValueMatch::Exact(HeaderValue::from_static(text)),
        None => HeaderValueMatch::Present,
    };
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
