//! Envoy's families, from the tables in `names`.

use std::sync::Arc;

use crate::cluster::ClusterStats;
use crate::family::{Scope, Shown, Stat, Value};
use crate::histogram::Histogram;
use crate::http::HttpStats;
use crate::listener::{Certificate, ListenerHttp, ListenerStats, unix_seconds};
use crate::names;
use crate::series::{Pieces, label_text};
use crate::server::ServerStats;
use crate::telemetry::{Handles, Telemetry};
use crate::text;

/// The types of the text format that Envoy uses, in the order of its page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The handles on the page, by scope.
struct Scopes<'a> {
    clusters: Vec<&'a ClusterStats>,
    https: Vec<&'a HttpStats>,
    listeners: Vec<&'a ListenerStats>,
    listener_https: Vec<&'a ListenerHttp>,
    server: [&'a ServerStats; 1],
}

pub(super) fn render(telemetry: &Telemetry, handles: &Handles, out: &mut Vec<u8>) {
    let scopes = Scopes {
        clusters: handles
            .clusters
            .iter()
            .map(Arc::as_ref)
            .filter(|c| c.is_active())
            .collect(),
        https: handles.https.iter().map(Arc::as_ref).collect(),
        listeners: handles.listeners.iter().map(Arc::as_ref).collect(),
        listener_https: handles
            .listeners
            .iter()
            .map(|listener| &listener.per_http)
            .collect(),
        server: [&telemetry.server],
    };
    for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram] {
        scopes.render(kind, out);
    }
}

impl Scopes<'_> {
    fn render(&self, kind: Kind, out: &mut Vec<u8>) {
        families(&self.clusters, kind, out);
        families(&self.https, kind, out);
        families(&self.listeners, kind, out);
        families(&self.listener_https, kind, out);
        if kind == Kind::Gauge {
            certificates(&self.listeners, out);
        }
        families(&self.server, kind, out);
    }
}

/// All families of one kind of one scope.
fn families<S: Scope>(handles: &[&S], kind: Kind, out: &mut Vec<u8>) {
    for stat in S::STATS.iter().filter(|stat| stat.kind() == kind) {
        let family = Family::start(S::FAMILY, stat.name, kind, out);
        for handle in handles {
            family.series(stat, *handle, out);
        }
        family.end(out);
    }
}

/// A family being written. Its TYPE is taken back when no series follows.
struct Family {
    name: Vec<u8>,
    start: usize,
    after_type: usize,
}

impl Family {
    fn start(scope: &str, stat: &str, kind: Kind, out: &mut Vec<u8>) -> Self {
        let mut name = scope.as_bytes().to_vec();
        name.extend(
            stat.bytes()
                .map(|byte| if byte == b'.' { b'_' } else { byte }),
        );
        let start = out.len();
        out.extend_from_slice(b"# TYPE ");
        out.extend_from_slice(&name);
        out.extend_from_slice(kind.type_line());
        Self {
            name,
            start,
            after_type: out.len(),
        }
    }

    fn end(self, out: &mut Vec<u8>) {
        if out.len() == self.after_type {
            out.truncate(self.start);
        }
    }

    /// The series of one handle.
    fn series<S: Scope>(&self, stat: &Stat<S>, handle: &S, out: &mut Vec<u8>) {
        let labels = handle.series().labels();
        let always = stat.shown == Shown::Always;
        match stat.value {
            Value::Counter(at) => {
                let value = at(handle).value();
                if always || value > 0 {
                    self.sample(out, labels, value);
                }
            }
            Value::Gauge(at) => {
                let gauge = at(handle);
                if always || gauge.is_used() {
                    self.sample(out, labels, gauge.value());
                }
            }
            Value::Flag(at) => {
                let gauge = at(handle);
                if always || gauge.is_used() {
                    self.sample(out, labels, gauge.value().min(1));
                }
            }
            Value::Histogram(at) => {
                let histogram = at(handle);
                if always || histogram.is_used() {
                    self.distribution(out, labels, histogram);
                }
            }
            Value::Classes(at) => {
                for (class, value) in at(handle).iter() {
                    if stat.shows_class(class) || value > 0 {
                        let label = ("envoy_response_code_class", class);
                        self.sample_of(out, label, labels, value);
                    }
                }
            }
            Value::Codes(at) => {
                for (code, value) in at(handle).iter() {
                    self.sample_of(out, ("envoy_response_code", code), labels, value);
                }
            }
            Value::ZeroCounter | Value::ZeroGauge => self.sample(out, labels, 0),
        }
    }

    fn sample(&self, out: &mut Vec<u8>, labels: Pieces<'_>, value: u64) {
        out.extend_from_slice(&self.name);
        out.push(b'{');
        write(out, labels);
        out.extend_from_slice(b"} ");
        text::integer(out, value);
        out.push(b'\n');
    }

    /// A sample with one more label in front.
    fn sample_of(
        &self,
        out: &mut Vec<u8>,
        (label, is): (&str, u16),
        labels: Pieces<'_>,
        value: u64,
    ) {
        out.extend_from_slice(&self.name);
        out.push(b'{');
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"=\"");
        text::integer(out, u64::from(is));
        out.extend_from_slice(b"\",");
        write(out, labels);
        out.extend_from_slice(b"} ");
        text::integer(out, value);
        out.push(b'\n');
    }

    fn distribution(&self, out: &mut Vec<u8>, labels: Pieces<'_>, histogram: &Histogram) {
        let distribution = histogram.distribution();
        for (bound, count) in BOUNDS_MS.iter().zip(distribution.buckets) {
            out.extend_from_slice(&self.name);
            out.extend_from_slice(b"_bucket{");
            write(out, labels);
            if labels != [""; 3] {
                out.push(b',');
            }
            out.extend_from_slice(b"le=\"");
            out.extend_from_slice(bound.as_bytes());
            out.extend_from_slice(b"\"} ");
            text::integer(out, count);
            out.push(b'\n');
        }
        self.summary_start(out, b"_sum{", labels);
        text::decimal(out, distribution.sum_ns, 6);
        out.push(b'\n');
        self.summary_start(out, b"_count{", labels);
        text::integer(out, distribution.count());
        out.push(b'\n');
    }

    fn summary_start(&self, out: &mut Vec<u8>, suffix: &[u8], labels: Pieces<'_>) {
        out.extend_from_slice(&self.name);
        out.extend_from_slice(suffix);
        write(out, labels);
        out.extend_from_slice(b"} ");
    }
}

fn write(out: &mut Vec<u8>, labels: Pieces<'_>) {
    for piece in labels {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// `envoy_listener_ssl_certificate_expiration_unix_time_seconds`, one series per certificate.
fn certificates(listeners: &[&ListenerStats], out: &mut Vec<u8>) {
    let name = names::LISTENER_CERTIFICATE;
    let family = Family::start(ListenerStats::FAMILY, name, Kind::Gauge, out);
    for listener in listeners {
        for Certificate { name, not_after } in listener.certificates().iter() {
            let mut labels = label_text(&[("envoy_tls_certificate", name)]);
            labels.push(',');
            labels.extend(listener.series().labels());
            family.sample(out, [&labels, "", ""], unix_seconds(*not_after));
        }
    }
    family.end(out);
}

impl<S> Stat<S> {
    fn kind(&self) -> Kind {
        match self.value {
            Value::Counter(_) | Value::Classes(_) | Value::Codes(_) | Value::ZeroCounter => {
                Kind::Counter
            }
            Value::Gauge(_) | Value::Flag(_) | Value::ZeroGauge => Kind::Gauge,
            Value::Histogram(_) => Kind::Histogram,
        }
    }

    fn shows_class(&self, class: u16) -> bool {
        match self.shown {
            Shown::Always => true,
            Shown::FinalClasses => class >= 2,
            Shown::OnceUsed => false,
        }
    }
}

impl Kind {
    fn type_line(self) -> &'static [u8] {
        match self {
            Self::Counter => b" counter\n",
            Self::Gauge => b" gauge\n",
            Self::Histogram => b" histogram\n",
        }
    }
}

/// `le` of Envoy's buckets, in milliseconds.
const BOUNDS_MS: [&str; 20] = [
    "0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000",
    "30000", "60000", "300000", "600000", "1800000", "3600000", "+Inf",
];
