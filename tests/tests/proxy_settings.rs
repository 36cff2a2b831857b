//! What the Module says of clients' connections and of the heads of their requests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use nuncio_tests::client::{Client, Client2};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A Mapping of `/a/` and a Module with these settings, as a YAML flow mapping.
fn configured(upstream: &Upstream, settings: &str) -> String {
    format!(
        "{}{}",
        mapping("/a/", &upstream.service(), ""),
        module(settings)
    )
}

fn module(settings: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig: {{{settings}}}\n"
    )
}

fn gateway(upstream: &Upstream, settings: &str) -> Gateway {
    Gateway::start(&configured(upstream, settings))
}

/// Everything that is sent back until the connection ends.
async fn raw(gateway: &Gateway, request: &str) -> String {
    let mut tcp = TcpStream::connect(gateway.address()).await.unwrap();
    tcp.write_all(request.replace('\n', "\r\n").as_bytes())
        .await
        .unwrap();
    let mut response = String::new();
    let reading = tcp.read_to_string(&mut response);
    timeout(Duration::from_secs(10), reading)
        .await
        .unwrap()
        .unwrap();
    response
}

#[tokio::test]
async fn the_gateway_is_called_what_the_module_says() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "server_name: nuncio-test");
    let mut client = Client::connect(gateway.address()).await;
    for path in ["/a/", "/nowhere"] {
        let response = client.get(path).await;
        assert_eq!(response.value("server"), Some("nuncio-test"), "{path}");
    }
}

#[tokio::test]
async fn envoys_headers_are_left_out_on_request() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "suppress_envoy_headers: true");
    let response = Client::connect(gateway.address()).await.get("/a/").await;
    let is_envoys = |(name, _): &(String, String)| name.starts_with("x-envoy-");
    assert!(!response.fields.iter().any(is_envoys));
    assert!(!upstream.last().head.to_lowercase().contains("x-envoy-"));
}

#[tokio::test]
async fn the_listeners_port_is_dropped_from_the_host() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "strip_matching_host_port: true");
    let port = gateway.address().port();
    let mut client = Client::connect(gateway.address()).await;
    for (host, expected) in [
        (format!("b.example:{port}"), "b.example"),
        ("b.example:1".to_owned(), "b.example:1"),
        ("b.example".to_owned(), "b.example"),
        (format!("[::1]:{port}"), "[::1]"),
    ] {
        client
            .send(&format!("GET /a/ HTTP/1.1\nhost: {host}\n\n"))
            .await;
        assert_eq!(client.response().await.status, 200, "{host}");
        assert_eq!(upstream.last().value("host"), Some(expected));
    }
}

#[tokio::test]
async fn a_clients_request_id_is_kept_on_request() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "preserve_external_request_id: true");
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", "x-request-id: mine").await;
    client.response().await;
    assert_eq!(upstream.last().value("x-request-id"), Some("mine"));
    client.get("/a/").await;
    assert_eq!(upstream.last().value("x-request-id").unwrap().len(), 36);
}

#[tokio::test]
async fn behind_a_proxy_what_it_says_is_kept_as_it_came() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "use_remote_address: false");
    let mut client = Client::connect(gateway.address()).await;
    let lines = "x-forwarded-for: 192.0.2.7, 192.0.2.8\nx-forwarded-proto: https\n\
                 x-request-id: theirs\nx-envoy-external-address: 192.0.2.7\n\
                 x-envoy-retry-on: 5xx";
    client.request("GET", "/a/", lines).await;
    client.response().await;
    let request = upstream.last();
    for (name, expected) in [
        ("x-forwarded-for", Some("192.0.2.7, 192.0.2.8")),
        ("x-forwarded-proto", Some("https")),
        ("x-request-id", Some("theirs")),
        ("x-envoy-external-address", Some("192.0.2.7")),
        ("x-envoy-retry-on", None),
        ("x-envoy-internal", None),
    ] {
        assert_eq!(request.value(name), expected, "{name}");
    }
    client.get("/a/").await;
    let request = upstream.last();
    assert_eq!(request.value("x-forwarded-for"), None);
    assert_eq!(request.value("x-forwarded-proto"), Some("http"));
    assert_eq!(request.value("x-envoy-external-address"), None);
}

#[tokio::test]
async fn trusted_proxies_say_who_the_client_is() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "xff_num_trusted_hops: 2");
    let mut client = Client::connect(gateway.address()).await;
    for (said, client_is) in [
        ("203.0.113.9, 192.0.2.7, 192.0.2.8", "192.0.2.7"),
        ("192.0.2.8", "127.0.0.1"),
        ("nonsense, 192.0.2.8", "127.0.0.1"),
    ] {
        let lines = format!("x-forwarded-for: {said}\nx-forwarded-proto: https");
        client.request("GET", "/a/", &lines).await;
        client.response().await;
        let request = upstream.last();
        assert_eq!(request.value("x-envoy-external-address"), Some(client_is));
        let all = format!("{said},127.0.0.1");
        assert_eq!(request.value("x-forwarded-for"), Some(&*all));
        assert_eq!(request.value("x-forwarded-proto"), Some("https"));
    }
}

#[tokio::test]
async fn larger_heads_are_accepted_on_request() {
    let upstream = Upstream::ok("").await;
    let large = format!("x-large: {}", "x".repeat(70 * 1024));
    for (settings, status) in [
        ("max_request_headers_kb: 80", 200),
        ("max_request_headers_kb: 60", 431),
        ("max_request_headers_kb: 1", 431),
    ] {
        let gateway = gateway(&upstream, settings);
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", "/a/", &large).await;
        assert_eq!(client.response().await.status, status, "{settings}");
    }
    let gateway = gateway(&upstream, "max_request_headers_kb: 80");
    let client = Client2::connect(gateway.address()).await;
    let value = "x".repeat(70 * 1024);
    let request = Client2::request(http::Method::GET, "/a/", &[("x-large", &value)]);
    assert_eq!(client.exchange(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_head_beyond_what_is_read_at_all_is_too_large_as_well() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "max_request_headers_kb: 8192");
    let many = "x: y\n".repeat(300);
    let large = format!("x-large: {}", "x".repeat(1024 * 1024));
    for lines in [many.trim_end(), &large] {
        let request = format!("GET /a/ HTTP/1.1\nhost: a\n{lines}\n\n");
        let mut client = Client::connect(gateway.address()).await;
        let request = request.replace('\n', "\r\n");
        let response = client.send_while_reading(request.as_bytes()).await;
        assert_eq!(response.status, 431);
    }
}

#[tokio::test]
async fn names_are_in_lower_case_towards_both_sides() {
    let answer = "HTTP/1.1 200 OK\nX-Some: Thing\ncontent-length: 2\n\nOk";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = gateway(&upstream, "");
    let twice = "GET /a/ HTTP/1.1\nHost: a\nX-Other: Thing\n\n\
                 POST /a/ HTTP/1.1\nHost: a\nConnection: close\n\n";
    let response = raw(&gateway, twice).await;
    let names = |text: &str| -> Vec<String> {
        let fields = text.split("\r\n").filter_map(|line| line.split_once(": "));
        fields.map(|(name, _)| name.to_owned()).collect()
    };
    let expected = [
        "x-some",
        "content-length",
        "x-envoy-upstream-service-time",
        "server",
        "date",
        "connection",
    ];
    assert_eq!(names(&response), [expected, expected].concat());
    assert!(response.contains("Thing") && response.ends_with("\r\n\r\nOk"));
    for request in upstream.received() {
        for name in names(&request.head) {
            assert_eq!(name, name.to_lowercase());
        }
    }
}

#[tokio::test]
async fn a_body_is_not_taken_for_a_head() {
    let answer = "HTTP/1.1 200 OK\ncontent-length: 10\n\n\nX: Y\nZ:";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = gateway(&upstream, "");
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..2 {
        client
            .send("POST /a/ HTTP/1.1\nhost: a\ncontent-length: 6\n\n\nA: B")
            .await;
        assert_eq!(client.response().await.text(), "\r\nX: Y\r\nZ:");
        assert_eq!(upstream.last().body, b"\r\nA: B");
    }
}

#[tokio::test]
async fn a_client_may_end_its_connection_in_any_line() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "");
    for lines in [
        "connection: close",
        "connection: keep-alive\nconnection: close",
        "connection: keep-alive, close",
    ] {
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", "/a/", lines).await;
        let response = client.response().await;
        assert_eq!(response.value("connection"), Some("close"), "{lines}");
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn names_with_underscores_are_refused_or_dropped_on_request() {
    let upstream = Upstream::ok("").await;
    for (action, status, kept) in [
        ("ALLOW", 200, Some("1")),
        ("DROP_HEADER", 200, None),
        ("REJECT_REQUEST", 400, None),
    ] {
        let settings = format!("headers_with_underscores_action: {action}");
        let gateway = gateway(&upstream, &settings);
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", "/a/", "x_under: 1").await;
        assert_eq!(client.response().await.status, status, "{action}");
        if status == 200 {
            assert_eq!(upstream.last().value("x_under"), kept, "{action}");
        }
    }
}

#[tokio::test]
async fn who_is_kept_out_may_not_even_ask_for_the_server() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "ip_deny: [{peer: 127.0.0.0/8}]");
    let mut client = Client::connect(gateway.address()).await;
    client.send("OPTIONS * HTTP/1.1\nhost: a\n\n").await;
    assert_eq!(
        client.response().await.brief(),
        (403, "RBAC: access denied")
    );
}

#[tokio::test]
async fn a_length_beside_chunks_is_accepted_on_request_and_the_chunks_count() {
    let upstream = Upstream::ok("").await;
    let request = "POST /a/ HTTP/1.1\nhost: a\ncontent-length: 3\n\
                   transfer-encoding: chunked\n\n5\nhello\n0\n\n";
    for (settings, status) in [("allow_chunked_length: true", 200), ("", 400)] {
        let gateway = gateway(&upstream, settings);
        let mut client = Client::connect(gateway.address()).await;
        client.send(request).await;
        assert_eq!(client.response().await.status, status, "{settings}");
    }
    let requests = upstream.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].body, b"hello");
    assert_eq!(requests[0].value("content-length"), None);
}

#[tokio::test]
async fn old_clients_are_served_on_request_and_sent_no_chunks() {
    let chunked = "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n0\n\n";
    let upstream = Upstream::always(Answer::text(chunked)).await;
    let gateway = gateway(&upstream, "enable_http10: true");
    let response = raw(&gateway, "GET /a/ HTTP/1.0\nhost: a\n\n").await;
    assert!(response.contains(" 200 OK\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\nhello"), "{response}");
    assert!(!response.to_lowercase().contains("transfer-encoding"));
    let kept = "GET /a/ HTTP/1.0\nhost: a\nconnection: keep-alive\n\n";
    let response = raw(&gateway, kept).await.to_lowercase();
    assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
    let without_host = raw(&gateway, "GET /a/ HTTP/1.0\n\n").await;
    assert!(without_host.contains(" 400 "), "{without_host}");
    let plain = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let refused = raw(&plain, "GET /a/ HTTP/1.0\nhost: a\n\n").await;
    assert!(refused.contains(" 426 "), "{refused}");
}

#[tokio::test]
async fn names_are_spelled_in_proper_case_on_request() {
    let answer = "HTTP/1.1 200 OK\nx-some-name: 1\ncontent-type: a/b\ncontent-length: 0\n\n";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let gateway = gateway(&upstream, "proper_case: true");
    let response = raw(
        &gateway,
        "GET /a/ HTTP/1.1\nhost: a\nx-other: 1\nconnection: close\n\n",
    )
    .await;
    for line in [
        "\r\nX-Some-Name: 1\r\n",
        "\r\nContent-Type: a/b\r\n",
        "\r\nServer: envoy\r\n",
    ] {
        assert!(response.contains(line), "{response}");
    }
    let request = upstream.last().head;
    for name in ["\r\nHost: ", "\r\nX-Other: ", "\r\nX-Request-Id: "] {
        assert!(request.contains(name), "{request}");
    }
}

#[tokio::test]
async fn some_names_are_spelled_as_the_module_has_them() {
    let answer = "HTTP/1.1 200 OK\nx-some-name: 1\nx-any: 2\ncontent-length: 0\n\n";
    let upstream = Upstream::always(Answer::text(answer)).await;
    let settings = "header_case_overrides: [X-SOME-name, x-OTHER]";
    let gateway = gateway(&upstream, settings);
    let request = "GET /a/ HTTP/1.1\nhost: a\nx-other: 1\nconnection: close\n\n";
    let response = raw(&gateway, request).await;
    assert!(response.contains("\r\nX-SOME-name: 1\r\n"), "{response}");
    assert!(response.contains("\r\nx-any: 2\r\n"), "{response}");
    let request = upstream.last().head;
    assert!(request.contains("\r\nx-OTHER: 1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: a\r\n"), "{request}");
}

#[tokio::test]
async fn clients_are_let_in_and_kept_out_by_address() {
    let upstream = Upstream::ok("").await;
    for (rules, said, status) in [
        ("ip_allow: [{peer: 127.0.0.0/8}]", "192.0.2.1", 200),
        ("ip_allow: [{peer: 10.0.0.0/8}]", "10.0.0.1", 403),
        ("ip_deny: [{peer: 127.0.0.1}]", "192.0.2.1", 403),
        ("ip_allow: [{remote: 192.0.2.0/24}]", "192.0.2.1", 200),
        ("ip_allow: [{remote: 192.0.2.0/24}]", "192.0.3.1", 403),
        ("ip_deny: [{remote: 192.0.2.0/24}]", "192.0.2.1", 403),
        ("ip_deny: [{remote: 192.0.2.0/24}]", "192.0.3.1", 200),
    ] {
        let settings = format!("xff_num_trusted_hops: 1, {rules}");
        let gateway = gateway(&upstream, &settings);
        let mut client = Client::connect(gateway.address()).await;
        let lines = format!("x-forwarded-for: {said}");
        client.request("GET", "/a/", &lines).await;
        let response = client.response().await;
        assert_eq!(response.status, status, "{rules} {said}");
        if status == 403 {
            assert_eq!(response.text(), "RBAC: access denied");
        }
        let denied = gateway.counters().sum("envoy_http_rbac_denied");
        assert_eq!(denied, f64::from(u8::from(status == 403)));
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_shown_out_after_the_idle_timeout() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "listener_idle_timeout_ms: 300");
    let mut silent = Client::connect(gateway.address()).await;
    assert!(silent.is_closed().await);
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    assert!(client.is_closed().await);
    gateway
        .until_counted("both are counted", |counters| {
            counters.sum("envoy_http_downstream_cx_idle_timeout") == 2.0
        })
        .await;
}

#[tokio::test]
async fn a_change_of_the_module_leaves_connections_alone() {
    let upstream = Upstream::ok("").await;
    let gateway = gateway(&upstream, "server_name: one");
    let mut client = Client::connect(gateway.address()).await;
    let mut idle = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.value("server"), Some("one"));
    gateway.install(&configured(
        &upstream,
        "server_name: two, merge_slashes: true, listener_idle_timeout_ms: 60000",
    ));
    let response = client.get("//a//").await;
    assert_eq!(response.value("server"), Some("two"));
    assert_eq!(response.status, 200);
    assert!(idle.is_quiet());
    let connections: Vec<_> = upstream.received().iter().map(|r| r.connection).collect();
    assert_eq!(connections, [0, 0]);
}
