//! What of a head crosses the gateway, and what the gateway adds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use http::Method;
use nuncio_tests::client::{Client, Client2, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Received, Upstream};

/// What the upstream got of a request with these lines in its head.
async fn forwarded(lines: &str) -> Received {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/b?c", lines).await;
    assert_eq!(client.response().await.status, 200, "{lines}");
    upstream.last()
}

/// What the client got of an answer.
async fn passed_on(answer: &str) -> Response {
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    Client::connect(gateway.address()).await.get("/a/").await
}

async fn status_of(lines: &str) -> u16 {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", lines).await;
    let status = client.response().await.status;
    assert_eq!(
        upstream.received().len(),
        usize::from(status == 200),
        "{lines}"
    );
    status
}

#[tokio::test]
async fn a_plain_request_gets_exactly_envoys_fields() {
    let request = forwarded("Accept: */*").await;
    let head = request.head.to_ascii_lowercase();
    let fields = head
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'));
    let mut names: Vec<_> = fields.map(|(name, _)| name).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "host",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-external-address",
        "x-envoy-original-path",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
    ];
    assert_eq!(names, expected);
    assert_eq!(request.value("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.value("x-envoy-external-address"), Some("127.0.0.1"));
    assert_eq!(request.value("x-forwarded-proto"), Some("http"));
    assert_eq!(
        request.value("x-envoy-expected-rq-timeout-ms"),
        Some("3000")
    );
    assert_eq!(request.value("x-envoy-original-path"), Some("/a/b?c"));
}

#[tokio::test]
async fn the_client_is_appended_to_x_forwarded_for() {
    let request = forwarded("X-Forwarded-For: 1.1.1.1, 2.2.2.2\nx-forwarded-for: 3.3.3.3").await;
    let values = request.values("x-forwarded-for");
    assert_eq!(values, ["1.1.1.1, 2.2.2.2,3.3.3.3,127.0.0.1"]);
}

#[tokio::test]
async fn what_the_client_says_of_protocol_and_request_id_is_replaced() {
    let request = forwarded("x-forwarded-proto: https\nx-request-id: mine").await;
    assert_eq!(request.value("x-forwarded-proto"), Some("http"));
    let id = request.value("x-request-id").unwrap();
    assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
}

#[tokio::test]
async fn request_ids_differ() {
    let (one, other) = tokio::join!(forwarded(""), forwarded(""));
    assert_ne!(one.value("x-request-id"), other.value("x-request-id"));
}

#[tokio::test]
async fn the_expected_timeout_is_the_mappings() {
    let upstream = Upstream::ok("").await;
    for (line, expected) in [("timeout_ms: 4321", Some("4321")), ("timeout_ms: 0", None)] {
        let gateway = Gateway::start(&mapping("/a/", &upstream.service(), line));
        Client::connect(gateway.address()).await.get("/a/").await;
        assert_eq!(
            upstream.last().value("x-envoy-expected-rq-timeout-ms"),
            expected
        );
    }
}

#[tokio::test]
async fn fields_of_a_gateway_are_not_taken_from_a_client() {
    let spoofed = [
        "x-envoy-internal",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-retry-on",
        "x-envoy-external-addres",
        "x_envoy_internal",
        "X_Envoy-Internal",
        "x-forwarded-client-cert",
        "x_forwarded_client_cert",
        "x_forwarded_for",
        "x-forwarded_for",
        "X_Forwarded_Proto",
        "x_request_id",
    ];
    let lines: Vec<_> = spoofed.iter().map(|name| format!("{name}: true")).collect();
    let request = forwarded(&lines.join("\n")).await;
    for name in spoofed {
        assert_eq!(request.value(name), None, "{name}");
    }
    let other = forwarded("x_custom: kept\nx-forwarded-host: kept\nx-envoy: kept").await;
    for name in ["x_custom", "x-forwarded-host", "x-envoy"] {
        assert_eq!(other.value(name), Some("kept"), "{name}");
    }
}

#[tokio::test]
async fn fields_of_the_connection_stay_on_it() {
    let lines = "connection: keep-alive, X-Hop\nx-hop: 1\nkeep-alive: timeout=5\n\
                 proxy-connection: x\nte: trailers\ntrailer: x-sum\nupgrade: websocket";
    let request = forwarded(lines).await;
    let names = [
        "connection",
        "x-hop",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    ];
    for name in names {
        assert_eq!(request.value(name), None, "{name}");
    }
}

#[tokio::test]
async fn fields_that_others_rely_on_cannot_be_nominated_away() {
    for name in [
        "Host",
        "x-forwarded-for",
        "X-Forwarded-Proto",
        "authorization",
        "cookie",
    ] {
        assert_eq!(
            status_of(&format!("connection: close, {name}")).await,
            400,
            "{name}"
        );
    }
    assert_eq!(status_of("connection: close, x-other").await, 200);
}

#[tokio::test]
async fn an_offer_of_h2c_is_not_taken_and_no_fault() {
    let lines =
        "connection: Upgrade, HTTP2-Settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQAAP__";
    let request = forwarded(lines).await;
    for name in ["connection", "upgrade", "http2-settings"] {
        assert_eq!(request.value(name), None, "{name}");
    }
}

#[tokio::test]
async fn other_fields_cross_byte_by_byte_and_in_order() {
    let request = forwarded("X-A: 1\nX-B: \ta , b \nX-A: 2\nCookie: a=1; b=2").await;
    assert_eq!(request.values("x-a"), ["1", "2"]);
    assert_eq!(request.value("x-b"), Some("a , b"));
    assert_eq!(request.value("cookie"), Some("a=1; b=2"));
}

#[tokio::test]
async fn cookie_crumbs_of_http2_become_one_field() {
    let upstream = Upstream::ok("").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let client = Client2::connect(gateway.address()).await;
    let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")];
    client
        .exchange(Client2::request(Method::GET, "/a/", &crumbs))
        .await
        .unwrap();
    let request = upstream.last();
    assert_eq!(request.value("cookie"), Some("a=1; b=2"));
    assert_eq!(request.value("te"), None);
    assert_eq!(request.value("host"), Some("a.example"));
    assert_eq!(request.line(), "GET / HTTP/1.1");
}

#[tokio::test]
async fn the_gateways_name_date_and_time_replace_the_upstreams() {
    let response = passed_on(
        "HTTP/1.1 200 OK\nserver: gunicorn\ndate: Thu, 01 Jan 1970 00:00:00 GMT\n\
         x-envoy-upstream-service-time: 99999\ncontent-length: 0\n\n",
    )
    .await;
    assert_eq!(response.value("server"), Some("envoy"));
    assert!(!response.value("date").unwrap().contains("1970"));
    let took: u64 = response
        .value("x-envoy-upstream-service-time")
        .unwrap()
        .parse()
        .unwrap();
    assert!(took < 20_000, "{took}");
}

#[tokio::test]
async fn fields_of_the_upstreams_connection_stay_on_it() {
    let response = passed_on(
        "HTTP/1.1 200 OK\nconnection: x-hop, keep-alive\nx-hop: 1\nkeep-alive: timeout=5\n\
         trailer: x\nupgrade: h2c\nset-cookie: a=1\nset-cookie: b=2\ncontent-length: 0\n\n",
    )
    .await;
    for name in ["x-hop", "keep-alive", "trailer", "upgrade"] {
        assert_eq!(response.value(name), None, "{name}");
    }
    assert_ne!(response.value("connection"), Some("close"));
    let cookies = response
        .fields
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .count();
    assert_eq!(cookies, 2);
}

#[tokio::test]
async fn a_server_name_of_the_module_is_used_and_envoys_fields_can_be_left_out() {
    let upstream = Upstream::ok("").await;
    let module = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n  \
                  server_name: gate\n  suppress_envoy_headers: true\n";
    let gateway = Gateway::start(&format!(
        "{module}{}",
        mapping("/a/", &upstream.service(), "")
    ));
    let response = Client::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(response.value("server"), Some("gate"));
    assert_eq!(response.value("x-envoy-upstream-service-time"), None);
    let request = upstream.last();
    assert!(!request.head.contains("x-envoy-"), "{}", request.head);
    assert_eq!(request.value("x-forwarded-proto"), Some("http"));
}

#[tokio::test]
async fn an_upstream_may_set_x_envoy_fields_of_its_own() {
    let response =
        passed_on("HTTP/1.1 200 Fine\nx-envoy-ratelimited: true\ncontent-length: 0\n\n").await;
    assert_eq!(response.value("x-envoy-ratelimited"), Some("true"));
}

#[tokio::test]
async fn a_response_over_http2_has_no_field_of_a_connection() {
    let upstream = Upstream::always(Answer::text(
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\nkeep-alive: x\n\n3\nabc\n0\n\n",
    ))
    .await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let response = Client2::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(response.brief(), (200, "abc"));
    for name in ["transfer-encoding", "connection", "keep-alive"] {
        assert_eq!(response.value(name), None, "{name}");
    }
    assert_eq!(response.value("server"), Some("envoy"));
    assert!(response.value("date").is_some());
}
