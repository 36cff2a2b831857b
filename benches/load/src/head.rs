//! The head of an answer of HTTP/1.1, as far as whoever counts answers has to know it.

use std::io::{Error, ErrorKind, Result};

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its status.
    pub status: u16,
    /// The bytes of the body, which has to say its length.
    pub length: usize,
    /// Whether no request may follow.
    pub closes: bool,
}

impl Head {
    /// The first head of `bytes`, and where its body begins; `None` until all of it is there.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut lines = bytes.split_at(end).0.split(|byte| *byte == b'\n');
        let mut head = Self {
            status: status(lines.next().unwrap_or_default())?,
            length: 0,
            closes: false,
        };
        for line in lines {
            head.note(line);
        }
        Ok(Some((head, end + 4)))
    }

    fn note(&mut self, line: &[u8]) {
        let Ok(line) = str::from_utf8(line) else {
            return;
        };
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("connection") {
            self.closes = value.eq_ignore_ascii_case("close");
        }
    }
}

fn status(line: &[u8]) -> Result<u16> {
    let digits = line.get(9..12).and_then(|three| str::from_utf8(three).ok());
    let status = digits.and_then(|digits| digits.parse().ok());
    status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "no status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 503 No\r\nContent-Length: 12\r\nconnection: Close\r\n\r\nbo";
        assert_eq!(Head::read(&whole[..whole.len() - 3]).unwrap(), None);
        let head = Head {
            status: 503,
            length: 12,
            closes: true,
        };
        assert_eq!(Head::read(whole).unwrap(), Some((head, whole.len() - 2)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        Head::read(b"SSH-2.0-x\r\n\r\n").unwrap_err();
    }
}
