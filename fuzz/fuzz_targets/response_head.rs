//! Any bytes, as what an upstream answers. The first byte says what was asked, and where the answer is
//! cut in two.
//!
//! Looks for panics; for answers whose reading depends on how they were cut; and for heads that the codec
//! behind the guard reads differently.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nuncio_guard::{AnswerTerms, Asked, ChunkLimits, Fault, Responses};

const TERMS: AnswerTerms = AnswerTerms {
    max_head_bytes: 64 * 1024,
    max_fields: 200,
    max_interim: 16,
    chunks: ChunkLimits {
        line: 128,
        extensions: 8_192,
    },
};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let asked = Asked {
        head_only: choice & 1 != 0,
        upgrade: choice & 2 != 0,
    };
    let whole = read([bytes], asked);
    let (first, second) = bytes.split_at(usize::from(choice >> 2).min(bytes.len()));
    assert_eq!(read([first, second], asked), whole);
    assert_eq!(read(bytes.chunks(1), asked), whole);
    is_read_alike(bytes, asked);
});

/// How many bytes of all heads and of the body there were, and whether that is all of the answer.
fn read<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    asked: Asked,
) -> Result<(usize, bool), Fault> {
    let mut responses = Responses::new(TERMS);
    let (mut kept, mut len) = (Vec::new(), 0);
    for piece in pieces {
        kept.extend_from_slice(piece);
        while responses.is_in_head()
            && let Some(answer) = responses.head(&kept, asked)?
        {
            len += answer.len;
            kept.drain(..answer.len);
        }
        if !responses.is_in_head() {
            len += responses.body(&kept)?;
            kept.clear();
        }
    }
    Ok((len, responses.is_complete()))
}

fn is_read_alike(bytes: &[u8], asked: Asked) {
    let Ok(Some(answer)) = Responses::new(TERMS).head(bytes, asked) else {
        return;
    };
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Response::new(&mut fields);
    let len = parsed.parse(bytes);
    assert_eq!(len, Ok(httparse::Status::Complete(answer.len)));
    assert_eq!(parsed.code, Some(answer.status));
    let lines = bytes[..answer.len].windows(2).filter(|two| two == b"\r\n");
    assert_eq!(parsed.headers.len(), lines.count() - 2);
}
