//! What is held against the gateway.
//!
//! Invariant: of memory the last fifth is compared with the second, so that neither the start nor a single
//! peak decides.

use crate::samples::Sample;

/// Growth of memory that is none, in percent and bytes.
const PERCENT: u64 = 5;
const BYTES: u64 = 4 << 20;

/// Descriptors that may be open in the end beside those of the beginning: connections to upstreams, which
/// wait for requests.
pub(crate) const KEPT: u64 = 100;

/// What is open while nothing is asked for: how many are under load depends on how fast the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtRest {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// The mean of a figure in the second fifth, and in the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fifths {
    pub(crate) second: u64,
    pub(crate) last: u64,
}

impl Fifths {
    pub(crate) fn of(samples: &[Sample], figure: impl Fn(&Sample) -> u64) -> Self {
        let fifth = (samples.len() / 5).max(1);
        let mean = |nth: usize| {
            let part = samples.iter().skip(nth * fifth).take(fifth);
            part.map(&figure).sum::<u64>() / fifth as u64
        };
        Self {
            second: mean(1),
            last: mean(4),
        }
    }

    fn has_grown(self, percent: u64, and: u64) -> bool {
        self.last > self.second + self.second * percent / 100 + and
    }
}

/// Everything that is wrong, in words.
pub(crate) fn complaints(samples: &[Sample], open: AtRest, panics: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let last = samples.last().copied().unwrap_or_default();
    if last.good == 0 {
        wrong.push("nothing was asked for".to_owned());
    }
    let memory = Fifths::of(samples, |sample| sample.resident);
    if memory.has_grown(PERCENT, BYTES) {
        wrong.push(format!(
            "memory grew from {} to {} KiB: by more than {PERCENT} % and {} KiB",
            memory.second >> 10,
            memory.last >> 10,
            BYTES >> 10,
        ));
    }
    let AtRest { before, after } = open;
    if after > before + KEPT {
        wrong.push(format!(
            "{after} descriptors stay open, of {before} in the beginning"
        ));
    }
    if panics > 0 {
        wrong.push(format!("{panics} panics"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: AtRest = AtRest {
        before: 20,
        after: 90,
    };

    fn samples(resident: impl Fn(u64) -> u64) -> Vec<Sample> {
        let sample = |second| Sample {
            resident: resident(second) << 20,
            good: 1,
            ..Sample::default()
        };
        (0..50).map(sample).collect()
    }

    #[test]
    fn what_wavers_and_what_begins_small_is_no_growth() {
        let wavers = samples(|second| 50 + second % 4);
        assert_eq!(complaints(&wavers, GONE, 0), Vec::<String>::new());
        let settles = samples(|second| 50.min(10 + 8 * second));
        assert_eq!(complaints(&settles, GONE, 0), Vec::<String>::new());
    }

    #[test]
    fn what_grows_is_told_of_each() {
        let grows = samples(|second| 50 + second);
        assert_eq!(complaints(&grows, GONE, 0).len(), 1);
        let (steady, left) = (samples(|_| 50), AtRest { after: 900, ..GONE });
        assert_eq!(complaints(&steady, left, 0).len(), 1);
        assert_eq!(complaints(&steady, GONE, 2), ["2 panics"]);
        assert_eq!(complaints(&[], GONE, 0), ["nothing was asked for"]);
    }
}
