//! What the guard lets pass, however it comes.

use nuncio_guard::{ChunkLimits, Fault, Requests, Terms};

const TERMS: Terms = Terms {
    max_head_bytes: 60 * 1024,
    max_fields: 100,
    max_url_bytes: None,
    chunks: ChunkLimits {
        line: 128,
        extensions: 8192,
    },
    allow_chunked_length: false,
};

/// The head that the bytes begin with, if it is sound.
///
/// # Panics
///
/// When it is another one if it comes byte by byte.
pub fn head(bytes: &[u8]) -> Option<Vec<u8>> {
    let whole = Requests::new(TERMS).head(bytes);
    let mut requests = Requests::new(TERMS);
    let parts = (1..=bytes.len()).find_map(|end| requests.head(&bytes[..end]).transpose());
    assert_eq!(parts.transpose(), whole, "byte by byte");
    let len = whole.ok().flatten()?.len;
    Some(bytes[..len].to_vec())
}

/// How long the body is that the bytes begin with, if it is sound and complete.
///
/// # Panics
///
/// When it is another one if it comes byte by byte.
pub fn body(bytes: &[u8]) -> Option<usize> {
    let whole = read([bytes]);
    assert_eq!(read(bytes.chunks(1)), whole, "byte by byte");
    whole.ok().flatten()
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<usize>, Fault> {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut requests = Requests::new(TERMS);
    requests.head(head)?;
    let mut len = 0;
    for piece in pieces {
        len += requests.body(piece)?;
    }
    Ok(requests.is_complete().then_some(len))
}
