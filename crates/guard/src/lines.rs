//! Where lines end: by CRLF, and by nothing else.

use crate::Fault;
use crate::alphabet::is_text;

/// The end of the line that was searched from `from` on: where its CR stands, once its LF has come.
///
/// # Errors
///
/// For control bytes, and for a CR or LF that is no end of a line (RFC 9112 section 2.2).
pub(crate) fn end(bytes: &[u8], from: usize) -> Result<LineEnd, Fault> {
    let at = text_ends(bytes, from);
    match (bytes.get(at), bytes.get(at + 1)) {
        (None, _) | (Some(b'\r'), None) => Ok(LineEnd::Beyond { searched: at }),
        (Some(b'\r'), Some(b'\n')) => Ok(LineEnd::At(at)),
        (Some(b'\r' | b'\n'), _) => Err(Fault::LineEnd),
        (Some(_), _) => Err(Fault::Control),
    }
}

/// Where a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// Its CR stands there, and its LF behind it.
    At(usize),
    /// Not in what has come; up to there nothing has to be looked at again.
    Beyond { searched: usize },
}

/// The first byte from `from` on that is no text.
fn text_ends(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        if !is_plain(u64::from_le_bytes(*eight)) {
            // Else it was a tab.
            if let Some(n) = eight.iter().position(|byte| !is_text(*byte)) {
                return at + n;
            }
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|byte| !is_text(*byte))
        .unwrap_or(rest.len())
}

/// Whether none of eight bytes is a control byte, all at once.
const fn is_plain(eight: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let below_space = eight.wrapping_sub(ONES * 0x20) & !eight & HIGH;
    let other = eight ^ (ONES * 0x7f);
    let delete = other.wrapping_sub(ONES) & !other & HIGH;
    (below_space | delete) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_both_together_end_a_line() {
        assert_eq!(end(b"abc\r\n", 0), Ok(LineEnd::At(3)));
        assert_eq!(end(b"abc\r", 0), Ok(LineEnd::Beyond { searched: 3 }));
        assert_eq!(end(b"abc", 0), Ok(LineEnd::Beyond { searched: 3 }));
        assert_eq!(end(b"abc\n", 0), Err(Fault::LineEnd));
        assert_eq!(end(b"abc\rd", 0), Err(Fault::LineEnd));
        assert_eq!(end(b"abc\0d", 0), Err(Fault::Control));
        assert_eq!(end(b"0123456789\x7f", 0), Err(Fault::Control));
    }

    proptest! {
        #[test]
        fn eight_at_once_are_seen_as_one_by_one(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let slow = bytes.iter().position(|byte| !is_text(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(text_ends(&bytes, 0), slow);
        }
    }
}
