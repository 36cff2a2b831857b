//! Any bytes, as what a client of HTTP/2 sends.
//!
//! Looks for panics; for verdicts that depend on how the bytes were cut into pieces; and for what passes
//! though it is larger than may be. The first byte says how they are cut.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use nuncio_guard::{FrameFault, FrameTerms, Frames};

const TERMS: FrameTerms = FrameTerms {
    max_head_bytes: 1024,
    max_fields: 20,
    max_resets: 5,
    resets_within: Duration::from_secs(30),
};

const BEGUN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let whole = passed(bytes, bytes.len().max(1));
    let cut = passed(bytes, usize::from(*size).max(1));
    assert_eq!(cut.1, whole.1, "how it ends");
    if whole.1.is_none() {
        assert_eq!(cut.0, whole.0, "what passes");
    }
});

/// What passes, and how it ends.
fn passed(bytes: &[u8], size: usize) -> (Vec<u8>, Option<FrameFault>) {
    let now = Instant::now();
    let mut frames = Frames::new(TERMS, now);
    frames.take(BEGUN, &mut Vec::new(), now);
    let mut all = Vec::new();
    for piece in bytes.chunks(size) {
        let mut rest = Vec::new();
        let unchanged = frames.take(piece, &mut rest, now);
        all.extend(&piece[..unchanged]);
        while frames.take_more(&mut rest, now) {}
        all.extend(rest);
    }
    // A head is written anew in at most what it may have, and what its fields' lengths take.
    let heads = bytes.windows(9).filter(|head| head[3] == 1).count();
    assert!(all.len() <= bytes.len() + heads * 8 * TERMS.max_head_bytes);
    (all, frames.fault())
}
