//! Judges what an upstream of HTTP/1 answers before the codec reads it.
//!
//! Invariant: the codec is given heads that are complete and sound, bodies as they come and are found
//! sound, and after a fault nothing. What comes in one piece is judged where the codec wants it, and is not
//! copied.
//!
//! Deliberately absent: what comes behind an answer. The codec is given it too, and gives the connection up.

use bytes::{Buf, BytesMut};
use nuncio_guard::{AnswerTerms, Asked, Fault, Responses};
use tokio::io::ReadBuf;

/// What stands between an upstream and the codec.
#[derive(Debug)]
pub(super) struct Answers {
    responses: Responses,
    /// What came and is not the codec's yet.
    held: BytesMut,
    /// How much of it the codec may have.
    passed: usize,
}

impl Answers {
    pub(super) fn new(terms: AnswerTerms) -> Self {
        Self {
            responses: Responses::new(terms),
            held: BytesMut::new(),
            passed: 0,
        }
    }

    /// The next request goes out.
    pub(super) fn begin(&mut self, terms: AnswerTerms) {
        *self = Self::new(terms);
    }

    pub(super) fn is_all_read(&self) -> bool {
        self.held.is_empty()
    }

    /// Gives the codec what it may have of what is held; whether there was any.
    pub(super) fn pass(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if self.passed == 0 {
            return false;
        }
        let n = self.passed.min(buf.remaining());
        buf.put_slice(self.held.get(..n).unwrap_or_default());
        self.held.advance(n);
        self.passed -= n;
        if self.held.is_empty() {
            // An idle connection holds nothing.
            self.held = BytesMut::new();
        }
        true
    }

    /// Judges what stands where the codec wants it; returns how much of it the codec may have there.
    pub(super) fn judge(&mut self, bytes: &[u8], asked: Asked) -> Result<usize, Fault> {
        if self.held.is_empty() {
            let passed = read(&mut self.responses, bytes, asked)?;
            let rest = bytes.get(passed..).unwrap_or_default();
            self.held.extend_from_slice(rest);
            return Ok(passed);
        }
        self.held.extend_from_slice(bytes);
        self.passed = read(&mut self.responses, &self.held, asked)?;
        Ok(0)
    }
}

/// How many of the bytes may be passed on: all but those of a head that is not complete.
fn read(responses: &mut Responses, bytes: &[u8], asked: Asked) -> Result<usize, Fault> {
    let mut at = 0;
    while responses.is_in_head() {
        match responses.head(bytes.get(at..).unwrap_or_default(), asked)? {
            Some(answer) => at += answer.len,
            None => return Ok(at),
        }
    }
    responses.body(bytes.get(at..).unwrap_or_default())?;
    Ok(bytes.len())
}

#[cfg(test)]
mod tests {
    use nuncio_guard::ChunkLimits;

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

    /// What the codec gets of `pieces`, which come one after the other, and how many bytes wait.
    fn passed(pieces: &[&[u8]]) -> Result<(Vec<u8>, usize), Fault> {
        let mut answers = Answers::new(TERMS);
        let mut got = Vec::new();
        for piece in pieces {
            let n = answers.judge(piece, Asked::default())?;
            got.extend_from_slice(&piece[..n]);
            let mut small = [0; 7];
            let mut buf = ReadBuf::new(&mut small);
            while answers.pass(&mut buf) {
                got.extend_from_slice(buf.filled());
                buf.clear();
            }
        }
        Ok((got, answers.held.len()))
    }

    const ANSWER: &[u8] =
        b"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

    #[test]
    fn however_an_answer_is_cut_the_codec_gets_all_of_it() {
        for at in 0..ANSWER.len() {
            let (first, second) = ANSWER.split_at(at);
            assert_eq!(passed(&[first, second]), Ok((ANSWER.to_vec(), 0)), "{at}");
        }
        let one_by_one: Vec<_> = ANSWER.chunks(1).collect();
        assert_eq!(passed(&one_by_one), Ok((ANSWER.to_vec(), 0)));
    }

    #[test]
    fn the_codec_gets_nothing_of_a_head_that_goes_on() {
        let begun = b"HTTP/1.1 200 OK\r\nx: y\r\n";
        assert_eq!(passed(&[begun]), Ok((Vec::new(), begun.len())));
    }

    #[test]
    fn the_codec_gets_what_comes_behind_an_answer() {
        let behind = [ANSWER, b"HTTP/1.1 200 OK\r\n\r\n"].concat();
        assert_eq!(passed(&[&behind]), Ok((behind.clone(), 0)));
    }

    #[test]
    fn a_fault_is_told_whoever_holds_what_came_before() {
        let faulty: &[u8] = b"HTTP/1.1 200 OK\r\nx : y\r\n\r\n";
        assert_eq!(passed(&[faulty]), Err(Fault::FieldName));
        assert_eq!(passed(&[&faulty[..9], &faulty[9..]]), Err(Fault::FieldName));
    }
}
