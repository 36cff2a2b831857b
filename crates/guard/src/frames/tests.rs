use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::*;

const TERMS: FrameTerms = FrameTerms {
    max_head_bytes: 60 * 1024,
    max_fields: 100,
    max_resets: 500,
    resets_within: Duration::from_secs(30),
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [.., l2, l1, l0] = payload.len().to_be_bytes();
    let mut frame = vec![l2, l1, l0, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127);
        field.push(text.len() as u8);
        field.extend(text.bytes());
    }
    field
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(n, v)| literal(n, v)).collect()
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "a.example"),
];

fn request(stream: u32, flags: u8) -> Vec<u8> {
    frame(1, 0x4 | flags, stream, &block(&GET))
}

/// What passes of all pieces, and how it ends.
fn passed(pieces: &[&[u8]]) -> (Vec<u8>, Option<FrameFault>) {
    let mut frames = Frames::new(TERMS, Instant::now());
    let mut all = Vec::new();
    for piece in pieces {
        let mut rest = Vec::new();
        let n = frames.take(piece, &mut rest, Instant::now());
        all.extend(&piece[..n]);
        while frames.take_more(&mut rest, Instant::now()) {}
        all.extend(rest);
    }
    (all, frames.fault())
}

/// As [`passed`], behind a preface and settings.
fn after_settings(bytes: &[u8]) -> (Vec<u8>, Option<FrameFault>) {
    let begun = [PREFACE, &frame(4, 0, 0, &[])].concat();
    let (all, fault) = passed(&[&begun, bytes]);
    (all[begun.len()..].to_vec(), fault)
}

fn fault(frames: &[Vec<u8>]) -> Option<FrameFault> {
    after_settings(&frames.concat()).1
}

#[test]
fn frames_that_are_no_heads_pass_as_they_are() {
    let all = [
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
        frame(4, 1, 0, &[]),
        frame(6, 0, 0, &[7; 8]),
        frame(8, 0, 0, &[0, 0, 1, 0]),
        frame(2, 0, 3, &[0, 0, 0, 0, 9]),
        frame(7, 0, 0, &[0; 12]),
    ]
    .concat();
    assert_eq!(after_settings(&all), (all, None));
}

#[test]
fn bodies_pass_and_parts_without_bytes_do_not() {
    let head = request(1, 0);
    let body = frame(0, 0, 1, &[7; 5000]);
    let end = frame(0, 1, 1, &[]);
    let all = [head.clone(), body.clone(), frame(0, 0, 1, &[]), end.clone()].concat();
    let (passed, fault) = after_settings(&all);
    assert_eq!(fault, None);
    assert_eq!(passed.len(), head.len() + body.len() + end.len());
    assert!(passed.ends_with(&[body, end].concat()));
}

#[test]
fn extensions_are_dropped() {
    let all = [frame(0xfa, 0xff, 9, &[1; 40]), frame(6, 0, 0, &[7; 8])].concat();
    assert_eq!(after_settings(&all), (frame(6, 0, 0, &[7; 8]), None));
}

#[test]
fn sound_heads_pass_as_they_are_but_for_padding() {
    // `:method: GET`, `:scheme: http`, `:path: /`, and a host that goes into the table.
    let first = b"\x82\x86\x84\x41\x01a";
    let second = b"\x82\x86\x84\xbe";
    let padded = [&[3][..], &[0, 0, 0, 0, 16], second, &[0; 3]].concat();
    let all = [frame(1, 0x5, 1, first), frame(1, 0x5 | 0x28, 3, &padded)].concat();
    let expected = [frame(1, 0x5, 1, first), frame(1, 0x5, 3, second)].concat();
    assert_eq!(after_settings(&all), (expected, None));
}

#[test]
fn behind_a_malformed_head_all_are_written_anew_without_tables() {
    let first = b"\x82\x86\x84\x41\x01a";
    let malformed = b"\x82\x86\x84\x40\x01X\x01b";
    let third = b"\x82\x86\x84\xbf";
    let all = [
        frame(1, 0x5, 1, first),
        frame(1, 0x5, 3, malformed),
        frame(1, 0x5, 5, third),
    ]
    .concat();
    let expected = [
        frame(1, 0x5, 1, first),
        frame(1, 0x5, 3, MALFORMED),
        frame(1, 0x5, 5, b"\x82\x86\x84\x00\x0a:authority\x01a"),
    ]
    .concat();
    assert_eq!(after_settings(&all), (expected, None));
}

#[test]
fn what_is_for_no_table_is_so_however_it_passes() {
    let malformed = frame(1, 0x5, 1, b"\x82");
    let secret = [&block(&GET)[..], b"\x10\x01k\x01v\x1f\x08\x01w"].concat();
    let head = frame(1, 0x5, 3, &secret);
    let mut frames = Frames::new(TERMS, Instant::now());
    let begun = [PREFACE, &frame(4, 0, 0, &[])].concat();
    frames.take(
        &[begun, malformed].concat(),
        &mut Vec::new(),
        Instant::now(),
    );
    assert!(!frames.has_unindexed());
    let mut rest = Vec::new();
    assert_eq!(frames.take(&head, &mut rest, Instant::now()), 0);
    assert_eq!(rest, head);
    assert!(frames.has_unindexed());
    assert_eq!(after_settings(&head), (head, None));
}

#[test]
fn fields_that_come_in_several_frames_are_one_block() {
    let fields = block(&GET);
    let (one, two) = fields.split_at(7);
    let all = [
        frame(1, 0x1, 1, one),
        frame(9, 0, 1, &[]),
        frame(9, 0x4, 1, two),
    ]
    .concat();
    assert_eq!(after_settings(&all), (request(1, 1), None));
}

#[test]
fn a_large_head_goes_on_in_frames_of_the_size_that_is_allowed() {
    let many: Vec<_> = (0..99)
        .map(|n| (format!("x-{n}"), "v".repeat(120)))
        .collect();
    let mut fields = block(&GET);
    for _ in 0..4 {
        for (name, value) in many.iter().take(24) {
            fields.extend(literal(name, value));
        }
    }
    let value = "w".repeat(100);
    fields.extend(literal("last", &value));
    let mut all = frame(1, 0x1, 1, &fields[..100]);
    all.extend(frame(9, 0x4, 1, &fields[100..]));
    let (passed, fault) = after_settings(&all);
    assert_eq!(fault, None);
    assert_eq!(passed, frame(1, 0x5, 1, &fields));
}

const MALFORMED: &[u8] = &[0x82];

fn is_malformed(fields: &[(&str, &str)]) -> bool {
    let (passed, fault) = after_settings(&frame(1, 0x5, 1, &block(fields)));
    assert_eq!(fault, None);
    passed == frame(1, 0x5, 1, MALFORMED)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_malformed_request_costs_its_stream() {
    let with = |name, value| [&GET[..], &[(name, value)]].concat();
    let without = |name| -> Vec<_> { GET.into_iter().filter(|(n, _)| *n != name).collect() };
    let path = |path| [&without(":path")[..], &[(":path", path)]].concat();
    assert!(!is_malformed(&GET));
    assert!(!is_malformed(&with("te", "trailers")));
    assert!(!is_malformed(&without(":authority")));
    assert!(!is_malformed(&with("x", "")));
    assert!(!is_malformed(&with("x", "a b\tc \u{fc}!")));
    for fields in [
        with("X", "a"),
        with("", "a"),
        with("x y", "a"),
        with("x:", "a"),
        with("x\u{fc}", "a"),
        with("x", "a\r\nb"),
        with("x", "a\0"),
        with("x", "a\x7f"),
        with("x", " a"),
        with("x", "a\t"),
        with("connection", "close"),
        with("keep-alive", "1"),
        with("proxy-connection", "close"),
        with("transfer-encoding", "chunked"),
        with("upgrade", "h2c"),
        with("te", "gzip"),
        with(":method", "GET"),
        with(":status", "200"),
        with(":protocol", "websocket"),
        with(":other", "a"),
        [&[("x", "a")], &GET[..]].concat(),
        without(":method"),
        without(":scheme"),
        without(":path"),
        path(""),
        path("*"),
        path("a"),
        path("http://a.example/"),
        path("/a b"),
        path("/a\r\nb"),
        path("/a#b"),
        path("/\u{e9}"),
        vec![
            (":method", "CONNECT"),
            (":scheme", "http"),
            (":authority", "a:1"),
        ],
        vec![(":method", "CONNECT")],
        [&without(":method")[..], &[(":method", "G T")]].concat(),
        [&without(":method")[..], &[(":method", "")]].concat(),
        [&without(":scheme")[..], &[(":scheme", "1http")]].concat(),
        [&without(":authority")[..], &[(":authority", "a b")]].concat(),
        vec![],
    ] {
        assert!(is_malformed(&fields), "{fields:?}");
    }
    assert!(!is_malformed(&[
        (":method", "CONNECT"),
        (":authority", "a:1")
    ]));
    assert!(!is_malformed(&[
        (":method", "OPTIONS"),
        (":scheme", "http"),
        (":path", "*"),
        (":authority", "a")
    ]));
}

#[test]
fn malformed_trailers_cost_their_stream_and_keep_the_table() {
    let trailers = |fields: &[(&str, &str)]| {
        let all = [request(1, 0), frame(1, 0x5, 1, &block(fields))].concat();
        let (passed, fault) = after_settings(&all);
        assert_eq!(fault, None);
        passed[request(1, 0).len()..].to_vec()
    };
    let sound = [("grpc-status", "0")];
    assert_eq!(trailers(&sound), frame(1, 0x5, 1, &block(&sound)));
    let malformed = frame(1, 0x5, 1, &block(&[("connection", "x")]));
    assert_eq!(trailers(&[(":path", "/")]), malformed);
    assert_eq!(trailers(&[("X", "a")]), malformed);
}

#[test]
fn a_head_that_is_too_large_shows_it_and_no_more() {
    let huge = |at: &str| {
        let mut fields = block(&GET[..2]);
        for (name, value) in &GET[2..] {
            match *name == at {
                true => {
                    fields.extend([0, name.len() as u8]);
                    fields.extend(name.bytes());
                    // 70,000 = 127 + 1 + 0x22 << 7 + ..
                    fields.extend([0x7f, 0xf1, 0xa1, 0x04]);
                    fields.extend([&b"/"[..], &[b'a'; 69_999]].concat());
                }
                false => fields.extend(literal(name, value)),
            }
        }
        if at == "x" {
            fields.extend([0, 1, b'x', 0x7f, 0xf1, 0xa1, 0x04]);
            fields.extend([b'a'; 70_000]);
        }
        fields
    };
    for at in [":path", "x"] {
        let fields = huge(at);
        let mut all = frame(1, 0x1, 1, &fields[..16_000]);
        let mut pieces = fields[16_000..].chunks(16_000).peekable();
        while let Some(piece) = pieces.next() {
            let flags = if pieces.peek().is_none() { 0x4 } else { 0 };
            all.extend(frame(9, flags, 1, piece));
        }
        let begun = [PREFACE, &frame(4, 0, 0, &[])].concat();
        let mut frames = Frames::new(TERMS, Instant::now());
        let mut rest = Vec::new();
        let n = frames.take(&[begun.clone(), all].concat(), &mut rest, Instant::now());
        assert_eq!((n, frames.fault()), (begun.len(), None));
        let excess = literal("x", "").repeat(TERMS.max_fields + 1);
        assert!(rest.ends_with(&excess));
        assert!(rest.len() < excess.len() + 100, "{}", rest.len());
        assert_eq!(frames.take_oversized(), 1);
    }
}

#[test]
fn a_bomb_of_references_is_a_head_that_is_too_large() {
    let large = "b".repeat(120).repeat(30);
    let mut first = block(&GET);
    first.extend([0x40, 1, b'x', 0x7f, 0x91, 0x1b]);
    first.extend(large.bytes());
    for (references, expected) in [(20, None), (16_000, Some(FrameFault::Continuations))] {
        let mut bomb = block(&GET);
        bomb.extend(vec![0xbe; references]);
        let all = [frame(1, 0x5, 1, &first), frame(1, 0x5, 3, &bomb)].concat();
        let (passed, fault) = after_settings(&all);
        assert_eq!(fault, expected);
        assert!(passed.len() < 5 * 1024, "{}", passed.len());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_ends_a_connection_ends_it_with_its_own_error() {
    let get = request(1, 1);
    let table: [(&str, FrameFault, Vec<Vec<u8>>); 29] = [
        (
            "4.2",
            FrameFault::FrameSize,
            vec![frame(0, 0, 1, &[0; 16_385])],
        ),
        (
            "4.2",
            FrameFault::FrameSize,
            vec![frame(0xee, 0, 0, &[0; 16_385])],
        ),
        ("4.2", FrameFault::FrameSize, vec![frame(1, 0x8, 1, &[])]),
        (
            "4.2",
            FrameFault::FrameSize,
            vec![frame(1, 0x20, 1, &[0; 4])],
        ),
        (
            "4.3",
            FrameFault::Compression,
            vec![frame(1, 0x5, 1, &[0x80])],
        ),
        (
            "4.3",
            FrameFault::Protocol,
            vec![frame(1, 0, 1, &[]), frame(6, 0, 0, &[0; 8])],
        ),
        ("5.1", FrameFault::Protocol, vec![frame(0, 0, 1, &[1])]),
        (
            "5.1",
            FrameFault::StreamClosed,
            vec![get.clone(), frame(0, 0, 1, &[1])],
        ),
        (
            "5.1",
            FrameFault::StreamClosed,
            vec![get.clone(), get.clone()],
        ),
        (
            "5.1",
            FrameFault::StreamClosed,
            vec![request(1, 0), frame(3, 0, 1, &[0; 4]), frame(0, 0, 1, &[1])],
        ),
        ("5.1.1", FrameFault::Protocol, vec![request(2, 1)]),
        (
            "5.1.1",
            FrameFault::Protocol,
            vec![request(5, 1), request(3, 1)],
        ),
        (
            "5.5",
            FrameFault::Protocol,
            vec![frame(1, 0, 1, &[]), frame(0xfe, 0, 0, &[])],
        ),
        ("6.1", FrameFault::Protocol, vec![frame(0, 0, 0, &[1])]),
        (
            "6.2",
            FrameFault::Protocol,
            vec![frame(1, 0xc, 1, &[9, 0x82])],
        ),
        ("6.2", FrameFault::Protocol, vec![frame(1, 0x4, 0, &[0x82])]),
        ("6.3", FrameFault::FrameSize, vec![frame(2, 0, 1, &[0; 4])]),
        (
            "6.4",
            FrameFault::FrameSize,
            vec![get.clone(), frame(3, 0, 1, &[0; 3])],
        ),
        ("6.5", FrameFault::FrameSize, vec![frame(4, 1, 0, &[0; 6])]),
        ("6.5", FrameFault::FrameSize, vec![frame(4, 0, 0, &[0; 5])]),
        (
            "6.5.2",
            FrameFault::FlowControl,
            vec![frame(4, 0, 0, &[0, 4, 0x80, 0, 0, 0])],
        ),
        (
            "6.6",
            FrameFault::Protocol,
            vec![get.clone(), frame(5, 4, 1, &[0, 0, 0, 2, 0x82])],
        ),
        ("6.7", FrameFault::FrameSize, vec![frame(6, 0, 0, &[0; 7])]),
        ("6.8", FrameFault::FrameSize, vec![frame(7, 0, 0, &[0; 7])]),
        ("6.9", FrameFault::FrameSize, vec![frame(8, 0, 0, &[0; 3])]),
        ("6.10", FrameFault::Protocol, vec![frame(9, 4, 1, &[])]),
        (
            "6.10",
            FrameFault::Protocol,
            vec![get.clone(), frame(9, 4, 1, &[])],
        ),
        (
            "6.10",
            FrameFault::Protocol,
            vec![frame(1, 0, 1, &[]), frame(9, 4, 3, &[])],
        ),
        (
            "6.10",
            FrameFault::Protocol,
            vec![frame(1, 0, 1, &[]), frame(9, 4, 0, &[])],
        ),
    ];
    for (section, expected, frames) in table {
        assert_eq!(fault(&frames), Some(expected), "{section}: {frames:?}");
    }
}

#[test]
fn settings_come_first() {
    for first in [frame(6, 0, 0, &[0; 8]), frame(4, 1, 0, &[]), request(1, 1)] {
        let bytes = [PREFACE, &first].concat();
        assert_eq!(
            passed(&[&bytes]),
            (PREFACE.to_vec(), Some(FrameFault::Protocol))
        );
    }
}

#[test]
fn the_client_is_waited_for_until_its_frame_is_complete() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let mut frames = Frames::new(TERMS, now);
    assert_eq!(frames.waiting_since(), Some(now));
    let mut rest = Vec::new();
    frames.take(PREFACE, &mut rest, later);
    assert_eq!(frames.waiting_since(), Some(now));
    frames.take(&frame(4, 0, 0, &[]), &mut rest, later);
    assert_eq!(frames.waiting_since(), None);
    let head = request(1, 0);
    frames.take(&head[..4], &mut rest, now);
    frames.take(&head[4..20], &mut rest, later);
    assert_eq!(frames.waiting_since(), Some(now));
    frames.take(&head[20..], &mut rest, later);
    assert_eq!(frames.waiting_since(), None);
    frames.take(&frame(0, 0, 1, &[7; 100])[..50], &mut rest, later);
    assert_eq!(
        frames.waiting_since(),
        None,
        "of a body something else is told"
    );
}

mod floods;
mod quiet;

/// Frames as clients and attackers send them.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let streams = prop_oneof![Just(0_u32), Just(1), Just(3), Just(4), Just(5)];
    let payloads = prop_oneof![
        vec(any::<u8>(), 0..12),
        Just(block(&GET)),
        Just(b"\x82\x86\x84\x41\x01a".to_vec()),
        Just(b"\x82\x86\x84\xbe".to_vec()),
    ];
    let flags = prop_oneof![Just(0_u8), Just(1), Just(4), Just(5), any::<u8>()];
    (0_u8..12, flags, streams, payloads)
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload))
}

fn fields_of(decoder: &mut hpack::Decoder, block: &[u8]) -> Vec<String> {
    let mut fields = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let tell = |field: hpack::Field<'_>| {
        fields.push(format!("{}={}", text(field.name), text(field.value)));
    };
    decoder.read(block, 1 << 20, tell).unwrap();
    fields
}

/// Heads that use the table in every way, of which few are malformed.
fn any_head() -> impl Strategy<Value = Vec<u8>> {
    let start = b"\x82\x86\x84\x41\x01a".to_vec();
    let field = prop_oneof![
        8 => (0..60_u8).prop_map(|n| [&[0x40][..], &literal(&format!("x-{n}"), "v")[1..]].concat()),
        8 => (0..60_u8).prop_map(|n| literal(&format!("x-{n}"), "w")),
        4 => (90..120_usize).prop_map(|n| [&[0x40][..], &literal("l", &"v".repeat(n))[1..]].concat()),
        4 => Just(vec![0x7e, 1, b'z']),
        8 => Just(vec![0xbe]),
        1 => Just(b"\x40\x01X\x01x".to_vec()),
    ];
    let resizes = prop_oneof![
        8 => Just(vec![]),
        1 => Just(vec![0x20, 0x3f, 0xe1, 0x1f]),
        1 => Just(vec![0x3f, 0xe1, 3]),
    ];
    (resizes, vec(field, 0..20)).prop_map(move |(resize, fields)| {
        // What the table has last is to be a field, and not the host.
        let named = vec![0x40, 1, b'n', 1, b'n'];
        [resize, start.clone(), named, fields.concat()].concat()
    })
}

proptest! {
    #[test]
    fn cuts_make_no_difference(frames in vec(any_frame(), 0..12), size in 1_usize..40) {
        let all = [PREFACE, &frame(4, 0, 0, &[]), &frames.concat()].concat();
        let whole = passed(&[&all]);
        let pieces: Vec<_> = all.chunks(size).collect();
        let in_pieces = passed(&pieces);
        assert_eq!(in_pieces.1, whole.1);
        if whole.1.is_none() {
            assert_eq!(in_pieces.0, whole.0);
        }
    }

    #[test]
    fn the_codec_reads_the_fields_that_were_sent(heads in vec(any_head(), 1..8)) {
        let mut bytes = Vec::new();
        let (mut sent, mut sender) = (Vec::new(), hpack::Decoder::new());
        for (nth, head) in heads.iter().enumerate() {
            bytes.extend(frame(1, 0x5, 2 * nth as u32 + 1, head));
            sent.push(fields_of(&mut sender, head));
        }
        let (passed, fault) = after_settings(&bytes);
        assert_eq!(fault, None);
        let (mut received, mut codec) = (Vec::new(), hpack::Decoder::new());
        let mut rest = &passed[..];
        while let Some(head) = rest.first_chunk() {
            let block;
            (block, rest) = rest[9..].split_at(Frame::read(head).len);
            received.push(fields_of(&mut codec, block));
        }
        let is_sound = |fields: &Vec<String>| !fields.iter().any(|field| field.starts_with("X="));
        let malformed = vec![":method=GET".to_owned()];
        let expected: Vec<_> = sent
            .into_iter()
            .map(|fields| if is_sound(&fields) { fields } else { malformed.clone() })
            .collect();
        assert_eq!(received, expected);
    }

    #[test]
    fn nothing_panics(bytes in vec(any::<u8>(), 0..200)) {
        after_settings(&bytes);
    }
}

#[test]
fn heads_of_few_bytes_that_stand_for_many_pass_one_by_one() {
    let large = [b'v'; 900];
    // 62 is the latest of the connection's own table (RFC 7541 section 2.3.3).
    let indexed = [[0x40, 1, b'x', 0x7f].as_slice(), &[0x85, 6], &large].concat();
    let mut first = block(&GET);
    first.extend(indexed);
    let begun = [
        PREFACE,
        &frame(4, 0, 0, &[]),
        // From here on heads are written anew.
        &frame(1, 0x5, 1, MALFORMED),
        &frame(1, 0x5, 3, &first),
    ];
    let mut all = begun.concat();
    for stream in 2..200 {
        let short = [block(&GET), vec![0xbe; 20]].concat();
        all.extend(frame(1, 0x5, stream * 2 + 1, &short));
    }
    let terms = FrameTerms {
        max_head_bytes: 60 * 1024,
        max_fields: 100,
        ..TERMS
    };
    let mut frames = Frames::new(terms, Instant::now());
    let (mut rest, mut passes, mut largest) = (Vec::new(), 0, 0);
    frames.take(&all, &mut rest, Instant::now());
    loop {
        (passes, largest) = (passes + 1, largest.max(rest.len()));
        rest.clear();
        if !frames.take_more(&mut rest, Instant::now()) {
            break;
        }
    }
    assert_eq!(frames.fault(), None);
    assert!(passes > 50, "{passes}");
    assert!(largest < ENOUGH + terms.max_head_bytes, "{largest}");
}
