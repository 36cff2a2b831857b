//! The first line of an answer.

use crate::Fault;
use crate::request_line::Version;

/// What the line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusLine {
    pub(crate) version: Version,
    pub(crate) status: u16,
}

impl StatusLine {
    /// Reads the line without its end, of which [`crate::lines::end`] found that it is all text.
    ///
    /// # Errors
    ///
    /// When it is no status line (RFC 9112 section 4), or its status is none (RFC 9110 section 15).
    pub(crate) fn read(line: &[u8]) -> Result<Self, Fault> {
        let (version, rest) = match line {
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                b'1',
                b' ',
                rest @ ..,
            ] => (Version::Http11, rest),
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                b'0',
                b' ',
                rest @ ..,
            ] => (Version::Http10, rest),
            _ => return Err(Fault::StatusLine),
        };
        // Many servers leave out the space where there is no reason, which nobody misreads.
        let ([hundreds, tens, ones] | [hundreds, tens, ones, b' ', ..]) = rest else {
            return Err(Fault::StatusLine);
        };
        let mut status = 0;
        for digit in [hundreds, tens, ones] {
            if !digit.is_ascii_digit() {
                return Err(Fault::StatusLine);
            }
            status = status * 10 + u16::from(digit & 0xf);
        }
        match status {
            100..=599 => Ok(Self { version, status }),
            _ => Err(Fault::Status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_three_digits_and_its_reason_may_be_anything() {
        for (line, status) in [
            (&b"HTTP/1.1 200 OK"[..], 200),
            (b"HTTP/1.1 200 ", 200),
            (b"HTTP/1.1 200", 200),
            (b"HTTP/1.1 100 Continue, please", 100),
            (b"HTTP/1.1 599 \xe9\t ", 599),
        ] {
            assert_eq!(StatusLine::read(line).unwrap().status, status);
        }
        let old = StatusLine::read(b"HTTP/1.0 404 Not Found").unwrap();
        assert_eq!(old.version, Version::Http10);
    }

    #[test]
    fn anything_else_is_no_status_line() {
        for line in [
            "",
            "200 OK",
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1  200 OK",
            " HTTP/1.1 200 OK",
            "HTTP/1.1\t200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 200\tOK",
            "HTTP/1.1 200OK",
            "HTTP/1.1 2x0 OK",
            "HTTP/1.1 +20 OK",
            "HTTP/1.1 -20 OK",
            "http/1.1 200 OK",
            "HTTP/1.2 200 OK",
            "HTTP/2 200 OK",
            "HTTP/0.9 200 OK",
            "HTTP/11 200 OK",
            "ICY 200 OK",
        ] {
            assert_eq!(StatusLine::read(line.as_bytes()), Err(Fault::StatusLine));
        }
        for line in ["HTTP/1.1 000 x", "HTTP/1.1 099 x", "HTTP/1.1 600 x"] {
            assert_eq!(StatusLine::read(line.as_bytes()), Err(Fault::Status));
        }
    }
}
