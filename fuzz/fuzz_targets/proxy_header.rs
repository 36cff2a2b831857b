//! Any bytes, as the beginning of a connection that somebody passes on.
//!
//! Looks for panics; and for headers that mean something else when more follows, or that are longer than
//! what came.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy_header::{MAX_LEN, Parsed, parse};

#[path = "../../crates/proxy/src/downstream/proxy_header/mod.rs"]
mod proxy_header;

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    match &whole {
        Parsed::Header(header) => assert!(header.len <= bytes.len() && header.len <= MAX_LEN),
        Parsed::NeedMore => assert!(bytes.len() < MAX_LEN),
        Parsed::Invalid(_) => {}
    }
    for end in 0..bytes.len().min(300) {
        match (parse(&bytes[..end]), &whole) {
            (Parsed::NeedMore, _) | (Parsed::Invalid(_), Parsed::Invalid(_)) => {}
            (part, whole) => assert_eq!(part, *whole, "the first {end} bytes"),
        }
    }
});
