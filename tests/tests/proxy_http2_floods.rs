//! What HTTP/2 clients may send too much of, and too little; and what only looks like it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Method;
use nuncio_proxy::Limits;
use nuncio_tests::client::Client2;
use nuncio_tests::client::frames::{
    CONTINUATION, DATA, FrameClient, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, Told,
    WHOLE, WINDOW_UPDATE, block, frame, get, head, post,
};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, wire};
use tokio::task::JoinSet;
use tokio::time::Instant;

const ENHANCE_YOUR_CALM: u32 = 0xb;

async fn edge(answer: Answer, limits: Limits) -> (Upstream, Gateway) {
    let upstream = Upstream::always(answer).await;
    let annotation = mapping("/a/", &upstream.service(), "timeout_ms: 0");
    (upstream, Gateway::with_limits(limits, &annotation))
}

async fn usual() -> (Upstream, Gateway) {
    edge(Answer::ok("hello"), Limits::COMPATIBLE).await
}

/// Sends `flood` behind `begin`, and expects to be told to calm down, and nobody else to notice.
async fn is_cut(begin: &[u8], flood: Vec<u8>, family: &str) {
    let (_upstream, gateway) = usual().await;
    let bystander = Client2::connect(gateway.address()).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    client.send(begin).await;
    client.send(&flood).await;
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert_eq!(told, Told::GoAway(ENHANCE_YOUR_CALM), "{family}");
    assert_eq!(bystander.get("/a/").await.brief(), (200, "hello"));
    if !family.is_empty() {
        gateway
            .until_counted(family, |now| now.sum(family) == 1.0)
            .await;
    }
}

#[tokio::test]
async fn streams_that_are_opened_to_be_reset_are_cut() {
    let pairs = (0..3_000).flat_map(|n| {
        let id = 2 * n + 1;
        [get(id, "/a/"), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat()
    });
    let (_upstream, gateway) = usual().await;
    let mut client = FrameClient::connect(gateway.address()).await;
    client.send(&pairs.collect::<Vec<_>>()).await;
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert_eq!(told, Told::GoAway(ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn slow_streams_that_are_opened_to_be_reset_are_cut_too() {
    let (_upstream, gateway) = edge(Answer::Silence, Limits::COMPATIBLE).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    let mut told = None;
    for n in 0..1_000 {
        let id = 2 * n + 1;
        client.send(&get(id, "/a/")).await;
        client.send(&frame(RST_STREAM, 0, id, &[0, 0, 0, 8])).await;
        // The gateway gets to see each of them.
        client.send(&frame(PING, 0, 0, &[0; 8])).await;
        let answer = client
            .until(|told| matches!(told, Told::Pong(_) | Told::GoAway(_)))
            .await;
        if let Told::GoAway(code) = answer {
            told = Some((n, code));
            break;
        }
    }
    assert_eq!(told, Some((500, ENHANCE_YOUR_CALM)));
    gateway
        .until_counted("the reason", |now| {
            now.sum("envoy_http_downstream_rq_too_many_premature_resets") == 1.0
        })
        .await;
}

#[tokio::test]
async fn frames_that_ask_for_nothing_are_cut() {
    let post = post(1, "/a/");
    let control = "envoy_http2_outbound_control_flood";
    is_cut(&[], frame(PING, 0, 0, &[0; 8]).repeat(5_000), control).await;
    is_cut(&[], frame(SETTINGS, 0, 0, &[]).repeat(5_000), control).await;
    let priorities = "envoy_http2_inbound_priority_frames_flood";
    let priority = frame(PRIORITY, 0, 7, &[0, 0, 0, 0, 1]);
    is_cut(&post, priority.repeat(5_000), priorities).await;
    let windows = "envoy_http2_inbound_window_update_frames_flood";
    let window = frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
    is_cut(&post, window.repeat(5_000), windows).await;
}

#[tokio::test]
async fn frames_that_say_nothing_are_cut() {
    let empty = "envoy_http2_inbound_empty_frames_flood";
    is_cut(&post(1, "/a/"), frame(DATA, 0, 1, &[]).repeat(5_000), empty).await;
    let begun = frame(HEADERS, 0, 1, &block(&head("GET", "/a/")));
    let nothing = frame(CONTINUATION, 0, 1, &[]);
    is_cut(&begun, nothing.repeat(5_000), empty).await;
    let field = frame(CONTINUATION, 0, 1, &block(&[("x", "y")]));
    is_cut(&begun, field.repeat(5_000), empty).await;
    let large = frame(CONTINUATION, 0, 1, &[0; 16_384]);
    is_cut(&begun, large.repeat(100), empty).await;
}

#[tokio::test]
async fn malformed_requests_without_end_are_cut() {
    let malformed = (0..200).flat_map(|n| {
        let fields = [&head("GET", "/a/")[..], &[("X", "y")]].concat();
        frame(HEADERS, WHOLE, 2 * n + 1, &block(&fields))
    });
    is_cut(&[], malformed.collect(), "").await;
    // Resets that the gateway is made to send: windows that overflow.
    let overflowing = (0..200).flat_map(|n| {
        let id = 2 * n + 1;
        let too_much = frame(WINDOW_UPDATE, 0, id, &[0x7f, 0xff, 0xff, 0xff]);
        [post(id, "/a/"), too_much].concat()
    });
    is_cut(&[], overflowing.collect(), "").await;
}

#[tokio::test]
async fn a_few_references_are_too_large_a_head_and_a_bomb_of_them_ends_its_connection() {
    let (_upstream, gateway) = usual().await;
    let mut client = FrameClient::connect(gateway.address()).await;
    let value = "b".repeat(3_900);
    let mut first = block(&head("GET", "/a/"));
    let begin = first.clone();
    let mut field = block(&[("bomb", &value)]);
    field[0] = 0x40;
    first.extend(field);
    let bomb = |stream, references| {
        let fields = [&begin[..], &vec![0xbe; references]].concat();
        frame(HEADERS, WHOLE, stream, &fields)
    };
    client.send(&frame(HEADERS, WHOLE, 3, &first)).await;
    client
        .until(|told| matches!(told, Told::Answer(3, 200)))
        .await;
    client.send(&bomb(5, 20)).await;
    let told = client
        .until(|told| matches!(told, Told::Answer(5, _)))
        .await;
    assert_eq!(told, Told::Answer(5, 431));
    gateway
        .until_counted("it", |now| now.sum("envoy_http2_header_overflow") == 1.0)
        .await;
    client.send(&bomb(7, 16_000)).await;
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert_eq!(told, Told::GoAway(ENHANCE_YOUR_CALM));
}

fn hasty() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        ..Limits::COMPATIBLE
    }
}

/// Waits for the end of a connection that has begun so.
async fn ends_in_time(begun: &[u8]) -> Told {
    let (_upstream, gateway) = edge(Answer::ok("hello"), hasty()).await;
    let mut client = FrameClient::silent(gateway.address()).await;
    let began = Instant::now();
    client.send(begun).await;
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert!(began.elapsed() >= Duration::from_millis(290));
    assert!(began.elapsed() < Duration::from_secs(5));
    told
}

#[tokio::test]
async fn whoever_does_not_come_to_the_end_of_a_head_is_given_up() {
    let settings = frame(SETTINGS, 0, 0, &[]);
    let begun = frame(HEADERS, 0, 1, &block(&head("GET", "/a/")));
    let cut_off = get(1, "/a/");
    let late = Told::GoAway(ENHANCE_YOUR_CALM);
    assert_eq!(ends_in_time(PREFACE).await, late, "no settings");
    let all = [PREFACE, &settings, &begun].concat();
    assert_eq!(ends_in_time(&all).await, late, "no end of the fields");
    let all = [PREFACE, &settings, &cut_off[..20]].concat();
    assert_eq!(ends_in_time(&all).await, late, "no end of the frame");
}

#[tokio::test]
async fn a_dribbled_head_is_given_up_too() {
    let (_upstream, gateway) = edge(Answer::ok("hello"), hasty()).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    let began = Instant::now();
    let mut dribble = tokio::time::interval(Duration::from_millis(20));
    for byte in frame(HEADERS, 0, 1, &[0; 40]).chunks(1) {
        dribble.tick().await;
        client.send(byte).await;
    }
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert_eq!(told, Told::GoAway(ENHANCE_YOUR_CALM));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_idle_connection_ends_with_goaway() {
    let upstream = Upstream::always(Answer::ok("hello")).await;
    let module = "---\napiVersion: getambassador.io/v3alpha1\nkind: Module\nname: ambassador\n\
                  config:\n  listener_idle_timeout_ms: 300\n";
    let annotation = format!("{module}{}", mapping("/a/", &upstream.service(), ""));
    let gateway = Gateway::start(&annotation);
    let mut client = FrameClient::connect(gateway.address()).await;
    client.send(&get(1, "/a/")).await;
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert_eq!(told, Told::GoAway(0));
    assert_eq!(client.told().await, Told::Closed);
}

#[tokio::test]
async fn an_idle_connection_ends_with_goaway_where_memory_is_scarce() {
    let (_upstream, gateway) = usual().await;
    let mut client = FrameClient::connect(gateway.address()).await;
    assert!(client.is_served().await);
    gateway.workers().pressure().tell_memory(80, 100);
    let told = client.until(|told| matches!(told, Told::GoAway(_))).await;
    assert_eq!(told, Told::GoAway(0));
    assert_eq!(client.told().await, Told::Closed);
}

#[tokio::test]
async fn a_body_that_stops_costs_its_stream() {
    let limits = Limits {
        body_timeout: Duration::from_millis(300),
        ..Limits::COMPATIBLE
    };
    let (_upstream, gateway) = edge(Answer::ok("hello"), limits).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    client
        .send(&[post(1, "/a/"), frame(DATA, 0, 1, b"abc")].concat())
        .await;
    let told = client
        .until(|told| matches!(told, Told::Reset(1, _) | Told::Answer(1, 408)))
        .await;
    assert_ne!(told, Told::Closed);
    assert!(client.is_served().await, "the connection goes on");
}

#[tokio::test]
async fn many_small_messages_are_no_flood() {
    let (upstream, gateway) = usual().await;
    let client = Client2::connect(gateway.address()).await;
    let (response, mut stream) = client
        .start(Client2::request(Method::POST, "/a/", &[]), false)
        .await;
    let sending = async {
        for _ in 0..20_000 {
            Client2::send_piece(&mut stream, Bytes::from_static(b"a message")).await;
        }
        stream.send_data(Bytes::new(), true).unwrap();
    };
    let (response, ()) = tokio::join!(Client2::response(response), sending);
    assert_eq!(response.unwrap().brief(), (200, "hello"));
    assert_eq!(upstream.last().body.len(), 9 * 20_000);
}

#[tokio::test]
async fn messages_that_an_upstream_does_not_take_yet_are_no_flood() {
    let (_upstream, gateway) = edge(Answer::Silence, Limits::COMPATIBLE).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    client.send(&post(1, "/a/")).await;
    // A stream's window, at once.
    let messages = frame(DATA, 0, 1, b"a message").repeat(64 * 1024 / 9);
    assert!(client.send_all(&messages).await);
    assert!(client.is_served().await);
}

#[tokio::test]
async fn thousands_of_requests_on_one_connection_are_no_flood() {
    let (_upstream, gateway) = usual().await;
    let client = Client2::connect(gateway.address()).await;
    for _ in 0..50 {
        let mut answers = JoinSet::new();
        for _ in 0..100 {
            let request = Client2::request(Method::GET, "/a/", &[]);
            let (response, _) = client.start(request, true).await;
            answers.spawn(Client2::response(response));
        }
        let answers = answers.join_all().await;
        assert!(
            answers
                .into_iter()
                .all(|answer| answer.unwrap().status == 200)
        );
    }
}

#[tokio::test]
async fn a_client_that_cancels_now_and_then_is_served() {
    let (_upstream, gateway) = edge(Answer::Silence, Limits::COMPATIBLE).await;
    let client = Client2::connect(gateway.address()).await;
    for n in 0..1_500 {
        if n % 3 == 0 {
            let (_response, mut stream) = client
                .start(Client2::request(Method::GET, "/a/", &[]), true)
                .await;
            stream.send_reset(Reason::CANCEL);
        } else {
            assert_eq!(client.get("/b/").await.status, 404);
        }
    }
}

#[tokio::test]
async fn what_was_on_its_way_when_a_stream_was_answered_is_no_flood() {
    let early = wire("HTTP/1.1 413 Too Large\ncontent-length: 2\n\nno");
    let (_upstream, gateway) = edge(Answer::Early(early), Limits::COMPATIBLE).await;
    let mut client = FrameClient::connect(gateway.address()).await;
    // The codec knows what it has reset of late, but for more streams than it remembers.
    for round in 0..5 {
        let streams = || (0..100).map(|n| 200 * round + 2 * n + 1);
        let posts: Vec<_> = streams().flat_map(|id| post(id, "/a/")).collect();
        client.send(&posts).await;
        let mut over = 0;
        let told = client
            .until(|told| {
                over += u32::from(matches!(told, Told::Reset(_, 0)));
                over == 100
            })
            .await;
        assert_ne!(told, Told::Closed, "{round}");
        let late = streams().flat_map(|id| frame(DATA, 0, id, b"the rest").repeat(4));
        client.send(&late.collect::<Vec<_>>()).await;
        assert!(client.is_served().await, "{round}");
    }
}
