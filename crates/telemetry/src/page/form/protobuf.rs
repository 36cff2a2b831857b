//! Delimited messages `io.prometheus.client.MetricFamily`, with native histograms and exemplars.
//!
//! The fields and their numbers are those of `metrics.proto` of Prometheus' `client_model`.
//!
//! Invariant: a fine distribution is both: a native histogram, and the buckets of a classic one.

use std::collections::VecDeque;
use std::mem;

use prost::encoding::message;
use prost::{Enumeration, Message, encode_length_delimiter};

use super::{Durations, Family, Fixed, Form, Kind, Labels};
use crate::exemplar::Exemplar;
use crate::histogram::BOUNDS_US;
use crate::latency::{CLASSIC_US, Latency, SCHEMA, ZERO_THRESHOLD};
use crate::mapping::MappingStats;

/// Writes messages, and keeps them until they are sent.
#[derive(Debug, Default)]
pub(in crate::page) struct Protobuf {
    /// The family being written, without its metrics.
    family: MetricFamily,
    /// Its metrics, as they are on the wire.
    metrics: Parcel,
    /// Whole messages.
    ready: Parcel,
}

/// Bytes in boxes, which are neither moved when more come nor kept when they are sent.
#[derive(Debug, Default)]
struct Parcel {
    boxes: VecDeque<Vec<u8>>,
    length: usize,
}

/// A box with so many bytes takes no more.
const BOX: usize = 64 * 1024;

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 4,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// A `Gauge` or a `Counter`: the same on the wire.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<Example>,
}

#[derive(Clone, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Example {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Protobuf {
    /// A family is one message that begins with its length, so it is ready when all of it is known.
    pub(in crate::page) fn flush(&mut self) {
        let family = mem::take(&mut self.family);
        let metrics = mem::take(&mut self.metrics);
        if metrics.length == 0 {
            return;
        }
        self.ready.add(|out| {
            let length = family.encoded_len() + metrics.length;
            let written = encode_length_delimiter(length, out).and_then(|()| family.encode(out));
            debug_assert!(written.is_ok(), "a vector makes room");
        });
        self.ready.length += metrics.length;
        self.ready.boxes.extend(metrics.boxes);
    }

    /// Appends something that is ready; whether there was anything.
    pub(in crate::page) fn send(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(bytes) = self.ready.boxes.pop_front() else {
            return false;
        };
        self.ready.length -= bytes.len();
        out.extend_from_slice(&bytes);
        true
    }

    fn metric(&mut self, metric: &Metric) {
        self.metrics.add(|out| message::encode(METRIC, metric, out));
    }
}

impl Parcel {
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.boxes.back().is_none_or(|last| last.len() >= BOX) {
            self.boxes.push_back(Vec::new());
        }
        if let Some(last) = self.boxes.back_mut() {
            let before = last.len();
            write(last);
            self.length += last.len() - before;
        }
    }
}

/// The field of [`MetricFamily`].
const METRIC: u32 = 4;

impl Form for Protobuf {
    fn family(&mut self, family: &Family<'_>) {
        self.flush();
        let kind = match family.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        self.family = MetricFamily {
            name: Some(family.name.to_owned()),
            help: Some(family.help.to_owned()),
            kind: Some(kind.into()),
            metric: Vec::new(),
        };
    }

    /// It is one message, and still there.
    fn resume(&mut self, _: &Family<'_>) {}

    fn sample(&mut self, labels: Labels<'_>, value: Fixed) {
        let value = Some(Number {
            value: Some(value.float()),
        });
        let mut metric = Metric::of(labels);
        match self.family.kind() {
            MetricType::Counter => metric.counter = value,
            MetricType::Gauge | MetricType::Histogram => metric.gauge = value,
        }
        self.metric(&metric);
    }

    fn histogram(&mut self, labels: Labels<'_>, durations: Durations<'_>) {
        let mut metric = Metric::of(labels);
        metric.histogram = Some(match durations {
            Durations::Coarse(distribution) => Histogram {
                sample_count: Some(distribution.count()),
                sample_sum: Some(Fixed::nanos(distribution.sum_ns).float()),
                bucket: buckets((&BOUNDS_US, &distribution.buckets), None),
                ..Histogram::default()
            },
            Durations::Fine(latency, mapping) => native(latency, mapping),
        });
        self.metric(&metric);
    }
}

impl Metric {
    fn of(labels: Labels<'_>) -> Self {
        let mapping = labels.mapping.map(MappingStats::name);
        let mapping = mapping.into_iter().flat_map(|(namespace, name)| {
            [
                LabelPair::of("mapping_namespace", namespace),
                LabelPair::of("mapping", name),
            ]
        });
        let others = labels.others.iter();
        let others = others.map(|(name, value)| LabelPair::of(name, value));
        Self {
            label: mapping.chain(others).collect(),
            ..Self::default()
        }
    }
}

impl LabelPair {
    fn of(name: &str, value: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            value: Some(value.to_owned()),
        }
    }
}

impl From<Exemplar> for Example {
    fn from(exemplar: Exemplar) -> Self {
        let seconds = i64::try_from(exemplar.at_ms / 1_000).unwrap_or(i64::MAX);
        let nanos = i32::try_from(exemplar.at_ms % 1_000 * 1_000_000).unwrap_or(0);
        Self {
            label: vec![LabelPair::of("trace_id", &exemplar.trace.to_string())],
            value: Some(Fixed::nanos(exemplar.took_ns).float()),
            timestamp: Some(Timestamp { seconds, nanos }),
        }
    }
}

fn native(latency: &Latency, mapping: &MappingStats) -> Histogram {
    let native = latency.native();
    let (positive_span, positive_delta) = sparse(&native.buckets);
    Histogram {
        sample_count: Some(latency.count),
        sample_sum: Some(Fixed::nanos(latency.sum_ns).float()),
        bucket: buckets((&CLASSIC_US, &latency.classic()), Some(mapping)),
        schema: Some(SCHEMA),
        zero_threshold: Some(ZERO_THRESHOLD),
        zero_count: Some(native.zero),
        positive_span,
        positive_delta,
    }
}

fn buckets((bounds, counts): (&[u64], &[u64]), examples: Option<&MappingStats>) -> Vec<Bucket> {
    let bounds = bounds.iter().map(|&us| Fixed(us, 6).float());
    let bounds = bounds.chain([f64::INFINITY]).enumerate();
    let all = bounds.zip(counts).map(|((nth, bound), &count)| Bucket {
        cumulative_count: Some(count),
        upper_bound: Some(bound),
        exemplar: examples
            .and_then(|mapping| mapping.exemplar(nth))
            .map(Example::from),
    });
    all.collect()
}

/// Spans of neighbouring buckets, each begun by its distance from the one before; and the counts,
/// each as its difference from the one before.
fn sparse(buckets: &[(i32, u64)]) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<BucketSpan>, _) = (Vec::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    for &(number, count) in buckets {
        match spans.last_mut() {
            Some(span) if number == next => span.length = span.length.map(|length| length + 1),
            _ => spans.push(BucketSpan {
                offset: Some(number - next),
                length: Some(1),
            }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        (next, before) = (number + 1, count);
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_span_and_counts_are_differences() {
        let (spans, deltas) = sparse(&[(-9, 2), (-8, 5), (-5, 1), (1, 1)]);
        let spans: Vec<_> = spans
            .iter()
            .map(|span| (span.offset(), span.length()))
            .collect();
        assert_eq!(spans, [(-9, 2), (2, 1), (5, 1)]);
        assert_eq!(deltas, [2, 3, -4, 0]);
    }

    #[test]
    fn a_family_without_series_is_no_message() {
        let mut out = Vec::new();
        let mut page = Protobuf::default();
        let (name, kind, help) = ("a", Kind::Gauge, "A.");
        page.family(&Family { name, kind, help });
        page.gauge("b", "B.", Fixed(15, 1));
        page.flush();
        while page.send(&mut out) {}
        let family = MetricFamily::decode_length_delimited(&*out).unwrap();
        assert_eq!((family.name(), family.kind()), ("b", MetricType::Gauge));
        let [metric] = &*family.metric else {
            panic!("{family:?}")
        };
        assert_eq!(metric.gauge.as_ref().map(Number::value), Some(1.5));
    }
}
