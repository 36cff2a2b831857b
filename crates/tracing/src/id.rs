//! The identities of spans, and how ids are read and written.

use std::num::NonZeroU64;

use nuncio_telemetry::TraceId;

/// The identity of a span within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    /// `None` for zero, which no span has.
    pub fn new(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }

    /// One that nobody has.
    pub fn random() -> Self {
        Self(NonZeroU64::new(fastrand::u64(..)).unwrap_or(NonZeroU64::MIN))
    }

    /// All bits of it.
    pub fn bits(self) -> u64 {
        self.0.get()
    }
}

/// A new trace, of 128 bits or of 64.
pub(crate) fn random_trace(is_wide: bool) -> TraceId {
    let upper = if is_wide { fastrand::u64(..) } else { 0 };
    // One chance in 2^64 is that the lower half is zero.
    let lower = SpanId::random().bits();
    let bits = u128::from(upper) << 64 | u128::from(lower);
    TraceId::new(bits).unwrap_or_else(|| random_trace(is_wide))
}

/// The number that hexadecimal digits say, in lower case or upper.
pub(crate) fn from_hex(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u128::from(value))
    })
}

/// The number that decimal digits say.
pub(crate) fn from_decimal(digits: &[u8]) -> Option<u64> {
    let are_digits = digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| are_digits)?;
    text.parse().ok()
}

/// Appends a number in so many hexadecimal digits of lower case.
pub(crate) fn push_hex(number: u128, digits: u32, out: &mut impl Extend<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..digits).rev().map(|nth| {
        let nibble = usize::try_from(number >> (nth * 4) & 0xf).unwrap_or(0);
        HEX.get(nibble).copied().unwrap_or(b'0')
    }));
}

#[cfg(test)]
mod tests {
    use super::{from_decimal, from_hex, push_hex, random_trace};

    #[test]
    fn digits_are_read_and_nothing_else() {
        assert_eq!(from_hex(b"00fF"), Some(255));
        assert_eq!(from_hex(&[b'f'; 32]), Some(u128::MAX));
        for odd in [
            &b""[..],
            b"0x1",
            b"-1",
            b" 1",
            b"g",
            &[b'0'; 33],
            "１".as_bytes(),
        ] {
            assert_eq!(from_hex(odd), None, "{odd:?}");
        }
        assert_eq!(from_decimal(b"18446744073709551615"), Some(u64::MAX));
        for odd in [&b""[..], b"+1", b"-1", b"18446744073709551616", b"1 ", b"a"] {
            assert_eq!(from_decimal(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn numbers_are_written_with_leading_zeros() {
        let mut out = Vec::new();
        push_hex(0xab, 16, &mut out);
        assert_eq!(out, b"00000000000000ab");
    }

    #[test]
    fn narrow_traces_have_no_upper_half() {
        assert_eq!(random_trace(false).bits() >> 64, 0);
        assert_ne!(random_trace(true), random_trace(true));
    }
}
