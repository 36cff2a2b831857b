//! The requests of one HTTP/1 connection, one after the other.
//!
//! Invariant: the verdict on a request depends on its bytes and on nothing else, not on how they were cut
//! into pieces. A byte is looked at once, however slowly a head comes.
//!
//! Deliberately absent: bytes. Whoever reads them keeps those of a head until it is complete.

use std::ops::Range;

use crate::Fault;
use crate::authority;
use crate::chunked::{ChunkLimits, Chunked};
use crate::coding;
use crate::field::Field;
use crate::lines::{self, LineEnd};
use crate::request_line::{RequestLine, Version};

/// What requests have to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How large a head may be.
    pub max_head_bytes: usize,
    /// How many fields it may have.
    pub max_fields: usize,
    /// How long its target may be; `None` = as the head.
    pub max_url_bytes: Option<usize>,
    /// What chunks may cost.
    pub chunks: ChunkLimits,
    /// Whether a Transfer-Encoding goes before a Content-Length, rather than that both are a fault.
    pub allow_chunked_length: bool,
}

/// How far the requests of a connection have been read.
#[derive(Clone, Debug)]
pub struct Requests {
    terms: Terms,
    reading: Reading,
}

/// A head that is complete and sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many bytes it has.
    pub len: usize,
    /// Where its Host is not what its target says.
    pub conflict: Option<HostConflict>,
}

/// A Host that does not count: the authority of an absolute form goes before it (RFC 9112 section 3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConflict {
    /// Where in the head the authority stands.
    pub authority: Range<usize>,
    /// Where in the head the value of Host stands.
    pub host: Range<usize>,
}

#[derive(Clone, Debug)]
enum Reading {
    Head(Unfinished),
    Body(Body),
}

#[derive(Clone, Debug)]
enum Body {
    /// So many bytes are left, which may be none.
    Length(u64),
    Chunked(Chunked),
}

/// A head as far as it has come.
#[derive(Clone, Debug, Default)]
struct Unfinished {
    /// Where the line begins that has not ended yet.
    line: usize,
    /// How far its end was looked for.
    searched: usize,
    /// Bytes of an empty line before the first.
    blank: usize,
    request: Option<Request>,
    fields: usize,
}

/// What is known of a request from the lines before.
#[derive(Clone, Debug)]
struct Request {
    version: Version,
    authority: Option<Range<usize>>,
    host: Option<Range<usize>>,
    length: Option<u64>,
    is_chunked: bool,
}

impl Requests {
    /// A connection on which nothing has come yet.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            reading: Reading::Head(Unfinished::default()),
        }
    }

    /// Whether a head is awaited, or its rest.
    pub const fn is_in_head(&self) -> bool {
        matches!(self.reading, Reading::Head(_))
    }

    /// Whether the request has begun: an empty line before it does not count.
    pub const fn has_begun(&self, came: usize) -> bool {
        match &self.reading {
            Reading::Head(head) => came > head.blank,
            Reading::Body(_) => true,
        }
    }

    /// Whether the request is complete.
    pub const fn is_complete(&self) -> bool {
        match &self.reading {
            Reading::Head(_) => false,
            Reading::Body(Body::Length(left)) => *left == 0,
            Reading::Body(Body::Chunked(chunked)) => chunked.is_done(),
        }
    }

    /// The request that follows a complete one begins.
    pub fn begin(&mut self, terms: Terms) {
        *self = Self::new(terms);
    }

    /// Reads a head. `bytes` is all that has come since the request began, what was given before included.
    /// `None`: it goes on.
    ///
    /// # Errors
    ///
    /// With what is wrong with it, as soon as that is certain.
    pub fn head(&mut self, bytes: &[u8]) -> Result<Option<Head>, Fault> {
        let Reading::Head(head) = &mut self.reading else {
            return Ok(None);
        };
        let Some(len) = head.read(bytes, &self.terms)? else {
            return Ok(None);
        };
        let Some(request) = head.request.take() else {
            return Ok(None);
        };
        let conflict = request.conflict(bytes)?;
        let body = request.body(&self.terms)?;
        self.reading = Reading::Body(body);
        Ok(Some(Head { len, conflict }))
    }

    /// Reads on in a body; returns how many of the bytes belong to it, which is all unless it ends in them.
    ///
    /// # Errors
    ///
    /// When its end cannot be found, or not for sure.
    pub fn body(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match &mut self.reading {
            Reading::Head(_) => Ok(0),
            Reading::Body(Body::Chunked(chunked)) => chunked.read(bytes),
            Reading::Body(Body::Length(left)) => {
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
    fn read(&mut self, bytes: &[u8], terms: &Terms) -> Result<Option<usize>, Fault> {
        if self.searched == 0 && bytes.starts_with(b"\r\n") {
            // RFC 9112 section 2.2: some send an empty line behind a body.
            (self.line, self.searched, self.blank) = (2, 2, 2);
        }
        // What is beyond cannot matter: how much of it there is depends on who sends it.
        let readable = bytes.get(..terms.max_head_bytes).unwrap_or(bytes);
        loop {
            let end = match lines::end(readable, self.searched)? {
                LineEnd::At(end) => end,
                LineEnd::Beyond { searched } => {
                    self.searched = searched;
                    return self.unfinished(bytes.len() > terms.max_head_bytes);
                }
            };
            let line = bytes.get(self.line..end).unwrap_or_default();
            if line.is_empty() && self.request.is_some() {
                return Ok(Some(end + 2));
            }
            self.line(line, terms)?;
            (self.line, self.searched) = (end + 2, end + 2);
        }
    }

    /// Says whether it may go on.
    fn unfinished(&self, is_too_large: bool) -> Result<Option<usize>, Fault> {
        match (is_too_large, &self.request) {
            (false, _) => Ok(None),
            // RFC 9112 section 3: so it is to be answered.
            (true, None) => Err(Fault::UrlTooLong),
            (true, Some(_)) => Err(Fault::HeadTooLarge),
        }
    }

    fn line(&mut self, line: &[u8], terms: &Terms) -> Result<(), Fault> {
        let Some(request) = &mut self.request else {
            let read = RequestLine::read(line, terms.max_url_bytes)?;
            self.request = Some(Request::new(read, self.line));
            return Ok(());
        };
        self.fields += 1;
        if self.fields > terms.max_fields {
            return Err(Fault::TooManyFields);
        }
        let field = Field::read(line)?;
        // Of those that matter there are no two of one length.
        match field.name.len() {
            4 if field.is(b"host") => {
                let before = line.len() - value_and_behind(line, field.value);
                let start = self.line + before;
                request.host(field.value, start..start + field.value.len())
            }
            14 if field.is(b"content-length") => request.length(field.value),
            17 if field.is(b"transfer-encoding") => request.coding(field.value),
            _ => Ok(()),
        }
    }
}

impl Request {
    fn new(line: RequestLine, at: usize) -> Self {
        let authority = line.authority;
        Self {
            version: line.version,
            authority: authority.map(|range| range.start + at..range.end + at),
            host: None,
            length: None,
            is_chunked: false,
        }
    }

    fn host(&mut self, value: &[u8], at: Range<usize>) -> Result<(), Fault> {
        if self.host.is_some() {
            return Err(Fault::HostRepeated);
        }
        authority::check(value)?;
        self.host = Some(at);
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(Fault::LengthRepeated);
        }
        self.length = Some(coding::length(value)?);
        Ok(())
    }

    fn coding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.is_chunked {
            return Err(Fault::CodingRepeated);
        }
        if self.version == Version::Http10 {
            return Err(Fault::CodingTooOld);
        }
        coding::check(value)?;
        self.is_chunked = true;
        Ok(())
    }

    fn conflict(&self, head: &[u8]) -> Result<Option<HostConflict>, Fault> {
        match (&self.host, &self.authority) {
            (None, _) if self.version == Version::Http11 => Err(Fault::HostMissing),
            (Some(host), Some(authority))
                if head.get(host.clone()) != head.get(authority.clone()) =>
            {
                Ok(Some(HostConflict {
                    authority: authority.clone(),
                    host: host.clone(),
                }))
            }
            _ => Ok(None),
        }
    }

    fn body(&self, terms: &Terms) -> Result<Body, Fault> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) if !terms.allow_chunked_length => Err(Fault::LengthAndCoding),
            (true, _) => Ok(Body::Chunked(Chunked::new(terms.chunks))),
            (false, length) => Ok(Body::Length(length.unwrap_or(0))),
        }
    }
}

/// How many bytes of the line there are from the beginning of `value` on, which is the end of it but for
/// blanks.
fn value_and_behind(line: &[u8], value: &[u8]) -> usize {
    let blanks = line
        .iter()
        .rev()
        .take_while(|byte| crate::alphabet::is_blank(**byte));
    value.len() + blanks.count()
}

#[cfg(test)]
mod tests;
