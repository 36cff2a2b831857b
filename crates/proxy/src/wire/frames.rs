//! Has what a client of HTTP/2 sends judged before the codec reads it.
//!
//! Invariant: the codec is given nothing behind a fault. A frame that passes as it is stays where the codec
//! wants it, and is not copied unless something before it was written anew.
//!
//! Deliberately absent: what is done about a fault, which is told to those who hold the [`FrameNotes`].

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nuncio_guard::{FrameFault, FrameTerms, Frames};
use tokio::io::ReadBuf;

/// What stands between a client and the codec.
#[derive(Debug)]
pub(super) struct FrameScreen {
    frames: Frames,
    /// What was written anew, until the codec has it.
    rest: Vec<u8>,
    /// Since when the codec has not come for more.
    unread_since: Option<Instant>,
    notes: Arc<FrameNotes>,
}

/// What is known of a client's frames outside of its codec.
#[derive(Debug)]
pub(crate) struct FrameNotes {
    began: Instant,
    /// The fault's place among all; 0 = none, 1 = the first.
    fault: AtomicU8,
    /// Microseconds from the beginning until the client owed something; 0 = it owes nothing.
    waiting_since: AtomicU64,
    oversized: AtomicU32,
    rejections: AtomicU32,
}

/// Room that is kept for what is written anew.
const KEPT_ROOM: usize = 2048;

impl FrameScreen {
    pub(super) fn new(terms: FrameTerms) -> Self {
        let began = Instant::now();
        let notes = FrameNotes {
            began,
            fault: AtomicU8::new(0),
            waiting_since: AtomicU64::new(1),
            oversized: AtomicU32::new(0),
            rejections: AtomicU32::new(0),
        };
        Self {
            frames: Frames::new(terms, began),
            rest: Vec::new(),
            unread_since: None,
            notes: Arc::new(notes),
        }
    }

    pub(super) fn notes(&self) -> Arc<FrameNotes> {
        Arc::clone(&self.notes)
    }

    /// Whether nothing passes any more.
    pub(super) fn is_over(&self) -> bool {
        self.frames.fault().is_some()
    }

    /// The codec comes for more: until now nobody has waited for the client.
    pub(super) fn resume(&mut self) {
        if let Some(since) = self.unread_since.take() {
            self.frames.not_read_for(since.elapsed());
        }
    }

    /// The client is waited for.
    pub(super) fn waits(&self) {
        let since = self.frames.waiting_since();
        let waiting = since.map_or(0, |since| self.notes.micros(since));
        self.notes.waiting_since.store(waiting, Relaxed);
    }

    /// Judges what `buf` has behind `before`, and leaves there what passes; what does not fit is returned.
    pub(super) fn judge(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> Bytes {
        let came = buf.filled().get(before..).unwrap_or_default();
        let unchanged = self.take(came);
        buf.set_filled(before + unchanged);
        self.hand_out(buf)
    }

    fn hand_out(&mut self, buf: &mut ReadBuf<'_>) -> Bytes {
        let fits = self.rest.len().min(buf.remaining());
        let (now, later) = self.rest.split_at(fits);
        buf.put_slice(now);
        let later = Bytes::copy_from_slice(later);
        self.release();
        later
    }

    /// Judges what came before and could not be judged yet, in the same way; `None` if there is nothing.
    pub(super) fn judge_more(&mut self, buf: &mut ReadBuf<'_>) -> Option<Bytes> {
        let now = Instant::now();
        if !self.frames.take_more(&mut self.rest, now) {
            return None;
        }
        self.tell(now);
        Some(self.hand_out(buf))
    }

    /// What passes of bytes that came before anybody asked.
    pub(super) fn judge_begun(&mut self, begun: &Bytes) -> Bytes {
        let unchanged = self.take(begun);
        if self.rest.is_empty() {
            return begun.slice(..unchanged);
        }
        let passed = [begun.get(..unchanged).unwrap_or_default(), &self.rest].concat();
        self.release();
        passed.into()
    }

    /// Whether the client has sent a field that nobody may put into a table.
    pub(super) fn has_unindexed(&self) -> bool {
        self.frames.has_unindexed()
    }

    /// Follows what is written: the first `len` bytes of `slices`.
    pub(super) fn wrote(&mut self, slices: &[IoSlice<'_>], mut len: usize) {
        for slice in slices {
            let bytes = slice.get(..len.min(slice.len())).unwrap_or_default();
            self.frames.wrote(bytes);
            len -= bytes.len();
        }
        self.tell_fault();
    }

    fn take(&mut self, bytes: &[u8]) -> usize {
        let now = Instant::now();
        let unchanged = self.frames.take(bytes, &mut self.rest, now);
        self.tell(now);
        unchanged
    }

    /// Notes what is to be known outside.
    fn tell(&mut self, now: Instant) {
        let notes = &self.notes;
        notes.waiting_since.store(0, Relaxed);
        self.unread_since = self.frames.waiting_since().map(|_| now);
        notes.rejections.store(self.frames.rejections(), Relaxed);
        let oversized = self.frames.take_oversized();
        if oversized > 0 {
            notes.oversized.fetch_add(oversized, Relaxed);
        }
        self.tell_fault();
    }

    fn tell_fault(&self) {
        if let Some(fault) = self.frames.fault() {
            let nth = FrameFault::ALL.iter().position(|one| *one == fault);
            let nth = nth.and_then(|nth| u8::try_from(nth + 1).ok());
            self.notes.fault.store(nth.unwrap_or(1), Relaxed);
        }
    }

    fn release(&mut self) {
        self.rest.clear();
        self.rest.shrink_to(KEPT_ROOM);
    }
}

impl FrameNotes {
    /// Why the connection is over, if it is.
    pub(crate) fn fault(&self) -> Option<FrameFault> {
        let nth = usize::from(self.fault.load(Relaxed)).checked_sub(1)?;
        FrameFault::ALL.get(nth).copied()
    }

    /// Since when the client owes the rest of something that is not part of a body, where it is waited for.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        match self.waiting_since.load(Relaxed) {
            0 => None,
            micros => Some(self.began + Duration::from_micros(micros - 1)),
        }
    }

    /// How many heads were too large since somebody asked.
    pub(crate) fn take_oversized(&self) -> u32 {
        match self.oversized.load(Relaxed) {
            0 => 0,
            _ => self.oversized.swap(0, Relaxed),
        }
    }

    /// How many streams the codec has reset for what came on them.
    pub(crate) fn rejections(&self) -> u32 {
        self.rejections.load(Relaxed)
    }

    fn micros(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.began).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: FrameTerms = FrameTerms {
        max_head_bytes: 4096,
        max_fields: 100,
        max_resets: 500,
        resets_within: Duration::from_secs(30),
    };

    #[test]
    fn a_client_is_late_only_while_somebody_reads() {
        let mut screen = FrameScreen::new(TERMS);
        let notes = screen.notes();
        screen.take(b"PRI * HTTP/2.0");
        assert_eq!(notes.waiting_since(), None);
        screen.unread_since = Instant::now().checked_sub(Duration::from_secs(60));
        let before = screen.frames.waiting_since().unwrap();
        screen.resume();
        screen.waits();
        let since = notes.waiting_since().unwrap();
        assert!(since >= before + Duration::from_secs(59));
    }
}
