//! What an upstream answers to one request: the answer, and those of 1xx before it.
//!
//! Invariant: the verdict on an answer depends on its bytes and on what was asked, not on how the bytes
//! were cut into pieces.
//!
//! Deliberately absent: bytes, as for requests, and whether the connection can be used again.

use crate::Fault;
use crate::chunked::{ChunkLimits, Chunked};
use crate::coding;
use crate::field::Field;
use crate::lines::{self, LineEnd};
use crate::request_line::Version;
use crate::status_line::StatusLine;

/// What answers have to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerTerms {
    /// How large a head may be.
    pub max_head_bytes: usize,
    /// How many fields it may have.
    pub max_fields: usize,
    /// How many answers of 1xx there may be before the one that counts.
    pub max_interim: usize,
    /// What bodies in chunks may have besides data.
    pub chunks: ChunkLimits,
}

/// What an answer is read by, besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For a head alone: the method was HEAD.
    pub head_only: bool,
    /// For another protocol.
    pub upgrade: bool,
}

/// How far the answer to a request has been read.
#[derive(Clone, Debug)]
pub struct Responses {
    terms: AnswerTerms,
    reading: Reading,
    interim: usize,
}

/// A head that is complete and sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How many bytes it has.
    pub len: usize,
    /// Its status; below 200 another head follows, unless it is 101.
    pub status: u16,
}

#[derive(Clone, Debug)]
enum Reading {
    Head(Unfinished),
    /// So many bytes are left, which may be none.
    Length(u64),
    Chunked(Chunked),
    /// Whatever comes until the connection ends: of the body, or of another protocol.
    UntilClose,
}

/// A head as far as it has come.
#[derive(Clone, Debug, Default)]
struct Unfinished {
    /// Where the line begins that has not ended yet.
    line: usize,
    /// How far its end was looked for.
    searched: usize,
    fields: usize,
    status: Option<StatusLine>,
    length: Option<u64>,
    is_chunked: bool,
}

impl Responses {
    /// A request of which nothing has been answered yet.
    pub fn new(terms: AnswerTerms) -> Self {
        Self {
            terms,
            reading: Reading::Head(Unfinished::default()),
            interim: 0,
        }
    }

    /// Whether a head is awaited, or its rest.
    pub const fn is_in_head(&self) -> bool {
        matches!(self.reading, Reading::Head(_))
    }

    /// Whether the answer is complete, however the connection ends.
    pub const fn is_complete(&self) -> bool {
        match &self.reading {
            Reading::Head(_) | Reading::UntilClose => false,
            Reading::Length(left) => *left == 0,
            Reading::Chunked(chunked) => chunked.is_done(),
        }
    }

    /// Reads a head of an answer to what was `asked`. `bytes` is all that has come since it began, what was
    /// given before included. `None`: it goes on.
    ///
    /// # Errors
    ///
    /// With what is wrong with it, as soon as that is certain.
    pub fn head(&mut self, bytes: &[u8], asked: Asked) -> Result<Option<Answer>, Fault> {
        let Reading::Head(head) = &mut self.reading else {
            return Ok(None);
        };
        let Some(len) = head.read(bytes, &self.terms)? else {
            return Ok(None);
        };
        let Some(StatusLine { status, .. }) = head.status else {
            return Ok(None);
        };
        self.reading = head.body(asked, self.terms.chunks)?;
        if self.is_in_head() {
            self.interim += 1;
            if self.interim > self.terms.max_interim {
                return Err(Fault::TooManyInterim);
            }
        }
        Ok(Some(Answer { len, status }))
    }

    /// Reads on in a body; returns how many of the bytes belong to it, which is all unless it ends in them.
    ///
    /// # Errors
    ///
    /// When its end cannot be found, or not for sure.
    pub fn body(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match &mut self.reading {
            Reading::Head(_) => Ok(0),
            Reading::UntilClose => Ok(bytes.len()),
            Reading::Chunked(chunked) => chunked.read(bytes),
            Reading::Length(left) => {
                let here = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= here as u64;
                Ok(here)
            }
        }
    }
}

impl Unfinished {
    /// How long the head is, once it is complete.
    fn read(&mut self, bytes: &[u8], terms: &AnswerTerms) -> Result<Option<usize>, Fault> {
        // What is beyond cannot matter: how much of it there is depends on who sends it.
        let readable = bytes.get(..terms.max_head_bytes).unwrap_or(bytes);
        loop {
            let end = match lines::end(readable, self.searched)? {
                LineEnd::At(end) => end,
                LineEnd::Beyond { searched } => {
                    self.searched = searched;
                    let is_too_large = bytes.len() > terms.max_head_bytes;
                    return match is_too_large {
                        true => Err(Fault::HeadTooLarge),
                        false => Ok(None),
                    };
                }
            };
            let line = bytes.get(self.line..end).unwrap_or_default();
            if line.is_empty() && self.status.is_some() {
                return Ok(Some(end + 2));
            }
            self.line(line, terms)?;
            (self.line, self.searched) = (end + 2, end + 2);
        }
    }

    fn line(&mut self, line: &[u8], terms: &AnswerTerms) -> Result<(), Fault> {
        let Some(status) = self.status else {
            self.status = Some(StatusLine::read(line)?);
            return Ok(());
        };
        self.fields += 1;
        if self.fields > terms.max_fields {
            return Err(Fault::TooManyFields);
        }
        let field = Field::read(line)?;
        // Of those that matter there are no two of one length.
        match field.name.len() {
            14 if field.is(b"content-length") => self.length(field.value),
            17 if field.is(b"transfer-encoding") => self.coding(field.value, status.version),
            _ => Ok(()),
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(Fault::LengthRepeated);
        }
        self.length = Some(coding::length(value)?);
        Ok(())
    }

    fn coding(&mut self, value: &[u8], version: Version) -> Result<(), Fault> {
        if self.is_chunked {
            return Err(Fault::CodingRepeated);
        }
        if version == Version::Http10 {
            return Err(Fault::CodingTooOld);
        }
        coding::check(value)?;
        self.is_chunked = true;
        Ok(())
    }

    /// What follows this head, which is complete (RFC 9112 section 6.3).
    fn body(&self, asked: Asked, chunks: ChunkLimits) -> Result<Reading, Fault> {
        if self.is_chunked && self.length.is_some() {
            return Err(Fault::LengthAndCoding);
        }
        let says_body = self.is_chunked || self.length.is_some_and(|length| length > 0);
        match self.status {
            Some(StatusLine {
                status: 100..=199 | 204,
                ..
            }) if says_body => Err(Fault::BodyForbidden),
            Some(StatusLine {
                status: 101,
                version,
            }) => match asked.upgrade && version == Version::Http11 {
                true => Ok(Reading::UntilClose),
                false => Err(Fault::Switched),
            },
            // HTTP/1.0 has no such answers (RFC 9110 section 15.2).
            Some(StatusLine {
                status: 100..=199,
                version: Version::Http10,
            }) => Err(Fault::Status),
            Some(StatusLine {
                status: 100..=199, ..
            }) => Ok(Reading::Head(Self::default())),
            Some(StatusLine {
                status: 204 | 304, ..
            }) => Ok(Reading::Length(0)),
            _ if asked.head_only => Ok(Reading::Length(0)),
            _ if self.is_chunked => Ok(Reading::Chunked(Chunked::new(chunks))),
            _ => Ok(self.length.map_or(Reading::UntilClose, Reading::Length)),
        }
    }
}

#[cfg(test)]
mod tests;
