//! RFC 9113 sections 4.3, 8.2 and 8.3: fields that cannot be read, and those that may not be.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]
#![expect(clippy::too_many_lines, reason = "tables of cases")]

use Outcome::{Connection, Status, StreamAlone};
use nuncio_tests::client::frame_cases::{
    COMPRESSION_ERROR, Outcome, PROTOCOL_ERROR, case, check, request, with,
};
use nuncio_tests::client::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, WHOLE, frame, head,
};

#[tokio::test]
async fn fields_that_cannot_be_read_end_the_connection() {
    let fields = |block: &[u8]| vec![frame(HEADERS, WHOLE, 1, block)];
    check(vec![
        case(
            "4.3",
            "index 0",
            Connection(COMPRESSION_ERROR),
            fields(&[0x80]),
        ),
        case(
            "4.3",
            "an index beyond the table",
            Connection(COMPRESSION_ERROR),
            fields(&[0xc6]),
        ),
        case(
            "4.3",
            "a table that is too large",
            Connection(COMPRESSION_ERROR),
            fields(&[0x3f, 0xff, 0xff, 0x3]),
        ),
        case(
            "4.3",
            "a size behind a field",
            Connection(COMPRESSION_ERROR),
            fields(&[0x82, 0x20]),
        ),
        case(
            "4.3",
            "a string that is cut off",
            Connection(COMPRESSION_ERROR),
            fields(&[0x00, 0x05, b'a']),
        ),
        case(
            "4.3",
            "a number without end",
            Connection(COMPRESSION_ERROR),
            fields(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        case(
            "4.3",
            "the mark of the end in a string",
            Connection(COMPRESSION_ERROR),
            fields(&[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]),
        ),
        case(
            "4.3",
            "padding of zeros",
            Connection(COMPRESSION_ERROR),
            fields(&[0x00, 0x81, 0x00, 0x01, b'a']),
        ),
        case(
            "4.3",
            "padding of a byte",
            Connection(COMPRESSION_ERROR),
            fields(&[0x00, 0x82, 0x07, 0xff, 0x01, b'a']),
        ),
        case(
            "6.10",
            "the same in CONTINUATION",
            Connection(COMPRESSION_ERROR),
            [
                frame(HEADERS, END_STREAM, 1, &[0x82]),
                frame(CONTINUATION, END_HEADERS, 1, &[0x80]),
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn malformed_fields_end_their_stream_alone() {
    let malformed = StreamAlone(PROTOCOL_ERROR);
    check(vec![
        case("8.2.1", "a capital", malformed, [with(&[("X-a", "1")])]),
        case(
            "8.2.1",
            "a name with a space",
            malformed,
            [with(&[("x a", "1")])],
        ),
        case(
            "8.2.1",
            "a name with a colon",
            malformed,
            [with(&[("x:a", "1")])],
        ),
        case("8.2.1", "no name", malformed, [with(&[("", "1")])]),
        case(
            "8.2.1",
            "a name beyond ASCII",
            malformed,
            [with(&[("x\u{e9}", "1")])],
        ),
        case("8.2.1", "NUL", malformed, [with(&[("x", "a\0b")])]),
        case("8.2.1", "CR", malformed, [with(&[("x", "a\rb")])]),
        case("8.2.1", "LF", malformed, [with(&[("x", "a\nb")])]),
        case("8.2.1", "CRLF", malformed, [with(&[("x", "a\r\ny: b")])]),
        case("8.2.1", "a space first", malformed, [with(&[("x", " a")])]),
        case("8.2.1", "a tab last", malformed, [with(&[("x", "a\t")])]),
        case(
            "8.2.2",
            "Connection",
            malformed,
            [with(&[("connection", "close")])],
        ),
        case(
            "8.2.2",
            "Keep-Alive",
            malformed,
            [with(&[("keep-alive", "timeout=5")])],
        ),
        case(
            "8.2.2",
            "Proxy-Connection",
            malformed,
            [with(&[("proxy-connection", "close")])],
        ),
        case(
            "8.2.2",
            "Transfer-Encoding",
            malformed,
            [with(&[("transfer-encoding", "chunked")])],
        ),
        case(
            "8.2.2",
            "Upgrade",
            malformed,
            [with(&[("upgrade", "websocket")])],
        ),
        case("8.2.2", "TE", malformed, [with(&[("te", "gzip")])]),
        case(
            "8.2.2",
            "TE: trailers",
            Status(200),
            [with(&[("te", "trailers")])],
        ),
        case(
            "8.3",
            "an unknown pseudo-field",
            malformed,
            [with(&[(":x", "a")])],
        ),
        case(
            "8.3",
            "an answer's",
            malformed,
            [with(&[(":status", "200")])],
        ),
        case(
            "8.3",
            "behind another field",
            malformed,
            [request(&[&[("x", "a")], &head("GET", "/a/")[..]].concat())],
        ),
        case("8.3", "twice", malformed, [with(&[(":path", "/a/")])]),
        case(
            "8.3.1",
            "no method",
            malformed,
            [request(&head("GET", "/a/")[1..])],
        ),
        case(
            "8.3.1",
            "no scheme",
            malformed,
            [request(&[
                (":method", "GET"),
                (":path", "/a/"),
                (":authority", "a"),
            ])],
        ),
        case(
            "8.3.1",
            "no path",
            malformed,
            [request(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a"),
            ])],
        ),
        case(
            "8.3.1",
            "an empty path",
            malformed,
            [request(&head("GET", ""))],
        ),
        case("8.3.1", "a star", malformed, [request(&head("GET", "*"))]),
        case(
            "8.3.1",
            "a path that is none",
            malformed,
            [request(&head("GET", "a/"))],
        ),
        case(
            "8.3.1",
            "a path with a fragment",
            malformed,
            [request(&head("GET", "/a/#b"))],
        ),
        case(
            "8.3.1",
            "a path with a space",
            malformed,
            [request(&head("GET", "/a/ b"))],
        ),
        case(
            "8.3.1",
            "an absolute form",
            malformed,
            [request(&head("GET", "http://a.example/a/"))],
        ),
        case(
            "8.3.1",
            "a scheme that is none",
            malformed,
            [request(&[
                (":method", "GET"),
                (":scheme", "ht tp"),
                (":path", "/a/"),
                (":authority", "a"),
            ])],
        ),
        case(
            "8.3.1",
            "a method that is none",
            malformed,
            [request(&head("G(T", "/a/"))],
        ),
        case(
            "8.5",
            "CONNECT with a path",
            malformed,
            [request(&head("CONNECT", "/a/"))],
        ),
        case(
            "8.5",
            "CONNECT by another protocol",
            malformed,
            [request(
                &[&head("CONNECT", "/a/")[..], &[(":protocol", "websocket")]].concat(),
            )],
        ),
    ])
    .await;
}
