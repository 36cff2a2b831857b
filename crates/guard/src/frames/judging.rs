//! Whether a frame may stand where it stands.
//!
//! Invariant: what a frame does to its stream is noted before anything of it passes.
//!
//! Deliberately absent: how frames are cut into pieces on their way.

use std::time::Instant;

use super::frame::{ACK, END_STREAM, Frame, Kind, MAX_PAYLOAD};
use super::message::Place;
use super::streams::State;
use super::{At, FrameFault, Frames, Passes, rest_of};

impl Frames {
    /// Judges a frame by its head; returns what follows if its payload is not looked at as a whole.
    pub(super) fn begun(&mut self, frame: &Frame, now: Instant) -> Result<Option<At>, FrameFault> {
        self.in_order(frame)?;
        if frame.len > MAX_PAYLOAD || frame.is_cut_off() {
            return Err(FrameFault::FrameSize);
        }
        self.budgets.take(frame, now)?;
        if frame.kind == Kind::ResetStream {
            let is_answered = self.streams.is_answered(frame.stream);
            self.budgets.reset(is_answered, now)?;
        }
        match frame.kind {
            Kind::Data => self.data(frame).map(Some),
            Kind::Unknown => Ok(Some(rest_of(frame.len, At::Unasked))),
            Kind::Headers
            | Kind::Priority
            | Kind::ResetStream
            | Kind::Settings
            | Kind::PushPromise
            | Kind::Ping
            | Kind::GoAway
            | Kind::WindowUpdate
            | Kind::Continuation => Ok(None),
        }
    }

    /// RFC 9113 sections 3.4, 4.3, 6.10 and 8.4.
    fn in_order(&mut self, frame: &Frame) -> Result<(), FrameFault> {
        if self.at == At::FirstFrame {
            if frame.kind != Kind::Settings || frame.has(ACK) {
                return Err(FrameFault::Protocol);
            }
            self.at = At::Frame;
        }
        let is_in_order = match (self.blocks.open(), frame.kind) {
            (Some(open), Kind::Continuation) => open == frame.stream,
            (Some(_), _) | (None, Kind::Continuation | Kind::PushPromise) => false,
            (None, _) => true,
        };
        is_in_order.then_some(()).ok_or(FrameFault::Protocol)
    }

    /// RFC 9113 sections 5.1 and 6.1.
    fn data(&mut self, frame: &Frame) -> Result<At, FrameFault> {
        match self.state(frame.stream)? {
            State::Idle => return Err(FrameFault::Protocol),
            State::Ended => return Err(FrameFault::StreamClosed),
            State::Skipped | State::Open | State::Forgotten => {}
        }
        if frame.has(END_STREAM) {
            self.streams.end(frame.stream);
        }
        Ok(rest_of(frame.len, At::Body))
    }

    /// Of a stream that belongs to the client.
    fn state(&self, stream: u32) -> Result<State, FrameFault> {
        match stream % 2 {
            0 => Err(FrameFault::Protocol),
            _ => Ok(self.streams.state(stream)),
        }
    }

    /// Judges a frame that has come in full; what is written in its place goes to `rest`.
    pub(super) fn whole(
        &mut self,
        frame: &Frame,
        payload: &[u8],
        rest: &mut Vec<u8>,
        now: Instant,
    ) -> Result<Passes, FrameFault> {
        match frame.kind {
            Kind::Headers => {
                let place = self.headers(frame, now)?;
                let mut blocks = self.blocks.reading(&self.terms, rest);
                return blocks.headers(frame, payload, place);
            }
            Kind::Continuation => {
                let mut blocks = self.blocks.reading(&self.terms, rest);
                return blocks.continuation(frame, payload);
            }
            Kind::Settings => settings(payload)?,
            Kind::ResetStream => self.streams.end(frame.stream),
            Kind::Data
            | Kind::Priority
            | Kind::PushPromise
            | Kind::Ping
            | Kind::GoAway
            | Kind::WindowUpdate
            | Kind::Unknown => {}
        }
        Ok(Passes::AsItIs)
    }

    /// RFC 9113 sections 5.1 and 5.1.1.
    fn headers(&mut self, frame: &Frame, now: Instant) -> Result<Place, FrameFault> {
        let place = match self.state(frame.stream)? {
            State::Idle => {
                self.streams.open(frame.stream);
                self.budgets.opened(now);
                Place::Head
            }
            State::Open | State::Forgotten => Place::Trailers,
            State::Ended => return Err(FrameFault::StreamClosed),
            State::Skipped => return Err(FrameFault::Protocol),
        };
        if frame.has(END_STREAM) {
            self.streams.end(frame.stream);
        }
        Ok(place)
    }
}

/// RFC 9113 section 6.5.2: the one setting whose fault has a name of its own.
fn settings(payload: &[u8]) -> Result<(), FrameFault> {
    const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];
    let (settings, _) = payload.as_chunks::<6>();
    let is_too_large = |[i1, i0, v3, ..]: &[u8; 6]| [*i1, *i0] == INITIAL_WINDOW_SIZE && *v3 > 0x7f;
    match settings.iter().any(is_too_large) {
        true => Err(FrameFault::FlowControl),
        false => Ok(()),
    }
}
