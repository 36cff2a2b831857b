//! What telemetry knows of tracing: whose trace a request belongs to, and what became of spans.
//!
//! Deliberately absent: spans, how they are found in headers, and where they are sent.

use std::fmt;
use std::num::NonZeroU128;

use crate::value::Counter;

/// The identity of a trace: 128 bits, of which the upper half is zero where ids have 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// `None` for zero, which no trace has (W3C Trace Context, 3.2.2.3).
    pub fn new(bits: u128) -> Option<Self> {
        NonZeroU128::new(bits).map(Self)
    }

    /// All bits of it.
    pub fn bits(self) -> u128 {
        self.0.get()
    }

    /// In the order of the network.
    pub fn to_bytes(self) -> [u8; 16] {
        self.bits().to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    /// 32 digits of lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.bits())
    }
}

/// What became of spans that were begun.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// Taken by the collector.
    pub sent: Counter,
    /// Lost: there were too many at a time, or the collector did not take them.
    pub dropped: Counter,
}

#[cfg(test)]
mod tests {
    use super::TraceId;

    #[test]
    fn a_trace_is_written_in_32_digits_and_never_zero() {
        assert_eq!(TraceId::new(0), None);
        let id = TraceId::new(0xab).unwrap();
        assert_eq!(id.to_string(), "000000000000000000000000000000ab");
        assert_eq!(id.to_bytes()[15], 0xab);
    }
}
