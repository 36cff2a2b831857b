//! Why a connection of HTTP/2 is over.

/// What a client did that ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameFault {
    /// RFC 9113 sections 3.4, 5.1, 5.1.1, 6.2, 6.10 and 8.4: a frame that may not stand there.
    Protocol = 1,
    /// RFC 9113 section 4.2: a frame that is too long, or too short for its kind.
    FrameSize,
    /// RFC 9113 section 6.5.2: windows that are larger than windows may be.
    FlowControl,
    /// RFC 9113 section 5.1: more on a stream that the client has ended.
    StreamClosed,
    /// RFC 9113 section 4.3: fields that cannot be read.
    Compression,
    /// RFC 9113 section 10.5.1: fields without end.
    Continuations,
    /// RFC 9113 section 10.5: frames that say nothing.
    EmptyFrames,
    /// RFC 9113 section 10.5: priorities, or extensions that nobody asked for.
    Priorities,
    /// RFC 9113 section 10.5: windows opened by little and little.
    WindowUpdates,
    /// RFC 9113 section 10.5: frames that have to be acknowledged.
    Control,
    /// RFC 9113 section 10.5: streams that are opened to be reset.
    Resets,
}

impl FrameFault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Protocol,
        Self::FrameSize,
        Self::FlowControl,
        Self::StreamClosed,
        Self::Compression,
        Self::Continuations,
        Self::EmptyFrames,
        Self::Priorities,
        Self::WindowUpdates,
        Self::Control,
        Self::Resets,
    ];

    /// The error that GOAWAY says (RFC 9113 section 7).
    pub const fn code(self) -> u32 {
        match self {
            Self::Protocol => 0x1,
            Self::FlowControl => 0x3,
            Self::StreamClosed => 0x5,
            Self::FrameSize => 0x6,
            Self::Compression => 0x9,
            Self::Continuations
            | Self::EmptyFrames
            | Self::Priorities
            | Self::WindowUpdates
            | Self::Control
            | Self::Resets => 0xb,
        }
    }

    /// What it is called in a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Protocol => "http2_protocol",
            Self::FrameSize => "http2_frame_size",
            Self::FlowControl => "http2_flow_control",
            Self::StreamClosed => "http2_stream_closed",
            Self::Compression => "http2_compression",
            Self::Continuations => "http2_continuations",
            Self::EmptyFrames => "http2_empty_frames",
            Self::Priorities => "http2_priorities",
            Self::WindowUpdates => "http2_window_updates",
            Self::Control => "http2_control",
            Self::Resets => "http2_resets",
        }
    }
}
