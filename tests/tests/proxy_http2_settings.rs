//! RFC 9113 sections 6.5, 6.7 and 6.9: what both sides agree on, and the windows that they keep to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]
#![expect(clippy::too_many_lines, reason = "tables of cases")]

use Outcome::{Connection, Ignored, Stream};
use nuncio_tests::client::frame_cases::{
    FLOW_CONTROL_ERROR, Outcome, PROTOCOL_ERROR, case, check, edge, is_end,
};
use nuncio_tests::client::frames::{
    FrameClient, PING, PREFACE, SETTINGS, Told, WINDOW_UPDATE, frame, get,
};

#[tokio::test]
async fn settings_are_what_they_may_be() {
    let setting = |id: u8, value: u32| {
        let [a, b, c, d] = value.to_be_bytes();
        frame(SETTINGS, 0, 0, &[0, id, a, b, c, d])
    };
    check(vec![
        case(
            "6.5.2",
            "ENABLE_PUSH",
            Connection(PROTOCOL_ERROR),
            [setting(2, 2)],
        ),
        case(
            "6.5.2",
            "INITIAL_WINDOW_SIZE",
            Connection(FLOW_CONTROL_ERROR),
            [setting(4, 1 << 31)],
        ),
        case(
            "6.5.2",
            "MAX_FRAME_SIZE, small",
            Connection(PROTOCOL_ERROR),
            [setting(5, 16_383)],
        ),
        case(
            "6.5.2",
            "MAX_FRAME_SIZE, large",
            Connection(PROTOCOL_ERROR),
            [setting(5, 1 << 24)],
        ),
        case("6.5.2", "an unknown one", Ignored, [setting(0x77, 7)]),
        case(
            "6.5.3",
            "twice the same",
            Ignored,
            [setting(3, 7), setting(3, 8)],
        ),
        case(
            "6.9.2",
            "a window that is too large by a change",
            Connection(FLOW_CONTROL_ERROR),
            [
                setting(4, 0),
                get(1, "/a/"),
                frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]),
                setting(4, 7),
            ],
        ),
        case(
            "4.1",
            "an unknown frame",
            Ignored,
            [frame(0x77, 0xff, 9, &[1; 9])],
        ),
        case(
            "4.1",
            "unknown flags",
            Ignored,
            [frame(PING, 0xfe, 0, &[1; 8])],
        ),
        case(
            "4.1",
            "the reserved bit",
            Ignored,
            [frame(PING, 0, 1 << 31, &[1; 8])],
        ),
    ])
    .await;
}

#[tokio::test]
async fn settings_and_pings_are_acknowledged() {
    let (_upstream, gateway) = edge().await;
    let mut client = FrameClient::connect(gateway.address()).await;
    assert_eq!(
        client.until(|told| *told == Told::Settings(true)).await,
        Told::Settings(true)
    );
    client.send(&frame(PING, 1, 0, b"unasked!")).await;
    client.send(&frame(PING, 0, 0, b"12345678")).await;
    let pong = client.until(|told| matches!(told, Told::Pong(_))).await;
    assert_eq!(
        pong,
        Told::Pong(*b"12345678"),
        "an acknowledgement is not acknowledged"
    );
}

#[tokio::test]
async fn windows_are_opened_within_bounds() {
    let window = |stream, size: u32| frame(WINDOW_UPDATE, 0, stream, &size.to_be_bytes());
    const MAX: u32 = (1 << 31) - 1;
    let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let open = [closed, get(1, "/a/")].concat();
    check(vec![
        case(
            "6.9",
            "nothing, on the connection",
            Connection(PROTOCOL_ERROR),
            [window(0, 0)],
        ),
        case(
            "6.9",
            "nothing, on a stream",
            Stream(PROTOCOL_ERROR),
            [open.clone(), window(1, 0)],
        ),
        case(
            "6.9.1",
            "too much, on the connection",
            Connection(FLOW_CONTROL_ERROR),
            [window(0, MAX)],
        ),
        case(
            "6.9.1",
            "too much, on a stream",
            Stream(FLOW_CONTROL_ERROR),
            [open, window(1, MAX), window(1, 1)],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_window_is_kept_to() {
    let (_upstream, gateway) = edge().await;
    let mut client = FrameClient::connect(gateway.address()).await;
    // RFC 9113 section 6.9.2: no window, then one of a byte, then less than none, then room again.
    let window = |size: u8| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, size]);
    client.send(&window(3)).await;
    client.send(&get(1, "/a/")).await;
    let body = client.until(|told| matches!(told, Told::Body(..))).await;
    assert_eq!(body, Told::Body(1, 3, false));
    client.send(&window(0)).await;
    client
        .send(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 2]))
        .await;
    assert!(
        client.is_served().await,
        "nothing comes of two bytes for a window of minus three"
    );
    client
        .send(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 2]))
        .await;
    let body = client.until(|told| matches!(told, Told::Body(..))).await;
    assert_eq!(body, Told::Body(1, 1, false));
}

#[tokio::test]
async fn settings_are_the_first_that_a_client_sends() {
    let (_upstream, gateway) = edge().await;
    for first in [
        frame(PING, 0, 0, &[0; 8]),
        get(1, "/a/"),
        frame(SETTINGS, 1, 0, &[]),
    ] {
        let mut client = FrameClient::silent(gateway.address()).await;
        client.send(&[PREFACE, &first].concat()).await;
        let told = client.until(is_end).await;
        assert_eq!(told, Told::GoAway(PROTOCOL_ERROR), "section 3.4: {first:?}");
    }
}
