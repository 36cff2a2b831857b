//! A page being written, in one of the forms that Prometheus reads.
//!
//! Invariant: a family is announced once, and what is said of it follows before the next one.

mod openmetrics;
mod protobuf;
mod text;
mod wanted;

use crate::histogram::Distribution;
use crate::latency::Latency;
use crate::mapping::MappingStats;
pub(super) use openmetrics::OpenMetrics;
pub(super) use protobuf::Protobuf;
pub(super) use text::Text;
pub(super) use wanted::Wanted;

/// A number with so many decimal places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed(pub(super) u64, pub(super) u32);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family<'a> {
    /// Of a counter with its `_total`.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) help: &'a str,
}

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Which one of a family.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Labels<'a> {
    /// The Mapping that it is about, whose labels come first.
    pub(super) mapping: Option<&'a MappingStats>,
    pub(super) others: &'a [(&'a str, &'a str)],
}

/// How durations are distributed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Durations<'a> {
    Coarse(&'a Distribution),
    /// With the requests that are its examples.
    Fine(&'a Latency, &'a MappingStats),
}

/// One way to write families.
pub(super) trait Form {
    /// Whether anything of a family of this name will be written.
    fn wants(&self, _family: &str) -> bool {
        true
    }

    /// What follows is of this family.
    fn family(&mut self, family: &Family<'_>);

    /// What follows is of this family, which was announced before and not ended.
    fn resume(&mut self, family: &Family<'_>);

    /// A counter or a gauge.
    fn sample(&mut self, labels: Labels<'_>, value: Fixed);

    /// A histogram.
    fn histogram(&mut self, labels: Labels<'_>, durations: Durations<'_>);

    /// A gauge that is alone in its family.
    fn gauge(&mut self, name: &str, help: &str, value: Fixed) {
        let kind = Kind::Gauge;
        self.family(&Family { name, kind, help });
        self.sample(Labels::default(), value);
    }

    /// A counter that is alone in its family.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let kind = Kind::Counter;
        self.family(&Family { name, kind, help });
        self.sample(Labels::default(), Fixed::whole(value));
    }

    /// Gauges of one family that one label tells apart.
    fn gauges(&mut self, (name, help): (&str, &str), label: &str, values: &[(&str, u64)]) {
        let kind = Kind::Gauge;
        self.family(&Family { name, kind, help });
        for (value, number) in values {
            self.sample(Labels::of(&[(label, value)]), Fixed::whole(*number));
        }
    }
}

impl Fixed {
    pub(super) fn whole(value: u64) -> Self {
        Self(value, 0)
    }

    pub(super) fn hundredths(value: u64) -> Self {
        Self(value, 2)
    }

    pub(super) fn nanos(value: u64) -> Self {
        Self(value, 9)
    }

    /// As near as it can be told with 53 bits.
    fn float(self) -> f64 {
        self.0 as f64 / 10_f64.powi(self.1.cast_signed())
    }
}

impl<'a> Labels<'a> {
    pub(super) fn of(others: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            mapping: None,
            others,
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}
