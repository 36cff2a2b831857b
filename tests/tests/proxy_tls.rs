//! TLS of clients, terminated: by the name they ask for, with what is known at that moment.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_proxy::ListenerKey;
use nuncio_tests::client::{Client, Client2};
use nuncio_tests::documents::{host, tls_context};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::tls::{Authority, Speaker, alert, authorities_of, identity_of};
use nuncio_tests::upstream::{Answer, Upstream, wire};
use nuncio_tls::{Authorities, Material};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::{AlertDescription, HandshakeKind};

const BOTH: &[&str] = &["h2", "http/1.1"];
const HTTP1: &[&str] = &["http/1.1"];

/// A gateway that serves `/a/` over HTTPS, and who issues its certificates.
struct Scene {
    upstream: Upstream,
    gateway: Gateway,
    authority: Authority,
    https: SocketAddr,
}

impl Scene {
    /// Whatever Secret a context names, its certificate is for all names that tests ask for.
    async fn new(contexts: &[String]) -> Self {
        Self::with_workers(1, contexts).await
    }

    async fn with_workers(count: usize, contexts: &[String]) -> Self {
        let upstream = Upstream::ok("ok").await;
        let annotation = mapping("/a/", &upstream.service(), "timeout_ms: 0") + &contexts.concat();
        let mut gateway = Gateway::with_workers(count, &annotation);
        let authority = Authority::new("authority.example");
        let https = gateway.listen(ListenerKey::Https);
        let scene = Self {
            upstream,
            gateway,
            authority,
            https,
        };
        for secret in SECRETS {
            scene.certify(secret, NAMES);
        }
        scene
    }

    /// Gives the Secret a certificate for these names.
    fn certify(&self, secret: &str, names: &[&str]) {
        let material = self.authority.issue(names).material();
        let switch = self.gateway.switch();
        switch.set_credential(&identity_of(secret), Some(material));
    }

    fn speaker(&self, protocols: &[&str]) -> Speaker {
        Speaker::trusting(&self.authority, protocols)
    }

    async fn refusal(&self, name: &str) -> io::Error {
        let speaker = self.speaker(BOTH);
        speaker.connect(self.https, name).await.unwrap_err()
    }

    async fn client(&self, name: &str) -> Client {
        let connecting = self.speaker(HTTP1).connect(self.https, name).await;
        Client::over(connecting.unwrap())
    }

    fn count(&self, family: &str) -> f64 {
        self.gateway.counters().sum(family)
    }
}

/// Everybody who is asked for.
const NAMES: &[&str] = &["a.example", "b.example", "c.b.example", "other.example"];

/// The Secrets of all contexts.
const SECRETS: &[&str] = &["all", "exact", "wild", "one", "other", "b"];

fn everybody() -> [String; 1] {
    [tls_context("all", &["*"], "")]
}

#[tokio::test]
async fn the_name_that_is_asked_for_decides_the_certificate() {
    let scene = Scene::new(&[
        tls_context("exact", &["a.example"], ""),
        tls_context("wild", &["*.b.example"], ""),
        tls_context("all", &["*"], ""),
    ])
    .await;
    // A client takes a certificate only if it is for the name that it asked for.
    scene.certify("exact", &["a.example"]);
    scene.certify("wild", &["c.b.example"]);
    scene.certify("all", &["b.example", "127.0.0.1"]);
    for name in ["a.example", "A.Example", "c.b.example", "b.example"] {
        let response = scene.client(name).await.get("/a/").await;
        assert_eq!(response.brief(), (200, "ok"), "{name}");
    }
    // Of an address no name is sent.
    assert_eq!(scene.client("127.0.0.1").await.get("/a/").await.status, 200);
}

#[tokio::test]
async fn who_asks_for_nobody_who_is_served_is_told_so() {
    let scene = Scene::new(&[tls_context("exact", &["a.example"], "")]).await;
    for name in ["b.example", "127.0.0.1"] {
        let refused = scene.refusal(name).await;
        assert_eq!(
            alert(&refused),
            Some(AlertDescription::UnrecognisedName),
            "{name}"
        );
    }
    scene
        .gateway
        .until_counted("both are counted", |counters| {
            counters.sum("envoy_listener_ssl_connection_error") == 2.0
        })
        .await;
    assert_eq!(scene.client("a.example").await.get("/a/").await.status, 200);
}

#[tokio::test]
async fn the_protocol_is_what_both_speak() {
    let scene = Scene::new(&everybody()).await;
    let connect = async |protocols| {
        let speaker = scene.speaker(protocols);
        speaker.connect(scene.https, "a.example").await.unwrap()
    };
    let stream = connect(BOTH).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let client = Client2::over(stream).await;
    assert_eq!(client.get("/a/").await.text(), "ok");
    for protocols in [HTTP1, &[]] {
        let mut client = Client::over(connect(protocols).await);
        assert_eq!(client.get("/a/").await.text(), "ok", "{protocols:?}");
    }
    let client = Client2::over(connect(&[]).await).await;
    assert_eq!(client.get("/a/").await.text(), "ok", "by its preface");
    let stream = connect(&["spdy/3"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    assert_eq!(Client::over(stream).get("/a/").await.text(), "ok");
}

#[tokio::test]
async fn the_upstream_is_told_how_the_client_spoke() {
    let scene = Scene::new(&[host("all", "*")]).await;
    scene.client("a.example").await.get("/a/").await;
    assert_eq!(
        scene.upstream.last().value("x-forwarded-proto"),
        Some("https")
    );
    let mut plain = Client::connect(scene.https).await;
    assert_eq!(
        plain.get("/a/").await.text(),
        "ok",
        "HTTP is served there too"
    );
    assert_eq!(
        scene.upstream.last().value("x-forwarded-proto"),
        Some("http")
    );
    let counters = scene.gateway.counters();
    assert_eq!(counters.sum("envoy_http_downstream_cx_ssl_total"), 1.0);
    assert_eq!(counters.sum("envoy_http_downstream_cx_total"), 2.0);
}

#[tokio::test]
async fn a_new_certificate_is_for_the_next_handshake_and_harms_no_connection() {
    let scene = Scene::new(&everybody()).await;
    scene.certify("all", &["a.example"]);
    let mut open = scene.client("a.example").await;
    open.get("/a/").await;
    scene.certify("all", &["b.example"]);
    assert_eq!(scene.client("b.example").await.get("/a/").await.status, 200);
    assert_eq!(open.get("/a/").await.status, 200);
}

#[tokio::test]
async fn a_certificate_that_is_missing_harms_its_names_alone() {
    let scene = Scene::new(&[
        tls_context("one", &["a.example"], ""),
        tls_context("other", &["b.example"], ""),
    ])
    .await;
    let switch = scene.gateway.switch();
    let mut open = scene.client("a.example").await;
    switch.set_credential(&identity_of("one"), None);
    let refused = scene.refusal("a.example").await;
    assert_eq!(alert(&refused), Some(AlertDescription::InternalError));
    assert_eq!(scene.client("b.example").await.get("/a/").await.status, 200);
    assert_eq!(open.get("/a/").await.status, 200, "it was made before");
    scene.certify("one", NAMES);
    assert_eq!(scene.client("a.example").await.get("/a/").await.status, 200);
}

#[tokio::test]
async fn sessions_go_on_whichever_worker_takes_the_connection() {
    let scene = Scene::with_workers(4, &everybody()).await;
    let speaker = scene.speaker(HTTP1);
    let mut resumed = 0.0;
    for n in 0..24 {
        let stream = speaker.connect(scene.https, "a.example").await.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        // The ticket comes with the first answer.
        let mut client = Client::over(stream);
        assert_eq!(client.get("/a/").await.status, 200);
        assert_eq!(kind == Some(HandshakeKind::Resumed), n > 0, "{n}");
        resumed += f64::from(u8::from(n > 0));
    }
    assert_eq!(scene.count("envoy_listener_ssl_session_reused"), resumed);
    assert_eq!(scene.count("envoy_listener_ssl_handshake"), 24.0);
}

#[tokio::test]
async fn a_snapshot_leaves_sessions_and_connections_alone() {
    let scene = Scene::new(&everybody()).await;
    let speaker = scene.speaker(HTTP1);
    let mut open = Client::over(speaker.connect(scene.https, "a.example").await.unwrap());
    open.get("/a/").await;
    let annotation = mapping("/b/", &scene.upstream.service(), "");
    let more = [
        tls_context("all", &["*"], ""),
        tls_context("b", &["b.example"], ""),
    ];
    scene.gateway.install(&(annotation + &more.concat()));
    assert_eq!(open.get("/b/").await.status, 200);
    let stream = speaker.connect(scene.https, "a.example").await.unwrap();
    let kind = stream.get_ref().1.handshake_kind();
    assert_eq!(kind, Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn who_has_to_have_a_certificate_is_let_in_by_it_alone() {
    let verifying = tls_context(
        "all",
        &["*"],
        "ca_secret: clients
cert_required: true",
    );
    let scene = Scene::new(&[verifying]).await;
    let clients = Authority::new("clients.example");
    let refused = scene.refusal("a.example").await;
    assert_eq!(
        alert(&refused),
        Some(AlertDescription::InternalError),
        "nobody is let in before it is known by what"
    );
    let switch = scene.gateway.switch();
    switch.set_credential(&authorities_of("clients"), Some(clients.material()));
    let known = clients.issue(&["me.example"]);
    let speaker = Speaker::being(&known, &scene.authority, HTTP1);
    let stream = speaker.connect(scene.https, "a.example").await.unwrap();
    assert_eq!(Client::over(stream).get("/a/").await.text(), "ok");
    // With TLS 1.3 a client hears of its refusal when it reads.
    for other in [None, Some(scene.authority.issue(&["me.example"]))] {
        let speaker = match &other {
            Some(certificate) => Speaker::being(certificate, &scene.authority, HTTP1),
            None => scene.speaker(HTTP1),
        };
        if let Ok(stream) = speaker.connect(scene.https, "a.example").await {
            let mut client = Client::over(stream);
            drop(
                client
                    .try_send(b"GET /a/ HTTP/1.1\r\nhost: a.example\r\n\r\n")
                    .await,
            );
            assert!(client.response_to("GET").await.is_err());
        }
    }
    scene
        .gateway
        .until_counted("all are counted", |counters| {
            let families = [
                "ssl_handshake",
                "ssl_fail_verify_no_cert",
                "ssl_fail_verify_error",
            ];
            let counts = families.map(|name| counters.sum(&format!("envoy_listener_{name}")));
            counts == [1.0, 1.0, 1.0]
        })
        .await;
    assert_eq!(scene.count("envoy_listener_ssl_no_certificate"), 0.0);
    assert_eq!(scene.upstream.received().len(), 1);
}

#[tokio::test]
async fn large_bodies_go_both_ways() {
    let upstream = Upstream::always(Answer::Echo(1)).await;
    let annotation = mapping("/a/", &upstream.service(), "timeout_ms: 0");
    let mut gateway = Gateway::start(&(annotation + &everybody().concat()));
    let https = gateway.listen(ListenerKey::Https);
    let authority = Authority::new("authority.example");
    let material = authority.issue(NAMES).material();
    gateway
        .switch()
        .set_credential(&identity_of("all"), Some(material));
    let speaker = Speaker::trusting(&authority, HTTP1);
    let stream = speaker.connect(https, "a.example").await.unwrap();
    let mut client = Client::over(stream);
    let body = vec![b'x'; 3 * 1024 * 1024];
    let head = format!(
        "POST /a/ HTTP/1.1\r\nhost: a.example\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let response = client
        .send_while_reading(&[head.as_bytes(), &body].concat())
        .await;
    assert_eq!((response.status, response.body.len()), (200, body.len()));
}

#[tokio::test]
async fn what_is_no_handshake_costs_nobody_else() {
    let scene = Scene::new(&everybody()).await;
    let mut broken = TcpStream::connect(scene.https).await.unwrap();
    broken
        .write_all(&[0x16, 3, 1, 0, 4, 1, 0, 0, 0])
        .await
        .unwrap();
    let mut begun = TcpStream::connect(scene.https).await.unwrap();
    begun.write_all(&[0x16, 3, 1]).await.unwrap();
    assert_eq!(scene.client("a.example").await.get("/a/").await.status, 200);
    scene
        .gateway
        .until_counted("the broken one is counted", |counters| {
            counters.sum("envoy_listener_ssl_connection_error") == 1.0
        })
        .await;
    drop(begun);
    let closed = |gauge: f64| gauge == 0.0;
    let gateway = &scene.gateway;
    nuncio_tests::control::eventually("the one that left is gone", || {
        closed(gateway.gauge("envoy_http_downstream_cx_ssl_active"))
    })
    .await;
    assert_eq!(
        scene.count("envoy_listener_ssl_connection_error"),
        1.0,
        "leaving is no failure"
    );
}

#[tokio::test]
async fn a_stop_waits_for_requests_over_tls_and_for_handshakes() {
    let deaf = Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 4\n\nlate"));
    let upstream = Upstream::always(deaf).await;
    let annotation = mapping("/a/", &upstream.service(), "timeout_ms: 0");
    let mut gateway = Gateway::start(&(annotation + &everybody().concat()));
    let https = gateway.listen(ListenerKey::Https);
    let authority = Authority::new("authority.example");
    let material = authority.issue(NAMES).material();
    gateway
        .switch()
        .set_credential(&identity_of("all"), Some(material));
    let speaker = Speaker::trusting(&authority, HTTP1);
    let stream = speaker.connect(https, "a.example").await.unwrap();
    let mut busy = Client::over(stream);
    busy.request("GET", "/a/", "").await;
    upstream.until_received(1).await;
    gateway.stop();
    assert!(!gateway.is_done());
    upstream.release();
    let response = busy.response().await;
    assert_eq!(response.text(), "late");
    assert!(busy.is_closed().await);
    gateway.done().await;
}

#[tokio::test]
async fn a_connection_that_is_closed_says_so() {
    let scene = Scene::new(&everybody()).await;
    let mut stream = scene
        .speaker(HTTP1)
        .connect(scene.https, "a.example")
        .await
        .unwrap();
    scene.gateway.stop();
    // Broken off, it would be an error.
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    scene.gateway.done().await;
}

#[tokio::test]
async fn a_connection_whose_client_was_never_asked_ends_once_clients_are_verified() {
    let scene = Scene::new(&[]).await;
    scene.certify("ambassador-certs", NAMES);
    let switch = scene.gateway.switch();
    let found = authorities_of("ambassador-cacert");
    let nobody = Material::Authorities(Arc::new(Authorities::nobody()));
    switch.set_credential(&found, Some(nobody));
    let mut first = scene.client("a.example").await;
    let connecting = scene.speaker(BOTH).connect(scene.https, "a.example").await;
    let second = Client2::over(connecting.unwrap()).await;
    assert_eq!(first.get("/a/").await.status, 200);
    assert_eq!(second.get("/a/").await.status, 200);

    let clients = Authority::new("clients.example");
    switch.set_credential(&found, Some(clients.demanding()));
    let response = first.get("/a/").await;
    assert_eq!(response.status, 421);
    assert!(first.is_closed().await);
    assert_eq!(second.get("/a/").await.status, 421);
    let gateway = &scene.gateway;
    nuncio_tests::control::eventually("both have ended", || {
        gateway.gauge("envoy_http_downstream_cx_ssl_active") == 0.0
    })
    .await;
    assert_eq!(scene.upstream.received().len(), 2);
    let known = clients.issue(&["me.example"]);
    let speaker = Speaker::being(&known, &scene.authority, HTTP1);
    let stream = speaker.connect(scene.https, "a.example").await.unwrap();
    assert_eq!(Client::over(stream).get("/a/").await.text(), "ok");
}

#[tokio::test]
async fn a_secret_that_comes_to_demand_certificates_ends_the_connections_without_one() {
    let scene = Scene::new(&[tls_context("all", &["*"], "ca_secret: clients")]).await;
    let clients = Authority::new("clients.example");
    let switch = scene.gateway.switch();
    let secret = authorities_of("clients");
    switch.set_credential(&secret, Some(clients.material()));
    let known = clients.issue(&["me.example"]);
    let speaker = Speaker::being(&known, &scene.authority, HTTP1);
    let stream = speaker.connect(scene.https, "a.example").await.unwrap();
    let mut verified = Client::over(stream);
    let mut anonymous = scene.client("a.example").await;
    assert_eq!(verified.get("/a/").await.status, 200);
    assert_eq!(anonymous.get("/a/").await.status, 200);

    scene.certify("other", &["other.example"]);
    assert_eq!(anonymous.get("/a/").await.status, 200, "nothing to it");
    switch.set_credential(&secret, Some(clients.demanding()));
    assert_eq!(verified.get("/a/").await.status, 200, "it has one");
    assert_eq!(anonymous.get("/a/").await.status, 421);
    assert!(anonymous.is_closed().await);

    switch.set_credential(&secret, None);
    assert_eq!(verified.get("/a/").await.status, 200, "as it was last");
    let others = Authority::new("others.example");
    switch.set_credential(&secret, Some(others.demanding()));
    assert_eq!(verified.get("/a/").await.status, 421);
    assert!(verified.is_closed().await);
}
