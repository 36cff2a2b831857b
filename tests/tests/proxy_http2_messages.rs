//! RFC 9113 section 8: messages that are none, and those that are answered with what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]
#![expect(clippy::too_many_lines, reason = "tables of cases")]

use Outcome::{Status, StreamAlone};
use nuncio_tests::client::frame_cases::{Outcome, PROTOCOL_ERROR, case, check, request, with};
use nuncio_tests::client::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, WHOLE, block, frame, head, post,
};

#[tokio::test]
async fn malformed_messages_end_their_stream_alone() {
    let malformed = StreamAlone(PROTOCOL_ERROR);
    let long = |len: &str| {
        let mut fields = head("POST", "/a/");
        fields.push(("content-length", len));
        frame(HEADERS, END_HEADERS, 1, &block(&fields))
    };
    let trailers = |flags, fields: &[(&str, &str)]| frame(HEADERS, flags, 1, &block(fields));
    check(vec![
        case(
            "8.1.1",
            "less than its length",
            malformed,
            [long("3"), frame(DATA, END_STREAM, 1, b"ab")],
        ),
        case(
            "8.1.1",
            "more than its length",
            malformed,
            [long("3"), frame(DATA, END_STREAM, 1, b"abcd")],
        ),
        case(
            "8.1.1",
            "more in several frames",
            malformed,
            [
                long("3"),
                frame(DATA, 0, 1, b"ab"),
                frame(DATA, END_STREAM, 1, b"cd"),
            ],
        ),
        case(
            "8.1.1",
            "a length and no body",
            malformed,
            [with(&[("content-length", "3")])],
        ),
        case("8.1.1", "a length that is none", malformed, [long("+3")]),
        case(
            "8.1.1",
            "lengths that differ",
            malformed,
            [with(&[("content-length", "0"), ("content-length", "1")])],
        ),
        case(
            "8.1",
            "trailers that are not the end",
            malformed,
            [post(1, "/a/"), trailers(END_HEADERS, &[("x", "a")])],
        ),
        case(
            "8.1",
            "a pseudo-field in trailers",
            malformed,
            [post(1, "/a/"), trailers(WHOLE, &[(":path", "/a/")])],
        ),
        case(
            "8.2.1",
            "a capital in trailers",
            malformed,
            [post(1, "/a/"), trailers(WHOLE, &[("X", "a")])],
        ),
        case(
            "8.2.2",
            "Connection in trailers",
            malformed,
            [post(1, "/a/"), trailers(WHOLE, &[("connection", "close")])],
        ),
        case(
            "8.1",
            "trailers",
            Status(200),
            [post(1, "/a/"), trailers(WHOLE, &[("x", "a")])],
        ),
        case(
            "8.1.1",
            "its length",
            Status(200),
            [long("3"), frame(DATA, END_STREAM, 1, b"abc")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_refused_with_an_answer_says_why() {
    let host = |host| with(&[("host", host)]);
    let many: Vec<_> = (0..101).map(|_| ("x", "y")).collect();
    let large = "v".repeat(12 * 1024);
    let larger: Vec<_> = (0..6).map(|_| ("x", &*large)).collect();
    let fields = block(&[&head("GET", "/a/")[..], &larger].concat());
    let in_pieces: Vec<_> = fields
        .chunks(16_384)
        .enumerate()
        .map(|(n, piece)| {
            let end = if (n + 1) * 16_384 >= fields.len() {
                END_HEADERS
            } else {
                0
            };
            match n {
                0 => frame(HEADERS, END_STREAM | end, 1, piece),
                _ => frame(CONTINUATION, end, 1, piece),
            }
        })
        .collect();
    check(vec![
        case(
            "8.3.1",
            "a Host that differs",
            Status(400),
            [host("b.example")],
        ),
        case("8.3.1", "the same Host", Status(200), [host("a.example")]),
        case(
            "8.3.1",
            "two Hosts",
            Status(400),
            [with(&[("host", "a.example"), ("host", "a.example")])],
        ),
        case(
            "8.3.1",
            "no host",
            Status(400),
            [request(&head("GET", "/a/")[..3])],
        ),
        case(
            "8.3.1",
            "a user in the host",
            Status(400),
            [request(
                &[&head("GET", "/a/")[..3], &[(":authority", "u@a.example")]].concat(),
            )],
        ),
        case(
            "8.3.1",
            "a port of letters",
            Status(400),
            [request(
                &[
                    &head("GET", "/a/")[..3],
                    &[(":authority", "a.example:http")],
                ]
                .concat(),
            )],
        ),
        case(
            "8.5",
            "CONNECT",
            Status(405),
            [request(&[
                (":method", "CONNECT"),
                (":authority", "a.example:1"),
            ])],
        ),
        case("10.5.1", "too many fields", Status(431), [with(&many)]),
        case("10.5.1", "too large a head", Status(431), in_pieces),
        case(
            "9110 8.6",
            "a length twice",
            Status(400),
            [with(&[("content-length", "0"), ("content-length", "0")])],
        ),
    ])
    .await;
}
