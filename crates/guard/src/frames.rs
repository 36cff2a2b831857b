//! What a client of HTTP/2 sends, frame by frame (RFC 9113).
//!
//! Everything goes through here before a codec sees it. Bodies pass as they are, and so do heads, once they
//! are read, and found sound. What is malformed or too large is written anew, so that it costs its stream and
//! nobody else's; and so is then whatever follows, in the plainest spelling, since the codec's table has not
//! seen what ours has. What ends a connection ends it with the error that the RFC names.
//!
//! Invariant: what passes does not depend on how it was cut into pieces on its way. What is kept of a
//! connection is bounded by [`FrameTerms`], and what a client may send by what it asks for.
//!
//! Deliberately absent: windows, and streams as we see them, which are the codec's.

mod blocks;
mod budgets;
mod fault;
mod frame;
mod hpack;
mod huffman;
mod judging;
mod message;
mod sent;
mod static_table;
mod streams;

use std::mem;
use std::time::{Duration, Instant};

use blocks::Blocks;
use budgets::Budgets;
pub use fault::FrameFault;
use frame::{END_STREAM, Frame, HEAD_LEN, Kind};
use sent::Sent;
use streams::Streams;

/// What clients have to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTerms {
    /// How large a request's head may be.
    pub max_head_bytes: usize,
    /// How many fields it may have.
    pub max_fields: usize,
    /// How many streams a client may reset in [`FrameTerms::resets_within`], where it resets most.
    pub max_resets: u32,
    /// The time in which they are counted.
    pub resets_within: Duration,
}

/// What one client has sent.
#[derive(Clone, Debug)]
pub struct Frames {
    terms: FrameTerms,
    at: At,
    /// A frame that has not come in full.
    held: Vec<u8>,
    blocks: Blocks,
    streams: Streams,
    budgets: Budgets,
    sent: Sent,
    /// Since when something has been incomplete that is not part of a body.
    waiting_since: Option<Instant>,
    fault: Option<FrameFault>,
    /// What has come and is not looked at before what passed has been taken.
    ahead: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// What every connection begins with; so much of it is left.
    Preface(usize),
    /// RFC 9113 section 3.4: behind it, settings.
    FirstFrame,
    Frame,
    /// The rest of a body's frame.
    Body(usize),
    /// The rest of a frame that nobody asked for.
    Unasked(usize),
}

/// Where what passes goes.
struct Out<'a> {
    input: &'a [u8],
    /// How much of it passes as it is.
    unchanged: usize,
    rest: &'a mut Vec<u8>,
}

const PREFACE_LEN: usize = 24;

/// How much is written anew before that has to be taken: a head goes beyond it.
const ENOUGH: usize = 32 * 1024;

/// Room that is kept for the next frame.
const KEPT_ROOM: usize = 64;

impl Frames {
    /// The connection is accepted; its preface has not been read.
    pub fn new(terms: FrameTerms, now: Instant) -> Self {
        Self {
            terms,
            at: At::Preface(PREFACE_LEN),
            held: Vec::new(),
            blocks: Blocks::new(),
            streams: Streams::new(),
            budgets: Budgets::new(terms.max_resets, terms.resets_within, now),
            sent: Sent::default(),
            waiting_since: Some(now),
            fault: None,
            ahead: Vec::new(),
        }
    }

    /// Takes what came. So much of it as is returned passes as it is, and behind that what is appended to
    /// `rest`; then perhaps [more](Self::take_more). After a fault nothing passes.
    pub fn take(&mut self, bytes: &[u8], rest: &mut Vec<u8>, now: Instant) -> usize {
        let mut out = Out {
            input: bytes,
            unchanged: 0,
            rest,
        };
        let mut at = 0;
        while at < bytes.len() && self.fault.is_none() && out.rest.len() <= ENOUGH {
            match self.step(at, &mut out, now) {
                Ok(taken) => at += taken,
                Err(fault) => self.fault = Some(fault),
            }
            // What comes behind something complete has its own time.
            if !self.is_owed_more() {
                self.waiting_since = None;
            }
        }
        if self.is_owed_more() {
            self.waiting_since = self.waiting_since.or(Some(now));
        }
        let unchanged = out.unchanged;
        if self.fault.is_none() {
            self.ahead
                .extend_from_slice(bytes.get(at..).unwrap_or_default());
        }
        unchanged
    }

    /// What passes of what came before, once everything else has been taken; gives whether there was any.
    /// A few bytes can stand for many, so that not all of a piece is read at once.
    pub fn take_more(&mut self, rest: &mut Vec<u8>, now: Instant) -> bool {
        if self.ahead.is_empty() {
            return false;
        }
        let (ahead, mut behind) = (mem::take(&mut self.ahead), Vec::new());
        let unchanged = self.take(&ahead, &mut behind, now);
        rest.extend_from_slice(ahead.get(..unchanged).unwrap_or_default());
        rest.append(&mut behind);
        true
    }

    /// For so long nobody has read: that is not the client's time.
    pub fn not_read_for(&mut self, time: Duration) {
        if let Some(since) = &mut self.waiting_since {
            *since += time;
        }
    }

    /// Whether something is incomplete that is not part of a body.
    fn is_owed_more(&self) -> bool {
        !self.held.is_empty()
            || self.blocks.open().is_some()
            || matches!(self.at, At::Preface(_) | At::FirstFrame)
    }

    /// Follows what is written to the client. It can show that the connection is over.
    pub fn wrote(&mut self, bytes: &[u8]) {
        let went = self.sent.follow(bytes, &mut self.streams);
        if let Err(fault) = self.budgets.sent(went) {
            self.fault = self.fault.or(Some(fault));
        }
    }

    /// How many streams the codec has reset for what came on them.
    pub fn rejections(&self) -> u32 {
        self.budgets.all_rejections()
    }

    /// Why the connection is over, if it is.
    pub fn fault(&self) -> Option<FrameFault> {
        self.fault
    }

    /// Since when the client owes the rest of something that is not part of a body: its first settings, a
    /// head, or any other frame.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since
    }

    /// Whether the client has sent a field that nobody may put into a table (RFC 7541 section 7.1.3).
    pub fn has_unindexed(&self) -> bool {
        self.blocks.has_unindexed()
    }

    /// How many heads were too large since somebody asked.
    pub fn take_oversized(&mut self) -> u32 {
        self.blocks.take_oversized()
    }

    /// Takes what stands at `at`; returns how much that is.
    fn step(&mut self, at: usize, out: &mut Out<'_>, now: Instant) -> Result<usize, FrameFault> {
        let bytes = out.input.get(at..).unwrap_or_default();
        match self.at {
            At::Preface(left) => {
                // The codec looks at it.
                let n = left.min(bytes.len());
                out.pass(at, n);
                self.at = match left - n {
                    0 => At::FirstFrame,
                    left => At::Preface(left),
                };
                Ok(n)
            }
            At::Body(left) => {
                let n = left.min(bytes.len());
                out.pass(at, n);
                self.at = rest_of(left - n, At::Body);
                Ok(n)
            }
            At::Unasked(left) => {
                let n = left.min(bytes.len());
                self.at = rest_of(left - n, At::Unasked);
                Ok(n)
            }
            At::FirstFrame | At::Frame => match self.held.is_empty() {
                true => self.fresh(at, out, now),
                false => self.resumed(at, out, now),
            },
        }
    }

    /// A frame begins at `at`.
    fn fresh(&mut self, at: usize, out: &mut Out<'_>, now: Instant) -> Result<usize, FrameFault> {
        let bytes = out.input.get(at..).unwrap_or_default();
        let Some(head) = bytes.first_chunk::<HEAD_LEN>() else {
            self.held.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let frame = Frame::read(head);
        if let Some(next) = self.begun(&frame, now)? {
            if frame.kind == Kind::Data && !is_empty_body(&frame) {
                out.pass(at, HEAD_LEN);
            }
            self.at = next;
            return Ok(HEAD_LEN);
        }
        let Some(whole) = bytes.get(..HEAD_LEN + frame.len) else {
            self.held.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let payload = whole.get(HEAD_LEN..).unwrap_or_default();
        if self.whole(&frame, payload, out.rest, now)? == Passes::AsItIs {
            out.pass(at, whole.len());
        }
        Ok(whole.len())
    }

    /// More of a frame that began in an earlier piece.
    fn resumed(&mut self, at: usize, out: &mut Out<'_>, now: Instant) -> Result<usize, FrameFault> {
        let bytes = out.input.get(at..).unwrap_or_default();
        let had = self.held.len();
        let missing = match self.held.first_chunk::<HEAD_LEN>() {
            None => HEAD_LEN - had,
            Some(head) => HEAD_LEN + Frame::read(head).len - had,
        };
        let n = missing.min(bytes.len());
        self.held
            .extend_from_slice(bytes.get(..n).unwrap_or_default());
        let Some(head) = self.held.first_chunk::<HEAD_LEN>() else {
            return Ok(n);
        };
        let frame = Frame::read(head);
        if had < HEAD_LEN
            && let Some(next) = self.begun(&frame, now)?
        {
            if frame.kind == Kind::Data && !is_empty_body(&frame) {
                out.rest.extend_from_slice(&self.held);
            }
            self.at = next;
            self.release_held(Vec::new());
            return Ok(n);
        }
        if self.held.len() == HEAD_LEN + frame.len {
            let held = mem::take(&mut self.held);
            let payload = held.get(HEAD_LEN..).unwrap_or_default();
            if self.whole(&frame, payload, out.rest, now)? == Passes::AsItIs {
                out.rest.extend_from_slice(&held);
            }
            self.release_held(held);
        }
        Ok(n)
    }

    fn release_held(&mut self, held: Vec<u8>) {
        if held.capacity() > 0 {
            self.held = held;
        }
        self.held.clear();
        self.held.shrink_to(KEPT_ROOM);
    }
}

/// Whether a frame goes on to the codec, or what was written in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passes {
    AsItIs,
    InOtherWords,
}

impl Out<'_> {
    /// So many bytes of the input pass as they are.
    fn pass(&mut self, at: usize, len: usize) {
        if self.unchanged == at && self.rest.is_empty() {
            self.unchanged += len;
            return;
        }
        let bytes = self.input.get(at..at + len).unwrap_or_default();
        self.rest.extend_from_slice(bytes);
    }
}

fn rest_of(left: usize, at: fn(usize) -> At) -> At {
    match left {
        0 => At::Frame,
        left => at(left),
    }
}

/// A part of a body that says nothing. It has done its harm, and is not passed on.
fn is_empty_body(frame: &Frame) -> bool {
    frame.len == 0 && !frame.has(END_STREAM)
}

#[cfg(test)]
mod tests;
