//! The data of a body in chunks.
//!
//! Invariant: whatever stands between the data is what the guard took it for. It has judged these bytes
//! before: what is not a chunk here cannot come.

use std::fmt::Write;
use std::num::NonZero;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;
use pingora_core::{Error, ErrorType, Result};

/// How far a body in chunks was taken apart.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    next: Next,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    /// The line with a size.
    #[default]
    Size,
    Data(u64),
    /// The line that ends a chunk, which is empty.
    DataEnd,
    /// A line of trailers, or the empty one behind them.
    Trailer,
    Nothing,
}

impl Chunks {
    /// Takes the next piece of data from `came`; `None`: there is none in it.
    pub(super) fn next(&mut self, came: &mut BytesMut) -> Result<Option<Bytes>> {
        self.reach_data(came)?;
        let Next::Data(left) = &mut self.next else {
            return Ok(None);
        };
        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(came.len());
        let piece = came.split_to(here).freeze();
        *left -= here as u64;
        if *left == 0 {
            self.next = Next::DataEnd;
            // So that the end is known with the last piece, if it is there.
            self.reach_data(came)?;
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// Goes on to where data begins, or as far as lines are complete.
    fn reach_data(&mut self, came: &mut BytesMut) -> Result<()> {
        while !matches!(self.next, Next::Data(_) | Next::Nothing) {
            let Some(end) = memchr(b'\n', came) else {
                return Ok(());
            };
            let line = came.get(..end).unwrap_or_default().trim_ascii_end();
            self.next = match self.next {
                Next::Size => match size(line)? {
                    0 => Next::Trailer,
                    size => Next::Data(size),
                },
                Next::Trailer if line.is_empty() => Next::Nothing,
                Next::DataEnd => Next::Size,
                next @ (Next::Trailer | Next::Data(_) | Next::Nothing) => next,
            };
            came.advance(end + 1);
        }
        Ok(())
    }
}

/// The line before a piece with so many bytes. There is none before one of none: it would end the body, and
/// what follows would be the next request.
pub(super) fn size_line(len: usize) -> Option<BytesMut> {
    let len = NonZero::new(len)?;
    let mut line = BytesMut::with_capacity(18);
    // There is room for any number.
    let _ = write!(line, "{len:X}\r\n");
    Some(line)
}

fn size(line: &[u8]) -> Result<u64> {
    let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next();
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    let size = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    size.ok_or_else(|| Error::explain(ErrorType::InvalidHTTPHeader, "no size of a chunk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of `pieces`, which come one after the other, and how much is left behind the end.
    fn data(pieces: &[&[u8]]) -> Option<(Vec<u8>, usize)> {
        let (mut chunks, mut came, mut data) = (Chunks::default(), BytesMut::new(), Vec::new());
        for piece in pieces {
            came.extend_from_slice(piece);
            while let Some(bytes) = chunks.next(&mut came).unwrap() {
                data.extend_from_slice(&bytes);
            }
        }
        chunks.is_done().then_some((data, came.len()))
    }

    const BODY: &[u8] = b"3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";

    #[test]
    fn however_chunks_are_cut_their_data_is_the_same() {
        let expected = Some((b"abc0123456789".to_vec(), 0));
        for at in 0..BODY.len() {
            let (first, second) = BODY.split_at(at);
            assert_eq!(data(&[first, second]), expected, "{at}");
        }
        let one_by_one: Vec<_> = BODY.chunks(1).collect();
        assert_eq!(data(&one_by_one), expected);
    }

    #[test]
    fn the_end_is_known_with_the_last_piece() {
        let (mut chunks, mut came) = (
            Chunks::default(),
            BytesMut::from(&b"1\r\na\r\n0\r\n\r\n"[..]),
        );
        assert_eq!(chunks.next(&mut came).unwrap().unwrap(), "a");
        assert!(chunks.is_done());
    }

    #[test]
    fn what_comes_behind_is_left_there() {
        assert_eq!(data(&[b"0\r\n\r\nHTTP"]), Some((Vec::new(), 4)));
    }

    #[test]
    fn nothing_is_done_before_its_end() {
        assert_eq!(data(&[b"1\r\na\r\n0\r\n"]), None);
    }

    #[test]
    fn a_piece_of_nothing_is_no_chunk() {
        assert_eq!(size_line(0), None);
        assert_eq!(size_line(255).unwrap(), "FF\r\n");
    }

    #[test]
    fn what_is_no_size_is_an_error() {
        for odd in [&b"\r\n"[..], b"x\r\n", b"fffffffffffffffff\r\n"] {
            assert!(Chunks::default().next(&mut BytesMut::from(odd)).is_err());
        }
    }
}
