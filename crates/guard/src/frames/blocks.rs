//! The blocks of fields that a client sends: read by the connection's table, and passed on as they are as long
//! as the codec's table can follow. From the first block on that cannot pass, all are written anew.
//!
//! Invariant: every block is read to its end, since the next one may refer to it, or the connection is over;
//! what is kept of one that is not complete is bounded, and what one says, and how many say too much.

use super::frame::{END_HEADERS, END_STREAM, Frame, HEAD_LEN, MAX_PAYLOAD, PADDED, PRIORITY};
use super::hpack::{Decoder, Unread};
use super::message::{Message, Place, Verdict};
use super::{FrameFault, FrameTerms, Passes};

/// Those of one connection.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    fields: Decoder,
    /// Whether the codec has been given whatever went into the table.
    is_followed: bool,
    /// One that goes on in the next frame, and what has come of it.
    open: Option<OpenBlock>,
    pub(super) begun: Vec<u8>,
    /// Heads that were too large, since somebody asked, and ever.
    oversized: u32,
    oversized_ever: u64,
    /// All that were read.
    read: u64,
}

/// Blocks, and where they are written to.
pub(super) struct Reading<'a> {
    blocks: &'a mut Blocks,
    terms: &'a FrameTerms,
    rest: &'a mut Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct OpenBlock {
    stream: u32,
    ends_stream: bool,
    place: Place,
    is_self_dependent: bool,
    /// Frames that it has come in, and whether they have what goes on and nothing else.
    frames: usize,
    is_bare: bool,
}

/// How much larger than a head its block may be, and what it says; whoever sends more is not answered.
const BLOCK_FACTOR: usize = 4;

/// Heads that may be too large while they are more than half of all.
const MAX_OVERSIZED: u64 = 32;

/// Frames that a block may come in.
const MAX_BLOCK_FRAMES: usize = 64;

impl Blocks {
    pub(super) fn new() -> Self {
        Self {
            fields: Decoder::new(),
            is_followed: true,
            open: None,
            begun: Vec::new(),
            oversized: 0,
            oversized_ever: 0,
            read: 0,
        }
    }

    /// The stream of a block that goes on in the next frame.
    pub(super) fn open(&self) -> Option<u32> {
        Some(self.open?.stream)
    }

    /// Whether there has been a field that nobody may put into a table.
    pub(super) fn has_unindexed(&self) -> bool {
        self.fields.has_unindexed()
    }

    /// How many heads were too large since somebody asked.
    pub(super) fn take_oversized(&mut self) -> u32 {
        std::mem::take(&mut self.oversized)
    }

    /// Takes note of a block that was read. A client most of whose heads are too large wants the work and
    /// not the answers.
    fn is_flood(&mut self, verdict: Verdict) -> bool {
        let oversized = verdict == Verdict::TooLarge;
        self.read += 1;
        self.oversized += u32::from(oversized);
        self.oversized_ever += u64::from(oversized);
        oversized && self.oversized_ever > MAX_OVERSIZED.max(self.read / 2)
    }

    pub(super) fn reading<'a>(
        &'a mut self,
        terms: &'a FrameTerms,
        rest: &'a mut Vec<u8>,
    ) -> Reading<'a> {
        Reading {
            blocks: self,
            terms,
            rest,
        }
    }
}

impl Reading<'_> {
    /// A block begins.
    pub(super) fn headers(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        place: Place,
    ) -> Result<Passes, FrameFault> {
        let (fragment, depends_on) = fragment(frame, payload)?;
        let block = OpenBlock {
            stream: frame.stream,
            ends_stream: frame.has(END_STREAM),
            place,
            is_self_dependent: depends_on == Some(frame.stream),
            frames: 1,
            is_bare: frame.flags & !END_STREAM == END_HEADERS,
        };
        if frame.has(END_HEADERS) {
            return self.fields(block, fragment);
        }
        self.blocks.begun.extend_from_slice(fragment);
        self.blocks.open = Some(block);
        Ok(Passes::InOtherWords)
    }

    /// A block goes on.
    pub(super) fn continuation(
        &mut self,
        frame: &Frame,
        payload: &[u8],
    ) -> Result<Passes, FrameFault> {
        let Some(mut open) = self.blocks.open.take() else {
            return Err(FrameFault::Protocol);
        };
        open.frames += 1;
        let max = max_block(self.terms);
        let begun = &mut self.blocks.begun;
        if open.frames > MAX_BLOCK_FRAMES || begun.len() + payload.len() > max {
            return Err(FrameFault::Continuations);
        }
        begun.extend_from_slice(payload);
        if !frame.has(END_HEADERS) {
            self.blocks.open = Some(open);
            return Ok(Passes::InOtherWords);
        }
        let whole = std::mem::take(begun);
        self.fields(open, &whole)
    }

    /// Reads a whole block. Unless it can pass as it is, the frames are written that stand for it.
    fn fields(&mut self, block: OpenBlock, fields: &[u8]) -> Result<Passes, FrameFault> {
        let start = self.rest.len();
        self.rest.extend_from_slice(&[0; HEAD_LEN]);
        let mut message = Message::new(block.place, self.terms, self.rest);
        let max = max_block(self.terms);
        let decoder = &mut self.blocks.fields;
        let read = decoder.read(fields, max, |field| message.field(field));
        let verdict = message.end();
        if let Err(why) = read {
            self.rest.truncate(start);
            return Err(match why {
                Unread::Garbled => FrameFault::Compression,
                Unread::TooLong => FrameFault::Continuations,
            });
        }
        if self.blocks.is_flood(verdict) {
            self.rest.truncate(start);
            return Err(FrameFault::Continuations);
        }
        let is_malformed = verdict == Verdict::Malformed || block.is_self_dependent;
        // What it has put into the table the codec is not told then.
        self.blocks.is_followed &= verdict == Verdict::Sound && !is_malformed;
        if self.blocks.is_followed && block.is_bare && block.frames == 1 {
            self.rest.truncate(start);
            return Ok(Passes::AsItIs);
        }
        if self.blocks.is_followed || is_malformed {
            let instead = if is_malformed {
                malformed(block.place)
            } else {
                fields
            };
            self.rest.truncate(start + HEAD_LEN);
            self.rest.extend_from_slice(instead);
        }
        finish(self.rest, start, &block);
        Ok(Passes::InOtherWords)
    }
}

fn max_block(terms: &FrameTerms) -> usize {
    terms.max_head_bytes.saturating_mul(BLOCK_FACTOR)
}

/// RFC 9113 section 6.2: the fields without what is around them, and the stream that it is said to depend
/// on.
fn fragment<'a>(
    frame: &Frame,
    mut payload: &'a [u8],
) -> Result<(&'a [u8], Option<u32>), FrameFault> {
    let mut padding = 0;
    if frame.has(PADDED) {
        let (len, rest) = payload.split_first().ok_or(FrameFault::FrameSize)?;
        (padding, payload) = (usize::from(*len), rest);
    }
    let mut depends_on = None;
    if frame.has(PRIORITY) {
        let ([s3, s2, s1, s0, _], rest) = payload
            .split_first_chunk::<5>()
            .ok_or(FrameFault::FrameSize)?;
        depends_on = Some(u32::from_be_bytes([s3 & 0x7f, *s2, *s1, *s0]));
        payload = rest;
    }
    let len = payload.len().checked_sub(padding);
    let fragment = len.and_then(|len| payload.get(..len));
    Ok((fragment.ok_or(FrameFault::Protocol)?, depends_on))
}

/// A block for which the codec resets its stream with PROTOCOL_ERROR.
fn malformed(place: Place) -> &'static [u8] {
    match place {
        // `:method: GET`, and nothing else.
        Place::Head => &[0x82],
        Place::Trailers => b"\x00\x0aconnection\x01x",
    }
}

/// Writes the head of the frame whose block follows `start`; more than one frame takes goes on in others.
fn finish(rest: &mut Vec<u8>, start: usize, block: &OpenBlock) {
    let len = rest.len() - start - HEAD_LEN;
    let end_stream = if block.ends_stream { END_STREAM } else { 0 };
    if len <= MAX_PAYLOAD {
        return write_head(
            rest,
            start,
            len,
            (1, end_stream | END_HEADERS, block.stream),
        );
    }
    let fields = rest.split_off(start + HEAD_LEN);
    write_head(rest, start, MAX_PAYLOAD, (1, end_stream, block.stream));
    let (first, others) = fields.split_at(MAX_PAYLOAD);
    rest.extend_from_slice(first);
    let mut pieces = others.chunks(MAX_PAYLOAD).peekable();
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_none() {
            END_HEADERS
        } else {
            0
        };
        let at = rest.len();
        rest.extend_from_slice(&[0; HEAD_LEN]);
        write_head(rest, at, piece.len(), (9, flags, block.stream));
        rest.extend_from_slice(piece);
    }
}

fn write_head(rest: &mut [u8], at: usize, len: usize, (kind, flags, stream): (u8, u8, u32)) {
    let [.., l2, l1, l0] = len.to_be_bytes();
    let [s3, s2, s1, s0] = stream.to_be_bytes();
    let head = [l2, l1, l0, kind, flags, s3, s2, s1, s0];
    if let Some(to) = rest.get_mut(at..at + HEAD_LEN) {
        to.copy_from_slice(&head);
    }
}
