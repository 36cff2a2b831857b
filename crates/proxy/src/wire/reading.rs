//! What is read from a connection: what came first, and what its [`Guard`] lets pass.

use std::future::poll_fn;
use std::io;
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use nuncio_guard::{AnswerTerms, FrameTerms, Terms};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::answers::Answers;
use super::frames::{FrameNotes, FrameScreen};
use super::screen::Wanted;
use super::{Place, Screen, Traffic, Wire};

/// Judges what is read.
#[derive(Debug)]
pub(super) enum Guard {
    /// Requests of HTTP/1.
    Requests(Box<Screen>),
    /// An upstream's answers over HTTP/1.
    Answers(Box<Answers>),
    /// A client's frames of HTTP/2.
    Frames(Box<FrameScreen>),
    /// It is at work, or has panicked there: nothing more is read.
    Away,
}

/// What is read at once where the codec has no say.
const PIECE: usize = 4096;

impl<P: Place> Wire<P> {
    /// From now on what is read passes `screen` first.
    pub(crate) fn screen(&mut self, mut screen: Screen) {
        screen.hold(&mem::take(&mut self.unread));
        self.tell_of(&screen);
        self.guard = Some(Guard::Requests(Box::new(screen)));
    }

    /// The request that follows a complete one may come.
    pub(crate) fn begin(&mut self, terms: Terms) {
        if let Some(Guard::Requests(screen)) = &mut self.guard {
            screen.begin(terms);
            tell_of(&self.traffic, screen);
        }
    }

    /// From now on bytes are read as they come.
    pub(crate) fn unscreen(&mut self) {
        match self.guard.take() {
            Some(Guard::Requests(screen)) => self.unread = screen.into_held().freeze(),
            Some(Guard::Away) => self.guard = Some(Guard::Away),
            Some(Guard::Answers(_) | Guard::Frames(_)) | None => {}
        }
    }

    /// A request goes out over this connection to an upstream: what is answered has to keep to `terms`.
    pub(crate) fn answer_follows(&mut self, terms: AnswerTerms) {
        match &mut self.guard {
            Some(Guard::Answers(answers)) => answers.begin(terms),
            Some(Guard::Away) => {}
            Some(Guard::Requests(_) | Guard::Frames(_)) | None => {
                self.guard = Some(Guard::Answers(Box::new(Answers::new(terms))));
            }
        }
    }

    /// Whether bytes have come that nobody has read.
    pub(crate) fn holds_any(&self) -> bool {
        let is_held = match &self.guard {
            Some(Guard::Requests(screen)) => screen.holds_any(),
            Some(Guard::Answers(_) | Guard::Frames(_) | Guard::Away) | None => false,
        };
        is_held || !self.unread.is_empty()
    }

    /// Ends the connection so that the other side sees what was written, whatever it goes on sending
    /// (RFC 9112 section 9.6).
    pub(crate) async fn linger(&mut self) {
        if AsyncWriteExt::shutdown(self).await.is_err() {
            return;
        }
        // Whoever closes now does so because we did.
        let mut unwanted = vec![0; PIECE];
        while let Ok(1..) = self.carrier.read(&mut unwanted).await {}
    }

    /// From now on what comes are frames of HTTP/2 that have to keep to `terms`.
    pub(crate) fn screen_frames(&mut self, terms: FrameTerms) -> Arc<FrameNotes> {
        let mut screen = Box::new(FrameScreen::new(terms));
        self.unread = screen.judge_begun(&self.unread);
        let notes = screen.notes();
        self.guard = Some(Guard::Frames(screen));
        notes
    }

    /// Reads until `expected` has arrived or differs; everything read stays readable.
    ///
    /// `Ok(true)` when the connection begins with `expected`. The end of the stream is a
    /// difference. What was read stays readable also when it is no longer waited for.
    pub(crate) async fn begins_with(&mut self, expected: &[u8]) -> io::Result<bool> {
        loop {
            let n = self.unread.len().min(expected.len());
            if self.unread.iter().zip(expected).any(|(a, b)| a != b) {
                return Ok(false);
            }
            if n == expected.len() {
                return Ok(true);
            }
            let before = self.unread.len();
            poll_fn(|cx| self.poll_unread(cx)).await?;
            if self.unread.len() == before {
                return Ok(false);
            }
        }
    }

    /// Reads more of what is to stay readable.
    fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(self.poll_carrier(cx, &mut piece))?;
        self.unread = [&self.unread, piece.filled()].concat().into();
        Poll::Ready(Ok(()))
    }

    fn poll_read_screened(
        &mut self,
        screen: &mut Screen,
        (cx, buf): (&mut Context<'_>, &mut ReadBuf<'_>),
    ) -> Poll<io::Result<()>> {
        loop {
            match screen.wanted() {
                Wanted::Refuse => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Wanted::Nothing => return self.poll_nothing(cx),
                Wanted::Pass => {
                    screen.pass(buf);
                    self.corked = true;
                    return Poll::Ready(Ok(()));
                }
                Wanted::InPlace => {
                    let before = buf.filled().len();
                    match self.poll_carrier(cx, buf)? {
                        Poll::Ready(0) => return Poll::Ready(Ok(())),
                        Poll::Ready(_) => {}
                        Poll::Pending if screen.is_late(cx) => continue,
                        Poll::Pending => return Poll::Pending,
                    }
                    let passed = screen.judge(buf.filled().get(before..).unwrap_or_default());
                    buf.set_filled(before + passed);
                    if passed > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Wanted::Held if screen.rests(cx) => match screen.is_late(cx) {
                    true => {}
                    false => {
                        let read = self.poll_nothing(cx);
                        if self.held.is_empty() && !self.unflushed {
                            self.carrier.rest();
                        }
                        return read;
                    }
                },
                Wanted::Held => {
                    let mut piece = [const { MaybeUninit::uninit() }; PIECE];
                    let mut piece = ReadBuf::uninit(&mut piece);
                    match self.poll_carrier(cx, &mut piece)? {
                        Poll::Ready(0) => return Poll::Ready(Ok(())),
                        Poll::Ready(_) => screen.hold(piece.filled()),
                        Poll::Pending if screen.is_late(cx) => {}
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    }

    fn poll_read_answer(
        &mut self,
        answers: &mut Answers,
        (cx, buf): (&mut Context<'_>, &mut ReadBuf<'_>),
    ) -> Poll<io::Result<()>> {
        loop {
            if answers.pass(buf) {
                self.corked = true;
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            if ready!(self.poll_carrier(cx, buf))? == 0 {
                return Poll::Ready(Ok(()));
            }
            let read = buf.filled().get(before..).unwrap_or_default();
            let judged = answers.judge(read, self.traffic.asked());
            buf.set_filled(before + judged.unwrap_or_default());
            match judged {
                Ok(0) => {}
                Ok(_) => return Poll::Ready(Ok(())),
                Err(fault) => {
                    self.traffic.set_fault(fault);
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
            }
        }
    }

    fn poll_read_frames(
        &mut self,
        frames: &mut FrameScreen,
        (cx, buf): (&mut Context<'_>, &mut ReadBuf<'_>),
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        frames.resume();
        loop {
            if frames.is_over() {
                // Whoever asks is told by the notes.
                return self.poll_nothing(cx);
            }
            if let Some(later) = frames.judge_more(buf) {
                (self.unread, self.corked) = (later, true);
                self.traffic.set_unindexed(frames.has_unindexed());
                if buf.filled().len() > before {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            match self.poll_carrier(cx, buf)? {
                Poll::Ready(0) => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {}
                Poll::Pending => {
                    frames.waits();
                    return Poll::Pending;
                }
            }
            self.unread = frames.judge(buf, before);
            self.traffic.set_unindexed(frames.has_unindexed());
            // Nothing read would be the end; what does not pass yet is not.
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_read_guarded(
        &mut self,
        guard: &mut Guard,
        (cx, buf): (&mut Context<'_>, &mut ReadBuf<'_>),
    ) -> Poll<io::Result<()>> {
        match guard {
            Guard::Requests(screen) => {
                let read = self.poll_read_screened(screen, (cx, buf));
                self.tell_of(screen);
                read
            }
            Guard::Answers(answers) => self.poll_read_answer(answers, (cx, buf)),
            Guard::Frames(frames) => self.poll_read_frames(frames, (cx, buf)),
            Guard::Away => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Reads from the connection; returns how many bytes.
    fn poll_carrier(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let (before, asked) = (buf.filled().len(), buf.remaining());
        match Pin::new(&mut self.carrier).poll_read(cx, buf) {
            Poll::Ready(done) => {
                let n = buf.filled().len() - before;
                self.traffic.read(&done, n, asked);
                self.corked = true;
                Poll::Ready(done.map(|()| n))
            }
            Poll::Pending => self.poll_nothing(cx).map_ok(|()| 0),
        }
    }

    /// What a read does that has to wait.
    fn poll_nothing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An error here shows again on the next write.
        match self.poll_send_held(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    fn tell_of(&self, screen: &Screen) {
        tell_of(&self.traffic, screen);
    }
}

/// Tells whoever is outside of the codec what the screen has found.
fn tell_of(traffic: &Traffic, screen: &Screen) {
    traffic.set_in_head(screen.is_in_head());
    if let Some(fault) = screen.fault() {
        traffic.set_fault(fault);
    }
}

impl<P: Place> AsyncRead for Wire<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.unread.is_empty() {
            let n = this.unread.len().min(buf.remaining());
            buf.put_slice(&this.unread.split_to(n));
            this.corked = true;
            return Poll::Ready(Ok(()));
        }
        if let Some(guard) = &mut this.guard {
            let mut guard = mem::replace(guard, Guard::Away);
            let read = this.poll_read_guarded(&mut guard, (cx, buf));
            this.guard = Some(guard);
            return read;
        }
        this.poll_carrier(cx, buf).map_ok(drop)
    }
}

#[cfg(test)]
mod tests;
