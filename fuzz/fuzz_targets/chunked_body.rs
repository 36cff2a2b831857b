//! Any bytes, as a body in chunks.
//!
//! Looks for panics; for ends that depend on how the bytes came; and for ends where another reader of chunks
//! does not find one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nuncio_fuzz::guarded;

fuzz_target!(|bytes: &[u8]| {
    let Some(len) = guarded::body(bytes) else {
        return;
    };
    let mut rest = &bytes[..len];
    loop {
        let Ok(httparse::Status::Complete((at, size))) = httparse::parse_chunk_size(rest) else {
            panic!("no size in {}", rest.escape_ascii());
        };
        rest = &rest[at..];
        if size == 0 {
            break;
        }
        rest = &rest[size as usize..];
        rest = rest
            .strip_prefix(b"\r\n")
            .expect("the chunk ends where its size says");
    }
    let mut fields = [httparse::EMPTY_HEADER; 128];
    match httparse::parse_headers(rest, &mut fields) {
        Ok(httparse::Status::Complete((at, _))) => assert_eq!(at, rest.len()),
        other => panic!("{other:?} of {}", rest.escape_ascii()),
    }
});
