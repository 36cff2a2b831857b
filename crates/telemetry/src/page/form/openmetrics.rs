//! OpenMetrics 1.0 text, with exemplars.
//!
//! Invariant: counters end in `_total` and their families do not, a unit is the end of a family's
//! name, numbers of `le` have a point (OpenMetrics 1.0, "Canonical Numbers"), and the last line is
//! `# EOF`.

use super::text::{COARSE, FINE, push, series};
use super::{Durations, Family, Fixed, Form, Kind, Labels};
use crate::exemplar::Exemplar;
use crate::mapping::MappingStats;
use crate::text;

/// Appends to a page.
#[derive(Debug)]
pub(in crate::page) struct OpenMetrics<'o> {
    out: &'o mut Vec<u8>,
    /// Its name, without the `_total` of a counter.
    family: String,
    suffix: &'static str,
}

/// What comes after the name of a series.
struct Sample {
    le: Option<&'static str>,
    value: Fixed,
    exemplar: Option<Exemplar>,
}

/// The units that families of ours have.
const UNITS: [&str; 3] = ["seconds", "bytes", "ratio"];

impl<'o> OpenMetrics<'o> {
    pub(in crate::page) fn new(out: &'o mut Vec<u8>) -> Self {
        Self {
            out,
            family: String::new(),
            suffix: "",
        }
    }

    /// Nothing may follow.
    pub(in crate::page) fn end(self) {
        push(self.out, &["# EOF\n"]);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, sample: &Sample) {
        push(self.out, &[&self.family, suffix]);
        series(self.out, labels, sample.le);
        text::decimal(self.out, sample.value.0, sample.value.1);
        if let Some(exemplar) = &sample.exemplar {
            self.exemplar(exemplar);
        }
        self.out.push(b'\n');
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        let trace = exemplar.trace.to_string();
        push(self.out, &[" # {trace_id=\"", &trace, "\"} "]);
        text::decimal(self.out, exemplar.took_ns, 9);
        self.out.push(b' ');
        text::decimal(self.out, exemplar.at_ms, 3);
    }

    fn buckets(
        &mut self,
        labels: Labels<'_>,
        (bounds, counts): (&[&'static str], &[u64]),
        examples: Option<&MappingStats>,
    ) {
        for ((nth, bound), count) in bounds.iter().enumerate().zip(counts) {
            let sample = Sample {
                le: Some(*bound),
                value: Fixed::whole(*count),
                exemplar: examples.and_then(|mapping| mapping.exemplar(nth)),
            };
            self.line("_bucket", labels, &sample);
        }
    }
}

impl Form for OpenMetrics<'_> {
    fn family(&mut self, family: &Family<'_>) {
        self.resume(family);
        let Family { kind, help, .. } = family;
        let name = &*self.family;
        push(self.out, &["# TYPE ", name, " ", kind.name(), "\n"]);
        let unit = UNITS.iter().find(|unit| name.ends_with(**unit));
        if let Some(unit) = unit {
            push(self.out, &["# UNIT ", name, " ", unit, "\n"]);
        }
        push(self.out, &["# HELP ", name, " ", help, "\n"]);
    }

    fn resume(&mut self, Family { name, kind, .. }: &Family<'_>) {
        let (name, suffix) = match kind {
            Kind::Counter => (name.strip_suffix("_total").unwrap_or(name), "_total"),
            Kind::Gauge | Kind::Histogram => (*name, ""),
        };
        self.family.clear();
        self.family.push_str(name);
        self.suffix = suffix;
    }

    fn sample(&mut self, labels: Labels<'_>, value: Fixed) {
        self.line(self.suffix, labels, &Sample::plain(value));
    }

    fn histogram(&mut self, labels: Labels<'_>, durations: Durations<'_>) {
        let (count, sum_ns) = match durations {
            Durations::Coarse(distribution) => {
                self.buckets(labels, (&COARSE, &distribution.buckets), None);
                (distribution.count(), distribution.sum_ns)
            }
            Durations::Fine(latency, mapping) => {
                let counts = latency.classic();
                self.buckets(labels, (&FINE, &counts), Some(mapping));
                (latency.count, latency.sum_ns)
            }
        };
        self.line("_sum", labels, &Sample::plain(Fixed::nanos(sum_ns)));
        self.line("_count", labels, &Sample::plain(Fixed::whole(count)));
    }
}

impl Sample {
    fn plain(value: Fixed) -> Self {
        Self {
            le: None,
            value,
            exemplar: None,
        }
    }
}
