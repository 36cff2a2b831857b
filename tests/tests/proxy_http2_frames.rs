//! RFC 9113, frame by frame: what a server has to refuse, and how; and what it has to take.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]
#![expect(clippy::too_many_lines, reason = "tables of cases")]

use Outcome::{Connection, Ignored, Stream};
use nuncio_tests::client::frame_cases::{
    FRAME_SIZE_ERROR, Outcome, PROTOCOL_ERROR, REFUSED_STREAM, STREAM_CLOSED, case, check, edge,
};
use nuncio_tests::client::frames::{
    CONTINUATION, DATA, END_HEADERS, FrameClient, GOAWAY, HEADERS, PING, PRIORITY, PUSH_PROMISE,
    RST_STREAM, SETTINGS, Told, WHOLE, WINDOW_UPDATE, frame, get, post,
};

#[tokio::test]
async fn frames_have_the_size_of_their_kind() {
    let long = vec![0; 16_385];
    check(vec![
        case(
            "4.2",
            "DATA",
            Connection(FRAME_SIZE_ERROR),
            [post(1, "/a/"), frame(DATA, 0, 1, &long)],
        ),
        case(
            "4.2",
            "HEADERS",
            Connection(FRAME_SIZE_ERROR),
            [frame(HEADERS, WHOLE, 1, &long)],
        ),
        case(
            "4.2",
            "no kind",
            Connection(FRAME_SIZE_ERROR),
            [frame(0x77, 0, 0, &long)],
        ),
        case(
            "4.2",
            "HEADERS without padding",
            Connection(FRAME_SIZE_ERROR),
            [frame(HEADERS, WHOLE | 0x8, 1, &[])],
        ),
        case(
            "4.2",
            "HEADERS without priority",
            Connection(FRAME_SIZE_ERROR),
            [frame(HEADERS, WHOLE | 0x20, 1, &[0; 4])],
        ),
        case(
            "6.3",
            "PRIORITY",
            Stream(FRAME_SIZE_ERROR),
            [post(1, "/a/"), frame(PRIORITY, 0, 1, &[0; 4])],
        ),
        case(
            "6.4",
            "RST_STREAM",
            Connection(FRAME_SIZE_ERROR),
            [post(1, "/a/"), frame(RST_STREAM, 0, 1, &[0; 5])],
        ),
        case(
            "6.5",
            "SETTINGS",
            Connection(FRAME_SIZE_ERROR),
            [frame(SETTINGS, 0, 0, &[0; 7])],
        ),
        case(
            "6.5",
            "SETTINGS with ACK",
            Connection(FRAME_SIZE_ERROR),
            [frame(SETTINGS, 1, 0, &[0; 6])],
        ),
        case(
            "6.7",
            "PING",
            Connection(FRAME_SIZE_ERROR),
            [frame(PING, 0, 0, &[0; 9])],
        ),
        case(
            "6.8",
            "GOAWAY",
            Connection(FRAME_SIZE_ERROR),
            [frame(GOAWAY, 0, 0, &[0; 7])],
        ),
        case(
            "6.9",
            "WINDOW_UPDATE",
            Connection(FRAME_SIZE_ERROR),
            [frame(WINDOW_UPDATE, 0, 0, &[0; 5])],
        ),
    ])
    .await;
}

#[tokio::test]
async fn frames_stand_where_they_may() {
    let part = frame(HEADERS, 0, 1, &[]);
    let ping = |stream| frame(PING, 0, stream, &[0; 8]);
    check(vec![
        case(
            "4.3",
            "a frame within fields",
            Connection(PROTOCOL_ERROR),
            [part.clone(), ping(0)],
        ),
        case(
            "4.3",
            "another stream within fields",
            Connection(PROTOCOL_ERROR),
            [part.clone(), get(3, "/a/")],
        ),
        case(
            "5.5",
            "an extension within fields",
            Connection(PROTOCOL_ERROR),
            [part.clone(), frame(0x77, 0, 0, &[])],
        ),
        case(
            "6.1",
            "DATA on stream 0",
            Connection(PROTOCOL_ERROR),
            [frame(DATA, 0, 0, &[0])],
        ),
        case(
            "6.1",
            "padding as long as DATA",
            Connection(PROTOCOL_ERROR),
            [post(1, "/a/"), frame(DATA, 0x8, 1, &[2, 0])],
        ),
        case(
            "6.2",
            "HEADERS on stream 0",
            Connection(PROTOCOL_ERROR),
            [frame(HEADERS, WHOLE, 0, &[0x82])],
        ),
        case(
            "6.2",
            "padding longer than HEADERS",
            Connection(PROTOCOL_ERROR),
            [frame(HEADERS, WHOLE | 0x8, 1, &[2, 0x82])],
        ),
        case(
            "6.3",
            "PRIORITY on stream 0",
            Connection(PROTOCOL_ERROR),
            [frame(PRIORITY, 0, 0, &[0; 5])],
        ),
        case(
            "6.4",
            "RST_STREAM on stream 0",
            Connection(PROTOCOL_ERROR),
            [frame(RST_STREAM, 0, 0, &[0; 4])],
        ),
        case(
            "6.5",
            "SETTINGS on a stream",
            Connection(PROTOCOL_ERROR),
            [frame(SETTINGS, 0, 1, &[])],
        ),
        case(
            "8.4",
            "PUSH_PROMISE",
            Connection(PROTOCOL_ERROR),
            [
                post(1, "/a/"),
                frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82]),
            ],
        ),
        case(
            "6.7",
            "PING on a stream",
            Connection(PROTOCOL_ERROR),
            [ping(1)],
        ),
        case(
            "6.8",
            "GOAWAY on a stream",
            Connection(PROTOCOL_ERROR),
            [frame(GOAWAY, 0, 1, &[0; 8])],
        ),
        case(
            "6.10",
            "CONTINUATION alone",
            Connection(PROTOCOL_ERROR),
            [get(1, "/a/"), frame(CONTINUATION, END_HEADERS, 1, &[])],
        ),
        case(
            "6.10",
            "CONTINUATION on stream 0",
            Connection(PROTOCOL_ERROR),
            [part.clone(), frame(CONTINUATION, END_HEADERS, 0, &[])],
        ),
        case(
            "6.10",
            "CONTINUATION elsewhere",
            Connection(PROTOCOL_ERROR),
            [part, frame(CONTINUATION, END_HEADERS, 3, &[])],
        ),
        case(
            "6.10",
            "CONTINUATION after DATA",
            Connection(PROTOCOL_ERROR),
            [
                post(1, "/a/"),
                frame(DATA, 0, 1, &[1]),
                frame(CONTINUATION, END_HEADERS, 1, &[]),
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn streams_go_through_their_states() {
    let get1 = get(1, "/a/");
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let data = frame(DATA, 0, 1, &[1]);
    check(vec![
        case(
            "5.1",
            "DATA on an idle stream",
            Connection(PROTOCOL_ERROR),
            [data.clone()],
        ),
        case(
            "5.1",
            "RST_STREAM on an idle stream",
            Connection(PROTOCOL_ERROR),
            [reset.clone()],
        ),
        case(
            "5.1",
            "WINDOW_UPDATE on an idle stream",
            Connection(PROTOCOL_ERROR),
            [frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])],
        ),
        case(
            "5.1",
            "DATA behind the end",
            Stream(STREAM_CLOSED),
            [get1.clone(), data.clone()],
        ),
        case(
            "5.1",
            "HEADERS behind the end",
            Stream(STREAM_CLOSED),
            [get1.clone(), get1.clone()],
        ),
        case(
            "5.1",
            "DATA behind RST_STREAM",
            Stream(STREAM_CLOSED),
            [post(1, "/a/"), reset.clone(), data],
        ),
        case(
            "5.1",
            "HEADERS behind RST_STREAM",
            Stream(STREAM_CLOSED),
            [post(1, "/a/"), reset.clone(), get1.clone()],
        ),
        case(
            "5.1",
            "PRIORITY on an idle stream",
            Ignored,
            [frame(PRIORITY, 0, 7, &[0, 0, 0, 1, 9])],
        ),
        case(
            "5.1",
            "WINDOW_UPDATE behind the end",
            Ignored,
            [get1.clone(), frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])],
        ),
        case(
            "5.1",
            "RST_STREAM behind the end",
            Ignored,
            [get1.clone(), reset],
        ),
        case(
            "5.1.1",
            "a stream of the server's",
            Connection(PROTOCOL_ERROR),
            [get(2, "/a/")],
        ),
        case(
            "5.1.1",
            "a stream lower than others",
            Connection(PROTOCOL_ERROR),
            [get(5, "/a/"), get(3, "/a/")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn more_streams_than_are_allowed_are_refused() {
    let (_upstream, gateway) = edge().await;
    let mut client = FrameClient::connect(gateway.address()).await;
    let streams: Vec<_> = (0..101).map(|n| post(2 * n + 1, "/a/")).collect();
    client.send(&streams.concat()).await;
    let told = client
        .until(|told| matches!(told, Told::GoAway(_) | Told::Reset(..)))
        .await;
    assert_eq!(told, Told::Reset(201, REFUSED_STREAM));
    assert!(client.is_served().await);
}
