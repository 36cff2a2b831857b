//! Upstreams that answer badly: nobody is told anything but that, and nobody else notices.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response as Head};
use nuncio_tests::client::{Broken, Client, Client2, Response};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::http2::{Call, Upstream2};
use nuncio_tests::upstream::{Answer, Received, Upstream, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const PROTOCOL: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: protocol error";

/// Answers `/N` with the bytes at N, and anything else with `good`.
async fn upstream_of(answers: Vec<Bytes>) -> Upstream {
    Upstream::start(move |request| {
        let number = request.path().trim_start_matches('/').parse::<usize>();
        let answer = number.ok().and_then(|number| answers.get(number));
        answer.map_or_else(|| Answer::ok("good"), |bytes| Answer::Bytes(bytes.clone()))
    })
    .await
}

fn gateway_to(upstream: &Upstream) -> Gateway {
    Gateway::start(&mapping("/a/", &upstream.service(), "timeout_ms: 5000"))
}

/// As [`gateway_to`], for clients of HTTP/1.0 too.
fn old_gateway_to(upstream: &Upstream) -> Gateway {
    const MODULE: &str = "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
                          config:\n  enable_http10: true\n";
    Gateway::start(&(mapping("/a/", &upstream.service(), "") + MODULE))
}

/// Whether the connection of the request before the last was given up.
fn is_given_up(upstream: &Upstream) -> bool {
    let received = upstream.received();
    let [.., before, last] = &received[..] else {
        panic!("two requests")
    };
    before.connection != last.connection
}

/// Heads and bodies no two readers need agree on, with `\n` for CRLF.
const MALFORMED: &[&str] = &[
    // RFC 9112 section 4: status lines.
    "SSH-2.0-OpenSSH_9.2\n",
    "HTTP/1.1 OK\n\n",
    "HTTP/1.1 20 OK\ncontent-length: 0\n\n",
    "HTTP/1.1 2000 OK\ncontent-length: 0\n\n",
    "HTTP/1.1 099 OK\ncontent-length: 0\n\n",
    "HTTP/1.1 600 OK\ncontent-length: 0\n\n",
    "HTTP/1.1 +20 OK\ncontent-length: 0\n\n",
    "HTTP/1.1  200 OK\ncontent-length: 0\n\n",
    " HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "\nHTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "HTTP/2.0 200 OK\ncontent-length: 0\n\n",
    "HTTP/1.2 200 OK\ncontent-length: 0\n\n",
    "http/1.1 200 OK\ncontent-length: 0\n\n",
    "ICY 200 OK\ncontent-length: 0\n\n",
    "HTTP/1.1 200 O\0K\ncontent-length: 0\n\n",
    // RFC 9112 section 5, RFC 9110 section 5.5: fields.
    "HTTP/1.1 200 OK\ncontent-length : 2\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 2\n folded\n\nok",
    "HTTP/1.1 200 OK\n folded: x\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\nno colon\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\n: no name\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\nna me: x\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\nx: a\0b\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\nx: a\x08b\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\nx: a\x7fb\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\nx: a\rset-cookie: b\ncontent-length: 2\n\nok",
    // RFC 9110 section 8.6, RFC 9112 section 6.3: how long it is.
    "HTTP/1.1 200 OK\ncontent-length: 2\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 2\ncontent-length: 3\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 2, 2\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: +2\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: -2\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 0x2\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 2;\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: \n\nok",
    "HTTP/1.1 200 OK\ncontent-length: two\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 99999999999999999999\n\nok",
    "HTTP/1.1 200 OK\ncontent-length: 2\ntransfer-encoding: chunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\ncontent-length: 2\n\n2\nok\n0\n\n",
    // RFC 9112 section 6.1: codings.
    "HTTP/1.1 200 OK\ntransfer-encoding: gzip\n\nok",
    "HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked, gzip\n\n2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: identity\n\nok",
    "HTTP/1.1 200 OK\ntransfer-encoding: xchunked\n\nok",
    "HTTP/1.1 200 OK\ntransfer-encoding: \"chunked\"\n\nok",
    "HTTP/1.1 200 OK\ntransfer-encoding:\x0bchunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding : chunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\ntransfer-encoding: chunked\n\n2\nok\n0\n\n",
    "HTTP/1.0 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 204 No Content\ntransfer-encoding: chunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 204 No Content\ncontent-length: 2\n\nok",
    "HTTP/1.1 103 Early Hints\ntransfer-encoding: chunked\n\n2\nok\n0\n\n",
    "HTTP/1.1 103 Early Hints\ncontent-length: 2\n\nok",
    "HTTP/1.0 100 Continue\n\nHTTP/1.0 200 OK\ncontent-length: 0\n\n",
    // RFC 9110 section 7.8: nobody asked for it.
    "HTTP/1.1 101 Switching Protocols\nupgrade: websocket\nconnection: upgrade\n\n",
    // RFC 9112 section 7.1: chunks, in one piece with the head.
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n0x2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n-2\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2 \nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2;\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nokay\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n10000000000000002\nok\n0\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\nno colon\n\n",
    "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\nx: \0\n\n",
];

/// The same with line ends as they are written here.
const MALFORMED_LINES: &[&str] = &[
    "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "HTTP/1.1 200 OK\r\nx: y\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\rcontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\nok",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nok\n0\n\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a\rb\r\nok\r\n0\r\n\r\n",
];

fn malformed() -> Vec<Bytes> {
    let lines = MALFORMED_LINES
        .iter()
        .map(|text| Bytes::from_static(text.as_bytes()));
    MALFORMED
        .iter()
        .map(|text| wire(text))
        .chain(lines)
        .collect()
}

#[tokio::test]
async fn what_has_more_than_one_reading_is_502_and_its_connection_is_given_up() {
    let answers = malformed();
    let upstream = upstream_of(answers.clone()).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    for (number, answer) in answers.iter().enumerate() {
        let shown = answer.escape_ascii();
        let response = client.get(&format!("/a/{number}")).await;
        assert_eq!(response.brief(), (502, PROTOCOL), "{shown}");
        assert_eq!(client.get("/a/ok").await.brief(), (200, "good"), "{shown}");
        assert!(is_given_up(&upstream), "{shown}");
    }
}

#[tokio::test]
async fn a_client_of_http2_is_told_the_same() {
    let answers = malformed();
    let upstream = upstream_of(answers.clone()).await;
    let gateway = gateway_to(&upstream);
    let client = Client2::connect(gateway.address()).await;
    for (number, answer) in answers.iter().enumerate() {
        let response = client.get(&format!("/a/{number}")).await;
        assert_eq!(response.status, 502, "{}", answer.escape_ascii());
    }
    assert_eq!(client.get("/a/ok").await.status, 200);
}

/// An answer whose head and whose first chunk are well, and then `rest`.
async fn broken_later(rest: &'static str) -> Upstream {
    let begun = wire("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n");
    Upstream::start(move |request| match request.path() {
        "/ok" => Answer::ok("good"),
        _ => Answer::Drip(vec![begun.clone(), wire(rest)], Duration::from_millis(50)),
    })
    .await
}

#[tokio::test]
async fn what_breaks_in_the_middle_is_seen_to_be_cut() {
    for rest in [
        "\n",
        "x\n",
        "5 \nhello\n0\n\n",
        "5\nhellox\n0\n\n",
        "5hello",
        "0\nno colon\n\n",
        "0\nx: y\n z\n\n",
        "ffffffffffffffff\n",
    ] {
        let upstream = broken_later(rest).await;
        let gateway = gateway_to(&upstream);
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", "/a/", "").await;
        let Err(Broken::Body(part)) = client.response_to("GET").await else {
            panic!("{rest:?} is taken for the end")
        };
        assert!(b"hellohello".starts_with(&part.body), "{rest:?}");
        assert!(client.is_closed().await);
        let client = Client2::connect(gateway.address()).await;
        let request = Client2::request(Method::GET, "/a/", &[]);
        let rejected = client.exchange(request).await.unwrap_err();
        assert!(matches!(rejected.broken, Broken::Body(_)), "{rest:?}");
        assert_eq!(client.get("/a/ok").await.text(), "good");
        assert!(is_given_up(&upstream), "{rest:?}");
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_sees_too_that_an_answer_is_cut() {
    let cut = "HTTP/1.1 200 OK\ncontent-length: 10\n\nhello";
    let upstream = Upstream::always(Answer::BytesThenClose(wire(cut))).await;
    let gateway = old_gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    client.send("GET /a/ HTTP/1.0\nhost: a.example\n\n").await;
    assert!(matches!(
        client.response_to("GET").await,
        Err(Broken::Body(_) | Broken::NoHead)
    ));
}

fn interim(count: usize) -> Bytes {
    let hints = "HTTP/1.1 103 Early Hints\nlink: </x>\n\n".repeat(count);
    wire(&format!("{hints}HTTP/1.1 200 OK\ncontent-length: 2\n\nok"))
}

#[tokio::test]
async fn sixteen_answers_may_come_before_the_answer() {
    let upstream = upstream_of(vec![interim(16), interim(17), interim(5000)]).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    for (number, status) in [(0, 200), (1, 502), (2, 502)] {
        let response = client.get(&format!("/a/{number}")).await;
        assert_eq!(response.status, status, "{number}");
    }
}

fn fields(count: usize) -> Bytes {
    let fields: String = (0..count).map(|n| format!("x-{n}: y\n")).collect();
    wire(&format!("HTTP/1.1 200 OK\n{fields}content-length: 2\n\nok"))
}

fn large(bytes: usize) -> Bytes {
    let value = "v".repeat(bytes);
    wire(&format!(
        "HTTP/1.1 200 OK\nx: {value}\ncontent-length: 2\n\nok"
    ))
}

#[tokio::test]
async fn heads_have_a_size_and_a_number_of_fields() {
    let endless = Bytes::from(vec![b'H'; 1 << 20]);
    let answers = vec![
        fields(199),
        fields(200),
        large(60_000),
        large(66_000),
        endless,
    ];
    let upstream = upstream_of(answers).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    for (number, status) in [(0, 200), (1, 502), (2, 200), (3, 502), (4, 502)] {
        let response = client.get(&format!("/a/{number}")).await;
        assert_eq!(response.status, status, "{number}");
    }
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let whole =
        wire("HTTP/1.1 103 x\n\nHTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\na: b\n\n");
    let pieces = whole.chunks(1).map(Bytes::copy_from_slice).collect();
    let upstream = Upstream::always(Answer::Drip(pieces, Duration::from_millis(1))).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..2 {
        assert_eq!(client.get("/a/").await.brief(), (200, "ok"));
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn a_body_where_there_is_none_is_not_the_next_answer() {
    let smuggled = "HTTP/1.1 200 OK\ncontent-length: 4\n\nevil";
    for (method, head) in [
        ("GET", "HTTP/1.1 204 No Content\n\n"),
        ("GET", "HTTP/1.1 204 No Content\ncontent-length: 0\n\n"),
        ("GET", "HTTP/1.1 304 Not Modified\ncontent-length: 40\n\n"),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\ntransfer-encoding: chunked\n\n",
        ),
        ("HEAD", "HTTP/1.1 200 OK\ncontent-length: 40\n\n"),
        ("HEAD", "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n"),
        ("GET", "HTTP/1.1 200 OK\ncontent-length: 0\n\n"),
    ] {
        let upstream = upstream_of(vec![wire(&format!("{head}{smuggled}"))]).await;
        let gateway = gateway_to(&upstream);
        let mut client = Client::connect(gateway.address()).await;
        client.request(method, "/a/0", "").await;
        let response = client.response_to(method).await.unwrap();
        assert_eq!(response.body, b"", "{method} {head}");
        assert_eq!(client.get("/a/ok").await.text(), "good", "{method} {head}");
        assert!(is_given_up(&upstream), "{method} {head}");
    }
}

#[tokio::test]
async fn another_protocol_than_was_asked_for_is_502() {
    let upgrade = "connection: upgrade\nupgrade: websocket";
    for answered in [
        "upgrade: other\n",
        "",
        "upgrade: websocket\nupgrade: other\n",
    ] {
        let answer = format!("HTTP/1.1 101 x\nconnection: upgrade\n{answered}\n");
        let upstream = upstream_of(vec![wire(&answer)]).await;
        let annotation = mapping("/a/", &upstream.service(), "allow_upgrade: [websocket]");
        let gateway = Gateway::start(&annotation);
        let mut client = Client::connect(gateway.address()).await;
        client.request("GET", "/a/0", upgrade).await;
        let response = client.any_response_to("GET").await.unwrap();
        assert_eq!(response.status, 502, "{answered}");
    }
}

#[tokio::test]
async fn fields_of_the_upstreams_connection_stay_on_it() {
    let answer = wire(
        "HTTP/1.1 200 OK\nconnection: X-Hop, content-length, no name, keep-alive\nx-hop: 1\n\
         keep-alive: timeout=9\nproxy-connection: x\nupgrade: h2c\nte: trailers\ntrailer: x\n\
         x-end: 2\ncontent-length: 2\n\nok",
    );
    let upstream = upstream_of(vec![answer]).await;
    let gateway = gateway_to(&upstream);
    let mut http1 = Client::connect(gateway.address()).await;
    let http2 = Client2::connect(gateway.address()).await;
    for response in [http1.get("/a/0").await, http2.get("/a/0").await] {
        assert_eq!(response.brief(), (200, "ok"));
        assert_eq!(response.value("x-end"), Some("2"));
        // The client's own, if there is any.
        let connection = response.value("connection");
        assert!(matches!(connection, None | Some("keep-alive")));
        for gone in [
            "x-hop",
            "keep-alive",
            "proxy-connection",
            "upgrade",
            "te",
            "trailer",
        ] {
            assert_eq!(response.value(gone), None, "{gone}");
        }
    }
}

/// Everything that comes until the connection ends.
async fn all_of(gateway: &Gateway, request: &str) -> String {
    let mut tcp = tokio::net::TcpStream::connect(gateway.address())
        .await
        .unwrap();
    tcp.write_all(&wire(request)).await.unwrap();
    let mut all = String::new();
    tcp.read_to_string(&mut all).await.unwrap();
    all
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_chunks_and_no_interim_answers() {
    let chunked = "HTTP/1.1 103 x\n\nHTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n0\n\n";
    let upstream = upstream_of(vec![wire(chunked)]).await;
    let gateway = old_gateway_to(&upstream);
    let all = all_of(&gateway, "GET /a/0 HTTP/1.0\nhost: a.example\n\n").await;
    assert!(all.contains(" 200 OK\r\n"), "{all}");
    assert!(all.ends_with("\r\n\r\nok"), "{all}");
    assert!(!all.contains("transfer-encoding"), "{all}");
    assert_eq!(all.matches("HTTP/").count(), 1, "{all}");
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_ends_for_the_client_too() {
    let upstream = Upstream::always(Answer::BytesThenClose(wire("HTTP/1.1 200 OK\n\nhello"))).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..2 {
        assert_eq!(client.get("/a/").await.brief(), (200, "hello"));
    }
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn broken_answers_harm_no_healthy_ones_beside_them() {
    let answers = malformed();
    let count = answers.len();
    let upstream = upstream_of(answers).await;
    let gateway = gateway_to(&upstream);
    let address = gateway.address();
    let mut clients = JoinSet::new();
    for n in 0..8 {
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            for m in 0..50 {
                let path = format!("/a/{}", (n * 50 + m) % count);
                assert_eq!(client.get(&path).await.status, 502, "{path}");
            }
        });
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            for _ in 0..50 {
                assert_eq!(client.get("/a/ok").await.brief(), (200, "good"));
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

fn posts(received: &[Received]) -> usize {
    let is_post = |request: &&Received| request.line().starts_with("POST");
    received.iter().filter(is_post).count()
}

#[tokio::test]
async fn an_upstream_that_closes_behind_each_answer_loses_no_get_and_gets_no_post_twice() {
    let ok = wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok");
    let upstream = Upstream::always(Answer::BytesThenClose(ok)).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    for n in 0..200 {
        assert_eq!(client.get("/a/").await.status, 200, "{n}");
    }
    for _ in 0..50 {
        client.request("POST", "/a/", "content-length: 0").await;
        client.response().await;
    }
    assert!(posts(&upstream.received()) <= 50);
}

#[tokio::test]
async fn an_upstream_that_is_down_is_told_at_once_and_found_again_at_once() {
    let upstream = Upstream::ok("first").await;
    let address = upstream.address();
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 200);
    drop(upstream);
    for _ in 0..20 {
        let asked = Instant::now();
        assert!(matches!(client.get("/a/").await.status, 502 | 503));
        assert!(asked.elapsed() < Duration::from_secs(1));
    }
    let _upstream = Upstream::on(address, |_| Answer::ok("second")).await;
    assert_eq!(client.get("/a/").await.brief(), (200, "second"));
}

#[tokio::test]
async fn an_upstream_that_says_nothing_holds_up_nobody_else() {
    // Accepts as the system does for it, and reads nothing, ever.
    let stopped = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Upstream::ok("good").await;
    let silent = mapping(
        "/s/",
        &stopped.local_addr().unwrap().to_string(),
        "timeout_ms: 1000",
    );
    let good = mapping("/a/", &upstream.service(), "");
    let gateway = Gateway::start(&format!("{silent}{good}"));
    let address = gateway.address();
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        waiting.spawn(async move {
            let mut client = Client::connect(address).await;
            client.get("/s/").await.status
        });
    }
    let mut client = Client::connect(address).await;
    for _ in 0..50 {
        let asked = Instant::now();
        assert_eq!(client.get("/a/").await.status, 200);
        assert!(asked.elapsed() < Duration::from_secs(1));
    }
    while let Some(status) = waiting.join_next().await {
        assert_eq!(status.unwrap(), 504);
    }
}

/// What a client of HTTP/1 gets from an upstream of HTTP/2 that does this.
async fn from_http2<F>(
    script: impl Fn(Call) -> F + Send + Sync + 'static,
) -> Result<Response, Broken>
where
    F: Future<Output = ()> + Send + 'static,
{
    let upstream = Upstream2::start(script).await;
    let annotation = mapping("/a/", &upstream.service(), "grpc: true\ntimeout_ms: 5000");
    let gateway = Gateway::start(&annotation);
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", "").await;
    client.response_to("GET").await
}

#[tokio::test]
async fn an_upstream_of_http2_has_the_same_bounds() {
    let hints = |count| {
        move |mut call: Call| async move {
            for _ in 0..count {
                let hint = Head::builder().status(103).body(()).unwrap();
                call.inform(hint);
            }
            call.answer("ok");
        }
    };
    assert_eq!(from_http2(hints(16)).await.unwrap().status, 200);
    assert_eq!(from_http2(hints(17)).await.unwrap().status, 502);
    let many = async |call: Call| {
        let names: Vec<_> = (0..201).map(|n| (&*format!("x-{n}").leak(), "y")).collect();
        call.head_only(&names);
    };
    assert_eq!(from_http2(many).await.unwrap().status, 502);
    let large = async |call: Call| call.head_only(&[("x", &"v".repeat(70_000))]);
    assert_eq!(from_http2(large).await.unwrap().status, 502);
}

#[tokio::test]
async fn a_length_that_an_upstream_of_http2_does_not_keep_to_is_seen_to() {
    for (length, is_whole) in [("5", true), ("4", false), ("6", false)] {
        let answered = from_http2(move |call: Call| async move {
            let (_, mut stream) = call.head(&[("content-length", length)]);
            drop(stream.send_data(Bytes::from_static(b"hello"), true));
        })
        .await;
        match answered {
            Ok(response) if is_whole => assert_eq!(response.text(), "hello"),
            Ok(response) => assert_eq!(response.status, 502, "{length}"),
            Err(_) => assert!(!is_whole, "{length}"),
        }
    }
}

#[tokio::test]
async fn what_is_refused_of_upstreams_is_counted_by_reason() {
    let upstream = upstream_of(vec![wire("HTTP/1.1 OK\n\n")]).await;
    let gateway = gateway_to(&upstream);
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/0").await.status, 502);
    let line = "nuncio_upstream_answers_refused_total{reason=\"status_line\"} 1\n";
    assert!(gateway.page().contains(line));
}
