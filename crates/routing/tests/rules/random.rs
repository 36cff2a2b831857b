//! Random Mappings and requests.

use std::collections::BTreeMap;

use http::Method;
use proptest::prelude::*;
use proptest::sample::select;

use crate::oracle::{Rule, Text};
use crate::requests::{Request, get};

/// Few values, so that Mappings overlap, hide one another, form groups and disagree in them.
pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    let weights = &[
        None,
        None,
        None,
        Some(0),
        Some(10),
        Some(50),
        Some(60),
        Some(100),
        Some(150),
    ];
    let precedence = &[0, 0, 0, 1, -1];
    (
        (path(), prop::bool::weighted(0.2), host()),
        prop::option::weighted(0.4, method()),
        wanted(&["x-a", "x-b"]),
        wanted(&["q", "r"]),
        select(precedence),
        select(weights),
    )
        .prop_map(
            |((path, any_case, host), method, headers, query, precedence, weight)| Rule {
                path,
                any_case,
                host,
                method,
                headers,
                query,
                precedence,
                weight,
            },
        )
}

fn path() -> impl Strategy<Value = Text> {
    let patterns = &[
        "/",
        "/a",
        "/a.*",
        "/[ab]+",
        "/(a|b)/.*",
        "/a?b*",
        ".*b",
        "/a/[^/]+",
        "(?i)/ab?",
        "/(a(/.*)?)?",
        ".*",
        "",
        "[^a]*",
        "/(ab)*",
        "/.{2}",
    ];
    prop_oneof![
        4 => "/[abA/]{0,3}".prop_map(Text::Plain),
        1 => "/[abA/]{0,3}".prop_map(Text::Exact),
        2 => select(patterns).prop_map(Text::Regex),
    ]
}

fn host() -> impl Strategy<Value = Text> {
    let globs = &[
        "*", "*", "*", "a.com", "A.com", "b.a.com", "*.a.com", "*a.com", "a.*", "b*",
    ];
    let patterns = &["a.com", r"[ab]\.com", r".*\.com(:[0-9]+)?", ".*", "b.*"];
    prop_oneof![
        4 => select(globs).prop_map(|glob| Text::Plain(glob.to_owned())),
        1 => select(patterns).prop_map(Text::Regex),
    ]
}

fn method() -> impl Strategy<Value = Text> {
    prop_oneof![
        select(&["GET", "POST"]).prop_map(|method| Text::Plain(method.to_owned())),
        select(&["GET", "GET|POST", "P.*"]).prop_map(Text::Regex),
    ]
}

fn wanted(names: &'static [&'static str]) -> impl Strategy<Value = BTreeMap<&'static str, Text>> {
    let text = prop_oneof![
        Just(Text::Present),
        select(&["1", "22"]).prop_map(|text| Text::Plain(text.to_owned())),
        select(&["1", "[12]+", ".*", "1,2"]).prop_map(Text::Regex),
    ];
    let count = prop_oneof![3 => Just(0..1), 2 => Just(1..3usize)];
    count
        .prop_flat_map(move |count| prop::collection::btree_map(select(names), text.clone(), count))
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let hosts = &[
        "a.com",
        "A.COM",
        "b.a.com",
        "x.b.a.com",
        "a.com:80",
        "b.com",
        "b",
        "a.",
        ".a.com",
        "",
        "\u{e9}",
    ];
    let queries = &[
        None,
        Some(""),
        Some("q=1"),
        Some("q=1&q=22"),
        Some("q"),
        Some("r=22&q=1"),
        Some("q=%31"),
        Some("&&r=1,2&"),
        Some("q==1"),
        Some("r=1&Q=1"),
    ];
    let values = || prop::collection::vec(select(&["1", "22", "2", ""]), 0..3);
    let methods = &[Method::GET, Method::GET, Method::POST, Method::PUT];
    (
        (sent_path(), select(hosts), select(queries)),
        select(methods),
        values(),
        values(),
    )
        .prop_map(|((path, host, query), method, a, b)| {
            let request = get(&path).host(host).method(method);
            let request = query
                .into_iter()
                .fold(request, |request, q| request.query(q));
            let request = a
                .iter()
                .fold(request, |request, a| request.header("x-a", a));
            b.iter()
                .fold(request, |request, b| request.header("x-b", b))
        })
}

/// Such as a URL can say: what reaches routing otherwise was spelled anew on its way.
pub(crate) fn ordinary_request() -> impl Strategy<Value = Request> {
    let requests =
        (request(), "/[abAB/]{0,5}").prop_map(|(request, path)| Request { path, ..request });
    requests.prop_filter("hosts are ASCII", |request| request.host.is_ascii())
}

fn sent_path() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "/[abAB/]{0,5}",
        1 => "[/ab%.\\\\é\u{0}]{0,6}",
        1 => select(&["", "*", "//", "/a\n", "/%61"]).prop_map(str::to_owned),
        1 => (0..200usize).prop_map(|len| "/a".repeat(len)),
    ]
}
