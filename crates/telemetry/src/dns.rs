//! What is asked of name servers, all names together.

use crate::value::{Counter, Gauge};

/// The numbers of all names.
#[derive(Debug, Default)]
pub struct DnsStats {
    pub(crate) queries: Counter,
    failures: [Counter; FAILURES.len()],
    pub(crate) names: Gauge,
}

/// Why a name was not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsFailure {
    /// There is no such name.
    NoName,
    /// The name has no address of the family that was asked for.
    NoAddress,
    /// The name server does not answer this, or cannot.
    Refused,
    /// It said nothing in time.
    Timeout,
    /// It could not be reached.
    Connection,
    /// It said something else.
    Other,
}

const FAILURES: [(DnsFailure, &str); 6] = [
    (DnsFailure::NoName, "no_name"),
    (DnsFailure::NoAddress, "no_address"),
    (DnsFailure::Refused, "refused"),
    (DnsFailure::Timeout, "timeout"),
    (DnsFailure::Connection, "connection"),
    (DnsFailure::Other, "other"),
];

impl DnsStats {
    /// One more name is kept current.
    pub fn name_added(&self) {
        self.names.inc();
    }

    /// One is so no longer.
    pub fn name_left(&self) {
        self.names.dec();
    }

    /// Name servers told the addresses of a name.
    pub fn resolved(&self) {
        self.queries.inc();
    }

    /// They did not.
    pub fn failed(&self, cause: DnsFailure) {
        self.queries.inc();
        let each = FAILURES.iter().zip(&self.failures);
        for (_, counter) in each.filter(|((one, _), _)| *one == cause) {
            counter.inc();
        }
    }

    /// How often each cause was one.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.failures.iter().map(Counter::value);
        FAILURES.iter().map(|(_, cause)| *cause).zip(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_fails_for_one_cause() {
        let stats = DnsStats::default();
        stats.failed(DnsFailure::Timeout);
        stats.failed(DnsFailure::Timeout);
        stats.failed(DnsFailure::NoName);
        stats.resolved();
        let failures: Vec<_> = stats.failures().filter(|(_, count)| *count > 0).collect();
        assert_eq!(failures, [("no_name", 1), ("timeout", 2)]);
        assert_eq!(stats.queries.value(), 4);
    }
}
