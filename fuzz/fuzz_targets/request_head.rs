//! Any bytes, as what a client sends: through the guard, then the parser that comes behind it.
//!
//! Looks for panics; for verdicts that depend on how the bytes came; and for heads that the guard lets pass
//! and the parser reads differently, or that are no head once they are written anew.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nuncio_fuzz::guarded;

fuzz_target!(|bytes: &[u8]| {
    let Some(head) = guarded::head(bytes) else {
        return;
    };
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut fields);
    let status = parsed
        .parse(&head)
        .expect("the parser takes what the guard takes");
    assert_eq!(status, httparse::Status::Complete(head.len()));
    let mut written = format!(
        "{} {} HTTP/1.{}\r\n",
        parsed.method.unwrap(),
        parsed.path.unwrap(),
        parsed.version.unwrap()
    )
    .into_bytes();
    for field in parsed.headers.iter() {
        written.extend_from_slice(field.name.as_bytes());
        written.extend_from_slice(b": ");
        written.extend_from_slice(field.value);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"\r\n");
    // It may be longer than what came by the blanks before values.
    assert!(
        guarded::head(&written).is_some(),
        "{}",
        written.escape_ascii()
    );
});
