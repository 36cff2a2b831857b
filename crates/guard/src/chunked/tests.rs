use super::*;

const MAX_LINE: usize = 128;
const MAX_EXTENSIONS: usize = 8192;
const LIMITS: ChunkLimits = ChunkLimits {
    line: MAX_LINE,
    extensions: MAX_EXTENSIONS,
};

/// How many bytes the body has, however it is cut in two.
fn read(body: &[u8]) -> Result<Option<usize>, Fault> {
    let outcome = read_in(&[body]);
    for at in 0..=body.len() {
        assert_eq!(read_in(&[&body[..at], &body[at..]]), outcome, "{at}");
    }
    outcome
}

fn read_in(pieces: &[&[u8]]) -> Result<Option<usize>, Fault> {
    let mut chunked = Chunked::new(LIMITS);
    let mut len = 0;
    for piece in pieces {
        len += chunked.read(piece)?;
    }
    Ok(chunked.is_done().then_some(len))
}

#[test]
fn a_body_ends_with_the_empty_line_behind_its_last_chunk() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "00a\r\n0123456789\r\n1\r\n\n\r\n000\r\n\r\n",
        "A;x\r\n0123456789\r\n0;y=z;q=\"a;\\\" b\"\r\n\r\n",
        "1;a=\"\";b\r\nx\r\n0\r\nX-Sum: 1\r\nother:\r\n\r\n",
    ] {
        let len = body.len();
        assert_eq!(read(body.as_bytes()), Ok(Some(len)), "{body:?}");
        let with_next = format!("{body}GET / HTTP/1.1\r\n");
        assert_eq!(read(with_next.as_bytes()), Ok(Some(len)), "{body:?}");
    }
}

#[test]
fn a_body_without_its_end_goes_on() {
    for body in [
        "",
        "5",
        "5\r",
        "5\r\n",
        "5\r\nhell",
        "5\r\nhello",
        "0\r\n",
        "0\r\nx: y\r\n",
        "0\r\n\r",
    ] {
        assert_eq!(read(body.as_bytes()), Ok(None), "{body:?}");
    }
}

#[test]
fn sizes_are_hexadecimal_digits_and_nothing_else() {
    for size in [
        "\r\n",
        ";x\r\n",
        " 5\r\n",
        "\t5\r\n",
        "5 \r\n",
        "5 ;x\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "5h\r\n",
        "g\r\n",
        "5_0\r\n",
        "5.\r\n",
        "\n",
        "5\n",
        "5,5\r\n",
        "00000000000000005\r\n",
        "8000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "\u{ff15}\r\n",
        "\"5\"\r\n",
    ] {
        let outcome = read(size.as_bytes());
        assert_eq!(outcome, Err(Fault::ChunkSize), "{size:?}");
    }
    assert_eq!(read(b"5\rx"), Err(Fault::LineEnd));
}

#[test]
fn chunks_together_may_not_be_more_than_can_be_counted() {
    let mut chunked = Chunked::new(LIMITS);
    chunked.total = MAX_LENGTH - 4;
    assert_eq!(chunked.read(b"5\r\n"), Err(Fault::ChunkSize));
}

#[test]
fn a_chunk_ends_where_its_size_says() {
    for body in [
        "5\r\nhello0\r\n",
        "5\r\nhello!\r\n",
        "5\r\nhello\n0\r\n",
        "5\r\nhello\r0",
        "5\r\nhello\r\r\n",
    ] {
        assert_eq!(read(body.as_bytes()), Err(Fault::ChunkEnd), "{body:?}");
    }
}

#[test]
fn extensions_have_a_grammar() {
    for line in [
        ";\r\n",
        ";;\r\n",
        ";=\r\n",
        ";a=\r\n",
        ";a=\"\r\n",
        ";a=\"b\"c\r\n",
        ";a b\r\n",
        "; a\r\n",
        ";a =b\r\n",
        ";a= b\r\n",
        ";a=\"\0\"\r\n",
        ";a\n",
        ";a=\"\n\"\r\n",
        ";a=\"\\\n\"\r\n",
        ";a\rb\r\n",
        ";a=b=c\r\n",
        ";a,b\r\n",
        ";\u{e9}\r\n",
        ";a \r\n",
    ] {
        let body = format!("1{line}x\r\n0\r\n\r\n");
        let outcome = read(body.as_bytes());
        let is_right = matches!(outcome, Err(Fault::ChunkExtension | Fault::LineEnd));
        assert!(is_right, "{line:?}: {outcome:?}");
    }
}

#[test]
fn lines_and_extensions_are_bounded() {
    let line = |n: usize| format!("1;{}\r\n", "a".repeat(n - 2));
    assert_eq!(read(line(MAX_LINE).as_bytes()), Ok(None));
    assert_eq!(
        read(line(MAX_LINE + 1).as_bytes()),
        Err(Fault::ChunkLineTooLong)
    );
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(63));
    assert_eq!(
        read_in(&[chunk.repeat(MAX_EXTENSIONS / 64).as_bytes()]),
        Ok(None)
    );
    let too_many = chunk.repeat(MAX_EXTENSIONS / 64 + 1);
    assert_eq!(
        read_in(&[too_many.as_bytes()]),
        Err(Fault::ExtensionsTooLarge)
    );
}

#[test]
fn trailers_are_fields_that_are_of_use_behind_a_body() {
    for (trailer, fault) in [
        ("x\r\n", Fault::Trailer),
        (": x\r\n", Fault::Trailer),
        ("x : y\r\n", Fault::Trailer),
        (" x: y\r\n", Fault::Fold),
        ("a: b\r\n c\r\n", Fault::Fold),
        ("a: b\n", Fault::LineEnd),
        ("a: b\rc\r\n", Fault::LineEnd),
        ("\n", Fault::Trailer),
        ("a: \0\r\n", Fault::Control),
        ("Content-Length: 5\r\n", Fault::TrailerForbidden),
        ("transfer-encoding: chunked\r\n", Fault::TrailerForbidden),
        ("HOST: a\r\n", Fault::TrailerForbidden),
        ("a: b\r\nte: x\r\n", Fault::TrailerForbidden),
    ] {
        let body = format!("0\r\n{trailer}\r\n");
        assert_eq!(read(body.as_bytes()), Err(fault), "{trailer:?}");
    }
    assert_eq!(read(b"0\r\nx-content-length: 5\r\n\r\n"), Ok(Some(26)));
}

#[test]
fn trailers_are_bounded() {
    let many = format!("0\r\n{}\r\n", "a: b\r\n".repeat(MAX_TRAILER_FIELDS + 1));
    assert_eq!(read_in(&[many.as_bytes()]), Err(Fault::TrailersTooLarge));
    let large = format!("0\r\na: {}\r\n\r\n", "b".repeat(MAX_TRAILERS));
    assert_eq!(read_in(&[large.as_bytes()]), Err(Fault::TrailersTooLarge));
}

#[test]
fn large_bodies_are_followed_in_pieces() {
    let chunk = [b"2717\r\n".as_slice(), &[7; 10_007], b"\r\n"].concat();
    let body = [&*chunk.repeat(300), b"0\r\n\r\n"].concat();
    for size in [1, 1000, 4096, 65_536] {
        let pieces: Vec<_> = body.chunks(size).collect();
        assert_eq!(read_in(&pieces), Ok(Some(body.len())), "{size}");
    }
}
