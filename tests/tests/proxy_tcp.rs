//! Connections that TCPMappings carry as they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use nuncio_proxy::ListenerKey;
use nuncio_tests::client::Client;
use nuncio_tests::control::eventually;
use nuncio_tests::documents::{host, listener, tcp_mapping, tls_context};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::names::NameServer;
use nuncio_tests::tls::{Authority, Speaker, alert, identity_of};
use nuncio_tests::upstream::{Upstream, closed_port};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::AlertDescription;

const PORT: u16 = 5432;
const KEY: ListenerKey = ListenerKey::Port(None, PORT);

/// Where connections are carried to; the test is the other end.
struct Backend(TcpListener);

impl Backend {
    async fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap())
    }

    fn service(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    async fn connection(&self) -> TcpStream {
        let (tcp, _) = self.0.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp
    }

    /// Says `word` to everybody, and no more.
    fn saying(self, word: &'static str) -> JoinHandle<()> {
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = self.0.accept().await {
                tcp.write_all(word.as_bytes()).await.unwrap();
                tokio::spawn(async move {
                    tcp.shutdown().await.unwrap();
                    // Whoever leaves first leaves no end to wait for.
                    drop(tcp.read_to_end(&mut Vec::new()).await);
                });
            }
        })
    }
}

/// A gateway that carries connections to a backend.
struct Scene {
    backend: Backend,
    gateway: Gateway,
    carried: SocketAddr,
}

impl Scene {
    async fn new() -> Self {
        Self::with("").await
    }

    /// `more` are further lines of the TCPMapping.
    async fn with(more: &str) -> Self {
        let backend = Backend::new().await;
        let mut gateway = Gateway::start(&tcp_mapping("db", PORT, &backend.service(), more));
        let carried = gateway.listen(KEY);
        Self {
            backend,
            gateway,
            carried,
        }
    }

    /// Both ends of a connection.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.carried).await.unwrap();
        (client, self.backend.connection().await)
    }

    fn count(&self, family: &str) -> f64 {
        self.gateway.counters().sum(family)
    }
}

async fn passes(from: &mut (impl AsyncWrite + Unpin), to: &mut (impl AsyncRead + Unpin)) {
    from.write_all(b"what is said").await.unwrap();
    from.flush().await.unwrap();
    let mut heard = [0; 12];
    to.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"what is said");
}

/// All that comes until the end.
async fn rest(of: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = String::new();
    of.read_to_string(&mut all).await.unwrap();
    all
}

/// How it ends for a client that hears nothing.
async fn end(mut client: TcpStream) -> io::ErrorKind {
    let read = client.read(&mut [0]).await;
    read.map_or_else(|error| error.kind(), |_| io::ErrorKind::UnexpectedEof)
}

#[tokio::test]
async fn what_is_said_arrives_and_is_counted() {
    let scene = Scene::new().await;
    assert_eq!(scene.count("envoy_tcp_downstream_cx_total"), 0.0);
    let (mut client, mut upstream) = scene.connect().await;
    passes(&mut client, &mut upstream).await;
    passes(&mut upstream, &mut client).await;
    passes(&mut upstream, &mut client).await;
    let page = scene.gateway.page();
    for line in [
        "envoy_tcp_downstream_cx_total{envoy_tcp_prefix=\"ingress_tcp_5432\"} 1\n",
        "envoy_tcp_downstream_cx_rx_bytes_total{envoy_tcp_prefix=\"ingress_tcp_5432\"} 12\n",
        "envoy_tcp_downstream_cx_tx_bytes_total{envoy_tcp_prefix=\"ingress_tcp_5432\"} 24\n",
    ] {
        assert!(page.contains(line), "{line}");
    }
    for (family, value) in [
        ("envoy_cluster_upstream_cx_total", 1.0),
        ("envoy_cluster_upstream_rq_total", 1.0),
        ("envoy_cluster_upstream_rq_pending_total", 1.0),
        ("envoy_cluster_upstream_rq_completed", 0.0),
        ("envoy_cluster_upstream_cx_http1_total", 0.0),
        ("envoy_cluster_upstream_cx_tx_bytes_total", 12.0),
        ("envoy_cluster_upstream_cx_rx_bytes_total", 24.0),
    ] {
        assert_eq!(scene.count(family), value, "{family}");
    }
    assert_eq!(scene.gateway.gauge("envoy_cluster_upstream_cx_active"), 1.0);
    drop((client, upstream));
    eventually("the connections are over", || {
        scene.gateway.gauge("envoy_cluster_upstream_cx_active") == 0.0
            && scene.gateway.gauge("envoy_listener_downstream_cx_active") == 0.0
    })
    .await;
}

#[tokio::test]
async fn a_server_may_speak_first() {
    let scene = Scene::new().await;
    let (mut client, mut upstream) = scene.connect().await;
    passes(&mut upstream, &mut client).await;
    passes(&mut client, &mut upstream).await;
}

#[tokio::test]
async fn an_end_leaves_the_other_direction_open() {
    let scene = Scene::new().await;
    let (mut client, mut upstream) = scene.connect().await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut upstream).await, "question");
    passes(&mut upstream, &mut client).await;
    drop(upstream);
    assert_eq!(rest(&mut client).await, "");

    let (mut client, mut upstream) = scene.connect().await;
    upstream.write_all(b"news").await.unwrap();
    upstream.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, "news");
    passes(&mut client, &mut upstream).await;
    drop(client);
    assert_eq!(rest(&mut upstream).await, "");
    let destroyed = |by| {
        let family = format!("envoy_cluster_upstream_cx_destroy_{by}_with_active_rq");
        scene.count(&family)
    };
    eventually("each end is counted", || {
        (destroyed("local"), destroyed("remote")) == (1.0, 1.0)
    })
    .await;
}

#[tokio::test]
async fn who_breaks_off_breaks_off_the_other_end() {
    let scene = Scene::new().await;
    let (mut client, mut upstream) = scene.connect().await;
    passes(&mut client, &mut upstream).await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(end(upstream).await, io::ErrorKind::ConnectionReset);

    let (mut client, mut upstream) = scene.connect().await;
    passes(&mut client, &mut upstream).await;
    upstream.set_zero_linger().unwrap();
    drop(upstream);
    assert_eq!(end(client).await, io::ErrorKind::ConnectionReset);
}

/// A text that is nowhere like itself.
fn long_text(seed: u32) -> Vec<u8> {
    let numbers = (0..4_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761) ^ seed);
    numbers.flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn megabytes_arrive_whole_both_ways_at_once() {
    let scene = Scene::new().await;
    let (client, upstream) = scene.connect().await;
    let exchange = |tcp: TcpStream, seed| async move {
        let (mut reading, mut writing) = tcp.into_split();
        let sending = tokio::spawn(async move {
            writing.write_all(&long_text(seed)).await.unwrap();
            writing.shutdown().await.unwrap();
        });
        let mut all = Vec::new();
        reading.read_to_end(&mut all).await.unwrap();
        sending.await.unwrap();
        all
    };
    let (by_upstream, by_client) = tokio::join!(exchange(client, 1), exchange(upstream, 2));
    assert!(by_upstream == long_text(2), "{}", by_upstream.len());
    assert!(by_client == long_text(1), "{}", by_client.len());
    assert_eq!(
        scene.count("envoy_tcp_downstream_cx_tx_bytes_total"),
        16_000_000.0
    );
}

#[tokio::test]
async fn who_does_not_read_is_not_read_for() {
    let scene = Scene::new().await;
    let (_client, mut upstream) = scene.connect().await;
    let piece = vec![7; 1 << 20];
    let sent = tokio::spawn(async move {
        for sent in 0.. {
            let writing = upstream.write_all(&piece);
            let limit = std::time::Duration::from_millis(500);
            if tokio::time::timeout(limit, writing).await.is_err() {
                return sent;
            }
        }
        0
    });
    // What the buffers of the system hold, and one of ours.
    let sent = sent.await.unwrap();
    assert!(sent < 64, "{sent} MiB");
}

#[tokio::test]
async fn weights_are_shares_of_connections() {
    let (blue, green) = (Backend::new().await, Backend::new().await);
    let documents = [
        tcp_mapping("blue", PORT, &blue.service(), "weight: 30"),
        tcp_mapping("green", PORT, &green.service(), ""),
    ];
    let mut gateway = Gateway::start(&documents.concat());
    let carried = gateway.listen(KEY);
    let (_blue, _green) = (blue.saying("blue"), green.saying("green"));
    let mut blues = 0;
    for _ in 0..1000 {
        let mut client = TcpStream::connect(carried).await.unwrap();
        blues += usize::from(rest(&mut client).await == "blue");
    }
    // Six standard deviations: wrong once in a thousand million runs.
    assert!((213..=387).contains(&blues), "{blues} of 1000");
}

/// A gateway that carries connections to `blue` and `green` by name, and whoever signs for it.
struct Named {
    gateway: Gateway,
    authority: Authority,
    at: SocketAddr,
    _backends: Vec<JoinHandle<()>>,
}

impl Named {
    async fn beside(documents: &[String]) -> Self {
        let (blue, green) = (Backend::new().await, Backend::new().await);
        let mut all = vec![
            tls_context("blue", &["blue.example"], ""),
            tls_context("green", &["green.example"], ""),
            tcp_mapping("blue", PORT, &blue.service(), "host: blue.example"),
            tcp_mapping("green", PORT, &green.service(), "host: green.example"),
        ];
        all.extend_from_slice(documents);
        let mut gateway = Gateway::start(&all.concat());
        let authority = Authority::new("authority.example");
        for secret in ["blue", "green", "all"] {
            let names = ["a.example", "blue.example", "green.example"];
            let material = authority.issue(&names).material();
            let switch = gateway.switch();
            switch.set_credential(&identity_of(secret), Some(material));
        }
        let at = gateway.listen(KEY);
        Self {
            gateway,
            authority,
            at,
            _backends: vec![blue.saying("blue"), green.saying("green")],
        }
    }

    fn speaker(&self) -> Speaker {
        Speaker::trusting(&self.authority, &["http/1.1"])
    }

    async fn said_as(&self, name: &str) -> String {
        let mut client = self.speaker().connect(self.at, name).await.unwrap();
        rest(&mut client).await
    }
}

#[tokio::test]
async fn names_lead_to_their_upstreams_and_others_nowhere() {
    let scene = Named::beside(&[]).await;
    assert_eq!(scene.said_as("blue.example").await, "blue");
    assert_eq!(scene.said_as("GREEN.example").await, "green");
    let refused = scene.speaker().connect(scene.at, "other.example").await;
    assert_eq!(
        alert(&refused.unwrap_err()),
        Some(AlertDescription::UnrecognisedName)
    );
    let mut plain = TcpStream::connect(scene.at).await.unwrap();
    plain.write_all(b"no TLS").await.unwrap();
    assert_eq!(end(plain).await, io::ErrorKind::UnexpectedEof);
    scene
        .gateway
        .until_counted("all are counted", |counters| {
            counters.sum("envoy_listener_ssl_handshake") == 2.0
                && counters.sum("envoy_listener_ssl_connection_error") == 2.0
                && counters.with("envoy_tcp_downstream_cx_total", "ingress_tls_5432") == 4.0
        })
        .await;
}

#[tokio::test]
async fn what_has_no_name_of_its_own_is_carried_as_it_is() {
    let backend = Backend::new().await;
    let rest_of_all = tcp_mapping("rest", PORT, &backend.service(), "");
    let scene = Named::beside(&[rest_of_all]).await;
    assert_eq!(scene.said_as("blue.example").await, "blue");
    let mut plain = TcpStream::connect(scene.at).await.unwrap();
    plain.write_all(b"no TLS").await.unwrap();
    let mut upstream = backend.connection().await;
    plain.shutdown().await.unwrap();
    assert_eq!(rest(&mut upstream).await, "no TLS");

    // TLS of others, too: it is terminated by whoever has the name.
    let acceptor = scene.authority.issue(&["other.example"]).acceptor();
    let behind = async {
        let tls = acceptor.accept(backend.connection().await).await;
        let mut tls = tls.unwrap();
        tls.write_all(b"from behind").await.unwrap();
        tls.shutdown().await.unwrap();
    };
    let (said, ()) = tokio::join!(scene.said_as("other.example"), behind);
    assert_eq!(said, "from behind");
}

#[tokio::test]
async fn names_of_tcp_mappings_go_before_hosts() {
    let upstream = Upstream::ok("by HTTP").await;
    let scene = Named::beside(&[
        mapping("/a/", &upstream.service(), ""),
        host("all", "a.example"),
        listener("all", PORT, &["TLS", "HTTP", "TCP"], ""),
    ])
    .await;
    assert_eq!(scene.said_as("blue.example").await, "blue");
    let client = scene.speaker().connect(scene.at, "a.example").await;
    let response = Client::over(client.unwrap()).get("/a/").await;
    assert_eq!(response.brief(), (200, "by HTTP"));
    let counters = scene.gateway.counters();
    assert_eq!(counters.sum("envoy_tcp_downstream_cx_total"), 1.0);
    assert_eq!(counters.sum("envoy_http_downstream_cx_total"), 1.0);
}

#[tokio::test]
async fn no_protocol_is_agreed_on_for_an_upstream_that_may_speak_another() {
    let backend = Backend::new().await;
    let scene = Named::beside(&[
        host("all", "a.example"),
        tcp_mapping("carried", PORT, &backend.service(), "host: a.example"),
    ])
    .await;
    let _saying = backend.saying("something else");
    let speaker = Speaker::trusting(&scene.authority, &["h2", "http/1.1"]);
    let mut client = speaker.connect(scene.at, "a.example").await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), None);
    assert_eq!(rest(&mut client).await, "something else");
}

#[tokio::test]
async fn an_upstream_may_be_spoken_to_over_tls() {
    let backend = Backend::new().await;
    let service = format!("https://{}", backend.service());
    let mut gateway = Gateway::start(&tcp_mapping("db", PORT, &service, ""));
    let carried = gateway.listen(KEY);
    let acceptor = Authority::new("authority.example")
        .issue(&["db"])
        .acceptor();
    let mut client = TcpStream::connect(carried).await.unwrap();
    let mut upstream = acceptor.accept(backend.connection().await).await.unwrap();
    passes(&mut client, &mut upstream).await;
    passes(&mut upstream, &mut client).await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut upstream).await, "");
    passes(&mut upstream, &mut client).await;
    assert_eq!(gateway.counters().sum("envoy_cluster_ssl_handshake"), 1.0);
}

#[tokio::test]
async fn without_an_upstream_a_connection_is_reset() {
    let mut gateway = Gateway::start(&tcp_mapping("db", PORT, &closed_port().await, ""));
    let carried = gateway.listen(KEY);
    let client = TcpStream::connect(carried).await.unwrap();
    assert_eq!(end(client).await, io::ErrorKind::ConnectionReset);
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_cx_connect_fail"), 1.0);
    assert_eq!(
        counters.sum("envoy_cluster_upstream_rq_pending_failure_eject"),
        1.0
    );

    let names = NameServer::start().await;
    let mapping = tcp_mapping("db", PORT, "nobody.example:1", "");
    let mut gateway = Gateway::start_with_names(&mapping, &names);
    let carried = gateway.listen(KEY);
    let client = TcpStream::connect(carried).await.unwrap();
    assert_eq!(end(client).await, io::ErrorKind::ConnectionReset);
    let counters = gateway.counters();
    assert_eq!(counters.sum("envoy_cluster_upstream_cx_none_healthy"), 1.0);
}

#[tokio::test]
async fn a_connection_too_many_is_refused() {
    let scene = Scene::with("circuit_breakers: [{max_connections: 1}]").await;
    let (mut client, mut upstream) = scene.connect().await;
    let another = TcpStream::connect(scene.carried).await.unwrap();
    assert_eq!(end(another).await, io::ErrorKind::ConnectionReset);
    assert_eq!(scene.count("envoy_cluster_upstream_cx_overflow"), 1.0);
    passes(&mut client, &mut upstream).await;
    drop((client, upstream));
    eventually("there may be one again", || {
        let open = "envoy_cluster_circuit_breakers_default_cx_open";
        scene.gateway.gauge(open) == 0.0
    })
    .await;
    let (mut client, mut upstream) = scene.connect().await;
    passes(&mut client, &mut upstream).await;
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let scene = Scene::with("idle_timeout_ms: 100").await;
    let (mut client, mut upstream) = scene.connect().await;
    passes(&mut client, &mut upstream).await;
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(rest(&mut upstream).await, "");
    assert_eq!(scene.count("envoy_tcp_idle_timeout"), 1.0);
}

#[tokio::test]
async fn a_connection_outlives_its_port_and_is_waited_for() {
    let mut scene = Scene::new().await;
    let (mut client, mut upstream) = scene.connect().await;
    scene.gateway.install("");
    scene.gateway.close(KEY);
    eventually("the port is closed", || {
        std::net::TcpListener::bind(scene.carried).is_ok()
    })
    .await;
    assert_eq!(scene.gateway.workers().count(), 1);
    passes(&mut client, &mut upstream).await;
    scene.gateway.drain();
    scene.gateway.stop();
    passes(&mut upstream, &mut client).await;
    assert!(!scene.gateway.is_done());
    drop((client, upstream));
    scene.gateway.done().await;
}
