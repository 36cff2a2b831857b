//! JSON objects whose values are formats: bodies of errors, lines of the access log.

use std::borrow::Cow;
use std::io::Write;

use nuncio_config::Format;

use super::fact::Fact;
use super::facts::Facts;
use super::format::{self, Single, Unknown};

/// Whether values keep their types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// A value that is one operator is a number if that is what the operator says, and `null` where
    /// nothing is known.
    Kept,
    /// Every value is a string.
    Strings,
}

/// How long an object may become before further values are `null`.
const MAX_WRITTEN: usize = 1024 * 1024;

/// Writes an object with `fields` in their order at the end of `out`.
pub(crate) fn write(
    fields: &[(Box<str>, Format)],
    facts: &Facts<'_>,
    types: Types,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.push(b'{');
    for (n, (key, value)) in fields.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_string(out, |out| out.extend_from_slice(key.as_bytes()));
        out.push(b':');
        if out.len() - start > MAX_WRITTEN {
            out.extend_from_slice(b"null");
        } else {
            write_value(value, facts, types, out);
        }
    }
    out.push(b'}');
}

fn write_value(value: &Format, facts: &Facts<'_>, types: Types, out: &mut Vec<u8>) {
    let single = match types {
        Types::Kept => format::single(value, facts),
        Types::Strings => None,
    };
    match single {
        Some(Single { fact: None, .. }) => out.extend_from_slice(b"null"),
        Some(Single {
            fact: Some(number @ Fact::Number(_)),
            ..
        }) => number.write(usize::MAX, out),
        Some(Single {
            fact: Some(fact),
            most,
        }) => write_string(out, |out| fact.write(most, out)),
        None => write_string(out, |out| {
            format::write(value, facts, Unknown::Dash, out);
        }),
    }
}

/// RFC 8259 section 7: what `write` appends, in quotes. Bytes that are no UTF-8 are replaced.
fn write_string(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    let start = out.len();
    write(out);
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if !out.iter().skip(start).all(is_plain) {
        let raw = out.split_off(start);
        escape(&raw, out);
    }
    out.push(b'"');
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            // A vector takes whatever is written.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        let mut out = Vec::new();
        let raw = b"a\"\\\n\r\t\x01\x7f\xff\xc3\xa9<";
        write_string(&mut out, |out| out.extend_from_slice(raw));
        let expected = "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\u{fffd}é<\"";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
