//! Headers that Mappings remove and add, and the host they rewrite.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use http::Method;
use nuncio_tests::client::{Client, Client2, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Received, Upstream};

/// What the upstream of a Mapping with `more` got of a request with these lines.
async fn forwarded(more: &str, lines: &str) -> Received {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), more));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/b?c", lines).await;
    assert_eq!(client.response().await.status, 200);
    upstream.last()
}

/// What the client of a Mapping with `more` got of an answer.
async fn passed_on(more: &str, answer: &str) -> Response {
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), more));
    Client::connect(gateway.address()).await.get("/a/").await
}

#[tokio::test]
async fn request_headers_are_removed_added_appended_and_replaced() {
    let more = "add_request_headers:
  x-new: new
  x-more: {value: more}
  x-other: {value: other, append: false}
remove_request_headers: [x-secret, X-Token]
";
    let lines = "x-secret: 1\nx-token: 2\nx-more: before\nx-other: before";
    let request = forwarded(more, lines).await;
    assert_eq!(request.values("x-new"), ["new"]);
    assert_eq!(request.values("x-more"), ["before", "more"]);
    assert_eq!(request.values("x-other"), ["other"]);
    assert!(request.values("x-secret").is_empty());
    assert!(request.values("x-token").is_empty());
}

#[tokio::test]
async fn response_headers_are_removed_added_appended_and_replaced() {
    let more = "add_response_headers:
  x-more: {value: more}
  x-other: {value: other, append: false}
remove_response_headers: x-secret
";
    let answer = "HTTP/1.1 200 OK\nx-secret: 1\nx-more: before\nx-other: before\n\
                  content-length: 0\n\n";
    let response = passed_on(more, answer).await;
    let values = |name: &str| -> Vec<_> {
        let fields = response.fields.iter().filter(|(n, _)| n == name);
        fields.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(values("x-more"), ["before", "more"]);
    assert_eq!(values("x-other"), ["other"]);
    assert!(values("x-secret").is_empty());
}

#[tokio::test]
async fn values_may_say_what_is_known_of_the_request() {
    let more = "add_request_headers:
  x-client: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'
  x-path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%'
  x-agent: '[%REQ(USER-AGENT):4%]'
  x-id: '%REQ(X-REQUEST-ID)%'
  x-host: '%REQ(:AUTHORITY)%'
  x-scheme: '%REQ(:SCHEME)%'
  x-percent: '100%%'
  x-cluster: '%UPSTREAM_CLUSTER%'
  x-mapping: '%ROUTE_NAME%'
";
    let request = forwarded(more, "user-agent: curl/8").await;
    for (name, expected) in [
        ("x-client", "127.0.0.1"),
        ("x-path", "/a/b?c"),
        ("x-agent", "[curl]"),
        ("x-host", "a.example"),
        ("x-scheme", "http"),
        ("x-percent", "100%"),
        ("x-mapping", "m_a_"),
    ] {
        assert_eq!(request.value(name), Some(expected), "{name}");
    }
    assert_eq!(request.value("x-id"), request.value("x-request-id"));
    let cluster = request.value("x-cluster").unwrap();
    assert!(cluster.starts_with("cluster_127_0_0_1_"), "{cluster}");
}

#[tokio::test]
async fn values_may_say_what_is_known_of_the_response() {
    let more = "add_response_headers:
  x-code: '%RESPONSE_CODE%'
  x-type: '%RESP(CONTENT-TYPE)%'
  x-method: '%REQ(:METHOD)%'
  x-from: '%UPSTREAM_REMOTE_ADDRESS%'
";
    let answer = "HTTP/1.1 203 Odd\ncontent-type: a/b\ncontent-length: 0\n\n";
    let response = passed_on(more, answer).await;
    assert_eq!(response.value("x-code"), Some("203"));
    assert_eq!(response.value("x-type"), Some("a/b"));
    assert_eq!(response.value("x-method"), Some("GET"));
    assert!(response.value("x-from").unwrap().starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn a_value_that_comes_out_empty_is_not_sent() {
    let more = "add_request_headers: {x-absent: '%REQ(X-NOT-THERE)%', x-present: '%REQ(X-A)%'}";
    let request = forwarded(more, "x-a: 1").await;
    assert_eq!(request.value("x-absent"), None);
    assert_eq!(request.value("x-present"), Some("1"));
}

#[tokio::test]
async fn rules_for_responses_apply_to_what_the_gateway_says_for_the_upstream() {
    let more = "add_response_headers: {x-rule: '%RESPONSE_CODE%'}";
    let gateway = Gateway::start(&mapping("/a/", "127.0.0.1:9", more));
    let response = Client::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.value("x-rule"), Some("503"));
}

#[tokio::test]
async fn the_gateways_name_is_not_a_mappings_to_change() {
    let more = "add_response_headers: {server: mine}\nremove_response_headers: [date]";
    let response = passed_on(more, "HTTP/1.1 200 OK\ncontent-length: 0\n\n").await;
    assert_eq!(response.value("server"), Some("envoy"));
    assert!(response.value("date").is_some());
}

#[tokio::test]
async fn the_module_says_what_mappings_leave_open() {
    let upstream = Upstream::ok("").await;
    let module = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
                  config: {defaults: {httpmapping: {add_request_headers: {x-by: module}, \
                  add_response_headers: {x-by: module}}}}\n";
    let own = mapping(
        "/own/",
        &upstream.service(),
        "add_request_headers: {x-by: mapping}",
    );
    let none = mapping("/none/", &upstream.service(), "");
    let gateway = Gateway::start(&format!("{own}{none}{module}"));
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/own/").await.value("x-by"), Some("module"));
    assert_eq!(upstream.last().value("x-by"), Some("mapping"));
    client.get("/none/").await;
    assert_eq!(upstream.last().value("x-by"), Some("module"));
}

#[tokio::test]
async fn the_host_is_rewritten_and_the_upstream_told_the_original() {
    let request = forwarded("host_rewrite: other.example:99", "").await;
    assert_eq!(request.value("host"), Some("other.example:99"));
    assert_eq!(request.value("x-envoy-original-host"), Some("a.example"));
    let request = forwarded("", "x-envoy-original-host: spoofed").await;
    assert_eq!(request.value("host"), Some("a.example"));
    assert_eq!(request.value("x-envoy-original-host"), None);
}

#[tokio::test]
async fn the_upstreams_name_becomes_the_host_where_that_is_asked_for() {
    let upstream = Upstream::ok("").await;
    let service = upstream.service().replace("127.0.0.1", "localhost");
    let gateway = Gateway::start(&mapping("/a/", &service, "auto_host_rewrite: true"));
    Client::connect(gateway.address()).await.get("/a/").await;
    let request = upstream.last();
    assert_eq!(request.value("host"), Some("localhost"));
    assert_eq!(request.value("x-envoy-original-host"), Some("a.example"));
    let by_address = forwarded("auto_host_rewrite: true", "").await;
    assert_eq!(by_address.value("host"), Some("a.example"));
}

#[tokio::test]
async fn a_path_is_rewritten_by_pattern() {
    let more = "regex_rewrite: {pattern: '/a/([a-z]+)', substitution: '/\\1/\\1'}";
    let request = forwarded(more, "").await;
    assert_eq!(request.path(), "/b/b?c");
    assert_eq!(request.value("x-envoy-original-path"), Some("/a/b?c"));
}

#[tokio::test]
async fn linkerd_is_told_the_destination() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping(
        "/a/",
        &upstream.service(),
        "add_linkerd_headers: true",
    ));
    Client::connect(gateway.address()).await.get("/a/").await;
    let destination = upstream.service();
    assert_eq!(
        upstream.last().value("l5d-dst-override"),
        Some(&*destination)
    );
}

#[tokio::test]
async fn routing_sees_what_is_believed_and_not_what_is_said() {
    let upstream = Upstream::ok("").await;
    let secure = "headers: {x-forwarded-proto: https}";
    let plain = "headers: {x-forwarded-proto: http}";
    let gateway = Gateway::start(&format!(
        "{}{}",
        nuncio_tests::gateway::named_mapping("secure", "/a/", "127.0.0.1:9", secure),
        nuncio_tests::gateway::named_mapping("plain", "/a/", &upstream.service(), plain),
    ));
    let mut client = Client::connect(gateway.address()).await;
    for lines in ["", "x-forwarded-proto: https"] {
        client.request("GET", "/a/", lines).await;
        assert_eq!(client.response().await.status, 200, "{lines}");
    }
}

/// Fields that servers which read `_` as `-` would take for the gateway's.
const ALIASES: [(&str, &str); 8] = [
    ("x_forwarded_for", "192.0.2.1"),
    ("x-forwarded_proto", "https"),
    ("x_request_id", "1"),
    ("x_envoy_original_path", "/admin"),
    ("x_real_ip", "192.0.2.1"),
    ("keep_alive", "timeout=5"),
    ("x_user", "root"),
    ("x_secret", "1"),
];

#[tokio::test]
async fn what_the_gateway_says_nobody_says_under_another_name() {
    let upstream = Upstream::ok("").await;
    let rules = "add_request_headers: {x-user: guest}\nremove_request_headers: [x-secret]";
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), rules));
    for (name, value) in ALIASES {
        let mut client = Client::connect(gateway.address()).await;
        let lines = format!("{name}: {value}\nmy_field: 1");
        client.request("GET", "/a/", &lines).await;
        assert_eq!(client.response().await.status, 200, "{name}");
        let client = Client2::connect(gateway.address()).await;
        let request = Client2::request(Method::GET, "/a/", &[(name, value), ("my_field", "1")]);
        assert_eq!(client.exchange(request).await.unwrap().status, 200);
        for received in upstream.received().iter().rev().take(2) {
            assert_eq!(received.value(name), None, "{name}");
            assert_eq!(received.value("x-user"), Some("guest"), "{name}");
            assert_eq!(received.value("my_field"), Some("1"), "{name}");
        }
    }
}

#[tokio::test]
async fn what_may_be_read_as_a_bodys_length_is_refused() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    for (name, value) in [("content_length", "0"), ("transfer_encoding", "chunked")] {
        let mut client = Client::connect(gateway.address()).await;
        client
            .request(
                "POST",
                "/a/",
                &format!("{name}: {value}\ncontent-length: 0"),
            )
            .await;
        assert_eq!(client.response().await.status, 400, "{name}");
        assert!(client.is_closed().await, "{name}");
        let client = Client2::connect(gateway.address()).await;
        let request = Client2::request(Method::POST, "/a/", &[(name, value)]);
        assert_eq!(client.exchange(request).await.unwrap().status, 400);
    }
    assert!(upstream.received().is_empty());
    let page = gateway.page();
    assert!(page.contains("nuncio_refused_total{reason=\"framing_alias\"} 4\n"));
}
