//! What a metric is, apart from its value: its name, where in a handle the value lives, and when it
//! is shown.
//!
//! Invariant: one table per scope (`names`) feeds both writers, so page and statsd cannot disagree
//! about a name.

use crate::histogram::Histogram;
use crate::series::Series;
use crate::status::{Classes, Codes};
use crate::value::{Counter, Gauge};

/// A group of handles with the same statistics: Envoy's "scope".
pub(crate) trait Scope: Sized + 'static {
    /// What family names on the page start with.
    const FAMILY: &'static str;
    /// Everything a handle of this scope counts.
    const STATS: &'static [Stat<Self>];

    /// How this handle is called on the page and on the wire.
    fn series(&self) -> &Series;
}

/// One statistic of a scope.
#[derive(Debug)]
pub(crate) struct Stat<S: 'static> {
    /// Envoy's own name, with dots; on the page dots become underscores.
    pub(crate) name: &'static str,
    pub(crate) value: Value<S>,
    pub(crate) shown: Shown,
}

/// Where the value of a statistic lives in its handle.
#[derive(Debug)]
pub(crate) enum Value<S: 'static> {
    Counter(fn(&S) -> &Counter),
    Gauge(fn(&S) -> &Gauge),
    /// A gauge that is shown as 1 when it is above 0.
    Flag(fn(&S) -> &Gauge),
    Histogram(fn(&S) -> &Histogram),
    /// Named `…_xx` here and on the page, `…_2xx` on the wire.
    Classes(fn(&S) -> &Classes),
    /// `…{envoy_response_code="200"}` on the page, `…_200` on the wire.
    Codes(fn(&S) -> &Codes),
    /// Always 0: a board reads it, and the gateway has nothing that could move it yet.
    ZeroCounter,
    /// As `ZeroCounter`.
    ZeroGauge,
}

/// When a statistic is on the page. On the wire everything is silent until used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// From the start, at 0.
    Always,
    /// From the first event on.
    OnceUsed,
    /// Status classes 2 to 5 from the start: then `increase()` sees the first failure of a cluster.
    FinalClasses,
}

impl<S> Copy for Stat<S> {}

impl<S> Clone for Stat<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Value<S> {}

impl<S> Clone for Value<S> {
    fn clone(&self) -> Self {
        *self
    }
}

pub(crate) const fn counter<S>(name: &'static str, at: fn(&S) -> &Counter) -> Stat<S> {
    always(name, Value::Counter(at))
}

pub(crate) const fn gauge<S>(name: &'static str, at: fn(&S) -> &Gauge) -> Stat<S> {
    always(name, Value::Gauge(at))
}

pub(crate) const fn flag<S>(name: &'static str, at: fn(&S) -> &Gauge) -> Stat<S> {
    always(name, Value::Flag(at))
}

pub(crate) const fn histogram<S>(name: &'static str, at: fn(&S) -> &Histogram) -> Stat<S> {
    always(name, Value::Histogram(at))
}

pub(crate) const fn classes<S>(name: &'static str, at: fn(&S) -> &Classes) -> Stat<S> {
    always(name, Value::Classes(at))
}

pub(crate) const fn codes<S>(name: &'static str, at: fn(&S) -> &Codes) -> Stat<S> {
    once_used(always(name, Value::Codes(at)))
}

pub(crate) const fn zero_counter<S>(name: &'static str) -> Stat<S> {
    always(name, Value::ZeroCounter)
}

pub(crate) const fn zero_gauge<S>(name: &'static str) -> Stat<S> {
    always(name, Value::ZeroGauge)
}

/// Shown from the first event on, instead of always.
pub(crate) const fn once_used<S>(stat: Stat<S>) -> Stat<S> {
    Stat {
        shown: Shown::OnceUsed,
        ..stat
    }
}

/// Shown for classes 2 to 5, and for 1 from the first event on.
pub(crate) const fn final_classes<S>(stat: Stat<S>) -> Stat<S> {
    Stat {
        shown: Shown::FinalClasses,
        ..stat
    }
}

const fn always<S>(name: &'static str, value: Value<S>) -> Stat<S> {
    Stat {
        name,
        value,
        shown: Shown::Always,
    }
}
