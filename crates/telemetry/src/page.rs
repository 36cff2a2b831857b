//! The pages that Prometheus scrapes.
//!
//! The first is in text format 0.0.4 and has everything, in this order: Envoy's families (counters,
//! gauges, histograms; within those by scope, then by name; series by label), then diagd's
//! `ambassador_*`, then ours. The others have ours only, in OpenMetrics or protobuf, which have
//! exemplars; protobuf has native histograms too.
//!
//! Invariants: every family is contiguous, its TYPE comes first, a family without series is not
//! mentioned, and no series appears twice.
//! Deliberately absent: Envoy's families in OpenMetrics, where their counters would end in `_total`.

mod envoy;
mod form;
mod ours;
mod own;

use crate::telemetry::Telemetry;
use form::{OpenMetrics, Protobuf, Text};
use ours::Ours;

pub(crate) fn render(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let ours = Ours::of(telemetry, telemetry.handles());
    envoy::render(telemetry, &ours.handles, out);
    let mut page = Text::new(out);
    own::ambassador(telemetry, &mut page);
    own::ambassador_process(ours.handles.memory, &mut page);
    own::nuncio(telemetry, &ours, &mut page);
}

/// `nuncio_*` and `process_*` in OpenMetrics 1.0.
pub(crate) fn render_openmetrics(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let ours = Ours::of(telemetry, telemetry.handles());
    let mut page = OpenMetrics::new(out);
    own::nuncio(telemetry, &ours, &mut page);
    page.end();
}

/// `nuncio_*` and `process_*` as delimited `io.prometheus.client.MetricFamily`.
pub(crate) fn render_protobuf(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let ours = Ours::of(telemetry, telemetry.handles());
    let mut page = Protobuf::new(out);
    own::nuncio(telemetry, &ours, &mut page);
    page.end();
}
