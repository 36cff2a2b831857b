use proptest::prelude::*;

use super::*;

const TERMS: AnswerTerms = AnswerTerms {
    max_head_bytes: 1000,
    max_fields: 10,
    max_interim: 3,
    chunks: ChunkLimits {
        line: 20,
        extensions: 40,
    },
};

const GET: Asked = Asked {
    head_only: false,
    upgrade: false,
};
const HEAD: Asked = Asked {
    head_only: true,
    ..GET
};
const UPGRADE: Asked = Asked {
    upgrade: true,
    ..GET
};

/// What a connection says, to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Read {
    statuses: [u16; 5],
    /// Bytes of the answer, heads of 1xx included.
    len: usize,
    complete: bool,
}

/// Reads `pieces` as whoever keeps the bytes of a head does.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, asked: Asked) -> Result<Read, Fault> {
    let mut responses = Responses::new(TERMS);
    let (mut kept, mut statuses, mut len) = (Vec::new(), [0; 5], 0);
    let mut heads = 0;
    for piece in pieces {
        kept.extend_from_slice(piece);
        while responses.is_in_head()
            && let Some(answer) = responses.head(&kept, asked)?
        {
            statuses[heads] = answer.status;
            heads += 1;
            len += answer.len;
            kept.drain(..answer.len);
        }
        if !responses.is_in_head() {
            len += responses.body(&kept)?;
            kept.clear();
        }
    }
    Ok(Read {
        statuses,
        len,
        complete: responses.is_complete(),
    })
}

fn answer(text: &str, asked: Asked) -> Result<Read, Fault> {
    let bytes = text.replace('\n', "\r\n");
    read([bytes.as_bytes()], asked)
}

fn whole(text: &str, asked: Asked) -> (usize, bool) {
    let read = answer(text, asked).unwrap();
    (text.replace('\n', "\r\n").len() - read.len, read.complete)
}

#[test]
fn a_body_ends_where_its_framing_says() {
    for (text, behind) in [
        ("HTTP/1.1 200 OK\ncontent-length: 3\n\nabc", 0),
        ("HTTP/1.1 200 OK\ncontent-length: 3\n\nabcde", 2),
        ("HTTP/1.1 200 OK\ncontent-length: 0\n\nx", 1),
        (
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nx\n0\n\n",
            0,
        ),
        (
            "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n0\na: b\n\nx",
            1,
        ),
        ("HTTP/1.1 204 No Content\n\nx", 1),
        ("HTTP/1.1 204 No Content\ncontent-length: 0\n\nx", 1),
        ("HTTP/1.1 304 x\ncontent-length: 5\n\nx", 1),
        ("HTTP/1.1 304 x\ntransfer-encoding: chunked\n\nx", 1),
    ] {
        assert_eq!(whole(text, GET), (behind, true), "{text}");
    }
    for text in [
        "HTTP/1.1 200 OK\n\nabc",
        "HTTP/1.0 200 OK\n\n",
        "HTTP/1.1 200 OK\ncontent-length: 3\n\nab",
        "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nx\n0\n",
    ] {
        assert_eq!(whole(text, GET), (0, false), "{text}");
    }
}

#[test]
fn a_head_alone_has_no_body_whatever_it_says() {
    for framing in ["content-length: 5\n", "transfer-encoding: chunked\n", ""] {
        let text = format!("HTTP/1.1 200 OK\n{framing}\nx");
        assert_eq!(whole(&text, HEAD), (1, true), "{text}");
    }
}

#[test]
fn framing_has_one_reading_or_none() {
    for (fields, fault) in [
        (
            "content-length: 5\ncontent-length: 5\n",
            Fault::LengthRepeated,
        ),
        ("content-length: 5, 5\n", Fault::Length),
        ("content-length: +5\n", Fault::Length),
        ("content-length: 0x5\n", Fault::Length),
        ("content-length:\n", Fault::Length),
        (
            "content-length: 5\ntransfer-encoding: chunked\n",
            Fault::LengthAndCoding,
        ),
        (
            "transfer-encoding: chunked\ntransfer-encoding: chunked\n",
            Fault::CodingRepeated,
        ),
        ("transfer-encoding: gzip, chunked\n", Fault::CodingUnknown),
        ("transfer-encoding: identity\n", Fault::Coding),
        ("transfer-encoding: \n", Fault::Coding),
        ("transfer-encoding : chunked\n", Fault::FieldName),
        ("x: y\n z\n", Fault::Fold),
        (" x: y\n", Fault::Fold),
        ("x\n", Fault::FieldName),
        (": y\n", Fault::FieldName),
        ("x: \0\n", Fault::Control),
        ("x: \x7f\n", Fault::Control),
    ] {
        for asked in [GET, HEAD] {
            let text = format!("HTTP/1.1 200 OK\n{fields}\n");
            assert_eq!(answer(&text, asked), Err(fault), "{fields:?}");
        }
    }
    for raw in [
        "HTTP/1.1 200 OK\nx: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
    ] {
        assert_eq!(read([raw.as_bytes()], GET), Err(Fault::LineEnd));
    }
}

#[test]
fn framing_that_a_status_or_a_version_does_not_have_is_a_fault() {
    for (text, fault) in [
        (
            "HTTP/1.0 200 OK\ntransfer-encoding: chunked\n\n",
            Fault::CodingTooOld,
        ),
        (
            "HTTP/1.1 204 x\ntransfer-encoding: chunked\n\n",
            Fault::BodyForbidden,
        ),
        (
            "HTTP/1.1 204 x\ncontent-length: 1\n\n",
            Fault::BodyForbidden,
        ),
        (
            "HTTP/1.1 103 x\ncontent-length: 1\n\n",
            Fault::BodyForbidden,
        ),
        (
            "HTTP/1.1 100 x\ntransfer-encoding: chunked\n\n",
            Fault::BodyForbidden,
        ),
        ("HTTP/1.0 100 x\n\n", Fault::Status),
    ] {
        assert_eq!(answer(text, GET), Err(fault), "{text}");
    }
}

#[test]
fn chunks_are_read_as_strictly_as_those_of_requests() {
    for (body, fault) in [
        ("\nx", Fault::ChunkSize),
        ("0x1\nx\n0\n\n", Fault::ChunkSize),
        ("1 \nx\n0\n\n", Fault::ChunkSize),
        ("ffffffffffffffff\n", Fault::ChunkSize),
        ("1\nxy\n0\n\n", Fault::ChunkEnd),
        ("0\nx\n\n", Fault::Trailer),
    ] {
        let text = format!("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n{body}");
        let read = answer(&text, GET);
        assert!(read.is_err(), "{body:?}");
        if fault != Fault::Trailer {
            assert_eq!(read, Err(fault), "{body:?}");
        }
    }
}

#[test]
fn answers_before_the_answer_are_counted() {
    let interim = "HTTP/1.1 103 Early Hints\nlink: x\n\n";
    let text = format!(
        "{}HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        interim.repeat(3)
    );
    assert_eq!(
        answer(&text, GET).unwrap().statuses,
        [103, 103, 103, 200, 0]
    );
    let flood = interim.repeat(4);
    assert_eq!(answer(&flood, GET), Err(Fault::TooManyInterim));
}

#[test]
fn another_protocol_is_spoken_only_where_it_was_asked_for() {
    let text = "HTTP/1.1 101 Switching Protocols\nupgrade: x\n\n\0anything";
    assert_eq!(answer(text, GET), Err(Fault::Switched));
    assert_eq!(whole(text, UPGRADE), (0, false));
    let old = text.replace("1.1", "1.0");
    assert_eq!(answer(&old, UPGRADE), Err(Fault::Switched));
}

#[test]
fn heads_have_bounds() {
    let large = format!("HTTP/1.1 200 OK\nx: {}\n\n", "y".repeat(1000));
    assert_eq!(answer(&large, GET), Err(Fault::HeadTooLarge));
    let many = format!("HTTP/1.1 200 OK\n{}\n", "x: y\n".repeat(11));
    assert_eq!(answer(&many, GET), Err(Fault::TooManyFields));
    let endless = "H".repeat(1001);
    assert!(answer(&endless, GET).is_err());
}

/// Something like an answer: made of parts that matter, in any order.
fn like_an_answer() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 103 x\r\n",
        "HTTP/1.1 204 \r\n",
        "HTTP/1.0 304\r\n",
        "HTTP/1.1 101 x\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "content-length: 3\r\n",
        "Content-Length: 0\r\n",
        "transfer-encoding: chunked\r\n",
        "x: y\r\n",
        " z\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "abc",
        "\0",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn how_an_answer_is_cut_makes_no_difference(
        bytes in like_an_answer(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        head_only: bool,
        upgrade: bool,
    ) {
        let asked = Asked { head_only, upgrade };
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|two| &bytes[two[0]..two[1]]);
        prop_assert_eq!(read(pieces, asked), read([&bytes[..]], asked));
        let one_by_one = bytes.chunks(1);
        prop_assert_eq!(read(one_by_one, asked), read([&bytes[..]], asked));
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = read([&bytes[..]], GET) {
            prop_assert!(read.len <= bytes.len());
        }
    }
}
