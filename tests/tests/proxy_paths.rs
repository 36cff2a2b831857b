//! One spelling for each path, matched and sent on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::Client;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::Upstream;

fn module(settings: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig: {{{settings}}}\n"
    )
}

/// What becomes of a request line: the status, and the path the upstream got.
async fn sent(settings: &str, line: &str) -> (u16, Option<String>) {
    let upstream = Upstream::ok("").await;
    let untouched = mapping("/a/", &upstream.service(), "rewrite: ''");
    let gateway = Gateway::start(&format!("{untouched}{}", module(settings)));
    let mut client = Client::connect(gateway.address()).await;
    client
        .send(&format!("{line} HTTP/1.1\nhost: a.example\n\n"))
        .await;
    let status = client.response().await.status;
    let path = upstream.received().first().map(|r| r.path().to_owned());
    (status, path)
}

async fn path(settings: &str, target: &str) -> Option<String> {
    sent(settings, &format!("GET {target}")).await.1
}

#[tokio::test]
async fn what_is_matched_is_what_is_sent() {
    for (target, expected) in [
        ("/a/b", Some("/a/b")),
        ("/x/../a/b", Some("/a/b")),
        ("/%61/b", Some("/a/b")),
        ("/a/%62%2f%2F?%62", Some("/a/b%2f%2F?%62")),
        ("/x\\..\\a\\b", Some("/a/b")),
        ("/a/../../x", None),
        ("//a/b", None),
    ] {
        let got = path("", target).await;
        assert_eq!(got.as_deref(), expected, "{target}");
    }
}

#[tokio::test]
async fn slashes_are_merged_on_request() {
    let merging = "merge_slashes: true";
    for (target, expected) in [
        ("//a///b//", "/a/b/"),
        ("/a/b?c//d", "/a/b?c//d"),
        ("/x/..//a/", "/a/"),
    ] {
        let got = path(merging, target).await;
        assert_eq!(got.as_deref(), Some(expected), "{target}");
    }
}

#[tokio::test]
async fn encoded_slashes_are_refused_on_request() {
    let rejecting = "reject_requests_with_escaped_slashes: true";
    for target in ["/a/%2f", "/a/%2F", "/a/%5c", "/a/b%5Cc"] {
        assert_eq!(sent(rejecting, &format!("GET {target}")).await, (400, None));
        assert_eq!(path("", target).await.as_deref(), Some(target));
    }
    assert_eq!(
        path(rejecting, "/a/b?c=%2f").await.as_deref(),
        Some("/a/b?c=%2f")
    );
}

#[tokio::test]
async fn a_fragment_belongs_to_no_request() {
    for target in ["/a/b#c", "/a/#", "/a/b?c#d", "http://a.example/a/#c"] {
        let outcome = sent("", &format!("GET {target}")).await;
        assert_eq!(outcome, (400, None), "{target}");
    }
}

#[tokio::test]
async fn the_absolute_form_is_sent_on_as_a_path() {
    for target in ["http://a.example/a/b?c", "HTTP://a.example/x/../a/b?c"] {
        let got = path("", target).await;
        assert_eq!(got.as_deref(), Some("/a/b?c"), "{target}");
    }
}

#[tokio::test]
async fn there_is_no_mapping_for_the_server_as_a_whole() {
    assert_eq!(sent("", "OPTIONS *").await, (404, None));
    assert_eq!(sent("", "GET *").await, (400, None));
    assert_eq!(sent("", "CONNECT a.example:443").await, (405, None));
}

#[tokio::test]
async fn paths_that_others_read_otherwise_are_served_on_request() {
    let upstream = Upstream::ok("").await;
    let guarded = mapping("/a/b/", &upstream.service(), "rewrite: ''");
    let all = mapping("/", &upstream.service(), "rewrite: ''");
    for (settings, expected) in [("{}", 400), ("{reject_ambiguous_paths: false}", 200)] {
        let module = module(settings.trim_matches(['{', '}']));
        let gateway = Gateway::start(&format!("{guarded}{all}{module}"));
        let mut client = Client::connect(gateway.address()).await;
        client
            .send("GET /a%2Fb/c HTTP/1.1\nhost: a.example\n\n")
            .await;
        assert_eq!(client.response().await.status, expected, "{settings}");
    }
}
