//! Bytes of the exposition format, without a formatter between number and buffer.
//!
//! A page of a thousand clusters has some hundred thousand numbers, most of them small.

/// Whole numbers.
pub(crate) fn integer(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut length = 0;
    for place in digits.iter_mut().rev() {
        *place = digit(value);
        length += 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - length..).unwrap_or_default());
}

/// `value` divided by ten to the power of `places`, exactly: `decimal(1_500_000, 6)` is `1.5`.
pub(crate) fn decimal(out: &mut Vec<u8>, value: u64, places: u32) {
    let unit = 10_u64.pow(places);
    integer(out, value / unit);
    let (mut rest, mut unit) = (value % unit, unit);
    if rest == 0 {
        return;
    }
    out.push(b'.');
    while rest > 0 {
        unit /= 10;
        out.push(digit(rest / unit));
        rest %= unit;
    }
}

/// The last decimal digit.
fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value % 10).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn integers_read_as_the_standard_library_writes_them() {
        for value in [0, 7, 10, 999, 1_000, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(text(|out| integer(out, value)), value.to_string());
        }
    }

    #[test]
    fn decimals_lose_nothing_and_gain_no_zeros() {
        for (value, expected) in [
            (0, "0"),
            (1, "0.000001"),
            (1_050_000, "1.05"),
            (3_000_000, "3"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(text(|out| decimal(out, value, 6)), expected);
        }
    }
}
