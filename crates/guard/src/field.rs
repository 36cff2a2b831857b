//! One field of a head or of trailers.

use crate::Fault;
use crate::alphabet::{is_blank, is_token};

/// A field, as it stands in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    /// Without the blanks around it.
    pub(crate) value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Reads a line without its end, of which [`crate::lines::end`] found that it is all text.
    ///
    /// # Errors
    ///
    /// When it is no field, or goes on with the one before (RFC 9112 sections 5.1 and 5.2).
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, Fault> {
        if line.first().is_some_and(|byte| is_blank(*byte)) {
            return Err(Fault::Fold);
        }
        let len = line.iter().position(|byte| !is_token(*byte));
        let (name, rest) = line.split_at(len.unwrap_or(line.len()));
        match rest {
            [b':', value @ ..] if !name.is_empty() => Ok(Self {
                name,
                value: trimmed(value),
            }),
            _ => Err(Fault::FieldName),
        }
    }

    /// Whether this is its name, given in lower case.
    pub(crate) fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Without the blanks on either side. (`trim_ascii` takes more for blanks than HTTP does.)
pub(crate) fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_token_a_colon_and_a_value_between_blanks() {
        let field = Field::read(b"Name: \t a value \t").unwrap();
        assert_eq!((field.name, field.value), (&b"Name"[..], &b"a value"[..]));
        assert!(field.is(b"name"));
        assert_eq!(Field::read(b"x:").unwrap().value, b"");
    }

    #[test]
    fn nothing_else_is_one() {
        for line in [
            &b"name"[..],
            b":x",
            b"na me: x",
            b"name : x",
            b"name\t: x",
            b"n\xe9: x",
        ] {
            assert_eq!(Field::read(line), Err(Fault::FieldName));
        }
        for line in [&b" name: x"[..], b"\tname: x"] {
            assert_eq!(Field::read(line), Err(Fault::Fold));
        }
    }
}
