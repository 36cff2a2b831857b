//! Text format 0.0.4, with HELP.

use super::{Durations, Family, Fixed, Form, Labels};
use crate::histogram::BOUNDS_US;
use crate::latency::CLASSIC_US;
use crate::series::label_text;
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

    fn line(&mut self, suffix: &str, labels: Labels<'_>, (le, value): (Option<u64>, Fixed)) {
        push(self.out, &[&self.family, suffix]);
        let le = le.map(|us| Bound::of(us, text::decimal));
        series(self.out, labels, le);
        text::decimal(self.out, value.0, value.1);
        self.out.push(b'\n');
    }

    fn buckets(&mut self, labels: Labels<'_>, bounds: &[u64], counts: &[u64]) {
        let bounds = bounds.iter().copied().chain([u64::MAX]);
        for (bound, count) in bounds.zip(counts) {
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
                self.buckets(labels, &BOUNDS_US, &distribution.buckets);
                (distribution.count(), distribution.sum_ns)
            }
            Durations::Fine(latency, _) => {
                self.buckets(labels, &CLASSIC_US, &latency.classic());
                (latency.count, latency.sum_ns)
            }
        };
        self.line("_sum", labels, (None, Fixed::nanos(sum_ns)));
        self.line("_count", labels, (None, Fixed::whole(count)));
    }
}

/// The value of `le`, in seconds.
pub(super) struct Bound(Vec<u8>);

impl Bound {
    /// Of so many microseconds, the largest number for infinity.
    pub(super) fn of(us: u64, write: impl FnOnce(&mut Vec<u8>, u64, u32)) -> Self {
        let mut bound = Vec::with_capacity(8);
        match us {
            u64::MAX => bound.extend_from_slice(b"+Inf"),
            us => write(&mut bound, us, 6),
        }
        Self(bound)
    }
}

/// Labels in braces, if there are any, and a space.
pub(super) fn series(out: &mut Vec<u8>, labels: Labels<'_>, le: Option<Bound>) {
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
    if !labels.others.is_empty() {
        next(out);
        push(out, &[&label_text(labels.others)]);
    }
    if let Some(Bound(bound)) = le {
        next(out);
        out.extend_from_slice(b"le=\"");
        out.extend_from_slice(&bound);
        out.push(b'"');
    }
    if out.len() > start {
        out.push(b'}');
    }
    out.push(b' ');
}

pub(super) fn push(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}
