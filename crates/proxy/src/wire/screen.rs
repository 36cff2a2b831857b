//! Judges what a client of HTTP/1 sends before the codec reads it.
//!
//! Invariant: the codec is given one message at a time: a head once it is complete and sound, its body as
//! it comes and is found sound, and of the next message nothing before that may begin. After a fault it is
//! given nothing. A head that comes as a whole is judged where the codec wants it, and is not copied.
//!
//! Deliberately absent: reading from the connection, which is the wire's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use nuncio_guard::{Fault, HostConflict, Requests, Terms};
use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep, sleep_until};

/// What stands between a client and the codec.
#[derive(Debug)]
pub(crate) struct Screen {
    requests: Requests,
    /// What came and is not the codec's yet.
    held: BytesMut,
    /// How much of it the codec may have.
    passed: usize,
    fault: Option<Fault>,
    patience: Patience,
    /// How many small pieces of a head have come.
    pieces: u32,
    rest: Patience,
}

/// What a piece of a head has at the least that is not small.
const SMALL: usize = 512;
/// What is kept behind a complete request at the least: whoever sends no more is seen to leave.
const READ_AHEAD: usize = 4096;
/// So many small pieces are read as they come.
const MAX_PIECES: u32 = 16;
/// Of others more are waited for, so that a head that drips is not read byte by byte: so long at first, and
/// twice as long after each.
const REST: Duration = Duration::from_millis(5);
const MAX_REST: Duration = Duration::from_millis(50);

/// How long something is waited for, such as a head.
#[derive(Debug)]
struct Patience {
    /// From its first byte.
    limit: Duration,
    /// When it is over; `None` while there is nothing to wait for.
    until: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// What the wire is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Give the codec what has passed.
    Pass,
    /// Read to where the codec wants it, and have it judged.
    InPlace,
    /// Read what cannot be the codec's yet.
    Held,
    /// Nothing: who has begun the next request is not heard before that is due.
    Nothing,
    /// Refuse.
    Refuse,
}

/// What came of reading on.
enum Verdict {
    /// The head goes on.
    Unfinished,
    /// So many bytes belong to the message.
    Passed(usize),
    /// So many do, once its Host is what its target says.
    Conflict(HostConflict, usize),
}

impl Screen {
    /// For a connection whose first head may take until then; each of those that follow has `limit`.
    pub(crate) fn new(terms: Terms, limit: Duration, until: Instant) -> Self {
        Self {
            requests: Requests::new(terms),
            held: BytesMut::new(),
            passed: 0,
            fault: None,
            patience: Patience {
                limit,
                until: Some(until),
                sleep: None,
            },
            pieces: 0,
            rest: Patience {
                limit: REST,
                until: None,
                sleep: None,
            },
        }
    }

    /// The request that follows a complete one may come.
    pub(super) fn begin(&mut self, terms: Terms) {
        if !self.requests.is_complete() || self.passed > 0 {
            // What is left of the one before is not to be taken for a head.
            self.fault.get_or_insert(Fault::RequestLine);
            return;
        }
        self.requests.begin(terms);
        self.patience.until = None;
        self.pieces = 0;
        self.rest.limit = REST;
        self.judge_held();
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether something of a head has come, and not all of it.
    pub(super) fn is_in_head(&self) -> bool {
        self.requests.is_in_head() && self.requests.has_begun(self.held.len())
    }

    /// Whether anything has come that the codec has not had.
    pub(super) fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn wanted(&self) -> Wanted {
        let is_complete = self.requests.is_complete();
        match (self.fault, self.passed) {
            (Some(_), _) => Wanted::Refuse,
            (None, 1..) => Wanted::Pass,
            (None, 0) if is_complete && self.held.len() >= READ_AHEAD => Wanted::Nothing,
            (None, 0) if is_complete || !self.held.is_empty() => Wanted::Held,
            (None, 0) => Wanted::InPlace,
        }
    }

    /// Gives the codec what has passed.
    pub(super) fn pass(&mut self, buf: &mut ReadBuf<'_>) {
        let n = self.passed.min(buf.remaining());
        buf.put_slice(self.held.get(..n).unwrap_or_default());
        self.held.advance(n);
        self.passed -= n;
        if self.held.is_empty() {
            // An idle connection holds nothing.
            self.held = BytesMut::new();
        }
    }

    /// Judges what stands where the codec wants it; returns how much of it the codec may have.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> usize {
        match read(&mut self.requests, bytes) {
            Ok(Verdict::Passed(n)) => {
                self.held
                    .extend_from_slice(bytes.get(n..).unwrap_or_default());
                n
            }
            Ok(Verdict::Unfinished) => {
                self.held.extend_from_slice(bytes);
                self.wait_for_head();
                0
            }
            Ok(Verdict::Conflict(conflict, n)) => {
                self.held.extend_from_slice(bytes);
                self.settle(&conflict, n);
                0
            }
            Err(fault) => {
                self.fault = Some(fault);
                0
            }
        }
    }

    /// Keeps bytes that cannot be the codec's yet.
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        if !self.requests.is_in_head() {
            return;
        }
        self.judge_held();
        if bytes.len() < SMALL && self.requests.is_in_head() {
            self.rest_after_piece();
        }
    }

    fn rest_after_piece(&mut self) {
        self.pieces += 1;
        if self.pieces > MAX_PIECES {
            self.rest.until = Some(Instant::now() + self.rest.limit);
            self.rest.limit = MAX_REST.min(self.rest.limit * 2);
        }
    }

    /// What is left for whoever speaks something else from now on.
    pub(super) fn into_held(self) -> BytesMut {
        self.held
    }

    /// Whether the head has not come in time; else wakes the task when it is late.
    pub(super) fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let is_late = self.requests.is_in_head() && self.patience.poll(cx).is_ready();
        if is_late {
            self.fault = Some(Fault::HeadLate);
        }
        is_late
    }

    /// Whether it is too soon to read more; wakes the task when it is not.
    pub(super) fn rests(&mut self, cx: &mut Context<'_>) -> bool {
        let rests = self.rest.until.is_some() && self.rest.poll(cx).is_pending();
        if !rests {
            self.rest.until = None;
        }
        rests
    }

    fn judge_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        match read(&mut self.requests, &self.held) {
            Ok(Verdict::Passed(n)) => self.passed = n,
            Ok(Verdict::Unfinished) => self.wait_for_head(),
            Ok(Verdict::Conflict(conflict, n)) => self.settle(&conflict, n),
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn wait_for_head(&mut self) {
        if self.patience.until.is_none() && self.is_in_head() {
            self.patience.until = Some(Instant::now() + self.patience.limit);
        }
    }

    /// Puts the authority of the target in the place of Host: nobody behind is to choose.
    fn settle(&mut self, conflict: &HostConflict, passed: usize) {
        let part = |range| self.held.get(range).unwrap_or_default();
        let authority = part(conflict.authority.clone());
        let mut settled = BytesMut::with_capacity(self.held.len() + authority.len());
        settled.extend_from_slice(part(0..conflict.host.start));
        settled.extend_from_slice(authority);
        settled.extend_from_slice(part(conflict.host.end..self.held.len()));
        self.passed = passed - conflict.host.len() + authority.len();
        self.held = settled;
    }
}

impl Patience {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

fn read(requests: &mut Requests, bytes: &[u8]) -> Result<Verdict, Fault> {
    if !requests.is_in_head() {
        return requests.body(bytes).map(Verdict::Passed);
    }
    let Some(head) = requests.head(bytes)? else {
        return Ok(Verdict::Unfinished);
    };
    // What is wrong with the beginning of its body is known before anybody has seen the head.
    let body = requests.body(bytes.get(head.len..).unwrap_or_default())?;
    let passed = head.len + body;
    Ok(match head.conflict {
        None => Verdict::Passed(passed),
        Some(conflict) => Verdict::Conflict(conflict, passed),
    })
}

#[cfg(test)]
mod tests {
    use nuncio_guard::ChunkLimits;

    use super::*;

    const TERMS: Terms = Terms {
        max_head_bytes: 4096,
        max_fields: 100,
        max_url_bytes: None,
        chunks: ChunkLimits {
            line: 128,
            extensions: 8192,
        },
        allow_chunked_length: false,
    };

    fn screen() -> Screen {
        let limit = Duration::from_secs(10);
        Screen::new(TERMS, limit, Instant::now() + limit)
    }

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";

    #[test]
    fn behind_a_request_a_little_more_is_read_so_that_its_client_is_seen_to_leave() {
        let mut screen = screen();
        assert_eq!(screen.judge(REQUEST), REQUEST.len());
        screen.hold(b"\r\n");
        assert_eq!(screen.wanted(), Wanted::Held);
        screen.hold(&[b'x'; READ_AHEAD]);
        assert_eq!(screen.wanted(), Wanted::Nothing);
    }

    /// Who speaks something else from now on may have begun with it.
    #[test]
    fn an_empty_line_behind_a_body_is_kept_and_no_part_of_a_request() {
        for pieces in [&[&b"\r\n"[..]][..], &[b"\r", b"\n"]] {
            let mut screen = screen();
            assert_eq!(screen.judge(REQUEST), REQUEST.len());
            pieces.iter().for_each(|piece| screen.hold(piece));
            assert_eq!(screen.held[..], *b"\r\n");
            screen.begin(TERMS);
            assert!(!screen.is_in_head());
            screen.hold(REQUEST);
            assert_eq!((screen.wanted(), screen.fault()), (Wanted::Pass, None));
        }
    }

    #[test]
    fn the_rest_of_a_request_is_no_head() {
        let mut unfinished = screen();
        unfinished.judge(&REQUEST[..REQUEST.len() - 1]);
        unfinished.begin(TERMS);
        assert_eq!(unfinished.wanted(), Wanted::Refuse);
        let mut unread = screen();
        unread.hold(REQUEST);
        unread.begin(TERMS);
        assert_eq!(unread.wanted(), Wanted::Refuse);
        let mut finished = screen();
        finished.judge(REQUEST);
        finished.begin(TERMS);
        assert_eq!(finished.wanted(), Wanted::InPlace);
    }
}
