//! What the data path lets clients and upstreams have: how long, how large, how many.
//!
//! Invariant: decided once, at the start of the process. Whatever a client can make grow has its bound
//! here, in the Module (see below), or with the code that grows.
//!
//! Deliberately absent: what the Module decides (`max_request_headers_kb`, `listener_idle_timeout_ms`,
//! what paths and names may look like), which is in the snapshot's settings, defaults included.

use std::num::NonZero;
use std::time::Duration;

/// The limits of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept, or from the first byte of a later request, to the end of the request's head. TLS and
    /// a PROXY header are within it.
    pub header_timeout: Duration,
    /// Silence within a request's body.
    pub body_timeout: Duration,
    /// From the end of a request's head to the end of its body; `None` = as long as it takes.
    pub request_timeout: Option<Duration>,
    /// Silence of a stream in both directions, where the Mapping says nothing.
    pub stream_idle_timeout: Duration,
    /// Requests that one connection of HTTP/1 may bring, one after the other; about so many, since
    /// [`Limits::requests_of_a_connection`] spreads them. `None` = any number.
    pub max_requests_per_connection: Option<NonZero<u32>>,
    /// Clients' connections at one listener.
    pub max_connections: usize,
    /// Clients' connections at all listeners together.
    pub max_connections_total: usize,
    /// Fields of a request's head.
    pub max_fields: usize,
    /// A request's target, in bytes; `None` = what fits into the head.
    pub max_url_bytes: Option<usize>,
    /// The line before a chunk, in bytes.
    pub max_chunk_line: usize,
    /// Extensions of all chunks of a body together, in bytes.
    pub max_chunk_extensions: usize,
    /// Of HTTP/2.
    pub http2: Http2Limits,
    /// Of upstreams' answers.
    pub upstream: UpstreamLimits,
}

/// The limits of a client's connection of HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Limits {
    /// Streams at a time, where the Listener says nothing.
    pub max_streams: u32,
    /// What a stream may have under way to us, in bytes.
    pub stream_window: u32,
    /// What all streams may.
    pub connection_window: u32,
    /// What is kept of an answer that the client does not take, in bytes a stream.
    pub max_send_buffer: usize,
    /// Streams that end before their time, in [`Http2Limits::resets_within`].
    pub max_resets: u32,
    /// The time in which they are counted.
    pub resets_within: Duration,
}

/// The limits of what upstreams answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// The head of an answer, in bytes.
    pub max_head_bytes: usize,
    /// Its fields.
    pub max_fields: usize,
    /// Answers of 1xx before the one that counts.
    pub max_interim: usize,
}

/// By how much a connection's share of requests differs from another's, in percent: those that began
/// together are not to end together.
const SPREAD_PERCENT: u32 = 10;

impl Limits {
    /// Those of Emissary, where they are safe.
    pub const COMPATIBLE: Self = Self {
        header_timeout: Duration::from_secs(10),
        body_timeout: Duration::from_secs(60),
        request_timeout: None,
        stream_idle_timeout: Duration::from_secs(300),
        max_requests_per_connection: None,
        max_connections: 10_000,
        max_connections_total: 50_000,
        max_fields: 100,
        max_url_bytes: None,
        max_chunk_line: 128,
        max_chunk_extensions: 8_192,
        http2: Http2Limits {
            max_streams: 100,
            stream_window: 64 * 1024,
            connection_window: 1024 * 1024,
            max_send_buffer: 64 * 1024,
            max_resets: 500,
            resets_within: Duration::from_secs(30),
        },
        upstream: UpstreamLimits {
            max_head_bytes: 64 * 1024,
            max_fields: 200,
            max_interim: 16,
        },
    };

    /// Those for an edge where nobody relies on anything else.
    pub const HARDENED: Self = Self {
        request_timeout: Some(Duration::from_secs(300)),
        max_requests_per_connection: NonZero::new(10_000),
        max_url_bytes: Some(8 * 1024),
        ..Self::COMPATIBLE
    };

    /// How many requests the next connection may bring; `None` = any number.
    pub fn requests_of_a_connection(&self) -> Option<NonZero<u32>> {
        let limit = self.max_requests_per_connection?.get();
        let spread = limit / 100 * SPREAD_PERCENT;
        let drawn = fastrand::u32(limit - spread..=limit.saturating_add(spread));
        NonZero::new(drawn)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::COMPATIBLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(limit: u32) -> Vec<u32> {
        let limits = Limits {
            max_requests_per_connection: NonZero::new(limit),
            ..Limits::COMPATIBLE
        };
        let draw = |_| limits.requests_of_a_connection().unwrap().get();
        (0..1_000).map(draw).collect()
    }

    #[test]
    fn connections_that_began_together_do_not_end_together() {
        let drawn = drawn(10_000);
        assert!(drawn.iter().all(|n| (9_000..=11_000).contains(n)));
        assert!(drawn.iter().any(|n| *n < 9_500));
        assert!(drawn.iter().any(|n| *n > 10_500));
    }

    #[test]
    fn small_and_huge_limits_are_kept() {
        assert!(drawn(1).iter().all(|n| *n == 1));
        assert!(drawn(u32::MAX).iter().all(|n| *n >= 3_865_470_600));
        assert_eq!(Limits::COMPATIBLE.requests_of_a_connection(), None);
    }
}
