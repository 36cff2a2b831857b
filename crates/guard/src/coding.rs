//! How long a body says it is.

use crate::Fault;
use crate::alphabet::is_all_token;
use crate::field::trimmed;

/// The most that a body or a chunk may have: readers count with signed numbers too.
pub(crate) const MAX_LENGTH: u64 = i64::MAX as u64;

/// The number that a Content-Length says (RFC 9110 section 8.6).
///
/// # Errors
///
/// When it is anything but digits, or more than [`MAX_LENGTH`].
pub(crate) fn length(value: &[u8]) -> Result<u64, Fault> {
    // More digits than the largest number has are either zeros or too many.
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Length);
    }
    let number = value
        .iter()
        .fold(0_u64, |sum, byte| sum * 10 + u64::from(byte & 0xf));
    (number <= MAX_LENGTH)
        .then_some(number)
        .ok_or(Fault::Length)
}

/// Whether a Transfer-Encoding says `chunked` and nothing else (RFC 9112 section 6.1).
///
/// # Errors
///
/// When it says anything else: a fault where the body's end could not be found either way, a coding that
/// is not known where it could.
pub(crate) fn check(value: &[u8]) -> Result<(), Fault> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.split(|byte| *byte == b',').map(trimmed).rev();
    let is_last_chunked = codings.next().is_some_and(is_chunked);
    let are_others_sound = codings.all(|coding| is_all_token(coding) && !is_chunked(coding));
    match is_last_chunked && are_others_sound {
        true => Err(Fault::CodingUnknown),
        false => Err(Fault::Coding),
    }
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_that_can_be_counted_to() {
        assert_eq!(length(b"0"), Ok(0));
        assert_eq!(length(b"007"), Ok(7));
        assert_eq!(length(b"9223372036854775807"), Ok(MAX_LENGTH));
        for odd in [
            "",
            "+1",
            "-1",
            "1 ",
            "1,1",
            "1, 1",
            "0x1",
            "1a",
            "1_0",
            "9223372036854775808",
            "18446744073709551616",
            "00000000000000000000",
            "1.0",
            "1e1",
            "\u{661}",
        ] {
            assert_eq!(length(odd.as_bytes()), Err(Fault::Length), "{odd}");
        }
    }

    #[test]
    fn chunked_is_the_one_coding() {
        for one in ["chunked", "Chunked", "CHUNKED"] {
            assert_eq!(check(one.as_bytes()), Ok(()));
        }
        for unknown in ["gzip, chunked", "gzip,deflate,chunked", "x,chunked"] {
            assert_eq!(check(unknown.as_bytes()), Err(Fault::CodingUnknown));
        }
        for faulty in [
            "",
            "gzip",
            "identity",
            "chunked, gzip",
            "chunked, chunked",
            "xchunked",
            "chunked,",
            ",chunked",
            "chunked;q=1",
            "\"chunked\"",
            "chunked chunked",
            "chun ked",
            "identity;, chunked",
        ] {
            assert_eq!(check(faulty.as_bytes()), Err(Fault::Coding), "{faulty}");
        }
    }
}
