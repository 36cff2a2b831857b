//! Bodies of errors that Mappings and the Module choose.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::client::{Client, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream};

const OVERRIDES: &str = "error_response_overrides:
- on_status_code: 404
  body: {text_format: 'nothing at %REQ(:PATH)%, %RESPONSE_CODE%'}
- on_status_code: 503
  body: {text_format: '<h1>sorry</h1>', content_type: text/html}
- on_status_code: 500
  body: {json_format: {code: '%RESPONSE_CODE%', text: 'failed: \"%RESPONSE_CODE%\"'}}
";

fn module(config: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n{config}"
    )
}

async fn passed_on(more: &str, answer: &str) -> Response {
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), more));
    Client::connect(gateway.address()).await.get("/a/").await
}

#[tokio::test]
async fn an_upstreams_error_is_told_in_other_words() {
    let answer = "HTTP/1.1 404 Not Found\ncontent-type: a/b\ncontent-encoding: gzip\n\
                  x-kept: 1\ncontent-length: 8\n\nupstream";
    let response = passed_on(OVERRIDES, answer).await;
    assert_eq!(response.brief(), (404, "nothing at /, 404"));
    assert_eq!(response.value("content-type"), Some("text/plain"));
    assert_eq!(response.value("content-length"), Some("17"));
    assert_eq!(response.value("content-encoding"), None);
    assert_eq!(response.value("x-kept"), Some("1"));
}

#[tokio::test]
async fn the_gateways_own_errors_are_told_in_other_words_too() {
    let gateway = Gateway::start(&mapping("/a/", "127.0.0.1:9", OVERRIDES));
    let response = Client::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(response.brief(), (503, "<h1>sorry</h1>"));
    assert_eq!(response.value("content-type"), Some("text/html"));
}

#[tokio::test]
async fn json_keeps_order_and_types() {
    let response = passed_on(OVERRIDES, "HTTP/1.1 500 Oh\ncontent-length: 1\n\nx").await;
    let expected = "{\"code\":500,\"text\":\"failed: \\\"500\\\"\"}";
    assert_eq!(response.brief(), (500, expected));
    assert_eq!(response.value("content-type"), Some("application/json"));
}

#[tokio::test]
async fn other_statuses_are_left_alone() {
    let answer = "HTTP/1.1 403 No\ncontent-type: a/b\ncontent-length: 4\n\nmine";
    let response = passed_on(OVERRIDES, answer).await;
    assert_eq!(response.brief(), (403, "mine"));
    assert_eq!(response.value("content-type"), Some("a/b"));
}

#[tokio::test]
async fn the_connection_serves_the_next_request_whatever_was_thrown_away() {
    let body = "x".repeat(300_000);
    let answer = format!(
        "HTTP/1.1 404 Not Found\ncontent-length: {}\n\n{body}",
        body.len()
    );
    let upstream = Upstream::always(Answer::text(&answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), OVERRIDES));
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..3 {
        assert_eq!(client.get("/a/").await.text(), "nothing at /, 404");
    }
    let connections: Vec<_> = upstream.received().iter().map(|r| r.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[tokio::test]
async fn a_head_has_no_other_body_either() {
    let answer = "HTTP/1.1 404 Not Found\ncontent-length: 8\n\n";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), OVERRIDES));
    let mut client = Client::connect(gateway.address()).await;
    client.request("HEAD", "/a/", "").await;
    let response = client.response_to("HEAD").await.unwrap();
    assert_eq!(response.brief(), (404, ""));
    assert_eq!(response.value("content-length"), Some("17"));
    client.request("HEAD", "/a/", "").await;
    assert_eq!(client.response_to("HEAD").await.unwrap().status, 404);
}

#[tokio::test]
async fn grpc_has_its_own_way_of_saying_what_failed() {
    let answer = "HTTP/1.1 404 Not Found\ncontent-length: 4\n\nmine";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), OVERRIDES));
    let mut client = Client::connect(gateway.address()).await;
    let lines = "content-type: application/grpc+proto";
    client.request("GET", "/a/", lines).await;
    assert_eq!(client.response().await.text(), "mine");
}

#[tokio::test]
async fn the_modules_list_holds_where_a_mapping_has_none() {
    let missing = Upstream::always(Answer::text("HTTP/1.1 404 No\ncontent-length: 0\n\n")).await;
    let of_module = module(
        "  error_response_overrides:\n  - on_status_code: 404\n    body: {text_format: module}\n",
    );
    let own = "error_response_overrides:\n- on_status_code: 503\n  body: {text_format: own}\n";
    let bypassing = "bypass_error_response_overrides: true";
    let gateway = Gateway::start(&format!(
        "{}{}{}{of_module}",
        mapping("/none/", &missing.service(), ""),
        mapping("/own/", &missing.service(), own),
        mapping("/bypassing/", &missing.service(), bypassing),
    ));
    let mut client = Client::connect(gateway.address()).await;
    for (path, expected) in [
        ("/none/", "module"),
        ("/own/", ""),
        ("/bypassing/", ""),
        ("/no/mapping/", "module"),
    ] {
        assert_eq!(client.get(path).await.brief(), (404, expected), "{path}");
    }
}

#[tokio::test]
async fn a_body_may_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("404.html");
    std::fs::write(&page, "<p>%RESPONSE_CODE%</p>").unwrap();
    let more = format!(
        "error_response_overrides:\n- on_status_code: 404\n  body:\n    content_type: text/html\n    \
         text_format_source: {{filename: {}}}\n- on_status_code: 500\n  body:\n    \
         text_format_source: {{filename: /not/there}}\n",
        page.display()
    );
    let upstream = Upstream::start(|request| {
        let status = if request.path() == "/404" { 404 } else { 500 };
        Answer::text(&format!("HTTP/1.1 {status} No\ncontent-length: 4\n\nmine"))
    })
    .await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), &more));
    let mut client = Client::connect(gateway.address()).await;
    let page = client.get("/a/404").await;
    assert_eq!(page.brief(), (404, "<p>404</p>"));
    assert_eq!(page.value("content-type"), Some("text/html"));
    assert_eq!(client.get("/a/500").await.brief(), (500, "mine"));
}
