//! Times that were measured, all of them: so many fit into memory, and so quantiles are exact.

use std::time::Duration;

/// Times in microseconds, to be asked for their quantiles.
#[derive(Clone, Debug, Default)]
pub struct Times {
    micros: Vec<u32>,
    is_sorted: bool,
}

impl Times {
    /// None yet, with room for so many: who measures is not kept waiting for memory.
    pub fn with_room_for(count: usize) -> Self {
        Self {
            micros: Vec::with_capacity(count),
            is_sorted: true,
        }
    }

    /// These.
    pub fn of(times: &[Duration]) -> Self {
        let mut all = Self::with_room_for(times.len());
        for time in times {
            all.add(*time);
        }
        all
    }

    /// One more; what takes more than an hour takes an hour.
    pub fn add(&mut self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.is_sorted = false;
        self.micros.push(micros);
    }

    /// Those of another, too.
    pub fn append(&mut self, other: &Self) {
        self.is_sorted = false;
        self.micros.extend(&other.micros);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.micros.len()
    }

    /// The time that this many percent are not above; zero when there are none.
    pub fn percentile(&mut self, percent: f64) -> Duration {
        if !self.is_sorted {
            self.micros.sort_unstable();
            self.is_sorted = true;
        }
        let nth = (self.micros.len() as f64 * percent / 100.0).ceil() as usize;
        let micros = self.micros.get(nth.saturating_sub(1)).copied();
        Duration::from_micros(micros.unwrap_or(0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_that_so_many_are_not_above() {
        let times: Vec<_> = (1..=1_000).rev().map(Duration::from_micros).collect();
        let mut times = Times::of(&times);
        for (percent, micros) in [(50.0, 500), (99.0, 990), (99.9, 999), (100.0, 1_000)] {
            assert_eq!(times.percentile(percent), Duration::from_micros(micros));
        }
    }

    #[test]
    fn of_none_every_percentile_is_nothing() {
        assert_eq!(Times::default().percentile(99.0), Duration::ZERO);
    }
}
