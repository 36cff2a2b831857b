//! Writes texts with operators: values of headers, bodies of errors, lines of the access log.
//!
//! Invariant: what becomes a header's value is one; whatever a client sent, a value ends neither
//! its line nor its head.

use std::borrow::Cow;
use std::io::Write;

use http::HeaderValue;
use nuncio_config::{Format, Piece};

use super::facts::{Fact, Facts};

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
    let start = out.len();
    for piece in &format.0 {
        if out.len() - start > MAX_WRITTEN {
            return;
        }
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Operator(operator, cut) => {
                write_fact(facts.of(operator), cut.unwrap_or(usize::MAX), unknown, out);
            }
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
pub(crate) fn single<'f>(format: &Format, facts: &'f Facts<'_>) -> Option<Single<'f>> {
    match &*format.0 {
        [Piece::Operator(operator, cut)] => Some(Single {
            fact: facts.of(operator).map(|fact| shortened(fact, *cut)),
        }),
        _ => None,
    }
}

/// What a lone operator stands for.
#[derive(Debug)]
pub(crate) struct Single<'f> {
    /// `None` when it is not known.
    pub(crate) fact: Option<Fact<'f>>,
}

fn write_fact(fact: Option<Fact<'_>>, cut: usize, unknown: Unknown, out: &mut Vec<u8>) {
    match (fact, unknown) {
        (Some(Fact::Text(text)), _) => out.extend_from_slice(text.get(..cut).unwrap_or(&text)),
        (Some(Fact::Number(number)), _) => {
            let start = out.len();
            // A vector takes whatever is written.
            drop(write!(out, "{number}"));
            out.truncate(start.saturating_add(cut));
        }
        (None, Unknown::Dash) => out.push(b'-'),
        (None, Unknown::Nothing) => {}
    }
}

fn shortened(fact: Fact<'_>, cut: Option<usize>) -> Fact<'_> {
    match (fact, cut) {
        (Fact::Text(Cow::Borrowed(text)), Some(cut)) => {
            Fact::Text(Cow::Borrowed(text.get(..cut).unwrap_or(text)))
        }
        (Fact::Text(Cow::Owned(mut text)), Some(cut)) => {
            text.truncate(cut);
            Fact::Text(Cow::Owned(text))
        }
        (fact, _) => fact,
    }
}

#[cfg(test)]
mod tests;
