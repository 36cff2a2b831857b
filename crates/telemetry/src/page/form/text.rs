//! Text format 0.0.4, with HELP.

use super::{Durations, Family, Fixed, Form, Labels};
use crate::histogram::BOUNDS_US;
use crate::latency::CLASSIC_US;
use crate::text;

/// Appends to a page.
#[derive(Debug)]
pub(in crate::page) struct Text<'o> {
    out: &'o mut Vec<u8>,
    family: String,
}

impl<'o> Text<'o> {
    pub(in crate::page) fn new(out: &'o mut Vec<u8>) -> Self {
        let family = String::new();
        Self { out, family }
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, (le, value): (Option<&str>, Fixed)) {
        push(self.out, &[&self.family, suffix]);
        series(self.out, labels, le);
        text::decimal(self.out, value.0, value.1);
        self.out.push(b'\n');
    }

    fn buckets(&mut self, labels: Labels<'_>, bounds: &[&str], counts: &[u64]) {
        for (bound, count) in bounds.iter().zip(counts) {
            let bound = bound.strip_suffix(".0").unwrap_or(bound);
            self.line("_bucket", labels, (Some(bound), Fixed::whole(*count)));
        }
    }
}

impl Form for Text<'_> {
    fn family(&mut self, family: &Family<'_>) {
        self.resume(family);
        let Family { name, kind, help } = family;
        push(self.out, &["# HELP ", name, " ", help, "\n"]);
        push(self.out, &["# TYPE ", name, " ", kind.name(), "\n"]);
    }

    fn resume(&mut self, family: &Family<'_>) {
        self.family.clear();
        self.family.push_str(family.name);
    }

    fn sample(&mut self, labels: Labels<'_>, value: Fixed) {
        self.line("", labels, (None, value));
    }

    fn histogram(&mut self, labels: Labels<'_>, durations: Durations<'_>) {
        let (count, sum_ns) = match durations {
            Durations::Coarse(distribution) => {
                self.buckets(labels, &COARSE, &distribution.buckets);
                (distribution.count(), distribution.sum_ns)
            }
            Durations::Fine(latency, _) => {
                self.buckets(labels, &FINE, &latency.classic());
                (latency.count, latency.sum_ns)
            }
        };
        self.line("_sum", labels, (None, Fixed::nanos(sum_ns)));
        self.line("_count", labels, (None, Fixed::whole(count)));
    }
}

/// `le` of the buckets of a [`Distribution`](crate::histogram::Distribution), in seconds, with a
/// point as OpenMetrics has it.
pub(super) const COARSE: [&str; BOUNDS_US.len() + 1] = [
    "0.0005", "0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0",
    "10.0", "30.0", "60.0", "300.0", "600.0", "1800.0", "3600.0", "+Inf",
];
/// Those of [`Latency::classic`](crate::latency::Latency::classic).
pub(super) const FINE: [&str; CLASSIC_US.len() + 1] = [
    "0.005", "0.025", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
];

/// Labels in braces, if there are any, and a space.
pub(super) fn series(out: &mut Vec<u8>, labels: Labels<'_>, le: Option<&str>) {
    let start = out.len();
    let mut opened = false;
    let mut next = |out: &mut Vec<u8>| {
        out.push(if opened { b',' } else { b'{' });
        opened = true;
    };
    if let Some(mapping) = labels.mapping {
        next(out);
        push(out, &[&mapping.labels]);
    }
    for (name, value) in labels.others {
        next(out);
        push(out, &[name, "=\""]);
        escaped(out, value);
        out.push(b'"');
    }
    if let Some(le) = le {
        next(out);
        push(out, &["le=\"", le, "\""]);
    }
    if out.len() > start {
        out.push(b'}');
    }
    out.push(b' ');
}

/// With the three escapes of the text format, none of which is a part of another character.
fn escaped(out: &mut Vec<u8>, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
}

pub(super) fn push(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_is_called_by_its_bound() {
        let is_called = |us: &[u64], called: &[&str]| {
            let (last, called) = called.split_last().unwrap();
            assert_eq!((*last, called.len()), ("+Inf", us.len()));
            for (us, called) in us.iter().zip(called) {
                let mut bound = Vec::new();
                text::decimal(&mut bound, *us, 6);
                if !bound.contains(&b'.') {
                    bound.extend_from_slice(b".0");
                }
                assert_eq!(called.as_bytes(), bound);
            }
        };
        is_called(&BOUNDS_US, &COARSE);
        is_called(&CLASSIC_US, &FINE);
    }

    #[test]
    fn labels_are_escaped() {
        let mut out = Vec::new();
        let labels = [("a", "x\"} 1\n\\"), ("b", "ü")];
        series(&mut out, Labels::of(&labels), Some("0.5"));
        let expected = format!("{{{},le=\"0.5\"}} ", crate::series::label_text(&labels));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
