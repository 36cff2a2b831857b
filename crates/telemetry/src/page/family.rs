//! The series of one of Envoy's families.
//!
//! Invariant: TYPE comes before the first series, and only if there is one.

use super::rows::Row;
use super::selection::Selection;
use crate::family::{Scope, Shown, Stat, Value};
use crate::guard::OVERFLOW;
use crate::histogram::Histogram;
use crate::listener::{Certificate, ListenerStats, unix_seconds};
use crate::names;
use crate::series::label_text;
use crate::statsd::{Which, dotted};
use crate::status::OTHER_CODES;
use crate::text;

/// The types of the text format that Envoy uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Writes what is wanted of a family.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    selection: &'a Selection,
    out: &'a mut Vec<u8>,
    /// The family's name on the page.
    name: Vec<u8>,
    kind: Kind,
    is_typed: bool,
    /// For Envoy's own names.
    dotted: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// `is_typed` = some series of the family are there already.
    pub(super) fn new(selection: &'a Selection, out: &'a mut Vec<u8>, is_typed: bool) -> Self {
        Self {
            selection,
            out,
            name: Vec::new(),
            kind: Kind::Counter,
            is_typed,
            dotted: Vec::new(),
        }
    }

    /// Whether there are series of the family.
    pub(super) fn is_typed(&self) -> bool {
        self.is_typed
    }

    pub(super) fn series<'r, S: Scope>(
        &mut self,
        stat: &Stat<S>,
        rows: impl Iterator<Item = Row<'r, S>>,
    ) {
        self.family::<S>(stat.name, Kind::of(stat));
        for row in rows {
            self.of_row(stat, &row);
        }
    }

    /// `envoy_listener_ssl_certificate_expiration_unix_time_seconds`, one series per certificate.
    pub(super) fn certificates(&mut self, row: &Row<'_, ListenerStats>) {
        let stat = names::LISTENER_CERTIFICATE;
        self.family::<ListenerStats>(stat, Kind::Gauge);
        for Certificate { name, not_after } in row.handle.certificates().iter() {
            if self.is_wanted(row.handle, stat, Which::Certificate(name)) {
                self.start(b"{");
                let label = label_text(&[("envoy_tls_certificate", name)]);
                self.out.extend_from_slice(label.as_bytes());
                self.out.push(b',');
                self.value(row.rest(), unix_seconds(*not_after));
            }
        }
    }

    fn family<S: Scope>(&mut self, stat: &str, kind: Kind) {
        self.kind = kind;
        self.name.clear();
        self.name.extend_from_slice(S::FAMILY.as_bytes());
        let underscored = stat.bytes().map(|b| if b == b'.' { b'_' } else { b });
        self.name.extend(underscored);
    }

    fn of_row<S: Scope>(&mut self, stat: &Stat<S>, row: &Row<'_, S>) {
        let (handle, shows) = (row.handle, self.shows(stat.shown));
        match stat.value {
            Value::Counter(at) => {
                let value = at(handle).value();
                self.only(stat, row, (shows || value > 0, value));
            }
            Value::Gauge(at) => {
                let gauge = at(handle);
                self.only(stat, row, (shows || gauge.is_used(), gauge.value()));
            }
            Value::Flag(at) => {
                let gauge = at(handle);
                self.only(stat, row, (shows || gauge.is_used(), gauge.value().min(1)));
            }
            Value::ZeroCounter | Value::ZeroGauge => self.only(stat, row, (shows, 0)),
            Value::Histogram(at) => {
                let histogram = at(handle);
                let is_shown = shows || histogram.is_used();
                if is_shown && self.is_wanted(handle, stat.name, Which::Only) {
                    let is_brief = is_brief(stat.name) && !self.selection.all_buckets;
                    self.distribution(row, histogram, if is_brief { LAST } else { 0 });
                }
            }
            Value::Classes(at) => {
                let finals = stat.shown == Shown::FinalClasses && !self.selection.used_only;
                for (class, value) in at(handle).iter() {
                    let is_shown = value > 0 || shows || finals && class >= 2;
                    if is_shown && self.is_wanted(handle, stat.name, Which::Class(class)) {
                        self.start(b"{envoy_response_code_class=\"");
                        self.labelled(class, row, value);
                    }
                }
            }
            Value::Codes(at) => {
                for (code, value) in at(handle).iter() {
                    if self.is_wanted(handle, stat.name, Which::Code(code)) {
                        self.start(b"{envoy_response_code=\"");
                        self.labelled(code, row, value);
                    }
                }
            }
        }
    }

    /// Whether what is not used is shown as well.
    fn shows(&self, shown: Shown) -> bool {
        shown == Shown::Always && !self.selection.used_only
    }

    fn is_wanted<S: Scope>(&mut self, handle: &S, stat: &str, which: Which<'_>) -> bool {
        let Some(filter) = &self.selection.filter else {
            return true;
        };
        self.dotted.clear();
        dotted(
            handle.series().names().wire(),
            stat,
            which,
            &mut self.dotted,
        );
        filter.fits(self.dotted.strip_prefix(b"envoy.").unwrap_or(&self.dotted))
    }

    /// The one sample of a statistic.
    fn only<S: Scope>(&mut self, stat: &Stat<S>, row: &Row<'_, S>, (is_shown, value): (bool, u64)) {
        if !is_shown || !self.is_wanted(row.handle, stat.name, Which::Only) {
            return;
        }
        if value == 0 {
            return self.start(row.zero());
        }
        self.start(&[]);
        self.value(row.labels(), value);
    }

    /// A sample that has begun with the name of one more label.
    fn labelled<S>(&mut self, is: u16, row: &Row<'_, S>, value: u64) {
        match is {
            OTHER_CODES => self.out.extend_from_slice(OVERFLOW.as_bytes()),
            one => text::integer(self.out, u64::from(one)),
        }
        self.out.extend_from_slice(b"\",");
        self.value(row.rest(), value);
    }

    /// The buckets from `first` on, sum and count.
    fn distribution<S>(&mut self, row: &Row<'_, S>, histogram: &Histogram, first: usize) {
        let distribution = histogram.distribution();
        let open = row.open();
        let comma: &[u8] = if open == b"{" { b"" } else { b"," };
        let buckets = BOUNDS_MS.iter().zip(distribution.buckets);
        for (bound, count) in buckets.skip(first) {
            self.start(b"_bucket");
            self.out.extend_from_slice(open);
            self.out.extend_from_slice(comma);
            self.value(bound.as_bytes(), count);
        }
        self.start(b"_sum");
        self.out.extend_from_slice(row.labels());
        text::decimal(self.out, distribution.sum_ns, 6);
        self.out.push(b'\n');
        self.start(b"_count");
        self.value(row.labels(), distribution.count());
    }

    /// The name of the family and what follows it.
    fn start(&mut self, then: &[u8]) {
        if !self.is_typed {
            self.is_typed = true;
            self.out.extend_from_slice(b"# TYPE ");
            self.out.extend_from_slice(&self.name);
            self.out.extend_from_slice(self.kind.end_of_type());
        }
        self.out.extend_from_slice(&self.name);
        self.out.extend_from_slice(then);
    }

    fn value(&mut self, after: &[u8], value: u64) {
        self.out.extend_from_slice(after);
        text::integer(self.out, value);
        self.out.push(b'\n');
    }
}

impl Kind {
    pub(super) fn of<S>(stat: &Stat<S>) -> Self {
        match stat.value {
            Value::Counter(_) | Value::Classes(_) | Value::Codes(_) | Value::ZeroCounter => {
                Self::Counter
            }
            Value::Gauge(_) | Value::Flag(_) | Value::ZeroGauge => Self::Gauge,
            Value::Histogram(_) => Self::Histogram,
        }
    }

    fn end_of_type(self) -> &'static [u8] {
        match self {
            Self::Counter => b" counter\n",
            Self::Gauge => b" gauge\n",
            Self::Histogram => b" histogram\n",
        }
    }
}

/// Whether the page has the last bucket of a histogram only.
pub(crate) fn is_brief(stat: &str) -> bool {
    BRIEF.contains(&stat)
}

/// Histograms of which the page has the last bucket only, unless all are asked for.
const BRIEF: [&str; 2] = [names::UPSTREAM_CX_CONNECT_MS, names::UPSTREAM_CX_LENGTH_MS];
/// The place of `+Inf`.
const LAST: usize = BOUNDS_MS.len() - 1;

/// `le` of Envoy's buckets, in milliseconds.
const BOUNDS_MS: [&str; 20] = [
    "le=\"0.5\"} ",
    "le=\"1\"} ",
    "le=\"5\"} ",
    "le=\"10\"} ",
    "le=\"25\"} ",
    "le=\"50\"} ",
    "le=\"100\"} ",
    "le=\"250\"} ",
    "le=\"500\"} ",
    "le=\"1000\"} ",
    "le=\"2500\"} ",
    "le=\"5000\"} ",
    "le=\"10000\"} ",
    "le=\"30000\"} ",
    "le=\"60000\"} ",
    "le=\"300000\"} ",
    "le=\"600000\"} ",
    "le=\"1800000\"} ",
    "le=\"3600000\"} ",
    "le=\"+Inf\"} ",
];
