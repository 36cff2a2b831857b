//! The fields of one request, or of its trailers (RFC 9113 section 8).
//!
//! Invariant: what is written says the same as what was read, in the plainest spelling, which leaves no
//! trace in anybody's table, and says which fields are for no table. Of a request that is too large its beginning is written, and what shows that it
//! is; what follows in it is not looked at.
//!
//! Deliberately absent: what paths, hosts and lengths mean, which is looked at where HTTP/1 is too.

use super::FrameTerms;
use super::hpack::{Field, Known};
use crate::alphabet::{is_all_token, is_blank, is_target_byte, is_text};

/// A message as it is read, field by field.
#[derive(Debug)]
pub(super) struct Message<'a> {
    place: Place,
    terms: &'a FrameTerms,
    /// The block that says the same.
    out: &'a mut Vec<u8>,
    seen: Seen,
    method: Method,
    is_star: bool,
    /// Fields that are no pseudo-fields.
    fields: usize,
    /// Where the block stands in `out`, and how much of it is left when it is too large.
    start: usize,
    shown: usize,
    /// What has been written, as heads are measured everywhere.
    size: usize,
    is_too_large: bool,
    is_malformed: bool,
}

/// Where the fields stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Head,
    Trailers,
}

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Sound,
    TooLarge,
    /// RFC 9113 section 8.1.1: the end of the stream.
    Malformed,
}

/// The pseudo-fields that have come.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    method: bool,
    scheme: bool,
    authority: bool,
    path: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Connect,
    Options,
    Other,
}

/// No host is as long, nor is a scheme.
const MAX_AUTHORITY: usize = 1024;
const MAX_SCHEME: usize = 64;

/// How much of a head that is too large is there to be seen by those who answer it: who asked, and for what.
const SHOWN: usize = 2048;

/// What a field counts beyond its bytes, where heads are measured: as in HTTP/1.
const FIELD_EXTRA: usize = 4;

impl<'a> Message<'a> {
    pub(super) fn new(place: Place, terms: &'a FrameTerms, out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self {
            place,
            terms,
            out,
            seen: Seen::default(),
            method: Method::Other,
            is_star: false,
            fields: 0,
            start,
            shown: start,
            size: 0,
            is_too_large: false,
            is_malformed: false,
        }
    }

    /// Takes the next field.
    pub(super) fn field(&mut self, field: Field<'_>) {
        if self.is_malformed {
            return;
        }
        let is_sound = match field.name.first() {
            Some(b':') => self.pseudo(field),
            Some(_) | None => self.regular(field),
        };
        self.is_malformed = !is_sound;
    }

    /// The last field was told.
    pub(super) fn end(mut self) -> Verdict {
        if self.is_malformed || self.place == Place::Head && !self.is_complete() {
            return Verdict::Malformed;
        }
        if !self.is_too_large {
            return Verdict::Sound;
        }
        if self.place == Place::Trailers {
            return Verdict::Malformed;
        }
        self.write_excess();
        Verdict::TooLarge
    }

    /// RFC 9113 sections 8.3.1 and 8.5.
    fn is_complete(&self) -> bool {
        let Seen {
            method,
            scheme,
            authority,
            path,
        } = self.seen;
        match self.method {
            Method::Connect => !scheme && !path && authority,
            Method::Options => scheme && path,
            Method::Other => method && scheme && path && !self.is_star,
        }
    }

    fn pseudo(&mut self, field: Field<'_>) -> bool {
        if self.place == Place::Trailers || self.fields > 0 {
            return false;
        }
        let value = field.value;
        let (seen, is_sound, cost) = match field.name {
            b":method" => {
                self.method = match value {
                    b"CONNECT" => Method::Connect,
                    b"OPTIONS" => Method::Options,
                    _ => Method::Other,
                };
                (&mut self.seen.method, is_all_token(value), value.len())
            }
            b":scheme" => (&mut self.seen.scheme, is_scheme(value), 0),
            b":authority" => (&mut self.seen.authority, is_authority(value), 0),
            b":path" => {
                self.is_star = value == b"*";
                (&mut self.seen.path, is_path(value), value.len())
            }
            // `:protocol` too: we do not say that it may be used (RFC 8441 section 3).
            _ => return false,
        };
        if *seen || !is_sound {
            return false;
        }
        *seen = true;
        self.write(field, cost);
        true
    }

    fn regular(&mut self, field: Field<'_>) -> bool {
        self.fields += 1;
        self.is_too_large |= self.fields > self.terms.max_fields;
        if self.is_too_large {
            return true;
        }
        if !is_name(field.name) || !is_value(field.value) || is_of_connection(&field) {
            return false;
        }
        self.write(field, field.name.len() + field.value.len() + FIELD_EXTRA);
        true
    }

    fn write(&mut self, field: Field<'_>, cost: usize) {
        if self.size + cost <= self.terms.max_head_bytes {
            self.size += cost;
            write(self.out, field);
        } else {
            self.is_too_large = true;
            if let Some(instead) = stand_in(field.name) {
                self.size += instead.value.len();
                write(self.out, instead);
            }
        }
        if self.fields == 0 || self.out.len() - self.start <= SHOWN {
            self.shown = self.out.len();
        }
    }

    /// Has what is written be too large for those who measure it: one field more than there may be.
    fn write_excess(&mut self) {
        self.out.truncate(self.shown);
        for _ in 0..=self.terms.max_fields {
            write(self.out, EXCESS);
        }
    }
}

const EXCESS: Field<'static> = Field {
    name: b"x",
    value: b"",
    known: Known::Nothing,
    is_unindexed: false,
};

/// What stands for a pseudo-field that is too large, without which there would be no request.
fn stand_in(name: &[u8]) -> Option<Field<'static>> {
    let (name, value, known): (&'static [u8], &'static [u8], _) = match name {
        b":path" => (b":path", b"/", Known::Field(4)),
        b":method" => (b":method", b"GET", Known::Field(2)),
        _ => return None,
    };
    Some(Field {
        name,
        value,
        known,
        is_unindexed: false,
    })
}

/// RFC 9113 section 8.2.2.
fn is_of_connection(field: &Field<'_>) -> bool {
    match field.name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
            true
        }
        b"te" => !field.value.eq_ignore_ascii_case(b"trailers"),
        _ => false,
    }
}

/// RFC 9113 section 8.2.1, and RFC 9110 section 5.1: a token without capitals.
fn is_name(name: &[u8]) -> bool {
    is_all_token(name) && !holds(name, |byte| byte.is_ascii_uppercase())
}

/// RFC 9113 section 8.2.1, and RFC 9110 section 5.5: no control bytes, and no blanks at the ends.
fn is_value(value: &[u8]) -> bool {
    let is_at_end = |byte: Option<&u8>| byte.is_some_and(|byte| is_blank(*byte));
    !holds(value, |byte| !is_text(byte)) && !is_at_end(value.first()) && !is_at_end(value.last())
}

/// Whether it has any such byte. All are looked at, since that is done many at a time.
fn holds(text: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    text.iter().fold(false, |any, byte| any | is_such(*byte))
}

/// RFC 3986 section 3.1.
fn is_scheme(scheme: &[u8]) -> bool {
    let may_follow = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(may_follow)
        && scheme.len() <= MAX_SCHEME
}

/// What cannot be refused with an answer; the rest is looked at later.
fn is_authority(authority: &[u8]) -> bool {
    !holds(authority, |byte| !byte.is_ascii_graphic())
        && (1..=MAX_AUTHORITY).contains(&authority.len())
}

/// RFC 9113 section 8.3.1: an absolute path with or without a query, or `*`.
fn is_path(path: &[u8]) -> bool {
    let is_form = path.first() == Some(&b'/') || path == b"*";
    is_form && !holds(path, |byte| !is_target_byte(byte))
}

/// As RFC 7541 section 6 has it: an index, or a literal that nobody puts into a table.
fn write(out: &mut Vec<u8>, field: Field<'_>) {
    let kind = if field.is_unindexed { 0x10 } else { 0 };
    match field.known {
        Known::Field(index) => return out.push(0x80 | index),
        Known::Name(index) => integer(out, usize::from(index), (kind, 4)),
        Known::Nothing => {
            out.push(kind);
            string(out, field.name);
        }
    }
    string(out, field.value);
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    integer(out, text.len(), (0, 7));
    out.extend_from_slice(text);
}

/// RFC 7541 section 5.1: a number whose first byte has `bits` for it, behind those of `kind`.
fn integer(out: &mut Vec<u8>, value: usize, (kind, bits): (u8, u32)) {
    let mask = (1 << bits) - 1;
    if value < mask {
        return out.push(kind | value as u8);
    }
    out.push(kind | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
