//! A body that comes in chunks (RFC 9112 section 7.1).
//!
//! Invariant: the end that is found is the one that every reader finds. Where the grammar leaves a choice
//! that readers make differently, such as blanks around a size, there is none here.

use crate::Fault;
use crate::alphabet::{is_text, is_token};
use crate::coding::MAX_LENGTH;

/// How much of a chunked body may be other than data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// The line before a chunk, without its end, in bytes.
    pub line: usize,
    /// The extensions of all chunks together, in bytes.
    pub extensions: usize,
}

/// How far such a body has been read.
#[derive(Clone, Debug)]
pub(crate) struct Chunked {
    limits: ChunkLimits,
    at: At,
    /// Bytes of data in chunks so far, the one under way included.
    total: u64,
    /// Bytes of the line under way.
    line: usize,
    /// Bytes of all extensions so far.
    extensions: usize,
    /// Bytes of all trailers so far.
    trailers: usize,
    trailer_fields: usize,
    name: Name,
}

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// A digit of the size, or what ends it.
    Size {
        digits: u8,
        size: u64,
    },
    Extension {
        place: Place,
        size: u64,
    },
    /// The LF of the line before a chunk.
    SizeLineFeed {
        size: u64,
    },
    Data {
        left: u64,
    },
    /// The CR behind a chunk.
    DataReturn,
    DataLineFeed,
    /// The first byte of a trailer, or of the empty line.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

/// Where in an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind its `;`.
    NameBegins,
    Name,
    /// Behind its `=`.
    ValueBegins,
    Value,
    Quoted,
    /// Behind the `\` in a quoted value.
    Escaped,
    /// Behind the second `"`.
    QuoteEnded,
}

/// The beginning of a trailer's name, in lower case.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    bytes: [u8; 20],
    len: usize,
}

/// All trailers of a body.
const MAX_TRAILERS: usize = 8192;
const MAX_TRAILER_FIELDS: usize = 100;

/// What says how long a message is, where it goes or who sends it, and so is of no use after it (RFC 9110
/// section 6.5.1).
const FORBIDDEN: [&[u8]; 14] = [
    b"authorization",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"host",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

impl Chunked {
    pub(crate) const fn new(limits: ChunkLimits) -> Self {
        Self {
            limits,
            at: At::SIZE,
            total: 0,
            line: 0,
            extensions: 0,
            trailers: 0,
            trailer_fields: 0,
            name: Name {
                bytes: [0; 20],
                len: 0,
            },
        }
    }

    /// Reads on; returns how many of the bytes belong to the body, which is all unless it ends in them.
    ///
    /// # Errors
    ///
    /// When its end cannot be found, or not for sure.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            rest = match self.at {
                At::Done => break,
                At::Data { left } => self.data(left, rest),
                _ => {
                    self.at = self.step(*byte)?;
                    behind
                }
            };
        }
        Ok(bytes.len() - rest.len())
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.at, At::Done)
    }

    /// Skips what is data; returns the rest.
    fn data<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.at = match left - here as u64 {
            0 => At::DataReturn,
            left => At::Data { left },
        };
        bytes.get(here..).unwrap_or_default()
    }

    fn step(&mut self, byte: u8) -> Result<At, Fault> {
        match self.at {
            At::Size { digits, size } => {
                self.count_line(byte)?;
                self.size(digits, size, byte)
            }
            At::Extension { place, size } => {
                self.count_line(byte)?;
                self.extension(place, size, byte)
            }
            At::SizeLineFeed { size } => {
                expect(byte, b'\n', Fault::LineEnd)?;
                self.chunk(size)
            }
            At::DataReturn => expect(byte, b'\r', Fault::ChunkEnd).map(|()| At::DataLineFeed),
            At::DataLineFeed => expect(byte, b'\n', Fault::ChunkEnd).map(|()| At::SIZE),
            At::Trailer | At::TrailerName | At::TrailerValue | At::TrailerLineFeed => {
                self.count_trailer()?;
                self.trailer(byte)
            }
            At::LastLineFeed => expect(byte, b'\n', Fault::LineEnd).map(|()| At::Done),
            At::Data { .. } | At::Done => Ok(self.at),
        }
    }

    fn size(&mut self, digits: u8, size: u64, byte: u8) -> Result<At, Fault> {
        let digit = char::from(byte).to_digit(16);
        match (byte, digit) {
            (_, Some(digit)) if digits < 16 => Ok(At::Size {
                digits: digits + 1,
                size: size << 4 | u64::from(digit),
            }),
            (b'\r', _) if digits > 0 => Ok(At::SizeLineFeed { size }),
            (b';', _) if digits > 0 => {
                self.extensions += 1;
                let place = Place::NameBegins;
                Ok(At::Extension { place, size })
            }
            _ => Err(Fault::ChunkSize),
        }
    }

    fn extension(&mut self, place: Place, size: u64, byte: u8) -> Result<At, Fault> {
        if byte == b'\r' && place.may_end() {
            return Ok(At::SizeLineFeed { size });
        }
        self.extensions += 1;
        if self.extensions > self.limits.extensions {
            return Err(Fault::ExtensionsTooLarge);
        }
        let place = place.step(byte).ok_or(match byte {
            b'\r' | b'\n' => Fault::LineEnd,
            _ => Fault::ChunkExtension,
        })?;
        Ok(At::Extension { place, size })
    }

    /// What follows the line that says `size`.
    fn chunk(&mut self, size: u64) -> Result<At, Fault> {
        self.line = 0;
        if size == 0 {
            return Ok(At::Trailer);
        }
        // Neither can be more than the maximum, so that the sum is a number still.
        if size > MAX_LENGTH || self.total + size > MAX_LENGTH {
            return Err(Fault::ChunkSize);
        }
        self.total += size;
        Ok(At::Data { left: size })
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Fault> {
        match (self.at, byte) {
            (At::Trailer, b'\r') => Ok(At::LastLineFeed),
            (At::Trailer, b' ' | b'\t') => Err(Fault::Fold),
            (At::Trailer, _) => {
                self.trailer_fields += 1;
                self.name = Name::default();
                if self.trailer_fields > MAX_TRAILER_FIELDS {
                    return Err(Fault::TrailersTooLarge);
                }
                self.name_byte(byte)
            }
            (At::TrailerName, b':') => match self.name.is_forbidden() {
                true => Err(Fault::TrailerForbidden),
                false => Ok(At::TrailerValue),
            },
            (At::TrailerName, _) => self.name_byte(byte),
            (At::TrailerValue, b'\r') => Ok(At::TrailerLineFeed),
            (At::TrailerValue, byte) if is_text(byte) => Ok(At::TrailerValue),
            (At::TrailerLineFeed, b'\n') => Ok(At::Trailer),
            (At::TrailerValue, b'\n') | (At::TrailerLineFeed, _) => Err(Fault::LineEnd),
            _ => Err(Fault::Control),
        }
    }

    fn name_byte(&mut self, byte: u8) -> Result<At, Fault> {
        if !is_token(byte) {
            return Err(Fault::Trailer);
        }
        self.name.push(byte);
        Ok(At::TrailerName)
    }

    fn count_line(&mut self, byte: u8) -> Result<(), Fault> {
        self.line += usize::from(byte != b'\r');
        let is_too_long = self.line > self.limits.line;
        (!is_too_long).then_some(()).ok_or(Fault::ChunkLineTooLong)
    }

    fn count_trailer(&mut self) -> Result<(), Fault> {
        self.trailers += 1;
        let are_too_many = self.trailers > MAX_TRAILERS;
        (!are_too_many).then_some(()).ok_or(Fault::TrailersTooLarge)
    }
}

impl At {
    const SIZE: Self = Self::Size { digits: 0, size: 0 };
}

impl Place {
    /// Whether the line may end here.
    const fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::QuoteEnded)
    }

    /// Where the next byte leads; `None` where it does not belong.
    fn step(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Name | Self::Value | Self::QuoteEnded, b';') => Some(Self::NameBegins),
            (Self::Name, b'=') => Some(Self::ValueBegins),
            (Self::NameBegins | Self::Name, byte) => is_token(byte).then_some(Self::Name),
            (Self::ValueBegins, b'"') => Some(Self::Quoted),
            (Self::ValueBegins | Self::Value, byte) => is_token(byte).then_some(Self::Value),
            (Self::Quoted, b'"') => Some(Self::QuoteEnded),
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (Self::Quoted | Self::Escaped, byte) => is_text(byte).then_some(Self::Quoted),
            (Self::QuoteEnded, _) => None,
        }
    }
}

impl Name {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte.to_ascii_lowercase();
        }
        self.len += 1;
    }

    fn is_forbidden(&self) -> bool {
        let name = self.bytes.get(..self.len);
        name.is_some_and(|name| FORBIDDEN.contains(&name))
    }
}

fn expect(byte: u8, expected: u8, fault: Fault) -> Result<(), Fault> {
    (byte == expected).then_some(()).ok_or(fault)
}

#[cfg(test)]
mod tests;
