//! Spreads texts over the buckets of a table.
//!
//! Invariant: texts that their [`Case`] does not tell apart have one hash.
//! Deliberately absent: secrecy of its own; whoever does not know the seed cannot aim at a bucket.

use nuncio_config::Case;

/// The hash of a text.
#[inline]
pub(super) fn hash(seed: u64, text: &[u8], case: Case) -> u32 {
    match case {
        Case::Sensitive => mixed(seed, text, |word| word),
        Case::Insensitive => mixed(seed, text, lower_case),
    }
}

/// Multiplies and folds, eight bytes at a time.
#[inline]
fn mixed(seed: u64, text: &[u8], spelled: impl Fn(u64) -> u64) -> u32 {
    let mut state = folded(seed, MULTIPLIERS[0]);
    let (words, rest) = text.as_chunks();
    for word in words {
        state = folded(state ^ spelled(u64::from_le_bytes(*word)), MULTIPLIERS[1]);
    }
    let last = match (text.last_chunk(), rest) {
        (_, []) => 0,
        (Some(last), _) => u64::from_le_bytes(*last),
        (None, few) => few
            .iter()
            .fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    let hash = folded(state ^ spelled(last), MULTIPLIERS[2] ^ text.len() as u64);
    // The upper half is the better mixed one.
    (hash >> 32) as u32
}

/// Digits of pi.
const MULTIPLIERS: [u64; 3] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
];

#[inline]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Lower-cases the ASCII letters among eight bytes.
#[inline]
fn lower_case(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low_bits = word & (0x7f * EACH);
    let from_a = low_bits + u64::from(0x80 - b'A') * EACH;
    let beyond_z = low_bits + u64::from(0x7f - b'Z') * EACH;
    let is_upper = (from_a ^ beyond_z) & !word & (0x80 * EACH);
    word | is_upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_lower_cased_as_ascii() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([byte, b'A', byte, b'z', byte, 0xff, byte, byte]);
            let lower = word.to_le_bytes().map(|byte| byte.to_ascii_lowercase());
            assert_eq!(lower_case(word).to_le_bytes(), lower, "{byte}");
        }
    }
}
