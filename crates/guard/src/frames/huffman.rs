//! The code in which strings of fields are shortened (RFC 7541 section 5.2 and appendix B).
//!
//! Invariant: a text has one reading, or none: padding is the beginning of the end mark, and shorter than
//! a byte.

/// The code is no code, or goes on behind its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// Appends what `code` stands for.
pub(super) fn decode(code: &[u8], text: &mut Vec<u8>) -> Result<(), Garbled> {
    let mut input = code.iter();
    let (mut bits, mut have) = (0_u64, 0_u32);
    // No code is shorter than five bits.
    text.reserve(code.len() * 8 / 5);
    loop {
        while have <= 56
            && let Some(byte) = input.next()
        {
            bits = (bits << 8) | u64::from(*byte);
            have += 8;
        }
        // Almost all are short.
        while have >= 8
            && let Some((symbol, len @ 1..)) = SHORT.get((bits >> (have - 8)) as u8 as usize)
        {
            text.push(*symbol);
            have -= u32::from(*len);
        }
        if have <= 56 && !input.as_slice().is_empty() {
            continue;
        }
        // To the left, with the end mark behind what there is.
        let window = match have {
            0 => return Ok(()),
            1..32 => ((bits << (32 - have)) | ((1 << (32 - have)) - 1)) as u32,
            _ => (bits >> (have - 32)) as u32,
        };
        let (symbol, len) = symbol(window);
        if len > have || symbol == END {
            let is_padding = have < 8 && window == u32::MAX;
            return is_padding.then_some(()).ok_or(Garbled);
        }
        text.push(symbol as u8);
        have -= len;
    }
}

/// The symbol that `window` begins with, and how many bits that is.
fn symbol(window: u32) -> (u16, u32) {
    let (symbol, len) = SHORT
        .get((window >> 24) as usize)
        .copied()
        .unwrap_or_default();
    if len > 0 {
        return (u16::from(symbol), u32::from(len));
    }
    for len in 9..=30_u32 {
        let Some(row) = ROWS.get(len as usize) else {
            break;
        };
        let offset = (window >> (32 - len)).wrapping_sub(row.first);
        if offset < row.count {
            let at = (row.at + offset) as usize;
            return (SYMBOLS.get(at).copied().unwrap_or(END), len);
        }
    }
    (END, 30)
}

/// The mark behind the last symbol, which may not occur.
const END: u16 = 256;

/// The symbols whose code has one length. Within it codes follow one another as symbols do.
#[derive(Clone, Copy)]
struct Row {
    /// The first code.
    first: u32,
    count: u32,
    /// Where its symbol stands in [`SYMBOLS`].
    at: u32,
}

const ROWS: [Row; 31] = rows();

/// All symbols, those with short codes first.
const SYMBOLS: [u16; 257] = symbols();

/// By a byte: the symbol that it begins with, and the length of its code; 0 = longer than that.
const SHORT: [(u8, u8); 256] = short();

#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const fn symbols() -> [u16; 257] {
    let mut symbols = [0; 257];
    let (mut len, mut at) = (5, 0);
    while len <= 30 {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] == len {
                symbols[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        len += 1;
    }
    symbols
}

#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const fn rows() -> [Row; 31] {
    let mut rows = [Row {
        first: 0,
        count: 0,
        at: 0,
    }; 31];
    let (mut len, mut code, mut at) = (1, 0, 0);
    while len <= 30 {
        code <<= 1;
        let (mut count, mut symbol) = (0, 0);
        while symbol < 257 {
            count += (LENGTHS[symbol] as usize == len) as u32;
            symbol += 1;
        }
        rows[len] = Row {
            first: code,
            count,
            at,
        };
        code += count;
        at += count;
        len += 1;
    }
    rows
}

#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const fn short() -> [(u8, u8); 256] {
    let mut short = [(0, 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let mut len = 5;
        while len <= 8 {
            let offset = ((byte as u32) >> (8 - len)).wrapping_sub(ROWS[len].first);
            if offset < ROWS[len].count {
                let symbol = SYMBOLS[(ROWS[len].at + offset) as usize];
                short[byte] = (symbol as u8, len as u8);
                break;
            }
            len += 1;
        }
        byte += 1;
    }
    short
}

/// RFC 7541 appendix B: how long each symbol's code is. The codes follow from that.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(code: &[u8]) -> Result<String, Garbled> {
        let mut text = Vec::new();
        decode(code, &mut text)?;
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let host = [
            0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
        ];
        assert_eq!(decoded(&host), Ok("www.example.com".to_owned()));
        let date = [
            0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b,
            0x81, 0x66, 0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff,
        ];
        assert_eq!(
            decoded(&date),
            Ok("Mon, 21 Oct 2013 20:13:21 GMT".to_owned())
        );
        assert_eq!(decoded(&[]), Ok(String::new()));
    }

    #[test]
    fn padding_is_ones_and_shorter_than_a_byte() {
        // `0` is 00000.
        assert_eq!(decoded(&[0b0000_0111]), Ok("0".to_owned()));
        assert_eq!(decoded(&[0b0000_0110]), Err(Garbled));
        assert_eq!(decoded(&[0b0000_0111, 0xff]), Err(Garbled));
        assert_eq!(decoded(&[0xff]), Err(Garbled));
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(Garbled));
        assert_eq!(decoded(&[0xff; 9]), Err(Garbled));
    }

    #[test]
    fn every_symbol_is_read_back() {
        for (symbol, len) in LENGTHS.iter().enumerate().take(256) {
            let row = ROWS[usize::from(*len)];
            let nth = LENGTHS[..symbol].iter().filter(|l| *l == len).count() as u32;
            // Twice, and then padding.
            let (code, len) = (u64::from(row.first + nth), u32::from(*len));
            let twice = (code << len) | code;
            let padding = (8 - (2 * len) % 8) % 8;
            let whole = (twice << padding) | ((1 << padding) - 1);
            let bytes = whole.to_be_bytes();
            let code = &bytes[8 - (2 * len + padding) as usize / 8..];
            let mut text = Vec::new();
            decode(code, &mut text).unwrap();
            assert_eq!(text, [symbol as u8; 2]);
        }
    }
}
