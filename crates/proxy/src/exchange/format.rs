//! Writes texts with operators: values of headers, bodies of errors, lines of the access log.
//!
//! Invariant: what becomes a header's value is one; whatever a client sent, a value ends neither
//! its line nor its head, and in markup it is text.

use http::HeaderValue;
use nuncio_config::{Format, Piece};

use super::fact::Fact;
use super::facts::Facts;

/// What stands where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// `-`, as in logs.
    Dash,
    /// Nothing, as in headers.
    Nothing,
}

/// How long a text may become: a format may name a long header many times.
const MAX_WRITTEN: usize = 256 * 1024;

/// Writes `format` at the end of `out`; what comes after more bytes than anybody needs is left out.
pub(crate) fn write(format: &Format, facts: &Facts<'_>, unknown: Unknown, out: &mut Vec<u8>) {
    write_each(format, (facts, unknown), out, |_, _| {});
}

/// As [`write`], where HTML is written: what stands for an operator is text in it.
pub(crate) fn write_markup(format: &Format, facts: &Facts<'_>, out: &mut Vec<u8>) {
    write_each(format, (facts, Unknown::Dash), out, escape_from);
}

/// Tells `written` where each operator's text begins.
fn write_each(
    format: &Format,
    (facts, unknown): (&Facts<'_>, Unknown),
    out: &mut Vec<u8>,
    written: impl Fn(&mut Vec<u8>, usize),
) {
    let start = out.len();
    for piece in &format.0 {
        if out.len() - start > MAX_WRITTEN {
            return;
        }
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Operator(operator, cut) => match (facts.of(operator), unknown) {
                (Some(fact), _) => {
                    let at = out.len();
                    fact.write(cut.unwrap_or(usize::MAX), out);
                    written(out, at);
                }
                (None, Unknown::Dash) => out.push(b'-'),
                (None, Unknown::Nothing) => {}
            },
        }
    }
}

/// Escapes what means something in HTML, in elements as in values of attributes.
fn escape_from(out: &mut Vec<u8>, at: usize) {
    if !out.iter().skip(at).any(|byte| b"<>&\"'".contains(byte)) {
        return;
    }
    for byte in out.split_off(at) {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            other => out.push(other),
        }
    }
}

/// `format` as a header's value; `None` when it comes out empty or is none.
pub(crate) fn header_value(format: &Format, facts: &Facts<'_>) -> Option<HeaderValue> {
    let mut out = Vec::new();
    write(format, facts, Unknown::Nothing, &mut out);
    if out.is_empty() {
        return None;
    }
    HeaderValue::from_maybe_shared(bytes::Bytes::from(out)).ok()
}

/// The value of a format that is one operator and nothing else (`typed_json`).
pub(crate) fn single<'f>(format: &'f Format, facts: &'f Facts<'_>) -> Option<Single<'f>> {
    match &*format.0 {
        [Piece::Operator(operator, cut)] => Some(Single {
            fact: facts.of(operator),
            most: cut.unwrap_or(usize::MAX),
        }),
        _ => None,
    }
}

/// What a lone operator stands for.
#[derive(Debug)]
pub(crate) struct Single<'f> {
    /// `None` when it is not known.
    pub(crate) fact: Option<Fact<'f>>,
    /// How much of its text is written.
    pub(crate) most: usize,
}

#[cfg(test)]
mod tests;
