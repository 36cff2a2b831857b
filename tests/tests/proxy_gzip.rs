//! `gzip` of the Module: answers are compressed for clients that take it, and for no others.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use nuncio_tests::client::{Client, Client2, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};

const GZIP: &str = "accept-encoding: gzip";

/// A gateway that compresses, and what it was told besides.
async fn compressing(answer: Answer, more: &str) -> (Upstream, Gateway, Client) {
    let upstream = Upstream::always(answer).await;
    let module = format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n  \
         gzip: {{{more}}}\n"
    );
    let gateway = Gateway::start(&(mapping("/a/", &upstream.service(), "") + &module));
    let client = Client::connect(gateway.address()).await;
    (upstream, gateway, client)
}

fn page(kind: &str) -> Answer {
    Answer::text(&format!(
        "HTTP/1.1 200 OK\ncontent-type: {kind}\netag: \"v1\"\ncontent-length: {}\n\n{}",
        TEXT.len(),
        TEXT
    ))
}

const TEXT: &str = "so it goes, and so it goes, and so it goes, and so it goes on and on and on";

fn decoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

fn is_compressed(response: &Response) -> bool {
    response.value("content-encoding") == Some("gzip")
}

#[tokio::test]
async fn a_page_is_compressed_for_a_client_that_takes_it() {
    let (upstream, _gateway, mut client) = compressing(page("text/html; charset=utf-8"), "").await;
    client.request("GET", "/a/", GZIP).await;
    let response = client.response().await;
    assert!(is_compressed(&response), "{response:?}");
    assert_eq!(decoded(&response.body), TEXT);
    assert_eq!(response.value("content-length"), None);
    assert_eq!(response.value("vary"), Some("Accept-Encoding"));
    assert_eq!(response.value("etag"), Some("W/\"v1\""));
    assert_eq!(upstream.last().value("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_client_that_does_not_take_it_gets_the_page_as_it_is() {
    let (_upstream, _gateway, mut client) = compressing(page("text/html"), "").await;
    for more in ["", "accept-encoding: br", "accept-encoding: gzip;q=0, *"] {
        client.request("GET", "/a/", more).await;
        let response = client.response().await;
        assert_eq!(response.brief(), (200, TEXT), "{more}");
        assert_eq!(response.value("vary"), Some("Accept-Encoding"), "{more}");
        assert_eq!(response.value("etag"), Some("\"v1\""), "{more}");
    }
}

#[tokio::test]
async fn without_gzip_in_the_module_nothing_is_compressed() {
    let upstream = Upstream::always(page("text/html")).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", GZIP).await;
    let response = client.response().await;
    assert_eq!(response.brief(), (200, TEXT));
    assert_eq!(response.value("vary"), None);
}

#[tokio::test]
async fn pictures_and_short_answers_are_left_alone() {
    let short = Answer::text("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    for answer in [page("image/png"), short] {
        let (_upstream, _gateway, mut client) = compressing(answer, "").await;
        client.request("GET", "/a/", GZIP).await;
        assert!(!is_compressed(&client.response().await));
    }
}

#[tokio::test]
async fn the_module_says_what_is_compressed() {
    let own_type = "content_type: [image/png], min_content_length: 10";
    let (_upstream, _gateway, mut client) = compressing(page("image/png"), own_type).await;
    client.request("GET", "/a/", GZIP).await;
    assert!(is_compressed(&client.response().await));
    let tagged = "disable_on_etag_header: true";
    let (_upstream, _gateway, mut client) = compressing(page("text/html"), tagged).await;
    client.request("GET", "/a/", GZIP).await;
    assert!(!is_compressed(&client.response().await));
}

#[tokio::test]
async fn the_upstream_need_not_know() {
    let hidden = "remove_accept_encoding_header: true";
    let (upstream, _gateway, mut client) = compressing(page("text/html"), hidden).await;
    client.request("GET", "/a/", GZIP).await;
    assert!(is_compressed(&client.response().await));
    assert_eq!(upstream.last().value("accept-encoding"), None);
}

#[tokio::test]
async fn a_head_alone_is_left_alone() {
    let head = Answer::text("HTTP/1.1 200 OK\ncontent-type: text/html\ncontent-length: 500\n\n");
    let (_upstream, _gateway, mut client) = compressing(head, "").await;
    client.request("HEAD", "/a/", GZIP).await;
    let response = client.response_to("HEAD").await.unwrap();
    assert!(!is_compressed(&response));
    assert_eq!(response.value("content-length"), Some("500"));
}

#[tokio::test]
async fn pieces_arrive_as_the_upstream_sends_them() {
    let begin = "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\nb\nfirst piece\n";
    // The second piece never comes.
    let answer = Answer::Drip(vec![wire(begin), wire("0\n\n")], Duration::from_secs(3600));
    let (_upstream, _gateway, mut client) = compressing(answer, "").await;
    client.request("GET", "/a/", GZIP).await;
    assert!(is_compressed(&client.head().await));
    while client.bytes(1).await != "\n" {}
    let (mut arrived, mut text) = (Vec::new(), Vec::new());
    while text != b"first piece" {
        arrived.extend(client.bytes(1).await);
        text.clear();
        // A stream that goes on ends in an error, after all that came.
        drop(GzDecoder::new(&*arrived).read_to_end(&mut text));
    }
}

#[tokio::test]
async fn http2_clients_are_served_alike() {
    let (_upstream, gateway, _client) = compressing(page("application/json"), "").await;
    let client = Client2::connect(gateway.address()).await;
    let request = Client2::request(http::Method::GET, "/a/", &[("accept-encoding", "gzip")]);
    let response = client.exchange(request).await.unwrap();
    assert!(is_compressed(&response));
    assert_eq!(decoded(&response.body), TEXT);
}
