//! The PROXY protocol: connections that somebody passes on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::net::SocketAddr;

use nuncio_proxy::ListenerKey;
use nuncio_tests::client::Client;
use nuncio_tests::control::eventually;
use nuncio_tests::documents::{host, listener};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::tls::{Authority, Speaker, identity_of};
use nuncio_tests::upstream::Upstream;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const KEY: ListenerKey = ListenerKey::Port(None, 8001);
const HTTP: &[&str] = &["PROXY", "HTTP", "TCP"];
const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
const REQUEST: &[u8] = b"GET /a/ HTTP/1.1\r\nhost: a.example\r\n\r\n";

struct Scene {
    upstream: Upstream,
    gateway: Gateway,
    address: SocketAddr,
}

impl Scene {
    async fn new(stack: &[&str]) -> Self {
        let upstream = Upstream::ok("ok").await;
        let mapping = mapping("/a/", &upstream.service(), "");
        let listener = listener("l", 8001, stack, "");
        let mut gateway = Gateway::start(&[mapping, host("all", "*"), listener].concat());
        let address = gateway.listen(KEY);
        Self {
            upstream,
            gateway,
            address,
        }
    }

    /// The client that the upstream is told of, by a connection that begins with these pieces.
    async fn client_of(&self, pieces: &[&[u8]]) -> String {
        let mut client = Client::connect(self.address).await;
        for piece in pieces {
            client.send_bytes(piece).await;
        }
        client.send_bytes(REQUEST).await;
        assert_eq!(client.response().await.status, 200);
        let last = self.upstream.last();
        last.value("x-forwarded-for").unwrap().to_owned()
    }
}

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let signature: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    [signature, &[command, family], &length, rest].concat()
}

#[tokio::test]
async fn the_connection_is_whose_the_header_says() {
    let scene = Scene::new(HTTP).await;
    assert_eq!(scene.client_of(&[LINE]).await, "192.0.2.7");
    let v4 = binary(0x21, 0x11, &[192, 0, 2, 8, 198, 51, 100, 1, 1, 0, 2, 0]);
    assert_eq!(scene.client_of(&[&v4]).await, "192.0.2.8");
    let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n";
    assert_eq!(scene.client_of(&[v6]).await, "2001:db8::7");
}

#[tokio::test]
async fn a_header_that_does_not_say_leaves_the_connection_its_own() {
    let scene = Scene::new(HTTP).await;
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), binary(0x20, 0, &[])] {
        assert_eq!(scene.client_of(&[&header]).await, "127.0.0.1");
    }
}

#[tokio::test]
async fn a_header_may_come_in_any_pieces_and_with_the_request() {
    let scene = Scene::new(HTTP).await;
    let pieces: Vec<_> = LINE.chunks(1).collect();
    assert_eq!(scene.client_of(&pieces).await, "192.0.2.7");
    let mut together = Client::connect(scene.address).await;
    together
        .send_bytes(&[LINE, REQUEST, REQUEST].concat())
        .await;
    for _ in 0..2 {
        assert_eq!(together.response().await.status, 200);
    }
    assert_eq!(together.get("/a/").await.status, 200);
}

#[tokio::test]
async fn without_a_header_nothing_is_served_and_nothing_said() {
    let scene = Scene::new(HTTP).await;
    let broken: [&[u8]; 3] = [
        REQUEST,
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"\r\n\r\nQUIT",
    ];
    for begin in broken {
        let mut client = Client::connect(scene.address).await;
        client.send_bytes(begin).await;
        assert!(client.is_closed().await);
    }
    let counters = scene.gateway.counters();
    let failed = counters.sum("envoy_listener_downstream_cx_proxy_proto_error");
    assert_eq!(failed, 3.0);
    assert_eq!(scene.upstream.received().len(), 0);
}

#[tokio::test]
async fn who_asks_only_whether_somebody_listens_is_no_failure() {
    let scene = Scene::new(HTTP).await;
    drop(TcpStream::connect(scene.address).await.unwrap());
    assert_eq!(scene.client_of(&[LINE]).await, "192.0.2.7");
    let counters = scene.gateway.counters();
    let failed = counters.sum("envoy_listener_downstream_cx_proxy_proto_error");
    assert_eq!(failed, 0.0);
}

#[tokio::test]
async fn tls_follows_the_header() {
    let scene = Scene::new(&["PROXY", "TLS", "HTTP", "TCP"]).await;
    let authority = Authority::new("authority.example");
    let material = authority.issue(&["a.example"]).material();
    scene
        .gateway
        .switch()
        .set_credential(&identity_of("all"), Some(material));
    let mut tcp = TcpStream::connect(scene.address).await.unwrap();
    tcp.write_all(LINE).await.unwrap();
    let speaker = Speaker::trusting(&authority, &["http/1.1"]);
    let stream = speaker.over(tcp, "a.example").await.unwrap();
    assert_eq!(Client::over(stream).get("/a/").await.text(), "ok");
    let last = scene.upstream.last();
    assert_eq!(last.value("x-forwarded-for"), Some("192.0.2.7"));
    assert_eq!(last.value("x-forwarded-proto"), Some("https"));
    assert_eq!(scene.client_of(&[LINE]).await, "192.0.2.7", "without TLS");
}

#[tokio::test]
async fn the_end_of_a_passed_on_connection_leaves_nothing() {
    let scene = Scene::new(HTTP).await;
    scene.client_of(&[LINE]).await;
    let active = || scene.gateway.gauge("envoy_listener_downstream_cx_active");
    eventually("it is closed", || active() == 0.0).await;
}
