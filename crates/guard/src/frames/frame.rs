//! The nine bytes before each frame (RFC 9113 section 4.1).

/// What a frame says before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) len: usize,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

/// The types of RFC 9113 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    ResetStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// An extension's, which nobody asked for.
    Unknown,
}

pub(super) const HEAD_LEN: usize = 9;

/// RFC 9113 section 6.5.2: what may follow the head, since we ask for no more.
pub(super) const MAX_PAYLOAD: usize = 16_384;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

impl Frame {
    pub(super) fn read(head: &[u8; HEAD_LEN]) -> Self {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = *head;
        Self {
            len: (usize::from(l2) << 16) | (usize::from(l1) << 8) | usize::from(l0),
            kind: Kind::of(kind),
            flags,
            // The highest bit is reserved, and ignored.
            stream: u32::from_be_bytes([s3 & 0x7f, s2, s1, s0]),
        }
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// What its payload has at the least, if any is too small.
    pub(super) fn is_cut_off(&self) -> bool {
        let padding = usize::from(self.has(PADDED));
        match self.kind {
            Kind::Data => self.len < padding,
            Kind::Headers => self.len < padding + if self.has(PRIORITY) { 5 } else { 0 },
            Kind::Priority => self.len != 5,
            Kind::ResetStream | Kind::WindowUpdate => self.len != 4,
            Kind::Ping => self.len != 8,
            Kind::Settings if self.has(ACK) => self.len != 0,
            Kind::Settings => !self.len.is_multiple_of(6),
            Kind::GoAway => self.len < 8,
            Kind::PushPromise | Kind::Continuation | Kind::Unknown => false,
        }
    }
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::ResetStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => Self::Unknown,
        }
    }
}
