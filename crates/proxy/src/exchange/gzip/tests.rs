use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

fn request(fields: &[(&'static str, &'static str)]) -> RequestHeader {
    let mut head = RequestHeader::build("GET", b"/", None).unwrap();
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    head
}

fn response(fields: &[(&'static str, &'static str)]) -> ResponseHeader {
    let mut head = ResponseHeader::build(200, None).unwrap();
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    head
}

/// What becomes of the head of an answer with these fields for a client that takes gzip.
fn begun(options: &Gzip, fields: &[(&'static str, &'static str)]) -> (bool, ResponseHeader) {
    let mut head = response(fields);
    let encoder = Encoder::begin(options, &request(&[("accept-encoding", "gzip")]), &mut head);
    (encoder.is_some(), head)
}

fn is_compressed(fields: &[(&'static str, &'static str)]) -> bool {
    begun(&Gzip::default(), fields).0
}

fn piece(task: &HttpTask) -> &[u8] {
    match task {
        HttpTask::Body(Some(bytes), _) => bytes,
        _ => &[],
    }
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // A stream that goes on ends in an error, after all that came.
    drop(GzDecoder::new(bytes).read_to_end(&mut out));
    out
}

#[test]
fn every_piece_can_be_read_as_soon_as_it_was_sent() {
    let mut head = response(&[]);
    let client = request(&[("accept-encoding", "gzip")]);
    let mut encoder = Encoder::begin(&Gzip::default(), &client, &mut head).unwrap();
    let (mut plain, mut sent) = (Vec::new(), Vec::new());
    for n in 0..50_u32 {
        let text: Vec<u8> = (0..n * 400).map(|at| ((at * at) >> 5) as u8).collect();
        let tasks = encoder.encode(HttpTask::Body(Some(text.clone().into()), false));
        tasks
            .iter()
            .for_each(|task| sent.extend_from_slice(piece(task)));
        plain.extend(text);
        assert_eq!(decoded(&sent), plain);
    }
    let tasks = encoder.encode(HttpTask::Done);
    assert!(matches!(tasks[..], [HttpTask::Body(Some(_), true)]));
    sent.extend_from_slice(piece(&tasks[0]));
    let mut whole = Vec::new();
    GzDecoder::new(&*sent).read_to_end(&mut whole).unwrap();
    assert_eq!(whole, plain);
}

#[test]
fn the_end_goes_before_the_trailers() {
    let mut head = response(&[]);
    let client = request(&[("accept-encoding", "gzip")]);
    let mut encoder = Encoder::begin(&Gzip::default(), &client, &mut head).unwrap();
    let mut sent = Vec::new();
    let tasks = encoder.encode(HttpTask::Body(Some("text".into()), false));
    sent.extend_from_slice(piece(&tasks[0]));
    let tasks = encoder.encode(HttpTask::Trailer(None));
    assert!(matches!(
        tasks[..],
        [HttpTask::Body(Some(_), false), HttpTask::Trailer(None)]
    ));
    sent.extend_from_slice(piece(&tasks[0]));
    let mut whole = String::new();
    GzDecoder::new(&*sent).read_to_string(&mut whole).unwrap();
    assert_eq!(whole, "text");
}

#[test]
fn the_head_says_what_was_done() {
    let (compressed, head) = begun(
        &Gzip::default(),
        &[
            ("content-length", "100"),
            ("content-type", "text/html; charset=utf-8"),
            ("etag", "\"1\""),
            ("accept-ranges", "bytes"),
            ("vary", "Origin"),
        ],
    );
    assert!(compressed);
    assert_eq!(head.headers["content-encoding"], "gzip");
    assert_eq!(head.headers["transfer-encoding"], "chunked");
    assert_eq!(head.headers["etag"], "W/\"1\"");
    let vary: Vec<_> = head.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Origin", "Accept-Encoding"]);
    for gone in ["content-length", "accept-ranges"] {
        assert!(!head.headers.contains_key(gone), "{gone}");
    }
}

#[test]
fn short_answers_are_left_alone() {
    assert!(!is_compressed(&[("content-length", "29")]));
    assert!(is_compressed(&[("content-length", "30")]));
    assert!(is_compressed(&[("transfer-encoding", "chunked")]));
    let options = Gzip {
        min_content_length: Some(1000),
        ..Gzip::default()
    };
    assert!(!begun(&options, &[("content-length", "999")]).0);
}

#[test]
fn media_types_decide() {
    assert!(is_compressed(&[]));
    assert!(is_compressed(&[("content-type", "Application/JSON")]));
    assert!(!is_compressed(&[("content-type", "image/png")]));
    assert!(!is_compressed(&[("content-type", "application/grpc")]));
    let options = Gzip {
        content_type: Some(["image/png".into()].into()),
        ..Gzip::default()
    };
    assert!(begun(&options, &[("content-type", "image/png")]).0);
    assert!(!begun(&options, &[("content-type", "text/html")]).0);
}

#[test]
fn what_must_not_be_changed_is_not() {
    for field in [
        ("content-encoding", "br"),
        ("cache-control", "private, No-Transform"),
        ("content-range", "bytes 0-99/200"),
    ] {
        let (compressed, head) = begun(&Gzip::default(), &[field]);
        assert!(!compressed, "{field:?}");
        assert!(!head.headers.contains_key("vary"), "{field:?}");
    }
    let options = Gzip {
        disable_on_etag_header: true,
        ..Gzip::default()
    };
    assert!(!begun(&options, &[("etag", "\"1\"")]).0);
    assert!(begun(&options, &[]).0);
}

#[test]
fn answers_without_a_body_have_none_to_compress() {
    let client = request(&[("accept-encoding", "gzip")]);
    for status in [101, 204, 206, 304] {
        let mut head = ResponseHeader::build(status, None).unwrap();
        assert!(Encoder::begin(&Gzip::default(), &client, &mut head).is_none());
    }
    let mut head = client.as_owned_parts();
    head.method = Method::HEAD;
    assert!(Encoder::begin(&Gzip::default(), &head.into(), &mut response(&[])).is_none());
}

#[test]
fn caches_are_told_also_when_the_client_does_not_take_it() {
    let mut head = response(&[("content-length", "100")]);
    assert!(Encoder::begin(&Gzip::default(), &request(&[]), &mut head).is_none());
    assert_eq!(head.headers["vary"], "Accept-Encoding");
    assert_eq!(head.headers["content-length"], "100");
    let mut said = response(&[("vary", "accept-encoding")]);
    assert!(Encoder::begin(&Gzip::default(), &request(&[]), &mut said).is_none());
    assert_eq!(said.headers.get_all("vary").iter().count(), 1);
}
