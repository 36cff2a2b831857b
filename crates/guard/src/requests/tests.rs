use super::*;

const TERMS: Terms = Terms {
    max_head_bytes: 1000,
    max_fields: 10,
    max_url_bytes: None,
    chunks: ChunkLimits {
        line: 128,
        extensions: 8192,
    },
    allow_chunked_length: false,
};

fn head(bytes: &str) -> Result<Option<Head>, Fault> {
    Requests::new(TERMS).head(bytes.as_bytes())
}

fn with(fields: &str) -> Result<Option<Head>, Fault> {
    head(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

#[test]
fn a_head_ends_with_its_empty_line() {
    let bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
    let read = head(bytes).unwrap().unwrap();
    assert_eq!((read.len, read.conflict), (bytes.len() - 3, None));
    for len in 0..bytes.len() - 3 {
        assert_eq!(head(&bytes[..len]), Ok(None), "{len}");
    }
}

#[test]
fn framing_has_one_reading_or_none() {
    for (fields, fault) in [
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            Fault::LengthRepeated,
        ),
        ("Content-Length: 5, 5\r\n", Fault::Length),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Fault::LengthAndCoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Fault::CodingRepeated,
        ),
        ("Transfer-Encoding: gzip, chunked\r\n", Fault::CodingUnknown),
        ("Transfer-Encoding : chunked\r\n", Fault::FieldName),
        ("Transfer-Encoding:\x0bchunked\r\n", Fault::Control),
        ("X: y\r\n chunked\r\n", Fault::Fold),
        ("Host: a\r\n", Fault::HostRepeated),
        ("X: a\nY: b\r\n", Fault::LineEnd),
        ("X: a\rY: b\r\n", Fault::LineEnd),
    ] {
        assert_eq!(with(fields), Err(fault), "{fields:?}");
    }
}

#[test]
fn hosts_are_there_once_and_are_hosts() {
    for (head_bytes, fault) in [
        ("GET / HTTP/1.1\r\n\r\n", Fault::HostMissing),
        ("GET http://a/ HTTP/1.1\r\n\r\n", Fault::HostMissing),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Fault::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Fault::HostInvalid),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", Fault::Userinfo),
    ] {
        assert_eq!(head(head_bytes), Err(fault), "{head_bytes:?}");
    }
    assert!(head("GET / HTTP/1.0\r\n\r\n").unwrap().is_some());
}

#[test]
fn an_authority_goes_before_a_host_that_differs() {
    let bytes = "GET http://one/ HTTP/1.1\r\nX: y\r\nHost: \t two \r\n\r\n";
    let conflict = head(bytes).unwrap().unwrap().conflict.unwrap();
    assert_eq!(
        (&bytes[conflict.authority], &bytes[conflict.host]),
        ("one", "two")
    );
    let same = "GET http://one/ HTTP/1.1\r\nHost: one\r\n\r\n";
    assert_eq!(head(same).unwrap().unwrap().conflict, None);
}

#[test]
fn what_is_too_large_is_told_before_it_ends() {
    let long = "a".repeat(TERMS.max_head_bytes);
    assert_eq!(head(&format!("GET /{long}")), Err(Fault::UrlTooLong));
    let line = "GET / HTTP/1.1\r\n";
    assert_eq!(head(&format!("{line}a: {long}")), Err(Fault::HeadTooLarge));
    let many = "a: b\r\n".repeat(TERMS.max_fields + 1);
    assert_eq!(head(&format!("{line}{many}")), Err(Fault::TooManyFields));
}

#[test]
fn one_empty_line_before_a_request_is_overlooked() {
    assert!(
        head("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap()
            .is_some()
    );
    assert_eq!(head("\r\n\r\nGET / HTTP/1.1\r\n"), Err(Fault::RequestLine));
    assert_eq!(head("\nGET / HTTP/1.1\r\n"), Err(Fault::LineEnd));
}

#[test]
fn bodies_are_followed_to_their_end() {
    let mut requests = Requests::new(TERMS);
    let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    assert!(requests.head(bytes).unwrap().is_some());
    assert_eq!(requests.body(b"hel"), Ok(3));
    assert!(!requests.is_complete());
    assert_eq!(requests.body(b"loGET"), Ok(2));
    assert!(requests.is_complete());
    requests.begin(TERMS);
    let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(requests.head(bytes).unwrap().is_some());
    assert_eq!(requests.body(b"1\r\nx\r\n0\r\n\r\nGET"), Ok(11));
    assert!(requests.is_complete());
}
