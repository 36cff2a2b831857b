//! gRPC calls: their messages, their trailers, and what they are told of errors.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use bytes::Bytes;
use http::Method;
use nuncio_tests::calls::{answered, call, echo, gateway_to};
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::closed_port;
use nuncio_tests::upstream::http2::{Call, Upstream2, piece, trailers, whole};

#[tokio::test]
async fn a_unary_call_passes_with_its_trailers() {
    let upstream = Upstream2::start(async |call: Call| {
        let (mut body, mut stream) = call.head(&[("content-type", "application/grpc")]);
        let (message, _) = whole(&mut body).await;
        stream.send_data(message.into(), false).unwrap();
        let status = [("grpc-status", "0"), ("x-trailer", "t")];
        stream.send_trailers(trailers(&status)).unwrap();
    })
    .await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let (response, mut stream) = client.start(call("/a/svc.S/Do"), false).await;
    stream
        .send_data(Bytes::from_static(b"\0\0\0\0\x02hi"), true)
        .unwrap();
    let (head, mut body) = answered(response).await.unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.headers["content-type"], "application/grpc");
    assert_eq!(head.headers["server"], "envoy");
    let (message, trailers) = whole(&mut body).await;
    assert_eq!(message, b"\0\0\0\0\x02hi");
    let trailers = trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers["x-trailer"], "t");

    let received = upstream.last();
    assert_eq!(received.uri().path(), "/svc.S/Do");
    assert_eq!(received.uri().authority().unwrap(), "a.example");
    assert_eq!(received.uri().scheme_str(), Some("http"));
    assert_eq!(received.headers()["te"], "trailers");
    assert_eq!(received.headers()["x-forwarded-proto"], "http");
    assert!(!received.headers().contains_key("transfer-encoding"));
}

#[tokio::test]
async fn a_head_alone_can_carry_the_status() {
    let upstream = Upstream2::start(async |call: Call| {
        call.head_only(&[("content-type", "application/grpc"), ("grpc-status", "7")]);
    })
    .await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let (response, _stream) = client.start(call("/a/"), true).await;
    let (head, body) = answered(response).await.unwrap();
    assert_eq!(head.headers["grpc-status"], "7");
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn messages_go_both_ways_while_both_sides_are_open() {
    let upstream = Upstream2::start(echo).await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let (response, mut stream) = client.start(call("/a/"), false).await;
    let (_, mut body) = answered(response).await.unwrap();
    for n in 0..20_u8 {
        stream.send_data(Bytes::from(vec![n; 100]), false).unwrap();
        assert_eq!(piece(&mut body).await.unwrap(), vec![n; 100]);
    }
    stream.send_data(Bytes::new(), true).unwrap();
    let (rest, trailers) = whole(&mut body).await;
    assert!(rest.is_empty());
    assert_eq!(trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn a_server_streams_to_a_client_that_has_ended() {
    let upstream = Upstream2::start(async |call: Call| {
        let (_, mut stream) = call.head(&[]);
        for n in 0..100_u8 {
            Client2::send_piece(&mut stream, Bytes::from(vec![n; 1000])).await;
        }
        stream
            .send_trailers(trailers(&[("grpc-status", "0")]))
            .unwrap();
    })
    .await;
    let (_gateway, client) = gateway_to(&upstream).await;
    let (response, _stream) = client.start(call("/a/"), true).await;
    let (_, mut body) = answered(response).await.unwrap();
    let (all, trailers) = whole(&mut body).await;
    assert_eq!(all.len(), 100_000);
    assert_eq!(trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_ends_the_call() {
    let upstream = Upstream2::start(async |call: Call| {
        call.head_only(&[("grpc-status", "3")]);
    })
    .await;
    let (gateway, client) = gateway_to(&upstream).await;
    let (response, stream) = client.start(call("/a/"), false).await;
    let (head, _) = answered(response).await.unwrap();
    assert_eq!(head.headers["grpc-status"], "3");
    drop(stream);
    gateway
        .until_counted("the request", |now| {
            now.sum("envoy_cluster_upstream_rq_completed") == 1.0
        })
        .await;
}

#[tokio::test]
async fn an_http1_client_of_a_grpc_mapping_gets_the_body_without_trailers() {
    let upstream = Upstream2::start(echo).await;
    let (gateway, _) = gateway_to(&upstream).await;
    let mut client = Client::connect(gateway.address()).await;
    client
        .send("POST /a/ HTTP/1.1\nhost: a.example\ncontent-length: 5\n\nhello")
        .await;
    let response = client.response().await;
    assert_eq!(response.brief(), (200, "hello"));
    assert_eq!(client.get("/a/").await.brief(), (200, ""), "it goes on");
    assert_eq!(upstream.received()[0].headers()["content-length"], "5");
}

#[tokio::test]
async fn a_call_is_told_of_errors_in_its_own_way() {
    let gateway = Gateway::start(&mapping("/a/", &closed_port().await, "grpc: true"));
    let client = Client2::connect(gateway.address()).await;
    let refused = client.exchange(call("/a/")).await.unwrap();
    assert_eq!(refused.brief(), (200, ""));
    assert_eq!(refused.value("content-type"), Some("application/grpc"));
    assert_eq!(refused.value("grpc-status"), Some("14"));
    let message = "upstream connect error or disconnect/reset before headers. reset reason: \
                   remote connection failure, transport failure reason: delayed connect error: \
                   Connection refused";
    assert_eq!(refused.value("grpc-message"), Some(message));
    assert_eq!(refused.value("content-length"), None);

    let unknown = client.exchange(call("/nowhere/")).await.unwrap();
    assert_eq!(unknown.status, 200);
    assert_eq!(unknown.value("grpc-status"), Some("12"));
    assert_eq!(unknown.value("grpc-message"), None);
    assert_eq!(client.get("/nowhere/").await.status, 404, "others see HTTP");

    let counters = gateway.counters();
    let class = |family: &str, class: u8| {
        counters.with(family, &format!("envoy_response_code_class=\"{class}\""))
    };
    assert_eq!(class("envoy_http_downstream_rq_xx", 2), 2.0);
    assert_eq!(class("envoy_http_downstream_rq_xx", 4), 1.0);
    assert_eq!(class("envoy_http_downstream_rq_xx", 5), 0.0);
    assert_eq!(class("envoy_cluster_upstream_rq_xx", 5), 1.0);
}

#[tokio::test]
async fn a_call_over_http1_keeps_its_connection_after_an_error() {
    let gateway = Gateway::start(&mapping("/a/", &closed_port().await, "grpc: true"));
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..2 {
        let fields = "content-type: application/grpc+proto\ncontent-length: 0";
        client.request("POST", "/a/", fields).await;
        let response = client.response().await;
        assert_eq!(response.brief(), (200, ""));
        assert_eq!(response.value("grpc-status"), Some("14"));
        assert_eq!(response.value("content-length"), Some("0"));
    }
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let upstream = Upstream2::start(async |call: Call| {
        call.head_only(&[("content-length", "7")]);
    })
    .await;
    let (gateway, client) = gateway_to(&upstream).await;
    let request = Client2::request(Method::HEAD, "/a/", &[]);
    let response = client.exchange(request).await.unwrap();
    assert_eq!(response.value("content-length"), Some("7"));
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..2 {
        client.request("HEAD", "/a/", "").await;
        let response = client.response_to("HEAD").await.unwrap();
        assert_eq!(response.value("content-length"), Some("7"));
    }
}
