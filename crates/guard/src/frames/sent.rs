//! What goes to the client, frame by frame.

use super::frame::{END_STREAM, Frame, HEAD_LEN, Kind};
use super::streams::Streams;

/// How far our frames have been followed.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    /// The head under way, and behind that of a reset its reason.
    head: [u8; HEAD_LEN + REASON_LEN],
    have: usize,
    /// Of the payload under way.
    left: usize,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Went {
    /// Frames with a part of a body.
    pub(super) data: u64,
    /// Streams that the codec would not have, for what came on them.
    pub(super) rejections: u32,
    /// Of those that were answered before, what said that no more is wanted: their clients may not have
    /// known when they sent it (RFC 9113 section 5.1).
    pub(super) late: u32,
}

const REASON_LEN: usize = 4;

const STREAM_CLOSED: u8 = 0x5;

impl Sent {
    /// Follows what is written, and notes in `streams` which are answered by it.
    pub(super) fn follow(&mut self, mut bytes: &[u8], streams: &mut Streams) -> Went {
        let mut went = Went::default();
        while !bytes.is_empty() {
            if self.left > 0 {
                let n = self.left.min(bytes.len());
                self.left -= n;
                bytes = bytes.get(n..).unwrap_or_default();
                continue;
            }
            let wanted = self.wanted();
            let free = self.head.get_mut(self.have..wanted).unwrap_or_default();
            let n = free.len().min(bytes.len());
            let (now, rest) = bytes.split_at(n);
            free.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            bytes = rest;
            self.have += n;
            if self.have == self.wanted() {
                let frame = self.frame();
                let is_data = frame.kind == Kind::Data;
                went.data += u64::from(is_data);
                match self.is_late() && streams.is_answered(frame.stream) {
                    true => went.late += 1,
                    false => went.rejections += u32::from(self.is_rejection()),
                }
                // A head alone may be one that only says that the answer follows.
                if is_data || (frame.kind == Kind::Headers && frame.has(END_STREAM)) {
                    streams.answer(frame.stream);
                }
                self.left = (HEAD_LEN + frame.len).saturating_sub(self.have);
                self.have = 0;
            }
        }
        went
    }

    fn frame(&self) -> Frame {
        let head = self.head.first_chunk().copied();
        Frame::read(&head.unwrap_or_default())
    }

    fn is_reset(&self) -> bool {
        self.have >= HEAD_LEN && self.frame().kind == Kind::ResetStream
    }

    /// How much of a frame is looked at.
    fn wanted(&self) -> usize {
        HEAD_LEN + if self.is_reset() { REASON_LEN } else { 0 }
    }

    /// Whether a stream was over when something came on it.
    fn is_late(&self) -> bool {
        self.is_reset() && self.head.last() == Some(&STREAM_CLOSED)
    }

    /// RFC 9113 section 7: for reasons that are the client's and not the stream's.
    fn is_rejection(&self) -> bool {
        const PROTOCOL_ERROR: u8 = 0x1;
        const FLOW_CONTROL_ERROR: u8 = 0x3;
        const REFUSED_STREAM: u8 = 0x7;
        let reasons = [
            PROTOCOL_ERROR,
            FLOW_CONTROL_ERROR,
            STREAM_CLOSED,
            REFUSED_STREAM,
        ];
        self.is_reset()
            && self
                .head
                .last()
                .is_some_and(|reason| reasons.contains(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_counted_however_it_is_cut() {
        let mut written = Vec::new();
        let frames = [
            (4_u8, 0_u8),
            (0, 3),
            (8, 4),
            (3, 4),
            (0, 0),
            (0, 200),
            (3, 4),
            (1, 9),
        ];
        for (nth, (kind, len)) in frames.into_iter().enumerate() {
            written.extend([0, 0, len, kind, 0, 0, 0, 0, 1]);
            written.extend(vec![0; usize::from(len)]);
            if let (3, 3) = (kind, nth) {
                // Of the two resets the first is for PROTOCOL_ERROR.
                *written.last_mut().unwrap() = 1;
            }
        }
        for size in 1..written.len() {
            let mut sent = Sent::default();
            let mut streams = Streams::new();
            streams.open(1);
            let pieces = written.chunks(size);
            let (mut data, mut rejections) = (0, 0);
            for went in pieces.map(|piece| sent.follow(piece, &mut streams)) {
                data += went.data;
                rejections += went.rejections;
            }
            let counted = (data, rejections, streams.is_answered(1));
            assert_eq!(counted, (3, 1, true), "{size}");
        }
    }

    #[test]
    fn what_comes_on_an_answered_stream_is_late_and_no_reason_to_reject_it() {
        let mut streams = Streams::new();
        streams.open(3);
        let mut sent = Sent::default();
        let closed = |stream| [0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, STREAM_CLOSED];
        let went = sent.follow(&closed(3), &mut streams);
        assert_eq!((went.rejections, went.late), (1, 0));
        let answer = [0, 0, 0, 0, END_STREAM, 0, 0, 0, 3];
        sent.follow(&answer, &mut streams);
        let went = sent.follow(&closed(3), &mut streams);
        assert_eq!((went.rejections, went.late), (0, 1));
    }
}
