//! How much a client may send that brings no request on.
//!
//! Invariant: what a client may send grows with what it is owed an answer to: with its streams, and with
//! what goes over them. A client that does something is never near a bound; one that does nothing else
//! reaches it soon.
//!
//! Deliberately absent: bounds on requests.

use std::time::{Duration, Instant};

use super::FrameFault;
use super::frame::{END_STREAM, Frame, Kind};
use super::sent::Went;

/// What a client has sent, and what it may.
#[derive(Clone, Debug)]
pub(super) struct Budgets {
    max_resets: u32,
    resets_within: Duration,
    /// Streams that the client has opened, and streams that it has reset.
    opened: u64,
    all_resets: u64,
    /// Frames with a part of a body that went to the client.
    sent: u64,
    window_updates: u64,
    priorities: u64,
    control: Control,
    /// Frames that say nothing, one behind the other.
    empty: u32,
    /// When the time began in which resets are counted.
    since: Instant,
    resets: u32,
    opened_since: u32,
    /// Streams that were rejected in it, and all of them.
    rejections: u32,
    all_rejections: u32,
}

/// Frames that have to be acknowledged, and acknowledgements, in one piece of time: a connection that is
/// kept alive for days by nothing else is none to be cut.
#[derive(Clone, Debug)]
struct Control {
    since: Instant,
    frames: u64,
    /// Streams that were opened in it, and parts of bodies of both sides.
    moved: u64,
}

/// As Envoy has it, for each stream, with one of them before there is any.
const PRIORITIES_A_STREAM: u64 = 100;

/// As Envoy has it, for each frame that went to the client; and twice that, since connection and stream
/// have a window each.
const UPDATES_A_FRAME: u64 = 10;

/// What nobody notices.
const FREE_UPDATES: u64 = 100;
const FREE_CONTROL: u64 = 1_000;

/// The time in which control frames are counted.
const CONTROL_WITHIN: Duration = Duration::from_secs(60);

/// Some clients measure the way by a PING with each frame that they get.
const CONTROL_A_FRAME: u64 = 2;

/// Streams with something malformed on them, in the time in which resets are counted.
const MAX_REJECTIONS: u32 = 100;

/// Envoy allows for one. Some clients flush what is not there.
const MAX_EMPTY: u32 = 10;

impl Budgets {
    pub(super) fn new(max_resets: u32, resets_within: Duration, now: Instant) -> Self {
        Self {
            max_resets,
            resets_within,
            opened: 0,
            all_resets: 0,
            sent: 0,
            window_updates: 0,
            priorities: 0,
            control: Control {
                since: now,
                frames: 0,
                moved: 0,
            },
            empty: 0,
            since: now,
            resets: 0,
            opened_since: 0,
            rejections: 0,
            all_rejections: 0,
        }
    }

    /// So much went to the client.
    ///
    /// # Errors
    ///
    /// When more streams were rejected of late than anybody has for a mistake.
    pub(super) fn sent(&mut self, went: Went) -> Result<(), FrameFault> {
        self.sent += went.data;
        self.control.moved += went.data;
        self.rejections += went.rejections;
        let all = went.rejections.saturating_add(went.late);
        self.all_rejections = self.all_rejections.saturating_add(all);
        // Each was opened before, and the time has been looked at then.
        (self.rejections <= MAX_REJECTIONS)
            .then_some(())
            .ok_or(FrameFault::Resets)
    }

    /// How many streams were rejected, ever, those included that were over already: the codec counts them.
    pub(super) fn all_rejections(&self) -> u32 {
        self.all_rejections
    }

    /// A stream is opened.
    pub(super) fn opened(&mut self, now: Instant) {
        self.turn(now);
        self.opened += 1;
        self.opened_since += 1;
        self.control.moved += 1;
    }

    /// Counts a frame that came.
    ///
    /// # Errors
    ///
    /// When it is one too many of its kind.
    pub(super) fn take(&mut self, frame: &Frame, now: Instant) -> Result<(), FrameFault> {
        self.empty_or_not(frame)?;
        match frame.kind {
            Kind::Data => self.control.moved += u64::from(frame.len > 0),
            Kind::WindowUpdate => {
                self.window_updates += 1;
                let owed = 2 * (self.opened + UPDATES_A_FRAME * self.sent);
                return within(self.window_updates, FREE_UPDATES + owed)
                    .ok_or(FrameFault::WindowUpdates);
            }
            Kind::Priority | Kind::Unknown => {
                self.priorities += 1;
                let allowed = PRIORITIES_A_STREAM * (1 + self.opened);
                return within(self.priorities, allowed).ok_or(FrameFault::Priorities);
            }
            Kind::Settings | Kind::Ping => return self.control.take(now),
            // Resets are counted once it is known of what.
            Kind::Headers
            | Kind::Continuation
            | Kind::ResetStream
            | Kind::PushPromise
            | Kind::GoAway => {}
        }
        Ok(())
    }

    fn empty_or_not(&mut self, frame: &Frame) -> Result<(), FrameFault> {
        let may_be_empty = matches!(frame.kind, Kind::Data | Kind::Headers | Kind::Continuation);
        if !may_be_empty {
            return Ok(());
        }
        match frame.len == 0 && !(frame.kind != Kind::Continuation && frame.has(END_STREAM)) {
            true => self.empty += 1,
            false => self.empty = 0,
        }
        (self.empty <= MAX_EMPTY)
            .then_some(())
            .ok_or(FrameFault::EmptyFrames)
    }

    /// A client that resets many streams before they are answered, and among them most that it opens,
    /// wants the work and not what comes of it. Of the others there is one reset a stream at the most.
    pub(super) fn reset(&mut self, is_answered: bool, now: Instant) -> Result<(), FrameFault> {
        self.turn(now);
        self.all_resets += 1;
        if self.all_resets > self.opened + u64::from(self.max_resets) {
            return Err(FrameFault::Resets);
        }
        self.resets += u32::from(!is_answered);
        let is_most = self.resets > self.opened_since / 2;
        let is_flood = !is_answered && self.resets > self.max_resets && is_most;
        match is_flood {
            true => Err(FrameFault::Resets),
            false => Ok(()),
        }
    }

    fn turn(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) > self.resets_within {
            self.since = now;
            self.resets = 0;
            self.opened_since = 0;
            self.rejections = 0;
        }
    }
}

impl Control {
    fn take(&mut self, now: Instant) -> Result<(), FrameFault> {
        if now.saturating_duration_since(self.since) > CONTROL_WITHIN {
            (self.since, self.frames, self.moved) = (now, 0, 0);
        }
        self.frames += 1;
        let allowed = FREE_CONTROL + CONTROL_A_FRAME * self.moved;
        within(self.frames, allowed).ok_or(FrameFault::Control)
    }
}

fn within(count: u64, limit: u64) -> Option<()> {
    (count <= limit).then_some(())
}
